/* What becomes a system incident: a silent site, a certificate of this node that ends. */
#include "global/core/api.h"
#include "global/core/escalate.h"
#include "global/core/sites.h"

struct system_alert *system_alert_new(struct labels labels, struct str summary)
{
    struct system_alert *s = xcalloc(1, sizeof(*s));

    s->arena = arena_new(512);
    s->labels = labels_copy(s->arena, labels);
    s->summary = arena_str(s->arena, summary);
    return s;
}

void system_alert_free(struct system_alert *s)
{
    if (s == NULL)
        return;
    arena_free(s->arena);
    free(s);
}

bool system_alert_local(const struct system_alert *s)
{
    return labels_get(s->labels, STR("node")).n > 0;
}

/* ---- sites ---- */

void incident_on_site(struct global *g, struct site *site, bool silent, struct out *out)
{
    struct arena *a = out_arena(out);
    struct label v[] = {{STR_INIT("alertname"), STR_INIT("TocsinSiteSilent")},
                        {STR_INIT("severity"), STR_INIT("critical")},
                        {STR_INIT("site"), str_from(site->name)}};
    struct system_alert alert = {
        .labels = {v, ARRAY_SIZE(v)},
        .summary = arena_fmt(a, "no edge of site %s has been heard by %s", site->name, g->node),
        .over = !silent};
    struct incident *i = incident_system(
        g, arena_fmt(a, "TocsinSiteSilent\xff%s", site->name), &alert, STR("site-silent"),
        arena_fmt(a, "TocsinSiteSilent %s", site->name), "the site is back", out);

    if (silent && i != NULL && !i->resolved)
        (void)incident_add_site(i, str_from(site->name));
}

/* ---- certificates ---- */

static void on_certificate(struct global *g, const char *what, int64_t ends_wall_ms,
                           struct out *out)
{
    struct arena *a = out_arena(out);
    int64_t left_ms = ends_wall_ms == TIME_NEVER ? TIME_NEVER : ends_wall_ms - g->now.wall_ms;
    struct label v[] = {{STR_INIT("alertname"), STR_INIT("TocsinCertificateExpiring")},
                        {STR_INIT("node"), str_from(g->node)},
                        {STR_INIT("severity"),
                         left_ms <= CERTIFICATE_CRITICAL_MS ? STR("critical") : STR("warning")},
                        {STR_INIT("what"), str_from(what)}};
    struct system_alert alert = {
        .labels = {v, ARRAY_SIZE(v)},
        .summary = arena_fmt(a, "the %s of global node %s %s", what, g->node,
                             left_ms <= 0 ? "is out of date: edges cannot connect"
                                          : "will soon be out of date; then edges cannot connect"),
        .over = left_ms > CERTIFICATE_WARNING_MS};

    (void)incident_system(g, arena_fmt(a, "TocsinCertificateExpiring\xff%s\xff%s", g->node, what),
                          &alert, STR("certificate-expiring"),
                          arena_fmt(a, "TocsinCertificateExpiring %s %s", g->node, what), "renewed",
                          out);
}

void incident_on_health(struct global *g, struct out *out)
{
    on_certificate(g, "certificate", g->health.cert_ends_wall_ms, out);
    on_certificate(g, "ca", g->health.ca_ends_wall_ms, out);
    on_certificate(g, "crl", g->health.crl_ends_wall_ms, out);
}

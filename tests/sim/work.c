/* Prometheus of each site: alerts that fire and resolve at random, posted at once and again every
 * minute to both edges, as Prometheus does: endsAt four minutes ahead, resolved ones for a while.
 * A POST that fails is not repeated; the next minute's is. */
#include "tests/sim/sim.h"

#include "common/base/json.h"
#include "common/core/model/labels.h"

#include <stdio.h>

#define RESEND_MS (60 * MS_PER_S)
#define RESOLVED_RESEND_MS (5 * MS_PER_MIN)
#define ALERTS_A_SITE 18

static void make_fingerprint(struct sim_alert *a)
{
    struct label l[5] = {{STR_INIT("alertname"), str_from(a->alertname)},
                         {STR_INIT("instance"), str_from(a->aid)},
                         {STR_INIT("service"), str_from(a->service)},
                         {STR_INIT("severity"), str_from(a->severity)},
                         {STR_INIT("team"), str_from(a->team)}};

    a->fp = labels_fingerprint((struct labels){l, ARRAY_SIZE(l)});
}

struct sim_alert *work_alert(struct sim *s, int site, const char *alertname, const char *service,
                             const char *team, const char *severity)
{
    struct sim_alert *a = VEC_PUSH(&s->alerts);

    *a = (struct sim_alert){.site = site};
    (void)snprintf(a->aid, sizeof(a->aid), "%s-%zu", s->site_names[site], s->alerts.n);
    (void)snprintf(a->alertname, sizeof(a->alertname), "%s", alertname);
    (void)snprintf(a->service, sizeof(a->service), "%s", service);
    (void)snprintf(a->team, sizeof(a->team), "%s", team);
    (void)snprintf(a->severity, sizeof(a->severity), "%s", severity);
    make_fingerprint(a);
    return a;
}

/* ---- posting ---- */

static void write_alert(struct sim *s, struct json_writer *w, const struct sim_alert *a)
{
    int64_t wall = SIM_WALL_START + s->now;

    json_open_object(w);
    json_key(w, "labels");
    json_open_object(w);
    json_put_str(w, "alertname", str_from(a->alertname));
    json_put_str(w, "instance", str_from(a->aid));
    json_put_str(w, "service", str_from(a->service));
    json_put_str(w, "severity", str_from(a->severity));
    json_put_str(w, "team", str_from(a->team));
    json_close_object(w);
    json_put_time(w, "startsAt", SIM_WALL_START + a->starts_at);
    json_put_time(w, "endsAt", a->firing ? wall + 4 * MS_PER_MIN : SIM_WALL_START + a->ends_at);
    json_close_object(w);
}

static void post_to(struct sim *s, int node, const char *body, const struct post *post)
{
    size_t bytes = sizeof(*post) + post->n * sizeof(post->v[0]);
    struct sim_call *c = net_web(s, node, "POST", "/api/v2/alerts", "", body, NULL);

    c->arg = xmalloc(bytes);
    memcpy(c->arg, post, bytes);
    s->h.posts++;
}

/* only: one alert; -1: all that are due. */
static void post(struct sim *s, int site, int only)
{
    struct post *p = xcalloc(1, sizeof(*p) + s->alerts.n * sizeof(p->v[0]));
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_array(&w);
    for (size_t i = 0; i < s->alerts.n; i++) {
        const struct sim_alert *a = &s->alerts.v[i];

        if (a->site != site || (only >= 0 && (size_t)only != i) ||
            (!a->firing && a->resend_until < s->now))
            continue;
        p->v[p->n++] = (struct post_item){.alert = i, .firing = a->firing};
        write_alert(s, &w, a);
    }
    json_close_array(&w);
    for (int k = 0; p->n > 0 && k < s->edges_n; k++)
        post_to(s, sim_site_edge(s, site, k), b.p, p);
    buf_clear(&b);
    free(p);
}

void work_post(struct sim *s, int site)
{
    post(s, site, -1);
}

static void on_resend(struct sim *s, struct sim_event *e)
{
    work_post(s, (int)e->a);
    sim_file(s, s->now + RESEND_MS, on_resend)->a = e->a;
}

/* ---- firing ---- */

static void on_resolve(struct sim *s, struct sim_event *e)
{
    struct sim_alert *a = &s->alerts.v[e->a];

    if (a->firing && a->episodes == e->b)
        work_resolve(s, a);
}

static void on_fire(struct sim *s, struct sim_event *e);

void work_fire(struct sim *s, struct sim_alert *a, int64_t for_ms)
{
    struct sim_event *e;

    a->firing = true;
    a->starts_at = s->now;
    a->episodes++;
    s->h.episodes++;
    sim_trace(s, "prom %s fires %s (%s)", s->site_names[a->site], a->aid, a->alertname);
    post(s, a->site, (int)(a - s->alerts.v));
    if (for_ms <= 0)
        return;
    e = sim_file(s, s->now + for_ms, on_resolve);
    e->a = (uint64_t)(a - s->alerts.v);
    e->b = a->episodes;
}

void work_resolve(struct sim *s, struct sim_alert *a)
{
    a->firing = false;
    a->ends_at = s->now;
    a->resend_until = s->now + RESOLVED_RESEND_MS;
    sim_trace(s, "prom %s resolves %s", s->site_names[a->site], a->aid);
    post(s, a->site, (int)(a - s->alerts.v));
    if (!s->o.quiet)
        sim_file(s, s->now + rand_between(&s->rand.work, MS_PER_S, 9 * MS_PER_MIN), on_fire)->a =
            (uint64_t)(a - s->alerts.v);
}

static int64_t episode_ms(struct sim *s)
{
    uint64_t d = rand_below(&s->rand.work, 100);

    if (d < 25)
        return rand_between(&s->rand.work, 20, 15 * MS_PER_S); /* fire and resolve */
    if (d < 80)
        return rand_between(&s->rand.work, MS_PER_MIN, 12 * MS_PER_MIN);
    return rand_between(&s->rand.work, 12 * MS_PER_MIN, 50 * MS_PER_MIN);
}

static void on_fire(struct sim *s, struct sim_event *e)
{
    struct sim_alert *a = &s->alerts.v[e->a];
    int64_t ms = episode_ms(s);

    if (s->work_over || a->firing)
        return;
    work_fire(s, a, ms);
}

void work_schedule(struct sim *s, size_t alert, int64_t at)
{
    sim_file(s, at, on_fire)->a = alert;
}

void work_start(struct sim *s)
{
    static const char *const names[] = {"WideLink", "WidePower", "DiskFull", "ApiErrors",
                                        "LocalFan", "SingleBox", "HighLoad", "QueueStuck"};
    static const char *const services[] = {"db", "web"};
    static const char *const teams[] = {"platform", "platform", "storage", "quiet", "other"};
    static const char *const severities[] = {"critical", "critical", "critical", "error",
                                             "warning"};
    struct rand *r = &s->rand.work;

    for (int site = 0; site < s->sites_n; site++) {
        for (int i = 0; i < ALERTS_A_SITE; i++) {
            const char *name = names[rand_below(r, ARRAY_SIZE(names))];

            /* A name has one team, so that alerts of several sites meet in an incident. */
            (void)work_alert(s, site, name, services[rand_below(r, ARRAY_SIZE(services))],
                             teams[(size_t)name[0] % ARRAY_SIZE(teams)],
                             severities[rand_below(r, ARRAY_SIZE(severities))]);
        }
        sim_file(s, s->now + rand_between(r, 0, RESEND_MS), on_resend)->a = (uint64_t)site;
    }
    for (size_t i = 0; i < s->alerts.n; i++)
        sim_file(s, s->now + rand_between(r, 30 * MS_PER_S, 8 * MS_PER_MIN), on_fire)->a = i;
}

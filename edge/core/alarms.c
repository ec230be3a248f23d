#include "edge/core/alarms.h"

#include "edge/core/edge_internal.h"

#define ALARM_ENDS_MS (365 * MS_PER_DAY) /* an alarm of ours ends when we say so */
#define ALARM_SETTLE_MS (60 * MS_PER_S)
#define ALARM_LABELS_MAX 6

enum { ALARM_UPLINK_DOWN, ALARM_SPOOL_FULL, ALARM_STORE_FAILING, ALARM_CERTIFICATE };

static const struct {
    struct str alertname, summary;
} alarms[] = {
    [ALARM_UPLINK_DOWN] = {STR_INIT("TocsinUplinkDown"),
                           STR_INIT("Critical alerts wait here: no global node has taken them for "
                                    "a minute.")},
    [ALARM_SPOOL_FULL] = {STR_INIT("TocsinSpoolFull"),
                          STR_INIT("The spool is full: new critical alerts are notified here "
                                   "only.")},
    [ALARM_STORE_FAILING] = {STR_INIT("TocsinStoreFailing"),
                             STR_INIT("The store fails: alerts are notified and forwarded from "
                                      "memory and would not survive a restart.")},
    [ALARM_CERTIFICATE] = {STR_INIT("TocsinCertificateExpiring"), STR_INIT("")},
};

/* Nearest last: the last one that holds is raised. */
static const struct band {
    struct str within, severity;
    int64_t ms;
} bands[] = {
    {STR_INIT("30d"), STR_INIT("warning"), 30 * MS_PER_DAY},
    {STR_INIT("7d"), STR_INIT("critical"), 7 * MS_PER_DAY},
    {STR_INIT("1d"), STR_INIT("critical"), MS_PER_DAY},
};

/* band and what are for certificates: NULL and empty otherwise. */
static struct labels alarm_labels(const struct edge *e, struct str alertname, struct str what,
                                  const struct band *band, struct arena *arena)
{
    const struct federation_config *f = e->config->federation;
    struct label *v = ARENA_ARRAY(arena, struct label, ALARM_LABELS_MAX);
    size_t n = 0;

    v[n++] = (struct label){STR("alertname"), alertname};
    v[n++] = (struct label){STR("node"), e->options.node};
    v[n++] = (struct label){STR("severity"), band != NULL ? band->severity : STR("critical")};
    if (f != NULL)
        v[n++] = (struct label){STR("site"), f->site};
    if (band != NULL) {
        v[n++] = (struct label){STR("what"), what};
        v[n++] = (struct label){STR("within"), band->within};
    }
    return (struct labels){.v = v, .n = labels_sort(v, n)};
}

bool edge_is_alarm(const struct edge *e, const struct alert *a)
{
    const struct federation_config *f = e->config->federation;
    struct str alertname = alert_label(a, STR("alertname"));

    if (!str_eq(alert_label(a, STR("node")), e->options.node) ||
        !str_eq(alert_label(a, STR("site")), f != NULL ? f->site : STR_EMPTY))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
        if (str_eq(alertname, alarms[i].alertname))
            return true;
    }
    return false;
}

static void edge_raise(struct edge *e, struct labels labels, struct str summary, bool firing,
                       struct now now, struct out *out)
{
    struct label annotation = {STR("summary"), summary};
    struct alert_input in = {
        .labels = labels,
        .annotations = {.v = &annotation, .n = 1},
        .starts_wall_ms = now.wall_ms,
        .ends_wall_ms = firing ? now.wall_ms + ALARM_ENDS_MS : now.wall_ms,
    };
    enum alert_change change;
    struct alert *a;

    if (alerts_put(e->alerts, &in, now, &a, &change) < 0) {
        OUT_LOG(out, LOG_ERROR, "alarm", "no room for an alarm", KV("alarm", summary));
        return;
    }
    (void)edge_alert_changed(e, a, change, false, now, out);
    OUT_LOG(out, firing ? LOG_ERROR : LOG_INFO, "alarm", firing ? "alarm" : "alarm is over",
            KV("alertname", labels_get(labels, STR("alertname"))), KV("alarm", summary));
}

static bool fires(const struct edge *e, struct labels labels)
{
    const struct alert *a = alerts_find(e->alerts, labels_fingerprint(labels));

    return a != NULL && a->firing;
}

/* ---- the uplink's ---- */

/* One that a restart has brought back stands until it can be known that its cause is gone. */
static void set_uplink(struct edge *e, unsigned which, bool wanted, bool pending, struct now now,
                       struct out *out)
{
    struct labels labels =
        alarm_labels(e, alarms[which].alertname, STR_EMPTY, NULL, out_arena(out));

    if (wanted == fires(e, labels))
        return;
    if (!wanted && pending && now.mono_ms - e->started_mono_ms <= ALARM_SETTLE_MS)
        return;
    edge_raise(e, labels, alarms[which].summary, wanted, now, out);
}

void edge_alarm_uplink(struct edge *e, bool down, bool spool_full, bool pending, struct now now,
                       struct out *out)
{
    set_uplink(e, ALARM_UPLINK_DOWN, down, pending, now, out);
    set_uplink(e, ALARM_SPOOL_FULL, spool_full, pending, now, out);
}

/* ---- this machine's ---- */

static struct str certificate_summary(struct str what, int64_t ends_wall_ms, struct now now,
                                      struct arena *a)
{
    int64_t left_ms = ends_wall_ms - now.wall_ms;

    if (left_ms <= 0)
        return arena_fmt(a, "The uplink's " STR_FMT " is out of date: connections fail.",
                         STR_ARG(what));
    return arena_fmt(a, "The uplink's " STR_FMT " is out of date in %ld h: then connections fail.",
                     STR_ARG(what), left_ms / MS_PER_H);
}

static void set_certificate(struct edge *e, struct str what, int64_t ends_wall_ms, struct now now,
                            struct out *out)
{
    struct arena *a = out_arena(out);
    struct str summary = STR("renewed");
    size_t held = 0; /* bands[held - 1] */

    if (ends_wall_ms != TIME_NEVER) {
        while (held < ARRAY_SIZE(bands) && ends_wall_ms - now.wall_ms <= bands[held].ms)
            held++;
        if (held > 0)
            summary = certificate_summary(what, ends_wall_ms, now, a);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bands); i++) {
        bool wanted = i + 1 == held;
        struct labels labels =
            alarm_labels(e, alarms[ALARM_CERTIFICATE].alertname, what, &bands[i], a);

        if (wanted != fires(e, labels))
            edge_raise(e, labels, summary, wanted, now, out);
    }
}

void edge_alarm_health(struct edge *e, struct now now, struct out *out)
{
    struct labels store;

    if (!e->started)
        return;
    set_certificate(e, STR("certificate"), e->health.cert_ends_wall_ms, now, out);
    set_certificate(e, STR("ca"), e->health.ca_ends_wall_ms, now, out);
    set_certificate(e, STR("crl"), e->health.crl_ends_wall_ms, now, out);
    store = alarm_labels(e, alarms[ALARM_STORE_FAILING].alertname, STR_EMPTY, NULL, out_arena(out));
    if (e->health.store_failing != fires(e, store))
        edge_raise(e, store, alarms[ALARM_STORE_FAILING].summary, e->health.store_failing, now,
                   out);
}

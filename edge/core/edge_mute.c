#include "edge/core/edge_mute.h"

#include "common/base/hash.h"
#include "common/base/vec.h"
#include "common/core/metrics/metrics.h"
#include "common/core/mute/silence_row.h"
#include "edge/core/edge_internal.h"

#include <errno.h>

#define RAND_SALT UINT64_C(0x73696c656e636573) /* not the backoff's numbers */

static int utc(struct str location, int64_t wall_ms, void *arg)
{
    (void)location, (void)wall_ms, (void)arg;
    return 0;
}

void edge_mute_init(struct edge *e)
{
    struct edge_mute *m = xcalloc(1, sizeof(*m));

    m->silences = silence_set_new(
        (struct silence_options){.silences_max = e->options.silences_max,
                                 .silence_bytes_max = e->options.silence_bytes_max,
                                 .retention_ms = e->options.retention_ms,
                                 .classic_names = e->options.matchers == MATCHER_CLASSIC});
    rand_seed(&m->rand, hash_mix(e->options.seed, RAND_SALT));
    if (e->options.zones.offset_s == NULL)
        e->options.zones.offset_s = utc;
    e->mute = m;
}

static void forget_stale(struct edge_mute *m)
{
    VEC_EACH (&m->stale, char *, key)
        free(*key);
    VEC_CLEAR(&m->stale);
}

void edge_mute_free(struct edge *e)
{
    if (e->mute == NULL)
        return;
    forget_stale(e->mute);
    edge_silences_free(e);
    silence_set_free(e->mute->silences);
    inhibit_free(e->mute->inhibit);
    free(e->mute);
}

/* ---- inhibition ---- */

void edge_mute_config(struct edge *e)
{
    const struct am_config *am = e->config->am;
    struct arena *scratch = arena_new(0);

    inhibit_free(e->mute->inhibit);
    e->mute->inhibit = inhibit_new(am->inhibit_rules, am->inhibit_rules_n);
    for (const struct alert *a = alerts_from(e->alerts, 0); a != NULL;
         a = a->fp == UINT64_MAX ? NULL : alerts_from(e->alerts, a->fp + 1)) {
        edge_mute_alert(e, a, scratch);
        arena_reset(scratch);
    }
    arena_free(scratch);
    edge_suppress_config(e);
}

void edge_mute_alert(struct edge *e, const struct alert *a, struct arena *scratch)
{
    if (!a->firing) {
        edge_suppress_source(e, a, scratch);
        (void)inhibit_drop(e->mute->inhibit, a->fp);
    } else if (inhibit_put(e->mute->inhibit, a->fp, alert_labels(a, scratch))) {
        edge_suppress_source(e, a, scratch);
    }
}

/* ---- silences and the store ---- */

int edge_mute_restore(struct edge *e, struct str key, struct str value, struct now now,
                      struct err *err)
{
    struct arena *scratch = arena_new(0);
    struct silence s;
    int r = silence_row_parse(value, scratch, &s, err);

    if (r == 0 && !str_eq(s.id, key))
        r = err_set(err, -EINVAL, "the key is not the silence's id");
    if (r == 0) {
        enum silence_merge merged = silence_set_merge(e->mute->silences, &s, now, err);

        if (merged == SILENCE_GONE)
            *VEC_PUSH(&e->mute->stale) = xstrndup(key.p, key.n);
        else if (merged == SILENCE_FULL)
            r = err_set(err, -ENOSPC, "too many silences");
        else if (merged != SILENCE_MERGED)
            r = -EINVAL;
    }
    arena_free(scratch);
    return r;
}

void edge_mute_start(struct edge *e, struct out *out)
{
    VEC_EACH (&e->mute->stale, char *, key)
        out_delete(out, EDGE_ROW_SILENCE, str_from(*key));
    forget_stale(e->mute);
}

void edge_mute_put_silence(struct edge *e, const struct silence *s, struct out *out)
{
    struct buf b;

    buf_init(&b, 0);
    silence_row_add(&b, s);
    out_put(out, EDGE_ROW_SILENCE, s->id, buf_str(&b));
    buf_clear(&b);
    e->mute->silences_txn = out_txn(out);
}

void edge_mute_put_rows(struct edge *e, struct now now, struct out *out)
{
    static const struct silence_query all = {.states = BIT(SILENCE_PENDING) | BIT(SILENCE_ACTIVE) |
                                                       BIT(SILENCE_EXPIRED)};
    const struct silence *const *v;
    size_t n = silence_set_query(e->mute->silences, &all, now, out_arena(out), &v);

    for (size_t i = 0; i < n; i++)
        edge_mute_put_silence(e, v[i], out);
}

/* ---- time ---- */

static void on_gone(const struct silence *s, void *arg)
{
    out_delete(arg, EDGE_ROW_SILENCE, s->id);
}

void edge_mute_tick(struct edge *e, struct now now, struct out *out)
{
    silence_set_tick(e->mute->silences, now, on_gone, out);
}

int64_t edge_mute_next_ms(const struct edge *e, struct now now)
{
    int64_t wall = silence_set_next_wall_ms(e->mute->silences);

    return wall == TIME_NEVER ? TIME_NEVER : now.mono_ms + max_i64(wall - now.wall_ms, 0);
}

/* ---- stages ---- */

static const char *const stage_reasons[MUTE_STAGES] = {[MUTE_INHIBITION] = "inhibition",
                                                       [MUTE_ACTIVE_TIME] = "active_time_interval",
                                                       [MUTE_MUTE_TIME] = "mute_time_interval",
                                                       [MUTE_SILENCE] = "silence"};

static void suppress(struct edge *e, struct flush *f, size_t i, enum mute_stage stage,
                     struct str cause, struct out *out)
{
    const struct alert *a = f->v[i].member->alert;
    struct arena *scratch = out_arena(out);

    f->v[i].muted = true;
    f->v[i].owed = e->options.keep_muted_resolved && f->v[i].resolved &&
                   edge_is_owed(e, group_route(f->group), alert_labels(a, scratch), scratch);
    e->mute->suppressed[stage]++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_SUPPRESSED,
                                         .fp = a->fp,
                                         .what = group_key(f->group),
                                         .reason = str_from(stage_reasons[stage]),
                                         .cause = cause});
}

static size_t inhibition_stage(struct edge *e, struct flush *f, struct out *out)
{
    struct arena *a = out_arena(out);
    size_t left = 0;

    for (size_t i = 0; i < f->n; i++) {
        struct inhibit_verdict v;

        if (inhibit_decide(e->mute->inhibit, alert_labels(f->v[i].member->alert, a), &v))
            suppress(e, f, i, MUTE_INHIBITION,
                     arena_fmt(a, "inhibited:%016llx", (unsigned long long)v.source_fp), out);
        else
            left++;
    }
    return left;
}

static size_t silence_stage(struct edge *e, struct flush *f, struct now now, struct out *out)
{
    struct arena *a = out_arena(out);
    const struct silence *const *by;
    size_t left = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].muted)
            continue;
        e->mute->queries++;
        if (silence_set_match(e->mute->silences, alert_labels(f->v[i].member->alert, a), now, a,
                              &by) > 0)
            suppress(e, f, i, MUTE_SILENCE, arena_fmt(a, "silence:" STR_FMT, STR_ARG(by[0]->id)),
                     out);
        else
            left++;
    }
    return left;
}

/* Whether the whole group is muted at the flush's instant; the names stay with the group, for the
 * API. */
static bool interval_stage(struct edge *e, struct flush *f, enum mute_stage stage,
                           struct interval_use use, struct out *out)
{
    struct arena *a = out_arena(out);
    struct str_list names = {0};
    bool muted = interval_mutes(&use, f->at.wall_ms, e->options.zones, a, &names);

    group_set_muted_by(f->group, names.v, muted ? names.n : 0);
    for (size_t i = 0; muted && i < f->n; i++) {
        if (!f->v[i].muted)
            suppress(e, f, i, stage,
                     arena_fmt(a, "muted:" STR_FMT, STR_ARG(names.n > 0 ? names.v[0] : STR_EMPTY)),
                     out);
    }
    return muted;
}

static bool pass_stages(struct edge *e, struct flush *f, struct now now, struct out *out)
{
    const struct interval_use *use = &group_route(f->group)->intervals;

    if (inhibition_stage(e, f, out) == 0)
        return false;
    if (interval_stage(e, f, MUTE_ACTIVE_TIME,
                       (struct interval_use){.active = use->active, .active_n = use->active_n},
                       out) ||
        interval_stage(e, f, MUTE_MUTE_TIME,
                       (struct interval_use){.mute = use->mute, .mute_n = use->mute_n}, out))
        return false;
    return silence_stage(e, f, now, out) > 0;
}

bool edge_mute_flush(struct edge *e, struct flush *f, struct now now, struct out *out)
{
    bool left = pass_stages(e, f, now, out);

    groups_mark(e->groups, f);
    return left;
}

/* ---- questions ---- */

void edge_alert_status(void *arg, const struct alert *a, struct now now, struct arena *arena,
                       struct alert_status *ret)
{
    struct edge *e = arg;
    struct labels l = alert_labels(a, arena);
    const struct silence *const *by;
    struct inhibit_verdict v;
    struct str *ids, *fps;

    *ret = (struct alert_status){0};
    if (inhibit_decide(e->mute->inhibit, l, &v)) {
        fps = ARENA_NEW(arena, struct str);
        *fps = arena_fmt(arena, "%016llx", (unsigned long long)v.source_fp);
        ret->inhibited_by = fps;
        ret->inhibited_by_n = 1;
    }
    e->mute->queries++;
    ret->silenced_by_n = silence_set_match(e->mute->silences, l, now, arena, &by);
    ids = ARENA_ARRAY(arena, struct str, ret->silenced_by_n);
    for (size_t i = 0; i < ret->silenced_by_n; i++)
        ids[i] = by[i]->id;
    ret->silenced_by = ids;
    ret->suppressed = ret->silenced_by_n > 0 || ret->inhibited_by_n > 0;
}

void edge_mute_metrics(const struct edge *e, struct metrics *m, struct now now)
{
    struct silence_stats s = silence_set_stats(e->mute->silences, now);
    struct inhibit_stats ih = inhibit_stats(e->mute->inhibit);
    int64_t stored = 0;

    metrics_family(m, "alertmanager_notifications_suppressed_total", "counter",
                   "The total number of notifications suppressed for being silenced, inhibited, "
                   "outside of active time intervals or within muted time intervals.");
    for (size_t i = 0; i < MUTE_STAGES; i++)
        metrics_u64(m, "alertmanager_notifications_suppressed_total",
                    &(struct metric_label){"reason", str_from(stage_reasons[i])}, 1,
                    e->mute->suppressed[i]);
    metrics_family(m, "alertmanager_silences", "gauge", "How many silences by state.");
    for (size_t i = 0; i < ARRAY_SIZE(s.by_state); i++)
        metrics_u64(
            m, "alertmanager_silences",
            &(struct metric_label){"state", str_from(silence_state_text((enum silence_state)i))}, 1,
            s.by_state[i]);
    for (size_t i = 0; i < ARRAY_SIZE(s.by_state); i++)
        stored += s.by_state[i];
    metrics_gauge(m, "alertmanager_silences_state_size", "Number of silences stored.", stored);
    metrics_gauge(m, "alertmanager_silences_matcher_index_size",
                  "Number of silences whose matchers are compiled: all of them.", stored);
    metrics_counter(m, "alertmanager_silences_queries_total",
                    "How many silence queries were received.", e->mute->queries);
    metrics_gauge(m, "alertmanager_inhibition_rules", "Number of configured inhibition rules.",
                  (int64_t)e->config->am->inhibit_rules_n);
    metrics_gauge(m, "tocsin_silences_unkeyed",
                  "Matcher sets of silences that every alert has to be compared with.",
                  (int64_t)s.unkeyed);
    metrics_gauge(m, "tocsin_inhibition_sources",
                  "Firing alerts as sources of inhibition rules, one for each rule.",
                  (int64_t)ih.sources);
    metrics_gauge(m, "tocsin_inhibition_rules_unkeyed",
                  "Target sides of inhibition rules that every alert has to be compared with.",
                  (int64_t)ih.unkeyed);
    metrics_counter(m, "tocsin_inhibition_sources_refused_total",
                    "Alerts that inhibit nothing because there are too many sources.", ih.refused);
}

uint64_t edge_mute_digest(const struct edge *e)
{
    uint64_t h = silence_set_digest(e->mute->silences);

    return e->mute->inhibit != NULL ? hash_mix(h, inhibit_digest(e->mute->inhibit)) : h;
}

#include "edge/core/edge_internal.h"

#include "common/base/hash.h"
#include "edge/core/alarms.h"

/* So many groups are told in one step; the rest in the next one, which is due at once. */
#define FLUSHES_PER_STEP 256

static void on_flushed(struct flush *f, bool success, struct now now, void *arg)
{
    struct edge *e = arg;

    groups_flushed(e->groups, f, success, now);
}

static void config_ref(void *config)
{
    (void)edge_config_ref(config);
}

static void config_unref(void *config)
{
    edge_config_unref(config);
}

/* ---- inputs ---- */

static void take_config(struct edge *e, struct edge_config *config, struct now now, struct out *out)
{
    struct edge_config *old = e->config;

    e->config = config;
    e->config_wall_ms = now.wall_ms;
    edge_metrics_config(e);
    edge_mute_config(e);
    forward_config(e, now, out);
    if (old != NULL)
        edge_regroup(e, now, out);
    edge_config_unref(old);
}

static void restore_row(struct edge *e, const struct row_op *row, struct now now, struct out *out)
{
    struct err err = {0};
    int r = 0;

    if (row->kind == EDGE_ROW_NFLOG)
        r = nflog_restore(e->nflog, row->value, now, &err);
    else if (row->kind == EDGE_ROW_IMPORT)
        edge_import_restore(e, row->key, row->value);
    else if (row->kind == EDGE_ROW_ALERT)
        r = edge_restore_alert(e, row->key, row->value, now, &err);
    else if (row->kind == EDGE_ROW_SILENCE)
        r = edge_mute_restore(e, row->key, row->value, now, &err);
    else if (row->kind == EDGE_ROW_GROUP)
        r = groups_restore(e->groups, row->key, row->value, &err);
    else if (!forward_restore(e, row, now))
        r = err_set(&err, -1, "nobody knows this kind of row");
    if (r == 0)
        return;
    e->count.rows_bad++;
    OUT_LOG(out, LOG_ERROR, "edge", "a row of the store cannot be used", KV("kind", row->kind),
            KV("err", (const char *)err.text));
}

static void start(struct edge *e, const struct engine_start *s, struct now now, struct out *out)
{
    e->start = *s;
    e->started_wall_ms = now.wall_ms;
    e->started_mono_ms = now.mono_ms;
    e->sweep_nflog_mono_ms = now.mono_ms + e->options.maintenance_ms;
    e->sweep_alerts_mono_ms = now.mono_ms + e->options.alerts_gc_ms;
    edge_mute_start(e, out);
    edge_mute_tick(e, now, out);
    edge_regroup(e, now, out);
    groups_restored(e->groups);
    forward_start(e, s, now, out);
    e->started = true;
}

static void stored(struct edge *e, uint64_t txn, enum store_result result, struct now now,
                   struct out *out)
{
    e->store_failing = result != STORE_OK;
    edge_late_stored(e, txn, result, now);
    deferred_stored(e->deferred, out, txn, result);
    if (e->started) /* what was imported is no affair of the uplink */
        forward_stored(e, txn, result, now, out);
}

static void delivered(struct edge *e, const struct engine_delivery *d, struct now now,
                      struct out *out)
{
    if (!notifier_delivered(e->notifier, d, now, out))
        (void)forward_delivered(e, d, now, out); /* else one that was cancelled */
}

/* ---- what is due ---- */

static void sweep(struct edge *e, struct now now, struct out *out)
{
    if (now.mono_ms >= e->sweep_nflog_mono_ms) {
        if (e->late.behind) { /* what it deletes would be no small transaction */
            e->sweep_nflog_mono_ms = now.mono_ms + MS_PER_S;
        } else {
            nflog_sweep(e->nflog, now, out);
            e->count.nflog_sweeps++;
            e->sweep_nflog_mono_ms = now.mono_ms + e->options.maintenance_ms;
        }
    }
    if (now.mono_ms >= e->sweep_alerts_mono_ms) {
        edge_sweep_alerts(e, now, out);
        e->sweep_alerts_mono_ms = now.mono_ms + e->options.alerts_gc_ms;
    }
}

static void flush_due(struct edge *e, struct now now, struct out *out)
{
    struct flush *f;

    for (unsigned n = 0; n < FLUSHES_PER_STEP; n++) {
        f = groups_next_due(e->groups, now, out_arena(out));
        if (f == NULL)
            break;
        if (edge_mute_flush(e, f, now, out))
            notifier_flush(e->notifier, f, e->config, now, out);
        else
            groups_flushed(e->groups, f, true, now);
    }
}

static int64_t run_due(struct edge *e, struct now now, struct out *out)
{
    int64_t begin = e->started_mono_ms + e->options.start_delay_ms, wake;

    edge_expire_alerts(e, now, out);
    if (e->stopping) /* what is under way may end, and nothing new begins */
        return forward_step(e, now, out);
    notifier_tick(e->notifier, now, out);
    if (now.mono_ms >= begin)
        flush_due(e, now, out);
    sweep(e, now, out);
    wake = edge_suppress_run(e, now, out);
    wake = min_i64(wake, forward_step(e, now, out));
    wake = min_i64(wake, alerts_next_ms(e->alerts));
    wake = min_i64(wake, max_i64(groups_next_ms(e->groups), begin));
    wake = min_i64(wake, notifier_next_ms(e->notifier));
    wake = min_i64(wake, edge_mute_next_ms(e, now));
    return min_i64(wake, min_i64(e->sweep_nflog_mono_ms, e->sweep_alerts_mono_ms));
}

static void handle(struct edge *e, const struct engine_input *in, struct out *out)
{
    switch (in->kind) {
    case ENGINE_CONFIG:
        take_config(e, in->edge_config, in->now, out);
        break;
    case ENGINE_RESTORE:
        restore_row(e, &in->row, in->now, out);
        break;
    case ENGINE_IMPORT:
        edge_import(e, &in->import, in->now, out);
        break;
    case ENGINE_START:
        start(e, &in->start, in->now, out);
        break;
    case ENGINE_REQUEST:
        edge_request(e, &in->request, in->now, out);
        break;
    case ENGINE_MORE:
        if (!api_v2_more(e->api, in->request_id, in->now, out))
            edge_silences_more(e, in->request_id, in->now, out);
        break;
    case ENGINE_GONE:
        api_v2_gone(e->api, in->request_id);
        edge_silences_gone(e, in->request_id);
        deferred_gone(e->deferred, in->request_id);
        break;
    case ENGINE_STORED:
        stored(e, in->stored.txn, in->stored.result, in->now, out);
        break;
    case ENGINE_DELIVERED:
        delivered(e, &in->delivery, in->now, out);
        break;
    case ENGINE_HEALTH:
        e->health = in->health;
        edge_alarm_health(e, in->now, out);
        break;
    case ENGINE_STOP:
        e->stopping = true;
        forward_stop(e, in->now, out);
        break;
    case ENGINE_TICK:
        break;
    }
}

static int64_t edge_step(struct engine *engine, const struct engine_input *in, struct out *out)
{
    struct edge *e = edge_of(engine);
    int64_t wake = TIME_NEVER;

    edge_late_begin(e, out);
    if (e->started)
        edge_mute_tick(e, in->now, out);
    handle(e, in, out);
    if (e->started)
        wake = run_due(e, in->now, out);
    if (e->started && !edge_late_write(e, in->now, out))
        wake = in->now.mono_ms;
    edge_late_count(e, in->now, out);
    return wake;
}

/* ---- life ---- */

static void edge_free(struct engine *engine)
{
    struct edge *e = edge_of(engine);

    forward_free(e);
    notifier_free(e->notifier);
    groups_free(e->groups);
    api_v2_free(e->api);
    alerts_free(e->alerts);
    alert_limit_free(e->limit);
    nflog_free(e->nflog);
    edge_suppress_free(e);
    edge_mute_free(e);
    deferred_free(e->deferred);
    edge_late_free(e);
    edge_config_unref(e->config);
    arena_free(e->arena);
    free(e);
}

static uint64_t edge_digest(const struct engine *engine)
{
    const struct edge *e = (const struct edge *)engine; /* the first member */
    uint64_t h = alerts_digest(e->alerts);

    h = hash_mix(h, groups_digest(e->groups));
    h = hash_mix(h, nflog_digest(e->nflog));
    h = hash_mix(h, edge_mute_digest(e));
    h = hash_mix(h, notifier_digest(e->notifier));
    return hash_mix(h, forward_digest(e));
}

static const struct engine_ops edge_ops = {
    .step = edge_step, .free = edge_free, .digest = edge_digest};

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static struct edge_options full_options(const struct edge_options *o, struct arena *a)
{
    struct edge_options f = *o;

    f.external_url = arena_str(a, o->external_url);
    f.version = arena_str(a, o->version);
    f.program_version = arena_str(a, o->program_version);
    f.node = arena_str(a, o->node);
    f.cluster_name = arena_str(a, o->cluster_name);
    f.cluster_address = arena_str(a, o->cluster_address);
    f.retention_ms = or_default(o->retention_ms, EDGE_RETENTION_MS_DEFAULT);
    f.maintenance_ms = or_default(o->maintenance_ms, EDGE_MAINTENANCE_MS_DEFAULT);
    f.alerts_gc_ms = or_default(o->alerts_gc_ms, EDGE_ALERTS_GC_MS_DEFAULT);
    f.alerts_max = o->alerts_max > 0 ? o->alerts_max : EDGE_ALERTS_MAX_DEFAULT;
    f.store_queue_bytes =
        o->store_queue_bytes > 0 ? o->store_queue_bytes : EDGE_STORE_QUEUE_BYTES_DEFAULT;
    f.groups_max = o->groups_max > 0 ? o->groups_max : EDGE_GROUPS_MAX_DEFAULT;
    return f;
}

struct engine *edge_new(const struct edge_options *options)
{
    struct edge *e = xcalloc(1, sizeof(*e));
    struct notifier_options notify;

    e->engine = (struct engine){.ops = &edge_ops, .next_txn = 1};
    e->arena = arena_new(1024);
    e->options = full_options(options, e->arena);
    e->limit = alert_limit_new(e->options.alertname_limit, e->options.alert_names_in_metrics);
    e->alerts = alerts_new(e->options.alerts_max);
    alerts_set_limit(e->alerts, e->limit);
    e->groups = groups_new(e->options.groups_max);
    e->nflog = nflog_new(EDGE_ROW_NFLOG, e->options.retention_ms);
    notify = (struct notifier_options){.external_url = e->options.external_url,
                                       .version = e->options.version,
                                       .seed = e->options.seed,
                                       .on_done = on_flushed,
                                       .config_ref = config_ref,
                                       .config_unref = config_unref,
                                       .arg = e};
    e->notifier = notifier_new(&notify, e->nflog);
    e->deferred = deferred_new();
    edge_mute_init(e);
    edge_suppress_init(e);
    e->api = api_v2_new(e->alerts, e->groups, e->options.external_url, edge_alert_status, e);
    return &e->engine;
}

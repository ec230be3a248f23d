/* GET /metrics: the deciding part's. Under Alertmanager's names where they mean the same; counters
 * and gauges are kept as things happen, so that nothing here walks the alerts. */
#include "common/core/metrics/metrics.h"
#include "edge/core/edge_internal.h"

#define ONE(name, value) (&(struct metric_label){(name), (value)}), 1

/* The receivers that some route names, and their integrations. */
void edge_metrics_config(struct edge *e)
{
    const struct receivers *r = &e->config->am->receivers;
    bool *used = xcalloc(r->n + 1, sizeof(*used));

    route_mark_receivers(e->config->am->root, used);
    e->count.receivers = e->count.integrations = 0;
    for (size_t i = 0; i < r->n; i++) {
        e->count.receivers += used[i];
        e->count.integrations += used[i] ? r->v[i].n : 0;
    }
    free(used);
}

static void program_metrics(const struct edge *e, struct metrics *m)
{
    struct metric_label build[] = {{"branch", STR_EMPTY},          {"goarch", STR_EMPTY},
                                   {"goos", STR("linux")},         {"goversion", STR_EMPTY},
                                   {"revision", STR_EMPTY},        {"tags", STR_EMPTY},
                                   {"version", e->options.version}};

    metrics_family(m, "alertmanager_build_info", "gauge",
                   "The version of the Alertmanager that this stands for.");
    metrics_u64(m, "alertmanager_build_info", build, ARRAY_SIZE(build), 1);
    metrics_family(m, "tocsin_build_info", "gauge", "The version of this program.");
    metrics_u64(m, "tocsin_build_info", ONE("version", e->options.program_version), 1);
    metrics_gauge(m, "alertmanager_config_hash",
                  "Hash of the running configuration file; equal files have equal hashes.",
                  (int64_t)e->config->am_md5);
    metrics_gauge(m, "alertmanager_receivers", "Number of configured receivers.",
                  (int64_t)e->count.receivers);
    metrics_gauge(m, "alertmanager_integrations", "Number of configured integrations.",
                  (int64_t)e->count.integrations);
}

static void alert_metrics(const struct edge *e, struct metrics *m)
{
    struct group_alert_states states = groups_alert_states(e->groups);
    struct metric_label firing[] = {{"status", STR("firing")}, {"version", STR("v2")}};
    struct metric_label resolved[] = {{"status", STR("resolved")}, {"version", STR("v2")}};

    metrics_family(m, "alertmanager_alerts", "gauge", "How many alerts by state.");
    metrics_u64(m, "alertmanager_alerts", ONE("state", STR("active")), states.active);
    metrics_u64(m, "alertmanager_alerts", ONE("state", STR("suppressed")), states.suppressed);
    metrics_u64(m, "alertmanager_alerts", ONE("state", STR("unprocessed")), states.unprocessed);
    metrics_family(m, "alertmanager_alerts_received_total", "counter",
                   "The total number of received alerts.");
    metrics_u64(m, "alertmanager_alerts_received_total", firing, 2, e->count.received_firing);
    metrics_u64(m, "alertmanager_alerts_received_total", resolved, 2, e->count.received_resolved);
    metrics_family(m, "alertmanager_alerts_invalid_total", "counter",
                   "The total number of received alerts that were invalid.");
    metrics_u64(m, "alertmanager_alerts_invalid_total", ONE("version", STR("v2")),
                e->count.invalid);
    metrics_gauge(m, "alertmanager_alerts_per_alert_limit",
                  "Alerts of one alertname kept at most; 0: no limit.",
                  max_i64(e->options.alertname_limit, 0));
    alert_limit_metrics(e->limit, m);
    metrics_gauge(m, "alertmanager_dispatcher_aggregation_groups", "Number of active groups.",
                  (int64_t)groups_count(e->groups));
    metrics_counter(m, "alertmanager_dispatcher_aggregation_group_limit_reached_total",
                    "Groups that were not made because there were too many.",
                    groups_refused(e->groups));
}

/* A member without gossip: alone, and well. */
static void cluster_metrics(const struct edge *e, struct metrics *m)
{
    bool enabled = e->options.cluster_name.n > 0;

    metrics_gauge(m, "alertmanager_cluster_enabled", "Whether clustering is on.", enabled);
    if (!enabled)
        return;
    metrics_gauge(m, "alertmanager_cluster_members", "Members of the cluster, this one included.",
                  1);
    metrics_gauge(m, "alertmanager_cluster_failed_peers", "Members that cannot be reached.", 0);
    metrics_gauge(m, "alertmanager_cluster_health_score", "Health of this member; 0 is best.", 0);
    metrics_gauge(m, "alertmanager_cluster_messages_queued", "Messages waiting to be gossiped.", 0);
    metrics_gauge(m, "alertmanager_peer_position", "This member's place in the order of names.", 0);
    metrics_family(m, "alertmanager_cluster_peer_info", "gauge", "This member's name.");
    metrics_u64(m, "alertmanager_cluster_peer_info", ONE("peer", e->options.cluster_name), 1);
}

static void own_metrics(const struct edge *e, struct metrics *m)
{
    struct alerts_stats s = alerts_stats(e->alerts);

    metrics_gauge(m, "tocsin_alerts_stored", "Alerts in the table, resolved ones included.",
                  (int64_t)s.count);
    metrics_gauge(m, "tocsin_alerts_max", "Bound of the alert table.", (int64_t)s.max);
    metrics_gauge(m, "tocsin_alerts_text_bytes", "Memory of the alerts' texts.",
                  (int64_t)s.text_bytes);
    metrics_gauge(m, "tocsin_alerts_index_bytes", "Memory of the index by label.",
                  (int64_t)s.index_bytes);
    metrics_counter(m, "tocsin_alerts_collisions_total",
                    "Alerts refused because another one has the same fingerprint.", s.collisions);
    metrics_counter(m, "tocsin_alerts_timed_out_total",
                    "Alerts that resolved because their source fell silent.",
                    e->count.alerts_timed_out);
    metrics_counter(m, "tocsin_alerts_resolved_total", "Alerts that their source resolved.",
                    e->count.alerts_resolved);
    metrics_family(m, "tocsin_posts_refused_total", "counter", "Posts of alerts answered 503.");
    metrics_u64(m, "tocsin_posts_refused_total", ONE("reason", STR("alerts_max")),
                e->count.posts_refused_full);
    metrics_u64(m, "tocsin_posts_refused_total", ONE("reason", STR("spool_full")),
                e->count.posts_refused_spool);
    metrics_u64(m, "tocsin_posts_refused_total", ONE("reason", STR("store")),
                e->count.posts_refused_store);
    metrics_u64(m, "tocsin_posts_refused_total", ONE("reason", STR("store_queue")),
                e->count.posts_refused_queue);
    edge_late_metrics(e, m);
    metrics_counter(m, "alertmanager_nflog_maintenance_total",
                    "How many maintenances were executed for the notification log.",
                    e->count.nflog_sweeps);
    metrics_gauge(m, "tocsin_notification_log_entries", "Entries of the notification log.",
                  (int64_t)nflog_count(e->nflog));
    metrics_counter(m, "tocsin_bad_rows_total", "Rows of the store that could not be used.",
                    e->count.rows_bad);
    if (e->config->federation != NULL) {
        metrics_counter(m, "tocsin_episodes_opened_total", "Episodes opened for forwarding.",
                        e->count.forwarded_opened);
        metrics_counter(m, "tocsin_episodes_resolved_total", "Forwarded episodes that resolved.",
                        e->count.forwarded_resolved);
        metrics_counter(m, "tocsin_episodes_suppressed_total",
                        "Times that a forwarded alert was told to be suppressed.",
                        e->count.forwarded_suppressed);
        metrics_counter(m, "tocsin_episodes_unsuppressed_total",
                        "Times that it was told to be so no longer.",
                        e->count.forwarded_unsuppressed);
    }
}

static void write_metrics(const struct edge *e, struct metrics *m, struct now now)
{
    program_metrics(e, m);
    alert_metrics(e, m);
    cluster_metrics(e, m);
    notifier_metrics(e->notifier, m);
    edge_mute_metrics(e, m, now);
    edge_import_metrics(e, m);
    own_metrics(e, m);
    forward_metrics(e, m, now);
}

void edge_get_metrics(const struct edge *e, const struct engine_request *r, struct now now,
                      struct out *out)
{
    struct metrics m;
    struct buf b;

    buf_init(&b, 0);
    metrics_init(&m, &b);
    write_metrics(e, &m, now);
    out_reply(out, &(struct engine_reply){.request_id = r->id,
                                          .status = 200,
                                          .content_type = METRICS_CONTENT_TYPE,
                                          .body = arena_str(out_arena(out), buf_str(&b)),
                                          .io_metrics = true});
    buf_clear(&b);
}

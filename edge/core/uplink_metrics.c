#include "edge/core/uplink_internal.h"

struct node_value {
    const char *name, *type, *help;
    uint64_t (*value)(const struct uplink *u, size_t i, struct now now);
};

#define COUNTER_OF(field) \
    static uint64_t value_##field(const struct uplink *u, size_t i, struct now now) \
    { \
        (void)now; \
        return u->nodes[i]->count.field; \
    }

COUNTER_OF(batches)
COUNTER_OF(rows)
COUNTER_OF(receipts)
COUNTER_OF(heartbeats_failed)
COUNTER_OF(grants)
COUNTER_OF(digests)
COUNTER_OF(mismatches)

static uint64_t value_reachable(const struct uplink *u, size_t i, struct now now)
{
    (void)now;
    return u->nodes[i]->reachable;
}

static uint64_t value_cursor(const struct uplink *u, size_t i, struct now now)
{
    (void)now;
    return u->nodes[i]->cursor;
}

static uint64_t value_holder(const struct uplink *u, size_t i, struct now now)
{
    return str_eq_c(uplink_holder(u, now), u->nodes[i]->name);
}

static const struct node_value node_values[] = {
    {"tocsin_uplink_reachable", "gauge", "Whether the newest request was answered.",
     value_reachable},
    {"tocsin_uplink_cursor", "gauge", "Rows up to here are durable at the node.", value_cursor},
    {"tocsin_uplink_duty_holder", "gauge", "Whether the node may hold this site's paging duty.",
     value_holder},
    {"tocsin_uplink_batches_total", "counter", "Batches sent.", value_batches},
    {"tocsin_uplink_rows_total", "counter", "Rows sent, repeated ones included.", value_rows},
    {"tocsin_uplink_receipts_total", "counter", "Answers that moved the cursor.", value_receipts},
    {"tocsin_uplink_heartbeats_failed_total", "counter", "Heartbeats without a good answer.",
     value_heartbeats_failed},
    {"tocsin_uplink_grants_total", "counter", "Heartbeats that granted paging duty.", value_grants},
    {"tocsin_uplink_digests_total", "counter", "Digests sent.", value_digests},
    {"tocsin_uplink_digest_mismatches_total", "counter",
     "Digests that found other firing alerts at the node.", value_mismatches},
};

static void refusals(const struct uplink *u, struct metrics *m)
{
    static const char name[] = "tocsin_uplink_refusals_total";

    metrics_family(m, name, "counter", "Batches that the node refused, by cause.");
    for (size_t i = 0; i < u->nodes_n; i++) {
        const struct uplink_node *n = u->nodes[i];
        const struct {
            const char *cause;
            uint64_t value;
        } causes[] = {{"need_base", n->count.need_base},
                      {"fenced", n->count.fenced},
                      {"foreign_stream", n->count.foreign},
                      {"unknown_kind", n->count.unknown_kind},
                      {"bad_request", n->count.bad_request},
                      {"not_stored", n->count.not_stored},
                      {"other", n->count.other}};

        for (size_t k = 0; k < ARRAY_SIZE(causes); k++) {
            struct metric_label labels[] = {{"node", str_from(n->name)},
                                            {"cause", str_from(causes[k].cause)}};

            metrics_u64(m, name, labels, ARRAY_SIZE(labels), causes[k].value);
        }
    }
}

static void spool_metrics(const struct uplink *u, struct metrics *m, struct now now)
{
    struct spool_stats s = spool_stats(u->spool);
    int64_t age =
        s.oldest_pending_mono_ms == TIME_NEVER ? 0 : now.mono_ms - s.oldest_pending_mono_ms;

    metrics_gauge(m, "tocsin_spool_pending_rows", "Rows that some global node lacks.",
                  (int64_t)s.pending);
    metrics_gauge(m, "tocsin_spool_rows", "Rows kept, the newest of firing alerts included.",
                  (int64_t)s.rows);
    metrics_gauge(m, "tocsin_spool_bytes", "Memory of the rows kept.", (int64_t)s.bytes);
    metrics_gauge(m, "tocsin_spool_max_bytes", "Bound of tocsin_spool_bytes.",
                  (int64_t)(s.bytes_max < INT64_MAX ? s.bytes_max : INT64_MAX));
    metrics_gauge(m, "tocsin_spool_firing", "Forwarded alerts that fire.", (int64_t)s.firing);
    metrics_family(m, "tocsin_spool_oldest_pending_seconds", "gauge",
                   "Age of the oldest pending row.");
    metrics_milli(m, "tocsin_spool_oldest_pending_seconds", NULL, 0, age);
    metrics_counter(m, "tocsin_spool_accepted_total", "Rows taken in.", s.accepted);
    metrics_counter(m, "tocsin_spool_coalesced_total",
                    "Pending rows replaced by a newer one of their episode.", s.coalesced);
    metrics_counter(m, "tocsin_spool_freed_total", "Rows that every global node has.", s.freed);
    metrics_counter(m, "tocsin_spool_damaged_total", "Rows that could not be read back.",
                    s.damaged);
}

void uplink_metrics(const struct uplink *u, struct metrics *m, struct now now)
{
    struct edge_mirrors_stats mirrors = edge_mirrors_stats(u->mirrors);

    for (size_t k = 0; k < ARRAY_SIZE(node_values); k++) {
        const struct node_value *v = &node_values[k];

        metrics_family(m, v->name, v->type, v->help);
        for (size_t i = 0; i < u->nodes_n; i++) {
            struct metric_label label = {"node", str_from(u->nodes[i]->name)};

            metrics_u64(m, v->name, &label, 1, v->value(u, i, now));
        }
    }
    refusals(u, m);
    metrics_gauge(m, "tocsin_uplink_down", "Whether rows wait and no global node takes them.",
                  uplink_is_down(u, now));
    metrics_counter(m, "tocsin_uplink_epochs_raised_total", "Times the stream began anew.",
                    u->count.epochs_raised);
    metrics_counter(m, "tocsin_uplink_refreshed_total",
                    "Rows said again because a digest lacked them.", u->count.refreshed);
    metrics_counter(m, "tocsin_uplink_denied_total",
                    "Firing alerts of a digest that this edge knew nothing of.", u->count.denied);
    metrics_counter(m, "tocsin_uplink_bad_answers_total", "Answers that could not be read.",
                    u->count.bad_answers);
    metrics_counter(m, "tocsin_spool_freed_early_total",
                    "Rows given up because the spool was full although some node lacked them.",
                    u->count.freed_early);
    spool_metrics(u, m, now);
    metrics_gauge(m, "tocsin_mirrors_registers", "Positions of incidents carried.",
                  (int64_t)mirrors.registers);
    metrics_counter(m, "tocsin_mirrors_taken_total", "Registers taken over.", mirrors.taken);
    metrics_counter(m, "tocsin_mirrors_refused_total", "Registers that could not be read.",
                    mirrors.refused);
    metrics_counter(m, "tocsin_mirrors_dropped_total", "Registers dropped at the bound.",
                    mirrors.dropped);
}

#include "common/core/metrics/metrics.h"
#include "global/core/duty.h"
#include "global/core/global_internal.h"

#define NAME(rest) "tocsin_global_" rest

static void labelled(struct metrics *m, const char *name, const char *label, const char *value,
                     uint64_t v)
{
    metrics_u64(m, name, &(struct metric_label){.name = label, .value = str_from(value)}, 1, v);
}

static void ingest_metrics(const struct global *g, struct metrics *m)
{
    const struct global_counts *c = &g->counts;

    metrics_counter(m, NAME("batches_total"), "Batches taken in.", c->batches);
    metrics_family(m, NAME("rows_total"), "counter", "Rows of batches by what became of them.");
    labelled(m, NAME("rows_total"), "result", "applied", c->rows_applied);
    labelled(m, NAME("rows_total"), "result", "duplicate", c->rows_duplicate);
    metrics_counter(m, NAME("voids_total"), "Void ranges taken in.", c->voids);
    metrics_family(m, NAME("refused_total"), "counter",
                   "Requests, echoes and mirrors refused, by cause.");
    for (enum refusal why = 0; why < REFUSALS; why++)
        labelled(m, NAME("refused_total"), "cause", refusal_name(why), c->refused[why]);
    metrics_counter(m, NAME("texts_cut_total"), "Labels and annotations cut to their bound.",
                    c->texts_cut);
    metrics_counter(m, NAME("site_overwritten_total"),
                    "Rows whose site label was not the certificate's.", c->site_overwritten);
}

static void mirror_metrics(const struct global *g, struct metrics *m)
{
    const struct global_counts *c = &g->counts;

    metrics_family(m, NAME("digests_total"), "counter", "Digests compared, by result.");
    labelled(m, NAME("digests_total"), "result", "match", c->digests_matched);
    labelled(m, NAME("digests_total"), "result", "differ", c->digests_differed);
    labelled(m, NAME("digests_total"), "result", "later", c->digests_later);
    metrics_gauge(m, NAME("mirrors"), "Directive registers kept, of all nodes.",
                  (int64_t)g->mirrors.n);
    metrics_counter(m, NAME("mirrors_set_total"), "Versions given to registers of this node.",
                    c->mirrors_set);
    metrics_family(m, NAME("mirrors_received_total"), "counter",
                   "Mirrors of other nodes, by result.");
    labelled(m, NAME("mirrors_received_total"), "result", "new", c->mirrors_received);
    labelled(m, NAME("mirrors_received_total"), "result", "duplicate", c->mirrors_duplicate);
    metrics_counter(m, NAME("journals_total"), "Journal requests taken in.", c->journals);
    metrics_counter(m, NAME("directive_polls_total"), "Directive polls.", c->polls);
}

void global_metrics(const struct global *g, struct buf *b)
{
    struct metrics m;
    size_t live = 0, firing = 0;

    metrics_init(&m, b);
    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        live += !s->silent && s->last_heard_mono_ms >= 0;
        firing += s->firing_n;
    }
    metrics_family(&m, NAME("streams"), "gauge", "Streams of edges, by state.");
    labelled(&m, NAME("streams"), "state", "live", live);
    labelled(&m, NAME("streams"), "state", "silent", HASH_COUNT(g->streams.by_uuid) - live);
    metrics_gauge(&m, NAME("sites"), "Sites heard of.", (int64_t)HASH_COUNT(g->streams.sites));
    metrics_gauge(&m, NAME("silent_sites"), "Sites without a live stream.",
                  (int64_t)g->streams.silent_sites);
    metrics_family(&m, NAME("members"), "gauge", "Member registers, by state.");
    labelled(&m, NAME("members"), "state", "firing", firing);
    labelled(&m, NAME("members"), "state", "resolved", g->members.n - firing);
    ingest_metrics(g, &m);
    metrics_counter(&m, NAME("heartbeats_total"), "Heartbeats answered.", g->counts.heartbeats);
    metrics_counter(&m, NAME("grants_total"), "Echoes that granted paging duty.", g->counts.grants);
    metrics_gauge(&m, NAME("duty_streams"), "Streams that grant paging duty to this node.",
                  (int64_t)duty_count(g));
    mirror_metrics(g, &m);
    metrics_gauge(&m, NAME("replies_waiting"), "Replies and sends that wait for the disk.",
                  (int64_t)deferred_count(g->deferred));
    metrics_counter(&m, NAME("store_failures_total"), "Transactions reported as failed.",
                    g->counts.store_failures);
    metrics_counter(&m, NAME("store_rows_damaged_total"), "Rows left out at the start.",
                    g->counts.rows_damaged);
    incident_metrics(g, b);
}

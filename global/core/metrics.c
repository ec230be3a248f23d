#include "global/core/duty.h"
#include "global/core/global_internal.h"

static void family(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_add_fmt(b, "# HELP tocsin_global_%s %s\n# TYPE tocsin_global_%s %s\n", name, help, name,
                type);
}

static void counter(struct buf *b, const char *name, const char *help, uint64_t v)
{
    family(b, name, "counter", help);
    buf_add_fmt(b, "tocsin_global_%s %lu\n", name, v);
}

static void gauge(struct buf *b, const char *name, const char *help, uint64_t v)
{
    family(b, name, "gauge", help);
    buf_add_fmt(b, "tocsin_global_%s %lu\n", name, v);
}

static void labelled(struct buf *b, const char *name, const char *label, const char *value,
                     uint64_t v)
{
    buf_add_fmt(b, "tocsin_global_%s{%s=\"%s\"} %lu\n", name, label, value, v);
}

static void ingest_metrics(const struct global *g, struct buf *b)
{
    const struct global_counts *c = &g->counts;

    counter(b, "batches_total", "Batches taken in.", c->batches);
    family(b, "rows_total", "counter", "Rows of batches by what became of them.");
    labelled(b, "rows_total", "result", "applied", c->rows_applied);
    labelled(b, "rows_total", "result", "duplicate", c->rows_duplicate);
    counter(b, "voids_total", "Void ranges taken in.", c->voids);
    family(b, "refused_total", "counter", "Requests, echoes and mirrors refused, by cause.");
    for (enum refusal why = 0; why < REFUSALS; why++)
        labelled(b, "refused_total", "cause", refusal_name(why), c->refused[why]);
    counter(b, "texts_cut_total", "Labels and annotations cut to their bound.", c->texts_cut);
    counter(b, "site_overwritten_total", "Rows whose site label was not the certificate's.",
            c->site_overwritten);
}

static void mirror_metrics(const struct global *g, struct buf *b)
{
    const struct global_counts *c = &g->counts;

    family(b, "digests_total", "counter", "Digests compared, by result.");
    labelled(b, "digests_total", "result", "match", c->digests_matched);
    labelled(b, "digests_total", "result", "differ", c->digests_differed);
    labelled(b, "digests_total", "result", "later", c->digests_later);
    gauge(b, "mirrors", "Directive registers kept, of all nodes.", g->mirrors.n);
    counter(b, "mirrors_set_total", "Versions given to registers of this node.", c->mirrors_set);
    family(b, "mirrors_received_total", "counter", "Mirrors of other nodes, by result.");
    labelled(b, "mirrors_received_total", "result", "new", c->mirrors_received);
    labelled(b, "mirrors_received_total", "result", "duplicate", c->mirrors_duplicate);
    counter(b, "journals_total", "Journal requests taken in.", c->journals);
    counter(b, "directive_polls_total", "Directive polls.", c->polls);
}

void global_metrics(const struct global *g, struct buf *b)
{
    size_t live = 0, firing = 0;

    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        live += !s->silent && s->last_heard_mono_ms >= 0;
        firing += s->firing_n;
    }
    family(b, "streams", "gauge", "Streams of edges, by state.");
    labelled(b, "streams", "state", "live", live);
    labelled(b, "streams", "state", "silent", HASH_COUNT(g->streams.by_uuid) - live);
    gauge(b, "sites", "Sites heard of.", HASH_COUNT(g->streams.sites));
    gauge(b, "silent_sites", "Sites without a live stream.", g->streams.silent_sites);
    family(b, "members", "gauge", "Member registers, by state.");
    labelled(b, "members", "state", "firing", firing);
    labelled(b, "members", "state", "resolved", g->members.n - firing);
    ingest_metrics(g, b);
    counter(b, "heartbeats_total", "Heartbeats answered.", g->counts.heartbeats);
    counter(b, "grants_total", "Echoes that granted paging duty.", g->counts.grants);
    gauge(b, "duty_streams", "Streams that grant paging duty to this node.", duty_count(g));
    mirror_metrics(g, b);
    gauge(b, "replies_waiting", "Replies and sends that wait for the disk.",
          deferred_count(g->deferred));
    counter(b, "store_failures_total", "Transactions reported as failed.",
            g->counts.store_failures);
    counter(b, "store_rows_damaged_total", "Rows left out at the start.", g->counts.rows_damaged);
    incident_metrics(g, b);
}

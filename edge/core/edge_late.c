/* A store that is behind: see edge_internal.h. */
#include "edge/core/edge_internal.h"

#include "common/base/vec.h"
#include "common/core/metrics/metrics.h"

/* At most so many rows of a kind in one step, and alerts looked at for it. */
#define ROWS_SLICE 2000
#define LOOK_SLICE 20000
#define GROUP_ROWS_SLICE 4096
#define TELL_EVERY_MS MS_PER_MIN
#define STUCK_MS (10 * MS_PER_S) /* a store that has confirmed nothing for so long is stuck */

bool edge_spares_store(const struct edge *e, const struct out *out)
{
    return e->store_failing ||
           e->late.queue.bytes + out_row_bytes(out) > e->options.store_queue_bytes / 4;
}

bool edge_store_refuses(const struct edge *e, size_t bytes, struct now now)
{
    return !e->store_failing && now.mono_ms - e->late.moved_mono_ms < STUCK_MS &&
           e->late.queue.bytes + bytes > e->options.store_queue_bytes;
}

/* ---- alerts ---- */

void edge_set_late(struct edge *e, struct alert *a, bool late)
{
    if (late && !a->late)
        e->late.alerts_n++;
    else if (!late && a->late)
        e->late.alerts_n--;
    a->late = late;
}

void edge_delete_alert_row(struct edge *e, struct alert *a, struct out *out)
{
    char key[17];

    edge_set_late(e, a, false);
    if (a->stored && edge_spares_store(e, out))
        *VEC_PUSH(&e->late.gone) = a->fp; /* at most one for each row that there is */
    else if (a->stored)
        out_delete(out, EDGE_ROW_ALERT, edge_alert_row_key(a->fp, key));
    a->stored = false;
}

uint64_t edge_alert_txn(const struct edge *e, const struct alert *a, const struct out *out)
{
    bool lost = e->late.rows_lost && a->forward_txn >= e->late.lost_txn;

    return lost && a->forward_txn != out_txn(out) ? EDGE_TXN_LATE : a->forward_txn;
}

/* What was refused is durable only with the transaction in which it is put again. */
static void touch_alerts(struct edge *e, const struct out *out)
{
    for (struct alert *a = alerts_from(e->alerts, 0); a != NULL;
         a = a->fp == UINT64_MAX ? NULL : alerts_from(e->alerts, a->fp + 1)) {
        if (!a->stored)
            continue;
        edge_set_late(e, a, true);
        a->forward_txn = edge_alert_txn(e, a, out);
    }
}

static bool write_gone(struct edge *e, struct out *out)
{
    char key[17];

    for (size_t n = 0; e->late.gone.n > 0 && n < ROWS_SLICE; n++) {
        uint64_t fp = e->late.gone.v[--e->late.gone.n];
        const struct alert *again = alerts_find(e->alerts, fp);

        if (again == NULL || !again->stored) /* else its row has replaced that one */
            out_delete(out, EDGE_ROW_ALERT, edge_alert_row_key(fp, key));
    }
    if (e->late.gone.n > 0)
        return false;
    VEC_CLEAR(&e->late.gone);
    return true;
}

static bool write_alerts(struct edge *e, struct now now, struct out *out)
{
    size_t rows = 0;

    for (size_t i = 0; e->late.alerts_n > 0 && i < LOOK_SLICE && rows < ROWS_SLICE; i++) {
        struct alert *a = alerts_from(e->alerts, e->late.next_fp);

        if (a == NULL) { /* round and round, until there are none */
            e->late.next_fp = 0;
            continue;
        }
        if (a->late) {
            if (edge_spares_store(e, out))
                return true; /* a report will come, and room with it */
            edge_put_alert_row(e, a, now, out);
            rows++;
        }
        e->late.next_fp = a->fp + 1; /* from the last one to the first */
    }
    return e->late.alerts_n == 0;
}

/* ---- steps ---- */

void edge_late_stored(struct edge *e, uint64_t txn, enum store_result result, struct now now)
{
    store_queue_stored(&e->late.queue, txn, result);
    if (result == STORE_OK) {
        e->late.moved_mono_ms = now.mono_ms;
    } else if (result == STORE_FULL) {
        if (!e->late.rows_lost || txn < e->late.lost_txn)
            e->late.lost_txn = txn;
        e->late.rows_lost = true;
    }
}

void edge_late_begin(struct edge *e, const struct out *out)
{
    nflog_postpone(e->nflog, e->started && edge_spares_store(e, out));
}

/* Which of them were refused is not known: all are put again. Silences at once, for answers may
 * depend on them. */
static void begin_again(struct edge *e, struct now now, struct out *out)
{
    if (!e->late.rows_lost)
        return;
    touch_alerts(e, out);
    nflog_touch_all(e->nflog);
    groups_touch_all(e->groups);
    edge_mute_put_rows(e, now, out);
    edge_import_put_rows(e, out);
    e->late.rows_lost = false;
}

bool edge_late_write(struct edge *e, struct now now, struct out *out)
{
    bool done;

    if (edge_spares_store(e, out))
        return true; /* until the next report */
    begin_again(e, now, out);
    if (!forward_put_again(e, e->options.store_queue_bytes / 16,
                           out)) /* the spool before the alerts: an answer needs both */
        return false;
    done = write_gone(e, out);
    done = write_alerts(e, now, out) && done;
    done = groups_write(e->groups, EDGE_ROW_GROUP, GROUP_ROWS_SLICE, now, out) && done;
    return nflog_write(e->nflog, ROWS_SLICE, out) && done;
}

static size_t rows_waiting(const struct edge *e)
{
    return e->late.alerts_n + e->late.gone.n + groups_unwritten(e->groups) +
           nflog_unwritten(e->nflog);
}

/* An overload may come and go many times a second: it is told once a minute at most, and its end
 * when its beginning was. */
static void tell(struct edge *e, struct now now, struct out *out)
{
    struct edge_late *l = &e->late;

    if (l->behind && !l->told && now.mono_ms >= l->tell_mono_ms) {
        OUT_LOG(out, LOG_WARN, "store",
                "the store is behind: rows that nobody waits for are written later",
                KV("unconfirmed_bytes", l->queue.bytes), KV("rows", rows_waiting(e)));
        l->told = true;
        l->tell_mono_ms = now.mono_ms + TELL_EVERY_MS;
    } else if (l->told && !l->behind && !l->rows_lost && rows_waiting(e) == 0) {
        OUT_LOG(out, LOG_INFO, "store", "the store has caught up", KV("times", l->times));
        l->told = false;
    }
}

void edge_late_count(struct edge *e, struct now now, struct out *out)
{
    bool behind;

    if (e->late.queue.bytes == 0)
        e->late.moved_mono_ms = now.mono_ms; /* it has had nothing to do */
    if (out_has_rows(out))
        store_queue_put(&e->late.queue, out_txn(out), out_row_bytes(out));
    behind = e->late.queue.bytes > e->options.store_queue_bytes / 4;
    e->late.times += behind && !e->late.behind;
    e->late.behind = behind;
    tell(e, now, out);
}

/* ---- life ---- */

void edge_late_metrics(const struct edge *e, struct metrics *m)
{
    const struct {
        const char *kind;
        size_t n;
    } rows[] = {{"alerts", e->late.alerts_n},
                {"alerts_gone", e->late.gone.n},
                {"groups", groups_unwritten(e->groups)},
                {"notification_log", nflog_unwritten(e->nflog)}};

    metrics_family(m, "tocsin_rows_late", "gauge",
                   "Rows that nobody waits for and that are written when the store has room.");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        metrics_u64(m, "tocsin_rows_late", &(struct metric_label){"kind", str_from(rows[i].kind)},
                    1, rows[i].n);
    metrics_gauge(m, "tocsin_store_unconfirmed_bytes",
                  "Of rows given to the store and not yet reported durable.",
                  (int64_t)e->late.queue.bytes);
    metrics_counter(m, "tocsin_store_behind_total",
                    "Times that more than a quarter of the store's queue was taken.",
                    e->late.times);
}

void edge_late_free(struct edge *e)
{
    store_queue_clear(&e->late.queue);
    VEC_CLEAR(&e->late.gone);
}

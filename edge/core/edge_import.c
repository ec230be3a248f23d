#include "edge/core/edge_import.h"

#include "common/base/json.h"
#include "common/core/gossip/import.h"
#include "common/core/metrics/metrics.h"
#include "edge/core/edge_internal.h"
#include "edge/core/edge_mute.h"

#define BAD_TOLD_MAX 10 /* of a file, one by one; all are counted */

static const char *const file_names[IMPORT_FILES] = {
    [IMPORT_SILENCES] = "silences", [IMPORT_NFLOG] = "nflog"};
static const char *const result_names[IMPORT_RESULTS] = {[IMPORT_TAKEN] = "taken",
                                                         [IMPORT_KNOWN] = "known",
                                                         [IMPORT_EXPIRED] = "expired",
                                                         [IMPORT_INVALID] = "invalid"};

const char *edge_import_file_name(enum import_file file)
{
    return file_names[file];
}

bool edge_wants_import(const struct engine *engine, enum import_file file)
{
    const struct edge *e = (const struct edge *)engine; /* the first member */

    return e->import.row[file].n == 0;
}

/* ---- records ---- */

static enum import_result take_silence(struct edge *e, const struct silence *s, struct now now,
                                       struct out *out, struct err *err)
{
    switch (silence_set_merge(e->mute->silences, s, now, err)) {
    case SILENCE_MERGED:
        edge_mute_put_silence(e, silence_set_find(e->mute->silences, s->id), out);
        return IMPORT_TAKEN;
    case SILENCE_OLD:
        return IMPORT_KNOWN;
    case SILENCE_GONE:
        return IMPORT_EXPIRED;
    case SILENCE_FULL:
        (void)err_set(err, -ENOSPC, "there are %d silences already", SILENCES_MAX);
        break;
    case SILENCE_INVALID:
        break;
    }
    (void)err_wrap(err, "silence " STR_FMT, STR_ARG(str_sub(s->id, 0, SILENCE_ID_BYTES_MAX)));
    return IMPORT_INVALID;
}

static enum import_result take_entry(struct edge *e, const struct nflog_record *r, struct now now,
                                     struct arena *a, struct out *out)
{
    static const enum import_result results[] = {
        [NFLOG_MERGED] = IMPORT_TAKEN, [NFLOG_OLD] = IMPORT_KNOWN, [NFLOG_GONE] = IMPORT_EXPIRED};
    struct nflog_told told = {.at_wall_ms = r->at_wall_ms,
                              .expires_wall_ms = r->expires_wall_ms,
                              .firing = r->firing,
                              .firing_n = r->firing_n,
                              .resolved = r->resolved,
                              .resolved_n = r->resolved_n};
    enum nflog_merge merged;
    struct buf key;

    buf_init(&key, 0);
    nflog_add_key(&key, r->group_key, r->receiver, arena_str(a, r->integration).p, r->index);
    merged = nflog_merge(e->nflog, buf_str(&key), &told, now, out);
    buf_clear(&key);
    return results[merged];
}

/* False at the end. */
static bool take_next(struct edge *e, enum import_file file, struct import *im, struct now now,
                      struct arena *scratch, struct out *out)
{
    enum import_result result = IMPORT_INVALID;
    struct nflog_record entry;
    struct silence silence;
    enum import_step step;
    struct err err = {0};

    if (file == IMPORT_SILENCES) {
        step = import_silence(im, scratch, &silence, &err);
        if (step == IMPORT_RECORD)
            result = take_silence(e, &silence, now, out, &err);
    } else {
        step = import_nflog(im, scratch, &entry, &err);
        if (step == IMPORT_RECORD)
            result = take_entry(e, &entry, now, scratch, out);
    }
    if (step == IMPORT_END)
        return false;
    if (++e->import.count[file][result] <= BAD_TOLD_MAX && result == IMPORT_INVALID)
        OUT_LOG(out, LOG_WARN, "import", "a record of an Alertmanager's file cannot be used",
                KV("file", file_names[file]), KV("err", (const char *)err.text));
    return true;
}

/* ---- files ---- */

static void put_row(const struct edge *e, enum import_file file, struct out *out)
{
    out_put(out, EDGE_ROW_IMPORT, str_from(file_names[file]), e->import.row[file]);
}

static void finish(struct edge *e, enum import_file file, size_t bytes, struct now now,
                   struct out *out)
{
    const uint64_t *count = e->import.count[file];
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "at_ms", now.wall_ms);
    json_put_i64(&w, "bytes", (int64_t)bytes);
    for (unsigned i = 0; i < IMPORT_RESULTS; i++)
        json_put_i64(&w, result_names[i], (int64_t)count[i]);
    json_close_object(&w);
    e->import.row[file] = arena_str(e->arena, buf_str(&b));
    buf_clear(&b);
    put_row(e, file, out);
    OUT_LOG(out, count[IMPORT_INVALID] > 0 ? LOG_WARN : LOG_INFO, "import",
            "taken over from an Alertmanager", KV("file", file_names[file]), KV("bytes", bytes),
            KV("taken", count[IMPORT_TAKEN]), KV("known", count[IMPORT_KNOWN]),
            KV("expired", count[IMPORT_EXPIRED]), KV("invalid", count[IMPORT_INVALID]));
}

void edge_import(struct edge *e, const struct engine_import *in, struct now now, struct out *out)
{
    struct import im = {.records = in->records, .base = in->at};
    struct arena *scratch = arena_new(0);

    while (take_next(e, in->file, &im, now, scratch, out))
        arena_reset(scratch);
    arena_free(scratch);
    if (in->last)
        finish(e, in->file, in->at + in->records.n, now, out);
}

void edge_import_restore(struct edge *e, struct str key, struct str value)
{
    for (unsigned i = 0; i < IMPORT_FILES; i++) {
        if (str_eq_c(key, file_names[i]) && value.n > 0)
            e->import.row[i] = arena_str(e->arena, value);
    }
}

void edge_import_put_rows(struct edge *e, struct out *out)
{
    for (unsigned i = 0; i < IMPORT_FILES; i++) {
        if (e->import.row[i].n > 0)
            put_row(e, (enum import_file)i, out);
    }
}

void edge_import_metrics(const struct edge *e, struct metrics *m)
{
    metrics_family(m, "tocsin_import_records_total", "counter",
                   "Records in the files of an Alertmanager that were read at the start.");
    for (unsigned i = 0; i < IMPORT_FILES; i++) {
        for (unsigned k = 0; k < IMPORT_RESULTS; k++)
            metrics_u64(m, "tocsin_import_records_total",
                        (struct metric_label[]){{"file", str_from(file_names[i])},
                                                {"result", str_from(result_names[k])}},
                        2, e->import.count[i][k]);
    }
}

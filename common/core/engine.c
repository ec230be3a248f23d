#include "common/core/engine.h"

#include "common/base/json.h"
#include "common/base/vec.h"

#include <assert.h>

/* The vectors of one step lie in the arena: they grow by doubling and leave the old copy to the
 * arena's reset. */
struct out {
    struct engine *engine;
    struct arena *arena;
    struct engine_output o;
    uint64_t row_bytes;
    size_t replies_cap, sends_cap, rows_cap, logs_cap, ledger_cap;
};

static void *slot(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
    void *grown;

    if (n < *cap)
        return v;
    *cap = *cap == 0 ? 8 : *cap * 2;
    grown = arena_alloc_array(a, *cap, size);
    if (n > 0)
        memcpy(grown, v, n * size);
    return grown;
}

/* What the output shows as const is ours to write as long as the step lasts. */
static void *writable(const void *p)
{
    union {
        const void *shown;
        void *ours;
    } u = {p};

    return u.ours;
}

/* A zeroed new element of one of the output's vectors. */
#define APPEND(out, type, field) \
    (((out)->o.field = slot((out)->arena, writable((out)->o.field), (out)->o.field##_n, \
                            &(out)->field##_cap, sizeof(type))), \
     (type *)writable(&(out)->o.field[(out)->o.field##_n++]))

struct engine_output engine_step(struct engine *e, const struct engine_input *in,
                                 struct arena *arena)
{
    struct out out = {.engine = e, .arena = arena};

    out.o.wake_mono_ms = e->ops->step(e, in, &out);
    if (out.o.rows_n > 0)
        out.o.txn = e->next_txn++;
    return out.o;
}

void engine_free(struct engine *e)
{
    if (e != NULL)
        e->ops->free(e);
}

uint64_t engine_digest(const struct engine *e)
{
    return e->ops->digest(e);
}

struct arena *out_arena(struct out *out)
{
    return out->arena;
}

void out_reply(struct out *out, const struct engine_reply *reply)
{
    *APPEND(out, struct engine_reply, replies) = *reply;
}

void out_reply_json(struct out *out, uint64_t request_id, int status, struct str body)
{
    out_reply(out, &(struct engine_reply){.request_id = request_id,
                                          .status = status,
                                          .content_type = "application/json",
                                          .body = body});
}

void out_reply_error(struct out *out, uint64_t request_id, int status, const char *fmt, ...)
{
    char text[1024];
    struct buf b;
    struct json_writer w;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "error", str_from(text));
    json_close_object(&w);
    out_reply_json(out, request_id, status, arena_str(out->arena, buf_str(&b)));
    buf_clear(&b);
}

uint64_t out_next_send_id(struct out *out)
{
    return ++out->engine->next_send_id;
}

uint64_t out_send(struct out *out, const struct engine_send *send)
{
    struct engine_send *s = APPEND(out, struct engine_send, sends);

    *s = *send;
    if (s->id == 0)
        s->id = out_next_send_id(out);
    return s->id;
}

void out_put(struct out *out, uint32_t kind, struct str key, struct str value)
{
    *APPEND(out, struct row_op, rows) = (struct row_op){
        .kind = kind, .key = arena_str(out->arena, key), .value = arena_str(out->arena, value)};
    out->row_bytes += sizeof(struct row_op) + key.n + value.n;
}

void out_delete(struct out *out, uint32_t kind, struct str key)
{
    *APPEND(out, struct row_op, rows) =
        (struct row_op){.kind = kind, .key = arena_str(out->arena, key), .remove = true};
    out->row_bytes += sizeof(struct row_op) + key.n;
}

uint64_t out_txn(const struct out *out)
{
    return out->engine->next_txn;
}

bool out_has_rows(const struct out *out)
{
    return out->o.rows_n > 0;
}

uint64_t out_row_bytes(const struct out *out)
{
    return out->o.rows_n > 0 ? ENGINE_TXN_BYTES + out->row_bytes : 0;
}

void out_log(struct out *out, enum log_level level, const char *component, const char *msg,
             const struct log_kv *kv, size_t kv_n)
{
    struct log_kv *copy = ARENA_ARRAY(out->arena, struct log_kv, kv_n);

    for (size_t i = 0; i < kv_n; i++) {
        copy[i] = kv[i];
        if (kv[i].kind == LOG_KV_STR)
            copy[i].s = arena_str(out->arena, kv[i].s);
    }
    *APPEND(out, struct log_record, logs) = (struct log_record){
        .level = level, .component = component, .msg = msg, .kv = copy, .kv_n = kv_n};
}

void out_ledger(struct out *out, const struct ledger_row *row)
{
    struct ledger_row *r = APPEND(out, struct ledger_row, ledger);
    struct str *texts[] = {&r->site,   &r->stream, &r->node,  &r->incident,
                           &r->target, &r->reason, &r->cause, &r->what};

    assert(row->verdict < LEDGER_VERDICTS);
    *r = *row;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i]->n > 0)
            *texts[i] = arena_str(out->arena, *texts[i]);
    }
}

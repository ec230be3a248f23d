#include "common/core/gossip/nflog_record.h"

#include "common/core/gossip/pb_time.h"

enum { MESH_ENTRY = 1, MESH_EXPIRES_AT = 2 };
enum { GROUP_KEY = 1, RECEIVER = 2, TIMESTAMP = 5, FIRING = 6, RESOLVED = 7 };
enum { RECEIVER_NAME = 1, RECEIVER_INTEGRATION = 2, RECEIVER_INDEX = 3 };
/* Of `unread`, which is a message of ours. */
enum {
    UNREAD_ENTRY = 1, /* fields of Entry as they stood */
    UNREAD_MESH = 2,  /* fields of MeshEntry as they stood */
    UNREAD_AT = 3,    /* Timestamp */
    UNREAD_EXPIRES = 4
};

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct nflog_record e;
    struct pb_time at, expires;
    struct pb_u64s firing, resolved;
    bool has_receiver;
    struct buf entry_rest, mesh_rest;
};

static bool read_receiver(struct reading *g, struct pb_reader *parent, const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    uint64_t index = g->e.index;
    struct pb_field f;

    if (field->type != PB_BYTES)
        return false;
    g->has_receiver = true;
    while (pb_next(&r, &f)) {
        if (f.number == RECEIVER_NAME)
            (void)pb_get_text(&r, &f, &g->e.receiver);
        else if (f.number == RECEIVER_INTEGRATION)
            (void)pb_get_text(&r, &f, &g->e.integration);
        else if (f.number == RECEIVER_INDEX)
            (void)pb_get_u64(&f, &index);
    }
    g->e.index = (uint32_t)index; /* as Google's readers cut it */
    return true;
}

static void read_entry(struct reading *g, struct pb_reader *parent, const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    struct pb_field f;

    while (pb_next(&r, &f)) {
        bool known = false;

        switch (f.number) {
        case GROUP_KEY: /* bytes, but it is text: it has been made of valid parts */
            known = pb_get_text(&r, &f, &g->e.group_key);
            break;
        case RECEIVER:
            known = read_receiver(g, &r, &f);
            break;
        case TIMESTAMP:
            known = pb_get_time(&r, &f, &g->at);
            break;
        case FIRING:
            known = pb_get_u64s(&r, &f, NFLOG_RECORD_ALERTS_MAX, g->arena, &g->firing);
            break;
        case RESOLVED:
            known = pb_get_u64s(&r, &f, NFLOG_RECORD_ALERTS_MAX, g->arena, &g->resolved);
            break;
        default:
            break;
        }
        if (!known)
            buf_add_str(&g->entry_rest, f.whole);
    }
}

static void read_mesh(struct reading *g, struct pb_reader *r)
{
    bool has_entry = false;
    struct pb_field f;

    while (pb_next(r, &f)) {
        if (f.number == MESH_ENTRY && f.type == PB_BYTES) {
            has_entry = true;
            read_entry(g, r, &f);
        } else if (f.number != MESH_EXPIRES_AT || !pb_get_time(r, &f, &g->expires)) {
            buf_add_str(&g->mesh_rest, f.whole);
        }
    }
    if (!has_entry)
        pb_fail(r, r->base, "no entry in it");
    else if (!g->has_receiver)
        pb_fail(r, r->base, "no receiver in it");
    else if (g->e.group_key.n == 0)
        pb_fail(r, r->base, "no group key in it");
}

static void put_fine_time(struct buf *b, uint32_t number, struct pb_time t)
{
    if (t.nanos % 1000000 != 0)
        pb_add_time(b, number, t);
}

static void finish(struct reading *g)
{
    struct nflog_record *e = &g->e;
    struct buf unread;

    e->at_wall_ms = pb_time_ms(g->at);
    e->expires_wall_ms = pb_time_ms(g->expires);
    e->firing = g->firing.v;
    e->firing_n = g->firing.n;
    e->resolved = g->resolved.v;
    e->resolved_n = g->resolved.n;
    buf_init(&unread, 0);
    pb_put_bytes(&unread, UNREAD_ENTRY, buf_str(&g->entry_rest));
    pb_put_bytes(&unread, UNREAD_MESH, buf_str(&g->mesh_rest));
    put_fine_time(&unread, UNREAD_AT, g->at);
    put_fine_time(&unread, UNREAD_EXPIRES, g->expires);
    e->unread = arena_str(g->arena, buf_str(&unread));
    buf_clear(&unread);
}

int nflog_record_read(struct str record, size_t base, struct arena *a, struct nflog_record *ret,
                      struct err *err)
{
    struct reading g = {
        .arena = a, .e = {.group_key = STR_EMPTY, .receiver = STR_EMPTY, .integration = STR_EMPTY}};
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(record, base, &fault);
    int rc;

    buf_init(&g.entry_rest, NFLOG_RECORD_BYTES_MAX);
    buf_init(&g.mesh_rest, NFLOG_RECORD_BYTES_MAX);
    if (record.n > NFLOG_RECORD_BYTES_MAX)
        pb_fail(&r, base, "a message longer than is taken");
    read_mesh(&g, &r);
    rc = pb_result(&fault, "notification log entry", err);
    if (rc == 0) {
        finish(&g);
        *ret = g.e;
    }
    buf_clear(&g.entry_rest);
    buf_clear(&g.mesh_rest);
    return rc;
}

/* ---- writing ---- */

struct unread {
    struct str entry_rest, mesh_rest;
    struct pb_time at, expires; /* zeroed: not given */
};

/* What cannot be read of it is left out: it is ours, and was read when it was made. */
static struct unread unread_of(struct str bytes)
{
    struct unread u = {.entry_rest = STR_EMPTY, .mesh_rest = STR_EMPTY};
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(bytes, 0, &fault);
    struct pb_field f;

    while (pb_next(&r, &f)) {
        if (f.number == UNREAD_ENTRY)
            u.entry_rest = f.bytes;
        else if (f.number == UNREAD_MESH)
            u.mesh_rest = f.bytes;
        else if (f.number == UNREAD_AT)
            (void)pb_get_time(&r, &f, &u.at);
        else if (f.number == UNREAD_EXPIRES)
            (void)pb_get_time(&r, &f, &u.expires);
    }
    return u;
}

/* The time as it was read if it still is the same, else the entry's own. */
static void add_ms(struct buf *b, uint32_t number, int64_t ms, struct pb_time fine)
{
    pb_add_time(b, number, pb_time_ms(fine) == ms ? fine : pb_time_of_ms(ms));
}

void nflog_record_add(struct buf *b, const struct nflog_record *e)
{
    struct unread u = unread_of(e->unread);
    size_t entry = pb_open(b, MESH_ENTRY), receiver;

    pb_put_bytes(b, GROUP_KEY, e->group_key);
    receiver = pb_open(b, RECEIVER);
    pb_put_bytes(b, RECEIVER_NAME, e->receiver);
    pb_put_bytes(b, RECEIVER_INTEGRATION, e->integration);
    pb_put_u64(b, RECEIVER_INDEX, e->index);
    pb_close(b, receiver);
    add_ms(b, TIMESTAMP, e->at_wall_ms, u.at);
    pb_put_u64s(b, FIRING, e->firing, e->firing_n);
    pb_put_u64s(b, RESOLVED, e->resolved, e->resolved_n);
    buf_add_str(b, u.entry_rest);
    pb_close(b, entry);
    add_ms(b, MESH_EXPIRES_AT, e->expires_wall_ms, u.expires);
    buf_add_str(b, u.mesh_rest);
}

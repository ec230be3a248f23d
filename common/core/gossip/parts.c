#include "common/core/gossip/parts.h"

enum { PART_KEY = 1, PART_DATA = 2, FULL_STATE_PARTS = 1 };

static struct part read_part(struct pb_reader *r)
{
    struct part p = {.key = STR_EMPTY, .data = STR_EMPTY};
    struct pb_field f;

    while (pb_next(r, &f)) {
        if (f.number == PART_KEY) {
            (void)pb_get_text(r, &f, &p.key);
        } else if (f.number == PART_DATA && f.type == PB_BYTES) {
            p.data = f.bytes;
            p.data_at = f.bytes_at;
        }
    }
    return p;
}

int part_read(struct str bytes, struct part *ret, struct err *err)
{
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(bytes, 0, &fault);
    struct part p = read_part(&r);
    int rc = pb_result(&fault, "part", err);

    if (rc == 0)
        *ret = p;
    return rc;
}

void part_add(struct buf *b, struct str key, struct str data)
{
    pb_put_bytes(b, PART_KEY, key);
    pb_put_bytes(b, PART_DATA, data);
}

void full_state_begin(struct full_state *f, struct str bytes)
{
    f->fault = (struct pb_fault){0};
    f->reader = pb_reader(bytes, 0, &f->fault);
}

bool full_state_next(struct full_state *f, struct part *ret)
{
    struct pb_field field;

    while (pb_next(&f->reader, &field)) {
        struct pb_reader r;
        struct part p;

        if (field.number != FULL_STATE_PARTS || field.type != PB_BYTES)
            continue;
        r = pb_within(&f->reader, &field);
        p = read_part(&r);
        if (f->fault.why != NULL)
            return false;
        *ret = p;
        return true;
    }
    return false;
}

int full_state_result(const struct full_state *f, struct err *err)
{
    return pb_result(&f->fault, "full state", err);
}

void full_state_add(struct buf *b, struct str key, struct str data)
{
    size_t opened = pb_open(b, FULL_STATE_PARTS);

    part_add(b, key, data);
    pb_close(b, opened);
}

#include "common/core/gossip/pb.h"

#include "common/base/utf8.h"

#define VARINT_BYTES_MAX 10
#define FIELD_NUMBER_MAX ((UINT32_C(1) << 29) - 1)

/* ---- reading ---- */

struct pb_reader pb_reader(struct str bytes, size_t base, struct pb_fault *fault)
{
    return (struct pb_reader){.bytes = bytes, .base = base, .fault = fault};
}

struct pb_reader pb_within(const struct pb_reader *r, const struct pb_field *f)
{
    return pb_reader(f->bytes, f->bytes_at, r->fault);
}

void pb_fail(struct pb_reader *r, size_t at, const char *why)
{
    if (r->fault->why == NULL)
        *r->fault = (struct pb_fault){.why = why, .at = at};
}

int pb_result(const struct pb_fault *fault, const char *what, struct err *err)
{
    if (fault->why == NULL)
        return 0;
    return err_set(err, -EINVAL, "%s: at byte %zu: %s", what, fault->at, fault->why);
}

/* Reads at r->at; a fault is told of the place where the varint begins. */
static uint64_t read_varint(struct pb_reader *r)
{
    size_t begin = r->base + r->at;
    uint64_t v = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte;

        if (r->at == r->bytes.n) {
            pb_fail(r, begin, "the message ends within a number");
            return 0;
        }
        byte = (uint8_t)r->bytes.p[r->at++];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return v;
    }
    pb_fail(r, begin, "a number of more than 64 bits");
    return 0;
}

static uint64_t read_fixed(struct pb_reader *r, size_t n)
{
    uint64_t v = 0;

    if (r->bytes.n - r->at < n) {
        pb_fail(r, r->base + r->at, "the message ends within a number");
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)(uint8_t)r->bytes.p[r->at + i] << (8 * i);
    r->at += n;
    return v;
}

static void read_bytes(struct pb_reader *r, size_t max_bytes, struct pb_field *f)
{
    size_t begin = r->base + r->at;
    uint64_t n = read_varint(r);

    if (r->fault->why != NULL)
        return;
    if (n > max_bytes) {
        pb_fail(r, begin, "a message longer than is taken");
    } else if (n > r->bytes.n - r->at) {
        pb_fail(r, begin, "a length beyond the end of the message");
    } else {
        f->bytes = str_sub(r->bytes, r->at, r->at + n);
        f->bytes_at = r->base + r->at;
        r->at += n;
    }
}

static void read_value(struct pb_reader *r, unsigned type, struct pb_field *f)
{
    switch (type) {
    case PB_VARINT:
        f->value = read_varint(r);
        break;
    case PB_FIXED64:
        f->value = read_fixed(r, 8);
        break;
    case PB_FIXED32:
        f->value = read_fixed(r, 4);
        break;
    case PB_BYTES:
        read_bytes(r, SIZE_MAX, f);
        break;
    default:
        pb_fail(r, f->at, "a field of a type that is not taken");
    }
}

bool pb_next(struct pb_reader *r, struct pb_field *ret)
{
    struct pb_field f = {.at = r->base + r->at};
    size_t begin = r->at;
    uint64_t tag;

    if (r->fault->why != NULL || r->at == r->bytes.n)
        return false;
    tag = read_varint(r);
    if (r->fault->why == NULL && (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX))
        pb_fail(r, f.at, "no field has this number");
    if (r->fault->why == NULL) {
        f.number = (uint32_t)(tag >> 3);
        f.type = (enum pb_type)(tag & 7);
        read_value(r, tag & 7, &f);
    }
    if (r->fault->why != NULL)
        return false;
    f.whole = str_sub(r->bytes, begin, r->at);
    *ret = f;
    return true;
}

bool pb_next_delimited(struct pb_reader *r, size_t max_bytes, struct pb_field *ret)
{
    struct pb_field f = {.at = r->base + r->at, .type = PB_BYTES};
    size_t begin = r->at;

    if (r->fault->why != NULL || r->at == r->bytes.n)
        return false;
    read_bytes(r, max_bytes, &f);
    if (r->fault->why != NULL)
        return false;
    f.whole = str_sub(r->bytes, begin, r->at);
    *ret = f;
    return true;
}

bool pb_get_text(struct pb_reader *r, const struct pb_field *f, struct str *ret)
{
    if (f->type != PB_BYTES)
        return false;
    if (!utf8_valid(f->bytes))
        pb_fail(r, f->bytes_at, "text that is no UTF-8");
    *ret = f->bytes;
    return true;
}

bool pb_get_u64(const struct pb_field *f, uint64_t *ret)
{
    if (f->type != PB_VARINT)
        return false;
    *ret = f->value;
    return true;
}

static void u64s_add(struct pb_u64s *list, uint64_t v, struct arena *a)
{
    if (list->n == list->cap) {
        size_t cap = list->cap > 0 ? 2 * list->cap : 8;
        uint64_t *larger = ARENA_ARRAY(a, uint64_t, cap);

        if (list->n > 0)
            memcpy(larger, list->v, list->n * sizeof(*larger));
        list->v = larger;
        list->cap = cap;
    }
    list->v[list->n++] = v;
}

bool pb_get_u64s(struct pb_reader *r, const struct pb_field *f, size_t max, struct arena *a,
                 struct pb_u64s *list)
{
    struct pb_reader packed = pb_within(r, f);

    if (f->type != PB_BYTES && f->type != PB_VARINT)
        return false;
    if (f->type == PB_VARINT && list->n < max) {
        u64s_add(list, f->value, a);
        return true;
    }
    while (f->type == PB_BYTES && packed.at < packed.bytes.n && list->n < max) {
        uint64_t v = read_varint(&packed);

        if (r->fault->why != NULL)
            return true;
        u64s_add(list, v, a);
    }
    if (f->type == PB_VARINT || packed.at < packed.bytes.n)
        pb_fail(r, f->at, "a longer list than is taken");
    return true;
}

/* ---- writing ---- */

static size_t varint_bytes(uint64_t v, char ret[VARINT_BYTES_MAX])
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        ret[n++] = (char)(v | 0x80);
    ret[n++] = (char)v;
    return n;
}

void pb_add_varint(struct buf *b, uint64_t v)
{
    char bytes[VARINT_BYTES_MAX];

    buf_add(b, bytes, varint_bytes(v, bytes));
}

static void add_tag(struct buf *b, uint32_t number, enum pb_type type)
{
    pb_add_varint(b, (uint64_t)number << 3 | type);
}

void pb_add_u64(struct buf *b, uint32_t number, uint64_t v)
{
    add_tag(b, number, PB_VARINT);
    pb_add_varint(b, v);
}

void pb_put_u64(struct buf *b, uint32_t number, uint64_t v)
{
    if (v != 0)
        pb_add_u64(b, number, v);
}

void pb_add_bytes(struct buf *b, uint32_t number, struct str bytes)
{
    add_tag(b, number, PB_BYTES);
    pb_add_varint(b, bytes.n);
    buf_add_str(b, bytes);
}

void pb_put_bytes(struct buf *b, uint32_t number, struct str bytes)
{
    if (bytes.n > 0)
        pb_add_bytes(b, number, bytes);
}

void pb_put_u64s(struct buf *b, uint32_t number, const uint64_t *v, size_t n)
{
    size_t opened;

    if (n == 0)
        return;
    opened = pb_open(b, number);
    for (size_t i = 0; i < n; i++)
        pb_add_varint(b, v[i]);
    pb_close(b, opened);
}

size_t pb_open(struct buf *b, uint32_t number)
{
    if (number > 0)
        add_tag(b, number, PB_BYTES);
    return b->n;
}

/* The length stands before the content, and is known only now. */
void pb_close(struct buf *b, size_t opened)
{
    size_t content = b->n - opened, n;
    char length[VARINT_BYTES_MAX];

    n = varint_bytes(content, length);
    buf_add(b, length, n); /* makes room */
    if (b->overflow)
        return;
    memmove(b->p + opened + n, b->p + opened, content);
    memcpy(b->p + opened, length, n);
}

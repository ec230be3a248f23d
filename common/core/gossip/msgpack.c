#include "common/core/gossip/msgpack.h"

#include <assert.h>

struct msgpack msgpack_reader(struct str bytes)
{
    return (struct msgpack){.bytes = bytes};
}

void msgpack_fail(struct msgpack *m, const char *why)
{
    if (m->why == NULL)
        m->why = why;
}

/* The next n bytes, or NULL. */
static const char *take(struct msgpack *m, size_t n)
{
    const char *p;

    if (m->why != NULL)
        return NULL;
    if (n > m->bytes.n - m->at) {
        m->why = "the bytes end within a value";
        m->more = true;
        return NULL;
    }
    p = n > 0 ? m->bytes.p + m->at : "";
    m->at += n;
    return p;
}

static uint64_t take_number(struct msgpack *m, size_t bytes)
{
    const uint8_t *p = (const uint8_t *)take(m, bytes);
    uint64_t v = 0;

    for (size_t i = 0; p != NULL && i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static void set_raw(struct msgpack *m, struct msgpack_value *v, uint64_t n)
{
    v->kind = MSGPACK_RAW;
    v->raw.p = take(m, n <= SIZE_MAX ? (size_t)n : SIZE_MAX);
    v->raw.n = v->raw.p != NULL ? (size_t)n : 0;
}

static void set_signed(struct msgpack_value *v, uint64_t raw, unsigned bytes)
{
    bool negative = raw >> (8 * bytes - 1) != 0;

    v->kind = negative ? MSGPACK_NEGATIVE : MSGPACK_NUMBER;
    v->number = negative ? 0 : raw;
}

/* Heads from c0 on, where the byte alone says little. */
static void read_long(struct msgpack *m, uint8_t head, struct msgpack_value *v)
{
    unsigned power = head & 3; /* of two: the width of length or number, where heads come in four */

    switch (head) {
    case 0xc0:
        v->kind = MSGPACK_NIL;
        break;
    case 0xc2:
    case 0xc3:
        v->kind = MSGPACK_BOOL;
        v->number = head & 1;
        break;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        set_raw(m, v, take_number(m, (size_t)1 << power));
        break;
    case 0xca: /* floats; only ever skipped */
    case 0xcb:
        v->kind = MSGPACK_NEGATIVE;
        (void)take_number(m, head == 0xca ? 4 : 8);
        break;
    case 0xcc: /* uint 8 to 64 */
    case 0xcd:
    case 0xce:
    case 0xcf:
        v->kind = MSGPACK_NUMBER;
        v->number = take_number(m, (size_t)1 << power);
        break;
    case 0xd0: /* int 8 to 64 */
    case 0xd1:
    case 0xd2:
    case 0xd3:
        set_signed(v, take_number(m, (size_t)1 << power), 1U << power);
        break;
    case 0xd9: /* str 8, raw 16, raw 32 */
    case 0xda:
    case 0xdb:
        set_raw(m, v, take_number(m, (size_t)1 << (power - 1)));
        break;
    case 0xdc: /* array 16, 32; map 16, 32 */
    case 0xdd:
    case 0xde:
    case 0xdf:
        v->kind = head < 0xde ? MSGPACK_ARRAY : MSGPACK_MAP;
        v->number = take_number(m, (head & 1) != 0 ? 4 : 2);
        break;
    default:
        msgpack_fail(m, "a form that MessagePack's old specification lacks");
    }
}

bool msgpack_next(struct msgpack *m, struct msgpack_value *ret)
{
    const char *p = take(m, 1);
    struct msgpack_value v = {0};
    uint8_t head;

    if (p == NULL)
        return false;
    head = (uint8_t)*p;
    if (head < 0x80) {
        v.kind = MSGPACK_NUMBER;
        v.number = head;
    } else if (head < 0xa0) {
        v.kind = head < 0x90 ? MSGPACK_MAP : MSGPACK_ARRAY;
        v.number = head & 15;
    } else if (head < 0xc0) {
        set_raw(m, &v, head & 31);
    } else if (head >= 0xe0) {
        v.kind = MSGPACK_NEGATIVE;
    } else {
        read_long(m, head, &v);
    }
    if (m->why != NULL)
        return false;
    *ret = v;
    return true;
}

bool msgpack_skip(struct msgpack *m)
{
    uint64_t left[MSGPACK_DEPTH_MAX + 1] = {1};
    size_t depth = 0;

    for (;;) {
        struct msgpack_value v;

        while (left[depth] == 0) {
            if (depth == 0)
                return true;
            depth--;
        }
        if (++m->skipped > MSGPACK_ELEMENTS_MAX) {
            msgpack_fail(m, "too many values to skip");
            return false;
        }
        if (!msgpack_next(m, &v))
            return false;
        left[depth]--;
        if (v.kind != MSGPACK_ARRAY && v.kind != MSGPACK_MAP)
            continue;
        if (depth == MSGPACK_DEPTH_MAX) {
            msgpack_fail(m, "values nested too deep");
            return false;
        }
        left[++depth] = v.kind == MSGPACK_MAP ? 2 * v.number : v.number;
    }
}

static void add_head(struct buf *b, uint8_t head, uint64_t v, unsigned bytes)
{
    char text[9] = {(char)head};

    for (unsigned i = 0; i < bytes; i++)
        text[1 + i] = (char)(v >> (8 * (bytes - 1 - i)));
    buf_add(b, text, 1 + (size_t)bytes);
}

void msgpack_add_map(struct buf *b, size_t pairs)
{
    assert(pairs < 16);
    add_head(b, (uint8_t)(0x80 | pairs), 0, 0);
}

void msgpack_add_raw(struct buf *b, struct str text)
{
    assert(text.n <= UINT32_MAX);
    if (text.p == NULL) {
        add_head(b, 0xc0, 0, 0);
        return;
    }
    if (text.n < 32)
        add_head(b, (uint8_t)(0xa0 | text.n), 0, 0);
    else if (text.n <= UINT16_MAX)
        add_head(b, 0xda, text.n, 2);
    else
        add_head(b, 0xdb, text.n, 4);
    buf_add_str(b, text);
}

void msgpack_add_number(struct buf *b, uint64_t v)
{
    if (v < 0x80)
        add_head(b, (uint8_t)v, 0, 0);
    else if (v <= UINT8_MAX)
        add_head(b, 0xcc, v, 1);
    else if (v <= UINT16_MAX)
        add_head(b, 0xcd, v, 2);
    else if (v <= UINT32_MAX)
        add_head(b, 0xce, v, 4);
    else
        add_head(b, 0xcf, v, 8);
}

void msgpack_add_bool(struct buf *b, bool v)
{
    add_head(b, v ? 0xc3 : 0xc2, 0, 0);
}

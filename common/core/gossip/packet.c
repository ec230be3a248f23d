#include "common/core/gossip/packet.h"

#include "common/base/hash.h"
#include "common/core/gossip/lzw.h"

#include <assert.h>
#include <errno.h>

static uint32_t load_u32be(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static uint8_t type_of(struct str s)
{
    return s.n > 0 ? (uint8_t)s.p[0] : UINT8_MAX;
}

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EINVAL;
}

static int take_label(struct str *rest, struct str label, struct packet *ret, const char **why)
{
    struct str found = STR_EMPTY;

    if (type_of(*rest) == WIRE_LABEL) {
        size_t n = rest->n > 1 ? (uint8_t)rest->p[1] : 0;

        if (n == 0 || rest->n < 2 + n)
            return refuse(why, "a label that is empty or cut off");
        found = str_sub(*rest, 2, 2 + n);
        *rest = str_sub(*rest, 2 + n, rest->n);
    }
    if (str_eq(found, label))
        return 0;
    ret->foreign = true;
    return refuse(why, "the label of another cluster");
}

static int take_crc(struct str *rest, struct packet *ret, const char **why)
{
    if (type_of(*rest) != WIRE_CRC || rest->n < 5)
        return 0;
    if (crc32_ieee(0, rest->p + 5, rest->n - 5) != load_u32be(rest->p + 1))
        return refuse(why, "the CRC does not agree");
    *rest = str_sub(*rest, 5, rest->n);
    ret->checked = true;
    return 0;
}

static int take_compress(struct str *rest, struct arena *a, struct packet *ret, const char **why)
{
    struct wire_message m;
    struct buf plain;
    int r;

    if (type_of(*rest) != WIRE_COMPRESS)
        return 0;
    r = wire_read(*rest, &m, why);
    if (r < 0)
        return r;
    if (m.compress.algorithm != 0)
        return refuse(why, "compressed in an unknown way");
    buf_init(&plain, PACKET_BYTES_MAX);
    r = lzw_expand(m.compress.bytes, &plain, why);
    if (r == 0)
        *rest = arena_str(a, buf_str(&plain));
    buf_clear(&plain);
    ret->expanded = true;
    return r;
}

/* When the bytes run out the messages before the cut are handled all the same. */
static int split(struct str rest, struct packet *ret, const char **why)
{
    size_t n = rest.n > 1 ? (uint8_t)rest.p[1] : 0, at = 2 + 2 * n;

    if (n == 0 || rest.n < at)
        return refuse(why, "a compound without its table");
    ret->compound = true;
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)(uint8_t)rest.p[2 + 2 * i] << 8 | (uint8_t)rest.p[3 + 2 * i];

        if (size > rest.n - at) {
            ret->truncated = true;
            break;
        }
        ret->v[ret->n++] = str_sub(rest, at, at + size);
        at += size;
    }
    return 0;
}

static bool is_envelope(struct str message)
{
    uint8_t type = type_of(message);

    return type == WIRE_COMPOUND || type == WIRE_COMPRESS || type == WIRE_CRC ||
           type == WIRE_LABEL || type == WIRE_ENCRYPT;
}

int packet_read(struct str datagram, struct str label, struct arena *a, struct packet *ret,
                const char **why)
{
    struct str rest = datagram;
    int r;

    ret->n = 0;
    ret->checked = ret->expanded = ret->compound = ret->truncated = ret->foreign = false;
    if (datagram.n > PACKET_BYTES_MAX)
        return refuse(why, "a datagram too long");
    if ((r = take_label(&rest, label, ret, why)) < 0 || (r = take_crc(&rest, ret, why)) < 0 ||
        (r = take_compress(&rest, a, ret, why)) < 0)
        return r;
    if (rest.n == 0)
        return refuse(why, "an empty datagram");
    if (type_of(rest) == WIRE_COMPOUND) {
        r = split(rest, ret, why);
        if (r < 0)
            return r;
    } else {
        ret->v[ret->n++] = rest;
    }
    for (size_t i = 0; i < ret->n; i++)
        if (is_envelope(ret->v[i]))
            return refuse(why, "an envelope within another, out of order");
    return 0;
}

static void add_u32be(char *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (char)(v >> (24 - 8 * i));
}

void packet_add(struct buf *b, struct str label, bool with_crc, const struct str *messages,
                size_t n)
{
    size_t crc_at;

    assert(n > 0 && n <= PACKET_PARTS_MAX && label.n <= WIRE_LABEL_MAX);
    if (label.n > 0) {
        buf_add_char(b, (char)WIRE_LABEL);
        buf_add_char(b, (char)label.n);
        buf_add_str(b, label);
    }
    crc_at = b->n;
    if (with_crc)
        buf_add(b, "\x0c\0\0\0\0", 5);
    if (n > 1) {
        buf_add_char(b, (char)WIRE_COMPOUND);
        buf_add_char(b, (char)n);
        for (size_t i = 0; i < n; i++) {
            assert(messages[i].n <= UINT16_MAX);
            buf_add_char(b, (char)(messages[i].n >> 8));
            buf_add_char(b, (char)messages[i].n);
        }
    }
    for (size_t i = 0; i < n; i++)
        buf_add_str(b, messages[i]);
    if (with_crc && !b->overflow)
        add_u32be(b->p + crc_at + 1, crc32_ieee(0, b->p + crc_at + 5, b->n - crc_at - 5));
}

/* The bytes: MessagePack, LZW, messages, datagrams, streams. */
#include "tests/lib/test.h"

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/core/gossip/lzw.h"
#include "common/core/gossip/packet.h"
#include "common/core/gossip/stream.h"
#include "tests/lib/lzw_compress.h"

#include <stdlib.h>

/* For expressions, too; GCC takes such a literal in a static table. */
#define BYTES(literal) ((struct str)STR_INIT(literal))

static struct arena *arena;

static int arena_setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_bytes_eq(struct str got, struct str want)
{
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.p, want.p, want.n);
}

/* ---- MessagePack ---- */

static void test_numbers_are_read_in_all_forms_and_written_in_the_shortest(void **state)
{
    static const struct {
        struct str bytes;
        enum msgpack_kind kind;
        uint64_t number;
        bool shortest;
    } cases[] = {
        {BYTES("\x00"), MSGPACK_NUMBER, 0, true},
        {BYTES("\x7f"), MSGPACK_NUMBER, 127, true},
        {BYTES("\xcc\x80"), MSGPACK_NUMBER, 128, true},
        {BYTES("\xcd\x01\x00"), MSGPACK_NUMBER, 256, true},
        {BYTES("\xce\x00\x01\x00\x00"), MSGPACK_NUMBER, 65536, true},
        {BYTES("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), MSGPACK_NUMBER, UINT64_C(1) << 32, true},
        {BYTES("\xcc\x05"), MSGPACK_NUMBER, 5, false},
        {BYTES("\xd0\x7f"), MSGPACK_NUMBER, 127, false},
        {BYTES("\xd1\x01\x00"), MSGPACK_NUMBER, 256, false},
        {BYTES("\xd2\x00\x01\x00\x00"), MSGPACK_NUMBER, 65536, false},
        {BYTES("\xd3\x00\x00\x00\x00\x00\x00\x00\x09"), MSGPACK_NUMBER, 9, false},
        {BYTES("\xff"), MSGPACK_NEGATIVE, 0, false},
        {BYTES("\xd0\x80"), MSGPACK_NEGATIVE, 0, false},
        {BYTES("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), MSGPACK_NEGATIVE, 0, false},
        {BYTES("\xcb\0\0\0\0\0\0\0\0"), MSGPACK_NEGATIVE, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct msgpack m = msgpack_reader(cases[i].bytes);
        struct msgpack_value v;
        struct buf b;

        assert_true(msgpack_next(&m, &v));
        assert_int_equal(v.kind, cases[i].kind);
        assert_int_equal(v.number, cases[i].number);
        assert_int_equal(m.at, cases[i].bytes.n);
        if (!cases[i].shortest)
            continue;
        buf_init(&b, 0);
        msgpack_add_number(&b, v.number);
        assert_bytes_eq(buf_str(&b), cases[i].bytes);
        buf_clear(&b);
    }
}

static void test_text_is_written_as_raw_and_read_as_str_and_bin_too(void **state)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    static const struct str others[] = {BYTES("\xd9\x02hi"),     BYTES("\xc4\x02hi"),
                                        BYTES("\xc5\x00\x02hi"), BYTES("\xc6\0\0\0\x02hi"),
                                        BYTES("\xda\x00\x02hi"), BYTES("\xdb\0\0\0\x02hi")};
    struct msgpack_value v;
    struct msgpack m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char *text = xcalloc(sizes[i] + 1, 1);
        struct buf b;

        buf_init(&b, 0);
        msgpack_add_raw(&b, (struct str){.p = text, .n = sizes[i]});
        m = msgpack_reader(buf_str(&b));
        assert_true(msgpack_next(&m, &v));
        assert_int_equal(v.kind, MSGPACK_RAW);
        assert_int_equal(v.raw.n, sizes[i]);
        assert_non_null(v.raw.p);
        assert_int_equal(m.at, b.n);
        for (size_t cut = 0; cut < b.n && cut < 8; cut++) { /* cut off, it only wants more */
            m = msgpack_reader(str_sub(buf_str(&b), 0, b.n - 1 - cut));
            if (m.bytes.n > 0 || b.n == 1) {
                assert_false(msgpack_next(&m, &v));
                assert_true(m.more);
            }
        }
        buf_clear(&b);
        free(text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        m = msgpack_reader(others[i]);
        assert_true(msgpack_next(&m, &v));
        assert_str_eq(v.raw, "hi");
    }
    m = msgpack_reader(BYTES("\xc1"));
    assert_false(msgpack_next(&m, &v));
    assert_false(m.more);
}

static void test_skipping_is_bounded_in_depth_and_number(void **state)
{
    char deep[64];
    struct buf b;
    struct msgpack m;

    (void)state;
    for (size_t depth = 1; depth < 16; depth++) {
        memset(deep, 0x91, depth); /* arrays of one */
        deep[depth] = 1;
        m = msgpack_reader((struct str){.p = deep, .n = depth + 1});
        assert_int_equal(msgpack_skip(&m), depth <= MSGPACK_DEPTH_MAX);
        assert_false(m.more);
    }
    m = msgpack_reader(BYTES("\x83\xa1x\x92\x01\xa1y\xc0\xc3\x80\x90!"));
    assert_true(msgpack_skip(&m));
    assert_int_equal(m.at, 11);
    buf_init(&b, 0);
    buf_add(&b, "\xdd\xff\xff\xff\xff", 5); /* claims four thousand million */
    for (size_t i = 0; i < 2 * MSGPACK_ELEMENTS_MAX; i++)
        buf_add_char(&b, 1);
    m = msgpack_reader(buf_str(&b));
    assert_false(msgpack_skip(&m));
    assert_true(m.at <= MSGPACK_ELEMENTS_MAX + 5);
    buf_clear(&b);
}

/* ---- LZW ---- */

static void assert_lzw(struct str plain)
{
    struct buf packed, again;
    const char *why = "";

    buf_init(&packed, 0);
    buf_init(&again, plain.n);
    lzw_compress(plain, &packed);
    if (lzw_expand(buf_str(&packed), &again, &why) < 0)
        fail_msg("%zu bytes: %s", plain.n, why);
    assert_int_equal(again.n, plain.n);
    if (plain.n > 0)
        assert_memory_equal(again.p, plain.p, plain.n);
    if (plain.n > 0) { /* one byte less is too little room */
        struct buf small;

        buf_init(&small, plain.n - 1 > 0 ? plain.n - 1 : 1);
        if (plain.n > 1)
            assert_int_equal(lzw_expand(buf_str(&packed), &small, &why), -EINVAL);
        buf_clear(&small);
    }
    buf_clear(&packed);
    buf_clear(&again);
}

static void test_lzw_expands_what_was_compressed(void **state)
{
    struct rand rand;

    (void)state;
    rand_seed(&rand, 1);
    assert_lzw(STR_EMPTY);
    assert_lzw(STR("a"));
    assert_lzw(STR("aaaaaaaaaaaaaaa"));
    assert_lzw(STR("tocsin tocsin tocsin"));
    for (size_t i = 0; i < 60; i++) { /* tables that fill, once and often, and widths that change */
        size_t n = (size_t)rand_below(&rand, i < 50 ? 3000 : 60000);
        unsigned kinds = 1 + (unsigned)rand_below(&rand, i % 2 == 0 ? 4 : 256);
        char *p = xmalloc(n + 1);

        for (size_t k = 0; k < n; k++)
            p[k] = (char)rand_below(&rand, kinds);
        assert_lzw((struct str){.p = p, .n = n});
        free(p);
    }
}

static void test_lzw_refuses_what_nobody_writes(void **state)
{
    static const struct {
        struct str bytes;
        const char *why;
    } cases[] = {
        {BYTES(""), "LZW: the bytes end before the end code"},
        {BYTES("\x00"), "LZW: the bytes end before the end code"},
        {BYTES("\x61\x00"), "LZW: the bytes end before the end code"},
        {BYTES("\x02\x03"), "LZW: a code that stands for nothing yet"}, /* 258 at first */
        {BYTES("\xff\xff"), "LZW: a code that stands for nothing yet"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *why = NULL;
        struct buf b;

        buf_init(&b, 0);
        assert_int_equal(lzw_expand(cases[i].bytes, &b, &why), -EINVAL);
        assert_str_eq(str_from(why), cases[i].why);
        buf_clear(&b);
    }
}

/* 64 MiB of nothing, in some 40 KiB. */
static struct str bomb(void)
{
    char *zeros = xcalloc(MIB(64), 1);
    struct buf packed, message;
    struct wire_message m = {.type = WIRE_COMPRESS};
    struct str s;

    buf_init(&packed, 0);
    buf_init(&message, 0);
    lzw_compress((struct str){.p = zeros, .n = MIB(64)}, &packed);
    assert_true(packed.n < KIB(64));
    m.compress.bytes = buf_str(&packed);
    wire_add(&message, &m);
    s = arena_str(arena, buf_str(&message));
    buf_clear(&packed);
    buf_clear(&message);
    free(zeros);
    return s;
}

static void test_a_decompression_bomb_is_refused_within_bounds(void **state)
{
    struct str text = bomb();
    size_t before = arena_bytes(arena);
    struct stream_reader r;
    struct packet p;
    const char *why = NULL;

    (void)state;
    assert_int_equal(packet_read(text, STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_str_eq(str_from(why), "LZW: expands to more than is allowed");
    assert_int_equal(arena_bytes(arena), before);
    stream_reader_init(&r, true, STR_EMPTY);
    assert_int_equal(stream_reader_add(&r, text, &why), -EINVAL);
    assert_str_eq(str_from(why), "LZW: expands to more than is allowed");
    assert_true(r.expanded.cap <= STREAM_EXPANDED_MAX + 1);
    stream_reader_clear(&r);
}

/* ---- messages ---- */

static const uint8_t v4[] = {10, 0, 0, 7}, versions[] = {1, 5, 2, 0, 0, 0};
#define RAW(array) ((struct str){.p = (const char *)(array), .n = sizeof(array)})

static void test_messages_have_these_bytes(void **state)
{
    const struct {
        struct wire_message m;
        struct str bytes;
    } cases[] = {
        {{.type = WIRE_PING, .ping = {.seq = 7, .node = STR("b")}},
         BYTES("\x00\x82\xa4Node\xa1"
               "b\xa5SeqNo\x07")},
        {{.type = WIRE_PING,
          .ping = {.seq = 300,
                   .node = STR("b"),
                   .source_port = 9094,
                   .source_address = RAW(v4),
                   .source_node = STR("a")}},
         BYTES("\x00\x85\xa4Node\xa1"
               "b\xa5SeqNo\xcd\x01\x2c\xaaSourceAddr\xa4\x0a\x00\x00\x07\xaaSourceNode\xa1"
               "a\xaaSourcePort\xcd\x23\x86")},
        {{.type = WIRE_ACK, .ack = {.seq = 1, .payload = STR_EMPTY}},
         BYTES("\x02\x82\xa7Payload\xa0\xa5SeqNo\x01")},
        {{.type = WIRE_ACK, .ack = {.seq = 1}}, BYTES("\x02\x82\xa7Payload\xc0\xa5SeqNo\x01")},
        {{.type = WIRE_NACK, .nack = {.seq = 128}}, BYTES("\x0b\x81\xa5SeqNo\xcc\x80")},
        {{.type = WIRE_SUSPECT,
          .accusation = {.incarnation = 3, .node = STR("b"), .from = STR("a")}},
         BYTES("\x03\x83\xa4"
               "From\xa1"
               "a\xabIncarnation\x03\xa4Node\xa1"
               "b")},
        {{.type = WIRE_DEAD,
          .accusation = {.incarnation = 70000, .node = STR("b"), .from = STR("b")}},
         BYTES("\x05\x83\xa4"
               "From\xa1"
               "b\xabIncarnation\xce\x00\x01\x11\x70\xa4Node\xa1"
               "b")},
        {{.type = WIRE_ALIVE,
          .alive = {.incarnation = 1,
                    .port = 80,
                    .node = STR("b"),
                    .address = RAW(v4),
                    .meta = STR("m"),
                    .versions = RAW(versions)}},
         BYTES("\x04\x86\xa4"
               "Addr\xa4\x0a\x00\x00\x07\xabIncarnation\x01\xa4Meta\xa1m\xa4Node\xa1"
               "b\xa4Port\x50\xa3Vsn\xa6\x01\x05\x02\x00\x00\x00")},
        {{.type = WIRE_INDIRECT_PING,
          .indirect = {.seq = 9, .port = 80, .nack = true, .node = STR("b"), .target = RAW(v4)}},
         BYTES("\x01\x85\xa4Nack\xc3\xa4Node\xa1"
               "b\xa4Port\x50\xa5SeqNo\x09\xa6Target\xa4\x0a\x00\x00\x07")},
        {{.type = WIRE_ERR, .err = {.text = STR("no")}},
         BYTES("\x0d\x81\xa5"
               "Error\xa2no")},
        {{.type = WIRE_USER, .user = STR("anything")},
         BYTES("\x08"
               "anything")},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct wire_message m;
        const char *why = NULL;
        struct buf b;

        buf_init(&b, 0);
        wire_add(&b, &cases[i].m);
        assert_bytes_eq(buf_str(&b), cases[i].bytes);
        buf_reset(&b);
        assert_int_equal(wire_read(cases[i].bytes, &m, &why), 0);
        wire_add(&b, &m);
        assert_bytes_eq(buf_str(&b), cases[i].bytes);
        buf_clear(&b);
        for (size_t n = 1; n < cases[i].bytes.n && m.type != WIRE_USER; n++)
            assert_int_equal(wire_read(str_sub(cases[i].bytes, 0, n), &m, &why), -EINVAL);
    }
}

static void test_reading_is_lenient_in_what_it_can_be(void **state)
{
    struct wire_message m;
    const char *why = NULL;

    (void)state;
    /* Another order, an unknown key with values nested in it, a signed number, bytes behind. */
    assert_int_equal(wire_read(BYTES("\x00\x83\xa5SeqNo\xd1\x01\x00\xa1Z\x92\x01\x81\xa1q\xc0\xa4"
                                     "Node\xd9\x01"
                                     "brest"),
                               &m, &why),
                     0);
    assert_int_equal(m.ping.seq, 256);
    assert_str_eq(m.ping.node, "b");
    assert_int_equal(wire_read(BYTES("\x00\x80"), &m, &why), 0); /* all missing: all zero */
    assert_int_equal(m.ping.seq, 0);
    assert_int_equal(m.ping.node.n, 0);
    assert_int_equal(wire_read(BYTES("\x0b\x81\xa5SeqNo\xc0"), &m, &why), 0);
    assert_int_equal(wire_read(BYTES("\x01\x81\xa4Nack\x01"), &m, &why), 0); /* 1 is true */
    assert_true(m.indirect.nack);
}

static void test_fields_of_the_wrong_kind_or_size_are_refused(void **state)
{
    static const struct {
        struct str bytes;
        const char *why;
    } cases[] = {
        {BYTES(""), "an empty message"},
        {BYTES("\x0e\x80"), "a message of unknown type, or out of place"},
        {BYTES("\x06\x80"), "a message of unknown type, or out of place"},
        {BYTES("\x07\x00"), "a message of unknown type, or out of place"},
        {BYTES("\xf4\x01x"), "a message of unknown type, or out of place"},
        {BYTES("\x00\x90"), "not a map, or too many pairs"},
        {BYTES("\x00\xdf\xff\xff\xff\xff"), "not a map, or too many pairs"},
        {BYTES("\x00\x81\x01\x01"), "a key that is no text, or too long"},
        {BYTES("\x00\x81\xa5SeqNo\xff"), "ping: a field of the wrong kind or size"},
        {BYTES("\x00\x81\xa5SeqNo\xcf\0\0\0\1\0\0\0\0"), "ping: a field of the wrong kind or size"},
        {BYTES("\x00\x81\xa5SeqNo\xa1x"), "ping: a field of the wrong kind or size"},
        {BYTES("\x00\x81\xaaSourcePort\xce\x00\x01\x00\x00"),
         "ping: a field of the wrong kind or size"},
        {BYTES("\x00\x81\xa4Node\x05"), "ping: a field of the wrong kind or size"},
        {BYTES("\x04\x81\xa3Vsn\xa7"
               "1234567"),
         "alive: a field of the wrong kind or size"},
        {BYTES("\x01\x81\xa4Nack\x02"), "indirectPing: a field of the wrong kind or size"},
        {BYTES("\x00\x81\xa1q\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"),
         "values nested too deep"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct wire_message m;
        const char *why = NULL;

        if (wire_read(cases[i].bytes, &m, &why) != -EINVAL)
            fail_msg("case %zu was read", i);
        assert_str_eq(str_from(why), cases[i].why);
    }
}

/* ---- datagrams ---- */

static void test_envelopes_go_around_in_their_order(void **state)
{
    static const struct str parts[] = {BYTES("\x0b\x81\xa5SeqNo\x01"), BYTES("\x08hello")};
    static const struct {
        const char *label;
        bool crc;
        size_t parts;
    } cases[] = {{"", false, 1}, {"", true, 1}, {"", true, 2}, {"eu", false, 2}, {"eu", true, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str label = str_from(cases[i].label);
        struct packet p;
        const char *why = NULL;
        struct buf b;

        buf_init(&b, 0);
        packet_add(&b, label, cases[i].crc, parts, cases[i].parts);
        assert_int_equal(packet_read(buf_str(&b), label, arena, &p, &why), 0);
        assert_int_equal(p.n, cases[i].parts);
        assert_int_equal(p.checked, cases[i].crc);
        assert_int_equal(p.compound, cases[i].parts > 1);
        for (size_t k = 0; k < p.n; k++)
            assert_bytes_eq(p.v[k], parts[k]);
        assert_int_equal(packet_read(buf_str(&b), STR("us"), arena, &p, &why), -EINVAL);
        assert_true(p.foreign);
        if (cases[i].crc) {
            b.p[b.n - 1] ^= 1;
            assert_int_equal(packet_read(buf_str(&b), label, arena, &p, &why), -EINVAL);
            assert_str_eq(str_from(why), "the CRC does not agree");
        }
        buf_clear(&b);
    }
}

static struct str compressed(struct str plain)
{
    struct wire_message m = {.type = WIRE_COMPRESS};
    struct buf packed, message;
    struct str s;

    buf_init(&packed, 0);
    buf_init(&message, 0);
    lzw_compress(plain, &packed);
    m.compress.bytes = buf_str(&packed);
    wire_add(&message, &m);
    s = arena_str(arena, buf_str(&message));
    buf_clear(&packed);
    buf_clear(&message);
    return s;
}

static void test_envelopes_out_of_order_are_refused(void **state)
{
    static const struct str nack = BYTES("\x0b\x81\xa5SeqNo\x01");
    struct str twice = compressed(compressed(nack)), part = compressed(nack);
    struct str crc_within = compressed(BYTES("\x0c\0\0\0\0\x08x"));
    struct packet p;
    const char *why = NULL;
    struct buf b;

    (void)state;
    assert_int_equal(packet_read(part, STR_EMPTY, arena, &p, &why), 0);
    assert_true(p.expanded);
    assert_bytes_eq(p.v[0], nack);
    assert_int_equal(packet_read(twice, STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_int_equal(packet_read(crc_within, STR_EMPTY, arena, &p, &why), -EINVAL);
    buf_init(&b, 0);
    packet_add(&b, STR_EMPTY, false, (struct str[]){part, nack}, 2);
    assert_int_equal(packet_read(buf_str(&b), STR_EMPTY, arena, &p, &why), -EINVAL);
    buf_reset(&b);
    packet_add(&b, STR_EMPTY, false, (struct str[]){BYTES("\x07\x01\x00\x01\x08"), nack}, 2);
    assert_int_equal(packet_read(buf_str(&b), STR_EMPTY, arena, &p, &why), -EINVAL);
    buf_clear(&b);
    assert_int_equal(packet_read(STR_EMPTY, STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_int_equal(packet_read(BYTES("\xf4\x00"), STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_int_equal(packet_read(BYTES("\xf4\x05xx"), STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_int_equal(packet_read(BYTES("\x07"), STR_EMPTY, arena, &p, &why), -EINVAL);
    assert_int_equal(packet_read(BYTES("\x07\x02\x00\x01"), STR_EMPTY, arena, &p, &why), -EINVAL);
}

static void test_a_compound_that_is_cut_gives_what_is_whole(void **state)
{
    struct packet p;
    const char *why = NULL;

    (void)state;
    assert_int_equal(
        packet_read(BYTES("\x07\x02\x00\x02\x00\x09\x08x\x08y"), STR_EMPTY, arena, &p, &why), 0);
    assert_int_equal(p.n, 1);
    assert_true(p.truncated);
    assert_bytes_eq(p.v[0], STR("\x08x"));
}

/* ---- streams ---- */

static struct str push_pull(uint32_t nodes, struct str user)
{
    struct wire_push_pull head = {.join = true, .nodes = nodes, .user_state = (uint32_t)user.n};
    struct wire_record *records = ARENA_ARRAY(arena, struct wire_record, nodes);
    struct str s;
    struct buf b;

    for (uint32_t i = 0; i < nodes; i++)
        records[i] = (struct wire_record){.incarnation = i,
                                          .port = 9094,
                                          .state = i & 3,
                                          .name = arena_fmt(arena, "node-%u", i),
                                          .address = RAW(v4),
                                          .meta = STR_EMPTY,
                                          .versions = RAW(versions)};
    buf_init(&b, 0);
    stream_add_push_pull(&b, &head, records);
    buf_add_str(&b, user);
    s = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    return s;
}

static void check_push_pull(struct str bytes, size_t piece, uint32_t nodes, struct str user)
{
    struct stream_reader r;
    struct stream_message m;
    const char *why = NULL;
    int done = 0;

    stream_reader_init(&r, false, STR_EMPTY);
    for (size_t at = 0; at < bytes.n; at += piece) {
        assert_int_equal(done, 0);
        done = stream_reader_add(&r, str_sub(bytes, at, at + piece), &why);
    }
    assert_int_equal(done, 1);
    assert_int_equal(stream_reader_add(&r, STR("more is ignored"), &why), 1);
    assert_int_equal(stream_reader_message(&r, arena, &m, &why), 0);
    assert_int_equal(m.type, WIRE_PUSH_PULL);
    assert_true(m.head.join);
    assert_int_equal(m.head.nodes, nodes);
    for (uint32_t i = 0; i < nodes; i++) {
        assert_int_equal(m.records[i].incarnation, i);
        assert_int_equal(m.records[i].state, i & 3);
        assert_str_eq(m.records[i].name, arena_fmt(arena, "node-%u", i).p);
    }
    assert_bytes_eq(m.user, user);
    stream_reader_clear(&r);
}

static void test_an_exchange_is_read_in_whatever_pieces_it_comes(void **state)
{
    static const uint32_t nodes[] = {0, 1, 17, 300};
    struct str user = STR("user state");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        struct str plain = push_pull(nodes[i], user), packed = compressed(plain);

        for (size_t piece = 1; piece < 3000; piece = 3 * piece + 1) {
            check_push_pull(plain, piece, nodes[i], user);
            check_push_pull(packed, piece, nodes[i], user);
        }
    }
}

static int add_all(struct str bytes, bool from_dialler, struct str label, const char **why)
{
    struct stream_reader r;
    int done;

    stream_reader_init(&r, from_dialler, label);
    done = stream_reader_add(&r, bytes, why);
    stream_reader_clear(&r);
    return done;
}

static void test_streams_are_bounded(void **state)
{
    static const struct {
        struct str bytes;
        const char *why;
    } cases[] = {
        {BYTES("\x06\x83\xa4Join\xc3\xa5Nodes\xcd\x10\x01\xacUserStateLen\x00"),
         "too many node records"},
        {BYTES("\x06\x83\xa4Join\xc3\xa5Nodes\x00\xacUserStateLen\xce\x01\x40\x00\x01"),
         "too much user state"},
        {BYTES("\x06\x81\xa5Nodes\xff"), "push/pull: a field of the wrong kind or size"},
        {BYTES("\x08\x81\xaaUserMsgLen\xce\x00\x50\x00\x01"), "a user message too long"},
        {BYTES("\x0a\0\0\0\0"), "the other side encrypts, which this one does not"},
        {BYTES("\x04\x80"), "a message of unknown type, or out of place"},
        {BYTES("\x07\x00"), "a message of unknown type, or out of place"},
        {BYTES("\x09\x82\xa4"
               "Algo\x01\xa3"
               "Buf\xa1x"),
         "compressed in an unknown way"},
        {BYTES("\x09\x82\xa4"
               "Algo\x00\xa3"
               "Buf\xa3\x00\x03\x02"),
         "compressed nothing"},
        {BYTES("\xf4\x02us\x08\x80"), "the label of another cluster"},
    };
    struct str twice = compressed(compressed(STR("\x08\x81\xaaUserMsgLen\x01x")));
    struct str cut = compressed(STR("\x08\x81\xaaUserMsgLen\x05x"));
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(add_all(cases[i].bytes, true, STR_EMPTY, &why), -EINVAL);
        assert_str_eq(str_from(why), cases[i].why);
    }
    assert_int_equal(add_all(twice, true, STR_EMPTY, &why), -EINVAL);
    assert_str_eq(str_from(why), "compressed twice");
    assert_int_equal(add_all(cut, true, STR_EMPTY, &why), -EINVAL);
    assert_str_eq(str_from(why), "the message ends too early");
    /* A label is wanted and not there. */
    assert_int_equal(add_all(STR("\x08\x81\xaaUserMsgLen\x00"), true, STR("eu"), &why), -EINVAL);
    assert_int_equal(add_all(STR("\xf4\x02"
                                 "eu\x08\x81\xaaUserMsgLen\x01x"),
                             true, STR("eu"), &why),
                     1);
    /* An answer has none. */
    assert_int_equal(add_all(STR("\x08\x81\xaaUserMsgLen\x01x"), false, STR("eu"), &why), 1);
}

static void test_a_head_that_never_ends_is_cut_short(void **state)
{
    struct stream_reader r;
    const char *why = NULL;
    struct buf b;
    int done = 0;
    size_t at = 0;

    (void)state;
    buf_init(&b, 0);
    buf_add(&b, "\x00\x81\xa4Node\xdb\x7f\xff\xff\xff", 11); /* a name of 2 GiB */
    for (size_t i = 0; i < KIB(64); i++)
        buf_add_char(&b, 'x');
    stream_reader_init(&r, true, STR_EMPTY);
    for (; done == 0 && at < b.n; at += 100)
        done = stream_reader_add(&r, str_sub(buf_str(&b), at, at + 100), &why);
    assert_int_equal(done, -EINVAL);
    assert_true(r.in.n <= STREAM_PIECE_MAX + 200);
    stream_reader_clear(&r);
    buf_clear(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers_are_read_in_all_forms_and_written_in_the_shortest),
        TEST(test_text_is_written_as_raw_and_read_as_str_and_bin_too),
        TEST(test_skipping_is_bounded_in_depth_and_number),
        TEST(test_lzw_expands_what_was_compressed),
        TEST(test_lzw_refuses_what_nobody_writes),
        TEST(test_a_decompression_bomb_is_refused_within_bounds),
        TEST(test_messages_have_these_bytes),
        TEST(test_reading_is_lenient_in_what_it_can_be),
        TEST(test_fields_of_the_wrong_kind_or_size_are_refused),
        TEST(test_envelopes_go_around_in_their_order),
        TEST(test_envelopes_out_of_order_are_refused),
        TEST(test_a_compound_that_is_cut_gives_what_is_whole),
        TEST(test_an_exchange_is_read_in_whatever_pieces_it_comes),
        TEST(test_streams_are_bounded),
        TEST(test_a_head_that_never_ends_is_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

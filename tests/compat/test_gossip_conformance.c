/* Reads every datagram and conversation of the folder gossip/ in the one that TOCSIN_CONFORMANCE
 * names, and writes it again: to the same bytes, compression included, where a real node made it.
 * Passes without the folder. */
#include "tests/lib/test.h"

#include "common/base/err.h"
#include "common/core/gossip/packet.h"
#include "common/core/gossip/stream.h"
#include "tests/lib/lzw_compress.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static char *path_of(const char *name)
{
    static char path[4096];

    (void)snprintf(path, sizeof(path), "%s/gossip/%s", getenv("TOCSIN_CONFORMANCE"), name);
    return path;
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str read_hex(FILE *f, bool one_line)
{
    struct buf b;
    struct str s;
    int c, high = -1;

    buf_init(&b, 0);
    while ((c = fgetc(f)) != EOF && !(one_line && c == '\n')) {
        int digit = hex_digit(c);

        if (digit < 0)
            continue;
        if (high >= 0)
            buf_add_char(&b, (char)(high << 4 | digit));
        high = high >= 0 ? -1 : digit;
    }
    s = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    return s;
}

static struct str hex_file(const char *name)
{
    FILE *f = fopen(path_of(name), "r");
    struct str s;

    assert_non_null(f);
    s = read_hex(f, false);
    (void)fclose(f);
    assert_true(s.n > 0);
    return s;
}

static void assert_bytes(const char *name, struct str got, struct str want)
{
    if (!str_eq(got, want))
        fail_msg("%s: written again it has %zu bytes instead of %zu, or others", name, got.n,
                 want.n);
}

static void add_compressed(struct buf *b, struct str plain)
{
    struct wire_message m = {.type = WIRE_COMPRESS};
    struct buf packed;

    buf_init(&packed, 0);
    lzw_compress(plain, &packed);
    m.compress.bytes = buf_str(&packed);
    wire_add(b, &m);
    buf_clear(&packed);
}

/* ---- datagrams ---- */

static struct str label_of(struct str datagram)
{
    return (uint8_t)datagram.p[0] == WIRE_LABEL ? str_sub(datagram, 2, 2 + (uint8_t)datagram.p[1])
                                                : STR_EMPTY;
}

static struct str write_again(const char *name, struct str label, const struct packet *p)
{
    struct str again[PACKET_PARTS_MAX];
    struct buf b, packed;
    const char *why;

    buf_init(&b, 0);
    buf_init(&packed, 0);
    for (size_t i = 0; i < p->n; i++) {
        struct wire_message m;

        if (wire_read(p->v[i], &m, &why) < 0)
            fail_msg("%s: message %zu: %s", name, i, why);
        buf_reset(&b);
        wire_add(&b, &m);
        again[i] = arena_str(arena, buf_str(&b));
    }
    buf_reset(&b);
    if (p->expanded) {
        struct str one;

        packet_add(&b, STR_EMPTY, false, again, p->n);
        add_compressed(&packed, buf_str(&b));
        one = arena_str(arena, buf_str(&packed));
        buf_reset(&b);
        packet_add(&b, label, p->checked, &one, 1);
    } else {
        packet_add(&b, label, p->checked, again, p->n);
    }
    label = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    buf_clear(&packed);
    return label;
}

static void check_datagram(const char *name, struct str bytes, bool exact)
{
    struct packet p, once_more;
    const char *why;
    struct str again;

    if (packet_read(bytes, label_of(bytes), arena, &p, &why) < 0)
        fail_msg("%s: %s", name, why);
    assert_false(p.truncated);
    again = write_again(name, label_of(bytes), &p);
    if (exact)
        assert_bytes(name, again, bytes);
    assert_int_equal(packet_read(again, label_of(bytes), arena, &once_more, &why), 0);
    assert_bytes(name, write_again(name, label_of(bytes), &once_more), again);
}

/* ---- conversations ---- */

static struct str write_message(const char *name, const struct stream_message *m)
{
    struct buf b;
    struct str s;

    buf_init(&b, 0);
    switch (m->type) {
    case WIRE_PUSH_PULL:
        assert_int_equal(m->user.n, m->head.user_state);
        stream_add_push_pull(&b, &m->head, m->records);
        buf_add_str(&b, m->user);
        break;
    case WIRE_USER:
        stream_add_user(&b, m->user);
        break;
    case WIRE_PING:
    case WIRE_ACK:
    case WIRE_ERR:
        wire_add(&b, &m->small);
        break;
    default:
        fail_msg("%s: type %d", name, (int)m->type);
    }
    s = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    return s;
}

static void check_conversation(const char *name, struct str bytes, bool from_dialler, bool exact)
{
    struct str label = from_dialler ? label_of(bytes) : STR_EMPTY;

    for (size_t piece = 1; piece <= bytes.n; piece = piece == 1 ? bytes.n : bytes.n + 1) {
        struct stream_reader r;
        struct stream_message m;
        const char *why = NULL;
        struct str plain;
        struct buf b;
        int done = 0;

        stream_reader_init(&r, from_dialler, label);
        for (size_t at = 0; at < bytes.n; at += piece) {
            assert_int_equal(done, 0);
            done = stream_reader_add(&r, str_sub(bytes, at, at + piece), &why);
            if (done < 0)
                fail_msg("%s: at %zu of %zu: %s", name, at, bytes.n, why);
        }
        assert_int_equal(done, 1);
        if (stream_reader_message(&r, arena, &m, &why) < 0)
            fail_msg("%s: %s", name, why);
        plain = write_message(name, &m);
        buf_init(&b, 0);
        stream_add_label(&b, label);
        if (r.is_expanded)
            add_compressed(&b, plain);
        else
            buf_add_str(&b, plain);
        if (exact)
            assert_bytes(name, buf_str(&b), bytes);
        buf_clear(&b);
        stream_reader_clear(&r);
    }
}

/* ---- TLS: the same in frames, of which only the message matters here ---- */

static struct str
message_of(struct str frame) /* field 4 of a MemberlistMessage; its lengths < 2^14 */
{
    for (size_t at = 0; at + 1 < frame.n;) {
        uint8_t tag = (uint8_t)frame.p[at++];
        size_t n = (uint8_t)frame.p[at++];

        if ((tag & 7) == 0)
            continue;
        if (n >= 128)
            n = (n & 127) | (size_t)(uint8_t)frame.p[at++] << 7;
        if (tag >> 3 == 4)
            return str_sub(frame, at, at + n);
        at += n;
    }
    return STR_EMPTY;
}

static size_t check_tls_side(const char *name, struct str bytes, bool from_dialler)
{
    size_t at = 0, packets = 0;

    while (from_dialler && at + 4 <= bytes.n) {
        const uint8_t *u = (const uint8_t *)bytes.p + at;
        size_t n = (size_t)u[0] | (size_t)u[1] << 8 | (size_t)u[2] << 16;
        struct str message = message_of(str_sub(bytes, at + 4, at + 4 + n));

        at += 4 + n;
        if (message.n == 0) /* STREAM: the rest is a conversation */
            break;
        check_datagram(name, message, true);
        packets++;
    }
    if (at < bytes.n)
        check_conversation(name, str_sub(bytes, at, bytes.n), from_dialler, true);
    return packets;
}

static void check_tls(const char *name)
{
    FILE *f = fopen(path_of(name), "r");
    struct buf sides[2];
    char direction[5];

    assert_non_null(f);
    buf_init(&sides[0], 0);
    buf_init(&sides[1], 0);
    while (fread(direction, 1, 4, f) == 4)
        buf_add_str(&sides[direction[0] == 'c'], read_hex(f, true));
    (void)fclose(f);
    (void)check_tls_side(name, buf_str(&sides[1]), true);
    (void)check_tls_side(name, buf_str(&sides[0]), false);
    buf_clear(&sides[0]);
    buf_clear(&sides[1]);
}

/* ---- all of them ---- */

static const struct {
    const char *name, *why;
} refused[] = {
    {"n01-bad-crc.hex", "the CRC does not agree"},
    {"n10-compress-in-compress.hex", "an envelope within another, out of order"},
    {"t08-errmsg.c2s.hex", "the other side encrypts, which this one does not"},
};
/* Made by hand, in forms that we read but do not write. */
static const char *const inexact[] = {"n02-", "n03-", "t11-v2-integer-forms-accepted.c2s",
                                      "t15-version-mismatch.c2s"};

static bool check_refused(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct stream_reader r;
        struct packet p;
        const char *why = NULL;

        if (strcmp(name, refused[i].name) != 0)
            continue;
        if (name[0] == 't') {
            stream_reader_init(&r, true, STR_EMPTY);
            assert_int_equal(stream_reader_add(&r, hex_file(name), &why), -EINVAL);
            assert_false(r.head_read);
            stream_reader_clear(&r);
        } else {
            assert_int_equal(packet_read(hex_file(name), STR_EMPTY, arena, &p, &why), -EINVAL);
        }
        assert_str_eq(str_from(why), refused[i].why);
        return true;
    }
    return false;
}

static void check_file(const char *name)
{
    bool exact = true;

    for (size_t i = 0; i < ARRAY_SIZE(inexact); i++)
        if (strncmp(name, inexact[i], strlen(inexact[i])) == 0)
            exact = false;
    if (check_refused(name))
        return;
    if (name[0] == 'x')
        check_tls(name);
    else if (name[0] == 't')
        check_conversation(name, hex_file(name), strstr(name, ".c2s.") != NULL, exact);
    else
        check_datagram(name, hex_file(name), exact);
}

static void test_every_vector_is_read_and_written_again(void **state)
{
    struct dirent **entries;
    size_t checked = 0;
    int n;

    (void)state;
    if (getenv("TOCSIN_CONFORMANCE") == NULL) {
        skip();
        return;
    }
    n = scandir(path_of(""), &entries, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;

        if (str_ends(str_from(name), STR(".hex"))) {
            check_file(name);
            arena_reset(arena);
            checked++;
        }
        free(entries[i]);
    }
    free(entries);
    print_message("%zu vectors\n", checked);
    assert_true(checked > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_vector_is_read_and_written_again),
    };
    int failed;

    arena = arena_new(0);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}

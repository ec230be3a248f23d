/* What real Alertmanagers gossiped, from the folder that TOCSIN_CONFORMANCE names (passes without
 * it): every silence and every notification log entry in gossip/ is read and written again, byte
 * for byte. The envelopes around them are peeled off here, as far as the captures need it. */
#include "tests/lib/test.h"

#include "common/core/gossip/nflog_record.h"
#include "common/core/gossip/parts.h"
#include "common/core/gossip/silence_record.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { COMPOUND = 7, USER = 8, COMPRESS = 9, CRC = 12, PUSH_PULL = 6, LABEL = 244 };

static struct {
    struct arena *arena;
    const char *name; /* of the file at hand */
    size_t silences, entries, sorted, refused;
} run;

static unsigned byte_at(struct str s, size_t i)
{
    return i < s.n ? (uint8_t)s.p[i] : 0;
}

/* ---- LZW: least significant bit first, eight-bit literals ---- */

struct lzw {
    uint16_t prefix[4096];
    uint8_t suffix[4096];
};

static void lzw_put(const struct lzw *z, unsigned code, struct buf *out)
{
    char text[4096];
    size_t n = sizeof(text);

    for (; code >= 258; code = z->prefix[code])
        text[--n] = (char)z->suffix[code];
    text[--n] = (char)code;
    buf_add(out, text + n, sizeof(text) - n);
}

static void lzw_decode(struct str in, struct buf *out)
{
    static struct lzw z;
    unsigned bits = 0, have = 0, width = 9, next = 258, last = 4096;

    for (size_t i = 0; i < in.n;) {
        unsigned code;
        size_t at = out->n;

        while (have < width && i < in.n) {
            bits |= byte_at(in, i++) << have;
            have += 8;
        }
        code = bits & ((1U << width) - 1);
        bits >>= width;
        have -= have < width ? have : width;
        if (code == 257)
            break;
        if (code == 256) {
            width = 9;
            next = 258;
            last = 4096;
            continue;
        }
        if (last < 4096 && next < 4096)
            z.prefix[next] = (uint16_t)last;
        if (code == next && last < 4096) { /* its first byte is its last one, too */
            lzw_put(&z, last, out);
            z.suffix[next] = (uint8_t)out->p[at];
            buf_add_char(out, out->p[at]);
        } else {
            lzw_put(&z, code, out);
        }
        if (last < 4096 && next < 4096) {
            z.suffix[next++] = (uint8_t)out->p[at];
            if (next == 1U << width && width < 12)
                width++;
        }
        last = code;
    }
}

/* ---- records ---- */

static bool one_annotation_at_most(const struct silence *s)
{
    return s->annotations.n < 2;
}

static void check_silence(const struct pb_field *f)
{
    struct silence s, again;
    struct err err = {0};
    struct buf b;

    if (silence_record_read(f->bytes, 0, run.arena, &s, &err) < 0) {
        printf("%s: %s\n", run.name, err.text);
        run.refused++;
        return;
    }
    buf_init(&b, 0);
    silence_record_add(&b, &s);
    if (silence_record_read(buf_str(&b), 0, run.arena, &again, &err) < 0)
        fail_msg("%s: %s", run.name, err.text);
    assert_true(silence_hash(&s) == silence_hash(&again));
    if (!str_eq(buf_str(&b), f->bytes)) {
        if (one_annotation_at_most(&s))
            fail_msg("%s: silence " STR_FMT " is written otherwise", run.name, STR_ARG(s.id));
        run.sorted++;
    }
    run.silences++;
    buf_clear(&b);
}

static void check_entry(const struct pb_field *f)
{
    struct nflog_record e;
    struct err err = {0};
    struct buf b;

    if (nflog_record_read(f->bytes, 0, run.arena, &e, &err) < 0)
        fail_msg("%s: %s", run.name, err.text);
    buf_init(&b, 0);
    nflog_record_add(&b, &e);
    if (!str_eq(buf_str(&b), f->bytes))
        fail_msg("%s: entry " STR_FMT " is written otherwise", run.name, STR_ARG(e.group_key));
    run.entries++;
    buf_clear(&b);
}

static void check_part(const struct part *p)
{
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(p->data, 0, &fault);
    struct pb_field f;

    while (pb_next_delimited(&r, MIB(4), &f)) {
        if (str_eq_c(p->key, PART_SILENCES))
            check_silence(&f);
        else if (str_eq_c(p->key, PART_NFLOG))
            check_entry(&f);
    }
    assert_null(fault.why);
}

/* ---- envelopes ---- */

/* The unsigned number, or the length of the text, that stands behind this key of a msgpack map; *at
 * moves behind it. */
static size_t msgpack_number(struct str s, const char *key, size_t *at)
{
    size_t n = strlen(key), size = 0, value = 0;

    for (*at = 0; *at + n < s.n && memcmp(s.p + *at, key, n) != 0; ++*at)
        ;
    *at += n;
    switch (byte_at(s, *at)) {
    case 0xcc: /* uint8 */
    case 0xd9: /* str8 */
    case 0xc4: /* bin8 */
    case 0xd0: /* int8 */
        size = 1;
        break;
    case 0xcd: /* uint16 */
    case 0xda: /* raw16 */
    case 0xc5: /* bin16 */
    case 0xd1: /* int16 */
        size = 2;
        break;
    case 0xce: /* uint32 */
    case 0xd2: /* int32 */
        size = 4;
        break;
    case 0xd3: /* int64 */
    case 0xcf: /* uint64 */
        size = 8;
        break;
    default:
        value = byte_at(s, *at) & (byte_at(s, *at) >= 0xa0 ? 0x1f : 0x7f);
    }
    for (size_t i = 1; i <= size; i++)
        value = value << 8 | byte_at(s, *at + i);
    *at += 1 + size;
    return value;
}

static void peel(struct str s, unsigned depth);

static void peel_compressed(struct str s, unsigned depth)
{
    size_t at, n = msgpack_number(s, "Buf", &at);
    struct buf plain;

    buf_init(&plain, 0);
    lzw_decode(str_sub(s, at, at + n), &plain);
    peel(arena_str(run.arena, buf_str(&plain)), depth + 1);
    buf_clear(&plain);
}

static void peel_compound(struct str s, unsigned depth)
{
    size_t parts = byte_at(s, 1), at = 2 + 2 * parts;

    for (size_t i = 0; i < parts; i++) {
        size_t n = byte_at(s, 2 + 2 * i) << 8 | byte_at(s, 3 + 2 * i);

        peel(str_sub(s, at, at + n), depth + 1);
        at += n;
    }
}

static void check_user(struct str bytes)
{
    struct part p;

    if (part_read(bytes, &p, NULL) == 0)
        check_part(&p);
}

static void check_push_pull(struct str s)
{
    size_t at, n = msgpack_number(s, "UserStateLen", &at);
    struct full_state f;
    struct part p;
    struct err err = {0};

    assert_true(n <= s.n);
    full_state_begin(&f, str_sub(s, s.n - n, s.n)); /* the state is the end of the message */
    while (full_state_next(&f, &p))
        check_part(&p);
    if (full_state_result(&f, &err) < 0)
        fail_msg("%s: %s", run.name, err.text);
}

static void peel(struct str s, unsigned depth)
{
    if (depth > 5)
        return;
    switch (byte_at(s, 0)) {
    case LABEL:
        peel(str_sub(s, 2 + byte_at(s, 1), s.n), depth + 1);
        break;
    case CRC:
        peel(str_sub(s, 5, s.n), depth + 1);
        break;
    case COMPRESS:
        peel_compressed(s, depth);
        break;
    case COMPOUND:
        peel_compound(s, depth);
        break;
    case USER:
        if (byte_at(s, 1) == 0x81) { /* in a stream, with its length before it */
            size_t at, n = msgpack_number(s, "UserMsgLen", &at);

            check_user(str_sub(s, at, at + n));
        } else {
            check_user(str_sub(s, 1, s.n));
        }
        break;
    case PUSH_PULL:
        check_push_pull(s);
        break;
    default:
        break;
    }
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void check_file(const char *folder, const char *name)
{
    FILE *f = fopen(arena_fmt(run.arena, "%s/gossip/%s", folder, name).p, "rb");
    struct buf b;
    int c, high = -1;

    assert_non_null(f);
    buf_init(&b, 0);
    while ((c = fgetc(f)) != EOF) {
        int digit = hex_digit(c);

        if (digit < 0)
            continue;
        if (high >= 0)
            buf_add_char(&b, (char)(high << 4 | digit));
        high = high >= 0 ? -1 : digit;
    }
    (void)fclose(f);
    run.name = name;
    peel(arena_str(run.arena, buf_str(&b)), 0);
    buf_clear(&b);
}

static void every_record_is_written_as_it_was_read(void **state)
{
    const char *folder = getenv("TOCSIN_CONFORMANCE"); /* NOLINT(concurrency-mt-unsafe) */
    struct dirent **entries;
    int n;

    (void)state;
    if (folder == NULL)
        skip();
    run.arena = arena_new(0);
    n = scandir(arena_fmt(run.arena, "%s/gossip", folder).p, &entries, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        struct str name = str_from(entries[i]->d_name);

        if (str_ends(name, STR(".hex")) && !str_ends(name, STR(".records.hex")))
            check_file(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    arena_free(run.arena);
    printf(
        "%zu silences, %zu of them with annotations in another order; %zu entries; %zu refused\n",
        run.silences, run.sorted, run.entries, run.refused);
    assert_int_equal(run.refused, 1); /* the one whose comment is no UTF-8 */
    assert_true(run.silences > 60 && run.entries >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_record_is_written_as_it_was_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

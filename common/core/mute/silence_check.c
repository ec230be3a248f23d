#include "common/core/mute/silence_check.h"

#include "common/base/hash.h"
#include "common/base/utf8.h"

#include <assert.h>

/* ---- rules ---- */

static int quoted_err(struct err *err, const char *what, struct str text)
{
    struct buf b;

    buf_init(&b, 0);
    go_quote(&b, str_sub(text, 0, 200));
    err_set(err, -EINVAL, "%s %s", what, b.p);
    buf_clear(&b);
    return -EINVAL;
}

static int copy_matcher(const struct matcher *in, bool classic_names, struct arena *a,
                        struct matcher *ret, struct err *err)
{
    struct err inner = {0};

    if (!(classic_names ? label_name_valid_classic(in->name) : label_name_valid_utf8(in->name)))
        return quoted_err(err, "invalid label name", in->name);
    if (!utf8_valid(in->value) && (in->op == MATCH_EQ || in->op == MATCH_NE))
        return quoted_err(err, "invalid label value", in->value);
    if (matcher_make(in->op, in->name, in->value, a, ret, &inner) < 0) {
        struct buf b;

        buf_init(&b, 0);
        go_quote(&b, str_sub(in->value, 0, 200));
        err_set(err, -EINVAL, "invalid regular expression %s: %s", b.p, inner.text);
        buf_clear(&b);
        return -EINVAL;
    }
    return 0;
}

/* Negations are never said to match the empty string, as in Alertmanager. */
static bool matches_empty(const struct matcher *m)
{
    return (m->op == MATCH_EQ && m->value.n == 0) ||
           (m->op == MATCH_RE && regex_match(m->regex, STR_EMPTY));
}

static int copy_set(const struct matchers *in, size_t set, bool classic_names, struct arena *a,
                    struct matchers *ret, struct err *err)
{
    bool all_empty = true;

    if (in->n == 0)
        return err_set(err, -EINVAL, "matcher set %zu is empty", set);
    for (size_t i = 0; i < in->n; i++) {
        struct matcher m;

        if (copy_matcher(&in->v[i], classic_names, a, &m, err) < 0)
            return err_wrap(err, "invalid label matcher %zu in set %zu", i, set);
        matchers_add(ret, m, a);
        all_empty = all_empty && matches_empty(&m);
    }
    if (all_empty)
        return err_set(err, -EINVAL,
                       "matcher set %zu: at least one matcher must not match the empty string",
                       set);
    return 0;
}

static int check_bounds(const struct silence *in, struct err *err)
{
    size_t matchers = 0;

    if (in->sets_n == 0)
        return err_set(err, -EINVAL, "at least one matcher set required");
    for (size_t i = 0; i < in->sets_n; i++)
        matchers += in->sets[i].n;
    if (in->sets_n > SILENCE_SETS_MAX || matchers > SILENCE_MATCHERS_MAX)
        return err_set(err, -EINVAL, "%zu matchers in %zu sets: more than %d in %d", matchers,
                       in->sets_n, SILENCE_MATCHERS_MAX, SILENCE_SETS_MAX);
    if (in->id.n > SILENCE_ID_BYTES_MAX)
        return err_set(err, -EINVAL, "the id is longer than %d bytes", SILENCE_ID_BYTES_MAX);
    return 0;
}

static int check_times(const struct silence *in, struct err *err)
{
    if (in->starts_wall_ms == WALL_ABSENT)
        return err_set(err, -EINVAL, "invalid zero start timestamp");
    if (in->ends_wall_ms == WALL_ABSENT)
        return err_set(err, -EINVAL, "invalid zero end timestamp");
    if (in->ends_wall_ms < in->starts_wall_ms)
        return err_set(err, -EINVAL, "end time must not be before start time");
    return 0;
}

static int copy_sets(const struct silence *in, bool classic_names, struct arena *a,
                     struct silence *ret, struct err *err)
{
    ret->sets = ARENA_ARRAY(a, struct matchers, in->sets_n);
    for (; ret->sets_n < in->sets_n; ret->sets_n++) {
        size_t i = ret->sets_n;
        int rc = copy_set(&in->sets[i], i, classic_names, a, &ret->sets[i], err);

        if (rc < 0) {
            ret->sets_n++; /* what it has so far is to be cleared, too */
            return rc;
        }
    }
    return 0;
}

int silence_copy_checked(const struct silence *in, bool classic_names, struct arena *a,
                         struct silence *ret, struct err *err)
{
    struct silence s = *in;
    int rc = check_bounds(in, err);

    s.sets = NULL;
    s.sets_n = 0;
    if (rc == 0)
        rc = copy_sets(in, classic_names, a, &s, err);
    if (rc == 0)
        rc = check_times(in, err);
    if (rc < 0) {
        silence_clear(&s);
        return err_wrap(err, "invalid silence");
    }
    s.id = arena_str(a, in->id);
    s.created_by = arena_str(a, in->created_by);
    s.comment = arena_str(a, in->comment);
    s.annotations = labels_copy(a, in->annotations);
    s.unread = arena_str(a, in->unread);
    *ret = s;
    return 0;
}

void silence_clear(struct silence *s)
{
    for (size_t i = 0; i < s->sets_n; i++)
        matchers_clear(&s->sets[i]);
    s->sets_n = 0;
}

bool silence_same_matchers(const struct silence *a, const struct silence *b)
{
    if (a->sets_n != b->sets_n)
        return false;
    for (size_t i = 0; i < a->sets_n; i++) {
        if (a->sets[i].n != b->sets[i].n)
            return false;
        for (size_t k = 0; k < a->sets[i].n; k++) {
            if (!matcher_eq(&a->sets[i].v[k], &b->sets[i].v[k]))
                return false;
        }
    }
    return true;
}

/* ---- size, as protobuf counts ---- */

static size_t varint_bytes(uint64_t v)
{
    size_t n = 1;

    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

/* A length-delimited field whose number is below 16. */
static size_t field_bytes(size_t n)
{
    return 1 + varint_bytes(n) + n;
}

static size_t text_bytes(struct str s) /* proto3 leaves empty ones out */
{
    return s.n > 0 ? field_bytes(s.n) : 0;
}

static size_t time_bytes(int64_t us)
{
    int64_t s = us / 1000000, sub = us % 1000000;

    if (sub < 0) {
        sub += 1000000;
        s--;
    }
    return field_bytes((s != 0 ? 1 + varint_bytes((uint64_t)s) : 0) +
                       (sub != 0 ? 1 + varint_bytes((uint64_t)sub * 1000) : 0));
}

static size_t time_ms_bytes(int64_t ms)
{
    return time_bytes(clamp_i64(ms, INT64_MIN / 1000, INT64_MAX / 1000) * 1000);
}

static size_t set_bytes(const struct matchers *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        n += field_bytes((m->v[i].op != MATCH_EQ ? 2 : 0) + text_bytes(m->v[i].name) +
                         text_bytes(m->v[i].value));
    return n;
}

size_t silence_wire_bytes(const struct silence *s)
{
    size_t n = text_bytes(s->id) + time_ms_bytes(s->starts_wall_ms) +
               time_ms_bytes(s->ends_wall_ms) + time_bytes(s->updated_wall_us) +
               text_bytes(s->created_by) + text_bytes(s->comment) + s->unread.n;

    for (size_t i = 0; i < s->sets_n; i++)
        n += field_bytes(set_bytes(&s->sets[i]));
    LABELS_EACH (&s->annotations, it) /* a map's entries state both, even when empty */
        n += field_bytes(field_bytes(it->name.n) + field_bytes(it->value.n));
    return field_bytes(n) + time_ms_bytes(s->expires_wall_ms);
}

/* ---- hash ---- */

static uint64_t hash_text(uint64_t h, struct str s)
{
    return hash_mix(h, fnv1a_64(FNV1A_64_BASIS, s.p, s.n));
}

uint64_t silence_hash(const struct silence *s)
{
    uint64_t h = hash_text(s->sets_n, s->id);

    for (size_t i = 0; i < s->sets_n; i++) {
        h = hash_mix(h, s->sets[i].n);
        for (size_t k = 0; k < s->sets[i].n; k++) {
            const struct matcher *m = &s->sets[i].v[k];

            h = hash_text(hash_text(hash_mix(h, m->op), m->name), m->value);
        }
    }
    h = hash_mix(hash_mix(h, (uint64_t)s->starts_wall_ms), (uint64_t)s->ends_wall_ms);
    h = hash_mix(h, (uint64_t)s->updated_wall_us);
    h = hash_text(hash_text(hash_text(h, s->created_by), s->comment), s->unread);
    return hash_mix(h, labels_fingerprint(s->annotations));
}

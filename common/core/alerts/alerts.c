#include "common/core/alerts/alerts.h"

#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/core/alerts/alert_index.h"
#include "common/core/alerts/alert_limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

/* len[] holds the lengths of name and value of each label, then of each annotation; the texts
 * follow in that order, then generatorURL. */
struct alert_text {
    uint32_t labels_n, annotations_n, generator_n;
    uint32_t bytes; /* of the whole block */
    uint32_t len[];
};

/* The bucket of an alert is given by the first bits of its fingerprint, and a bucket's chain is
 * sorted: so the whole table is. */
struct alerts {
    struct alert **bucket;
    size_t buckets; /* a power of two */
    unsigned shift;
    size_t n, max, firing, text_bytes;
    struct heap ends;
    struct alert_index *pairs;
    struct alert_limit *limit; /* lent; NULL: none */
    uint64_t collisions, refused_full;
};

/* ---- packed texts ---- */

static const char *text_start(const struct alert_text *t)
{
    return (const char *)(t->len + 2 * ((size_t)t->labels_n + t->annotations_n));
}

static size_t labels_bytes(struct labels l)
{
    size_t n = 0;

    LABELS_EACH (&l, it)
        n += it->name.n + it->value.n;
    return n;
}

static char *pack(char *p, uint32_t *len, struct labels l)
{
    LABELS_EACH (&l, it) {
        *len++ = (uint32_t)it->name.n;
        *len++ = (uint32_t)it->value.n;
        if (it->name.n > 0)
            memcpy(p, it->name.p, it->name.n);
        p += it->name.n;
        if (it->value.n > 0)
            memcpy(p, it->value.p, it->value.n);
        p += it->value.n;
    }
    return p;
}

static struct alert_text *text_new(const struct alert_input *in)
{
    size_t text = labels_bytes(in->labels) + labels_bytes(in->annotations) + in->generator_url.n;
    size_t bytes = sizeof(struct alert_text) +
                   2 * sizeof(uint32_t) * (in->labels.n + in->annotations.n) + text;
    struct alert_text *t;
    char *p;

    assert(bytes <= UINT32_MAX);
    t = xmalloc(bytes);
    *t = (struct alert_text){.labels_n = (uint32_t)in->labels.n,
                             .annotations_n = (uint32_t)in->annotations.n,
                             .generator_n = (uint32_t)in->generator_url.n,
                             .bytes = (uint32_t)bytes};
    p = (char *)(t->len + 2 * (in->labels.n + in->annotations.n));
    p = pack(p, t->len, in->labels);
    p = pack(p, t->len + 2 * in->labels.n, in->annotations);
    if (in->generator_url.n > 0)
        memcpy(p, in->generator_url.p, in->generator_url.n);
    return t;
}

/* Compares l with the packed labels that begin at *p and *len, and moves both behind them. */
static bool packed_eq(const char **p, const uint32_t **len, size_t n, struct labels l)
{
    if (l.n != n)
        return false;
    LABELS_EACH (&l, it) {
        if ((*len)[0] != it->name.n || (*len)[1] != it->value.n ||
            !str_eq((struct str){.p = *p, .n = it->name.n}, it->name) ||
            !str_eq((struct str){.p = *p + it->name.n, .n = it->value.n}, it->value))
            return false;
        *p += it->name.n + it->value.n;
        *len += 2;
    }
    return true;
}

static bool text_labels_eq(const struct alert_text *t, struct labels l)
{
    const char *p = text_start(t);
    const uint32_t *len = t->len;

    return packed_eq(&p, &len, t->labels_n, l);
}

static bool text_eq(const struct alert_text *t, const struct alert_input *in)
{
    const char *p = text_start(t);
    const uint32_t *len = t->len;

    return packed_eq(&p, &len, t->labels_n, in->labels) &&
           packed_eq(&p, &len, t->annotations_n, in->annotations) &&
           str_eq((struct str){.p = p, .n = t->generator_n}, in->generator_url);
}

static struct labels unpack(const char *p, const uint32_t *len, size_t n, struct arena *arena)
{
    struct label *v = ARENA_ARRAY(arena, struct label, n);

    for (size_t i = 0; i < n; i++) {
        v[i].name = (struct str){.p = p, .n = len[2 * i]};
        p += len[2 * i];
        v[i].value = (struct str){.p = p, .n = len[2 * i + 1]};
        p += len[2 * i + 1];
    }
    return (struct labels){.v = v, .n = n};
}

static const char *skip(const char *p, const uint32_t *len, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++)
        p += len[i];
    return p;
}

struct labels alert_labels(const struct alert *a, struct arena *arena)
{
    return unpack(text_start(a->text), a->text->len, a->text->labels_n, arena);
}

struct labels alert_annotations(const struct alert *a, struct arena *arena)
{
    const struct alert_text *t = a->text;
    const char *p = skip(text_start(t), t->len, t->labels_n);

    return unpack(p, t->len + 2 * (size_t)t->labels_n, t->annotations_n, arena);
}

struct str alert_generator_url(const struct alert *a)
{
    const struct alert_text *t = a->text;

    return (struct str){.p = (const char *)t + t->bytes - t->generator_n, .n = t->generator_n};
}

struct str alert_label(const struct alert *a, struct str name)
{
    const struct alert_text *t = a->text;
    const char *p = text_start(t);

    for (size_t i = 0; i < t->labels_n; i++) {
        if (str_eq((struct str){.p = p, .n = t->len[2 * i]}, name))
            return (struct str){.p = p + t->len[2 * i], .n = t->len[2 * i + 1]};
        p += t->len[2 * i] + t->len[2 * i + 1];
    }
    return STR_EMPTY;
}

/* "name":"value", for each pair: the texts need no escapes. */
#define PAIR_EXTRA (sizeof("\"\":\"\",") - 1)

static char *add_piece(char *to, const char *p, size_t n)
{
    *to++ = '"';
    memcpy(to, p, n);
    to += n;
    *to++ = '"';
    return to;
}

static void add_plain_pairs(struct buf *b, const char *p, const uint32_t *len, size_t n)
{
    size_t bytes = (size_t)(skip(p, len, n) - p) + n * PAIR_EXTRA + 2;
    char *to;

    buf_reserve(b, bytes);
    assert(b->cap - b->n > bytes); /* what the table holds is far below a buffer's bound */
    to = b->p + b->n;
    *to++ = '{';
    for (size_t i = 0; i < n; i++, len += 2) {
        if (i > 0)
            *to++ = ',';
        to = add_piece(to, p, len[0]);
        p += len[0];
        *to++ = ':';
        to = add_piece(to, p, len[1]);
        p += len[1];
    }
    *to++ = '}';
    *to = '\0';
    b->n = (size_t)(to - b->p);
}

static void add_pairs(struct buf *b, const char *p, const uint32_t *len, size_t n)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    for (size_t i = 0; i < n; i++, len += 2) {
        json_key_str(&w, (struct str){.p = p, .n = len[0]});
        p += len[0];
        json_add_str(&w, (struct str){.p = p, .n = len[1]});
        p += len[1];
    }
    json_close_object(&w);
}

void alert_add_labels_json(struct buf *b, const struct alert *a)
{
    const struct alert_text *t = a->text;

    (a->plain_labels ? add_plain_pairs : add_pairs)(b, text_start(t), t->len, t->labels_n);
}

void alert_add_annotations_json(struct buf *b, const struct alert *a)
{
    const struct alert_text *t = a->text;
    const char *p = skip(text_start(t), t->len, t->labels_n);

    (a->plain_annotations ? add_plain_pairs : add_pairs)(b, p, t->len + 2 * (size_t)t->labels_n,
                                                         t->annotations_n);
}

uint64_t alert_xxh64(const struct alert *a, struct arena *arena)
{
    return labels_xxh64(alert_labels(a, arena));
}

/* ---- the table ---- */

static void set_buckets(struct alerts *t, size_t buckets)
{
    t->bucket = xcalloc(buckets, sizeof(struct alert *));
    t->buckets = buckets;
    t->shift = 64 - (unsigned)__builtin_ctzll(buckets);
}

static bool is_known(void *arg, uint64_t fp)
{
    return alerts_find(arg, fp) != NULL;
}

static uint64_t pair_hash(struct str name, struct str value)
{
    return xxh64(value.p, value.n, xxh64(name.p, name.n, 0));
}

struct alerts *alerts_new(size_t alerts_max)
{
    struct alerts *t = xcalloc(1, sizeof(*t));

    t->max = alerts_max;
    t->pairs = alert_index_new(is_known, t);
    heap_init(&t->ends);
    set_buckets(t, BUCKETS_MIN);
    return t;
}

static void alert_free(struct alert *a)
{
    assert(a->groups == NULL);
    free(a->text);
    free(a);
}

void alerts_free(struct alerts *t)
{
    if (t == NULL)
        return;
    heap_clear(&t->ends); /* touches its nodes, which are the alerts */
    for (size_t i = 0; i < t->buckets; i++) {
        for (struct alert *a = t->bucket[i], *next; a != NULL; a = next) {
            next = a->next;
            alert_free(a);
        }
    }
    free(t->bucket);
    alert_index_free(t->pairs);
    free(t);
}

/* Each old chain is sorted and falls into a run of new buckets: appending keeps the order. */
static void grow(struct alerts *t)
{
    struct alert **old = t->bucket;
    size_t old_n = t->buckets;

    set_buckets(t, old_n * 4);
    for (size_t i = 0; i < old_n; i++) {
        struct alert **tail = NULL;
        size_t tail_bucket = 0;

        for (struct alert *a = old[i], *next; a != NULL; a = next) {
            size_t b = (size_t)(a->fp >> t->shift);

            next = a->next;
            if (tail == NULL || b != tail_bucket)
                tail = &t->bucket[b];
            tail_bucket = b;
            a->next = NULL;
            *tail = a;
            tail = &a->next;
        }
    }
    free(old);
}

/* Where the alert with the least fingerprint ≥ fp of its bucket hangs. */
static struct alert **place_of(const struct alerts *t, uint64_t fp)
{
    struct alert **p = &t->bucket[fp >> t->shift];

    while (*p != NULL && (*p)->fp < fp)
        p = &(*p)->next;
    return p;
}

struct alert *alerts_find(const struct alerts *t, uint64_t fp)
{
    struct alert *a = *place_of(t, fp);

    return a != NULL && a->fp == fp ? a : NULL;
}

struct alert *alerts_from(const struct alerts *t, uint64_t fp)
{
    struct alert *a = *place_of(t, fp);

    for (size_t i = (size_t)(fp >> t->shift) + 1; a == NULL && i < t->buckets; i++)
        a = t->bucket[i];
    return a;
}

void alerts_set_limit(struct alerts *t, struct alert_limit *limit)
{
    assert(t->n == 0);
    t->limit = limit;
}

bool alerts_has_room(const struct alerts *t, size_t more)
{
    return more <= t->max && t->n <= t->max - more;
}

static struct alert *insert(struct alerts *t, uint64_t fp)
{
    struct alert *a = xcalloc(1, sizeof(*a)), **p;

    if (t->n >= t->buckets)
        grow(t);
    p = place_of(t, fp);
    a->fp = fp;
    a->next = *p;
    *p = a;
    t->n++;
    return a;
}

static void index_pairs(struct alerts *t, const struct alert *a,
                        void (*change)(struct alert_index *ix, uint64_t pair, uint64_t fp))
{
    const char *p = text_start(a->text);
    const uint32_t *len = a->text->len;

    for (size_t i = 0; i < a->text->labels_n; i++, len += 2) {
        change(t->pairs,
               pair_hash((struct str){.p = p, .n = len[0]},
                         (struct str){.p = p + len[0], .n = len[1]}),
               a->fp);
        p += len[0] + len[1];
    }
}

bool alerts_with_label(const struct alerts *t, struct str name, struct str value,
                       const uint64_t **ret, size_t *ret_n)
{
    return alert_index_find(t->pairs, pair_hash(name, value), ret, ret_n);
}

void alerts_remove(struct alerts *t, struct alert *a)
{
    struct alert **p = place_of(t, a->fp);

    assert(*p == a);
    *p = a->next;
    t->n--;
    index_pairs(t, a, alert_index_remove);
    t->text_bytes -= a->text->bytes;
    if (a->firing) {
        t->firing--;
        alert_limit_count(t->limit, alert_label(a, STR("alertname")), false);
    }
    heap_remove(&t->ends, &a->ends);
    alert_free(a);
}

static void set_plain(struct alert *a)
{
    const struct alert_text *t = a->text;
    const char *labels = text_start(t);
    const char *annotations = skip(labels, t->len, t->labels_n);
    const char *end = (const char *)t + t->bytes - t->generator_n;

    a->plain_labels = json_plain((struct str){.p = labels, .n = (size_t)(annotations - labels)});
    a->plain_annotations =
        json_plain((struct str){.p = annotations, .n = (size_t)(end - annotations)});
}

static void set_text(struct alerts *t, struct alert *a, const struct alert_input *in)
{
    if (a->text != NULL && text_eq(a->text, in))
        return;
    if (a->text != NULL) {
        t->text_bytes -= a->text->bytes;
        free(a->text);
    }
    a->text = text_new(in);
    set_plain(a);
    t->text_bytes += a->text->bytes;
}

/* §1.6, the incoming statement being the later one. Order never rests on updatedAt: it is a wall
 * clock's. */
static void merge(const struct alert *old, const struct alert_input *in, struct now now,
                  int64_t *starts, int64_t *ends)
{
    bool overlap =
        (in->ends_wall_ms > old->starts_wall_ms && in->ends_wall_ms < old->ends_wall_ms) ||
        (in->starts_wall_ms > old->starts_wall_ms && in->starts_wall_ms < old->ends_wall_ms);

    if (!overlap)
        return;
    *starts = min_i64(old->starts_wall_ms, in->starts_wall_ms);
    if (old->ends_wall_ms <= in->ends_wall_ms)
        return;
    /* Two ends that have both passed: the later. An end still ahead is no end yet, even if a clock
     * that was wrong for a while took it for one: a source that says "resolved" is believed. */
    if (in->ends_wall_ms <= now.wall_ms ? old->ends_wall_ms <= now.wall_ms : !old->timeout)
        *ends = old->ends_wall_ms;
}

static void set_firing(struct alerts *t, struct alert *a, bool firing, struct now now)
{
    if (firing)
        heap_set(&t->ends, &a->ends, now.mono_ms + (a->ends_wall_ms - now.wall_ms));
    else
        heap_remove(&t->ends, &a->ends);
    if (firing == a->firing)
        return;
    a->firing = firing;
    alert_limit_count(t->limit, alert_label(a, STR("alertname")), firing);
    if (firing) {
        t->firing++;
    } else {
        t->firing--;
        a->ended_mono_ms = now.mono_ms;
    }
}

int alerts_put(struct alerts *t, const struct alert_input *in, struct now now, struct alert **ret,
               enum alert_change *ret_change)
{
    uint64_t fp = in->fp != 0 ? in->fp : labels_fingerprint(in->labels);
    struct alert *a = alerts_find(t, fp);
    int64_t starts = in->starts_wall_ms, ends = in->ends_wall_ms;
    bool known = a != NULL, was_firing;

    assert(in->starts_wall_ms != WALL_ABSENT && in->starts_wall_ms <= in->ends_wall_ms);
    if (known && !text_labels_eq(a->text, in->labels)) {
        t->collisions++;
        return -EEXIST;
    }
    if (!known && t->n >= t->max) {
        t->refused_full++;
        return -ENOSPC;
    }
    if (known)
        merge(a, in, now, &starts, &ends);
    else
        a = insert(t, fp);
    was_firing = a->firing;
    set_text(t, a, in);
    if (!known) /* labels never change */
        index_pairs(t, a, alert_index_add);
    a->moved = was_firing && a->ends_wall_ms != ends;
    a->starts_wall_ms = starts;
    a->ends_wall_ms = ends;
    a->updated_wall_ms = now.wall_ms;
    a->timeout = in->timeout;
    a->version++;
    if (!known)
        a->ended_mono_ms = now.mono_ms;
    set_firing(t, a, ends > now.wall_ms, now);
    *ret = a;
    if (a->firing)
        *ret_change = was_firing ? ALERT_REFRESH : known ? ALERT_REFIRED : ALERT_NEW;
    else
        *ret_change = was_firing ? ALERT_RESOLVED : ALERT_QUIET;
    return 0;
}

int alerts_restore(struct alerts *t, const struct alert_input *in, bool firing, int64_t left_ms,
                   struct now now, struct alert **ret)
{
    enum alert_change change;
    int r = alerts_put(t, in, now, ret, &change);

    if (r < 0)
        return r;
    set_firing(t, *ret, firing, now);
    if (firing)
        heap_set(&t->ends, &(*ret)->ends, now.mono_ms + left_ms);
    return 0;
}

struct alert *alerts_expire(struct alerts *t, struct now now)
{
    struct heap_node *first = heap_first(&t->ends);
    struct alert *a;

    if (first == NULL || first->at_ms > now.mono_ms)
        return NULL;
    a = CONTAINER_OF(first, struct alert, ends);
    set_firing(t, a, false, now);
    a->version++;
    return a;
}

int64_t alerts_next_ms(const struct alerts *t)
{
    return heap_next_ms(&t->ends);
}

struct alerts_stats alerts_stats(const struct alerts *t)
{
    return (struct alerts_stats){.count = t->n,
                                 .firing = t->firing,
                                 .max = t->max,
                                 .text_bytes = t->text_bytes,
                                 .index_bytes = alert_index_bytes(t->pairs),
                                 .collisions = t->collisions,
                                 .refused_full = t->refused_full};
}

uint64_t alerts_digest(const struct alerts *t)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < t->buckets; i++) {
        for (const struct alert *a = t->bucket[i]; a != NULL; a = a->next) {
            uint64_t h = hash_mix(a->fp, (uint64_t)a->starts_wall_ms);

            h = hash_mix(h, (uint64_t)a->ends_wall_ms);
            sum += hash_mix(h, (uint64_t)a->firing << 1 | (uint64_t)a->forwarded);
        }
    }
    return sum;
}

#include "common/core/mute/silence.h"

#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/vec.h"
#include "common/core/mute/match_index.h"
#include "common/core/mute/silence_check.h"

#include <assert.h>

struct kept {
    struct silence s; /* texts in the arena */
    struct arena *arena;
    uint64_t order;              /* of creation here; an update keeps it */
    struct heap_node wake;       /* wall: starts, ends, leaves the index or is forgotten */
    struct match_entry *entries; /* one for each matcher set, in the arena; NULL at first */
    bool indexed;
    enum silence_state seen; /* by the last tick, or when it was changed */
    UT_hash_handle hh;
};

struct silence_set {
    struct silence_options options;
    struct kept *by_id;
    struct heap wakes;
    struct match_index *index;
    struct match_hits hits;                                /* scratch */
    void (*on_change)(const struct silence *s, void *arg); /* NULL: nobody watches */
    void *on_change_arg;
    uint64_t next_order, version;
    int64_t tick_wall_ms;       /* of the last one */
    struct silence_stats stats; /* the counters */
};

enum silence_state silence_state(const struct silence *s, struct now now)
{
    if (now.wall_ms < s->starts_wall_ms)
        return SILENCE_PENDING;
    return now.wall_ms < s->ends_wall_ms ? SILENCE_ACTIVE : SILENCE_EXPIRED;
}

const char *silence_state_text(enum silence_state state)
{
    static const char *const texts[] = {
        [SILENCE_PENDING] = "pending", [SILENCE_ACTIVE] = "active", [SILENCE_EXPIRED] = "expired"};

    return texts[state];
}

/* ---- the set ---- */

void silence_set_options(struct silence_set *set, struct silence_options options)
{
    set->options = options;
    if (options.silences_max == 0 || options.silences_max > SILENCES_MAX)
        set->options.silences_max = SILENCES_MAX;
    if (options.silence_bytes_max == 0 || options.silence_bytes_max > SILENCE_BYTES_MAX)
        set->options.silence_bytes_max = SILENCE_BYTES_MAX;
}

struct silence_set *silence_set_new(struct silence_options options)
{
    struct silence_set *set = xcalloc(1, sizeof(*set));

    silence_set_options(set, options);
    heap_init(&set->wakes);
    set->index = match_index_new();
    return set;
}

void silence_set_watch(struct silence_set *set,
                       void (*on_change)(const struct silence *s, void *arg), void *arg)
{
    set->on_change = on_change;
    set->on_change_arg = arg;
}

static void tell_change(struct silence_set *set, const struct kept *k)
{
    if (set->on_change != NULL)
        set->on_change(&k->s, set->on_change_arg);
}

static void unindex(struct silence_set *set, struct kept *k)
{
    for (size_t i = 0; k->indexed && i < k->s.sets_n; i++)
        match_index_remove(set->index, &k->entries[i]);
    k->indexed = false;
}

static void index_it(struct silence_set *set, struct kept *k)
{
    if (k->indexed)
        return;
    if (k->entries == NULL)
        k->entries = ARENA_ARRAY(k->arena, struct match_entry, k->s.sets_n);
    for (size_t i = 0; i < k->s.sets_n; i++) {
        k->entries[i] =
            (struct match_entry){.matchers = &k->s.sets[i], .owner = k, .order = k->order};
        match_index_add(set->index, &k->entries[i]);
    }
    k->indexed = true;
}

static void kept_free(struct kept *k)
{
    silence_clear(&k->s);
    arena_free(k->arena);
    free(k);
}

static void drop(struct silence_set *set, struct kept *k)
{
    unindex(set, k);
    heap_remove(&set->wakes, &k->wake);
    HASH_DELETE(hh, set->by_id, k);
    kept_free(k);
}

void silence_set_free(struct silence_set *set)
{
    struct kept *k, *next;

    if (set == NULL)
        return;
    HASH_ITER (hh, set->by_id, k, next)
        drop(set, k);
    match_index_free(set->index);
    heap_clear(&set->wakes);
    VEC_CLEAR(&set->hits);
    free(set);
}

static struct kept *find(const struct silence_set *set, struct str id)
{
    struct kept *k;

    HASH_FIND(hh, set->by_id, id.p, id.n, k);
    return k;
}

static int64_t later(int64_t wall_ms, int64_t by_ms)
{
    int64_t sum;

    return __builtin_add_overflow(wall_ms, by_ms, &sum) ? TIME_NEVER - 1 : sum;
}

/* Brings index and wake-up in line with the silence and the time. */
static void settle(struct silence_set *set, struct kept *k, struct now now)
{
    int64_t next = k->s.expires_wall_ms;
    bool was_active = k->seen == SILENCE_ACTIVE;

    k->seen = silence_state(&k->s, now);
    if (k->seen == SILENCE_EXPIRED) {
        unindex(set, k);
    } else {
        index_it(set, k);
        next = k->seen == SILENCE_PENDING ? k->s.starts_wall_ms : k->s.ends_wall_ms;
    }
    heap_set(&set->wakes, &k->wake, next);
    if (was_active != (k->seen == SILENCE_ACTIVE))
        tell_change(set, k);
}

/* Puts new in the place of old (NULL: in none); afterwards old is gone. */
static void keep(struct silence_set *set, struct kept *k, struct kept *old, struct now now)
{
    k->order = old != NULL ? old->order : set->next_order++;
    if (old != NULL) {
        if (old->seen == SILENCE_ACTIVE)
            tell_change(set, old);
        drop(set, old);
    }
    HASH_ADD_KEYPTR(hh, set->by_id, k->s.id.p, k->s.id.n, k);
    settle(set, k, now);
    set->version++;
}

static int kept_new(const struct silence *in, bool classic_names, struct kept **ret,
                    struct err *err)
{
    struct kept *k = xcalloc(1, sizeof(*k));
    int rc;

    k->arena = arena_new(512);
    rc = silence_copy_checked(in, classic_names, k->arena, &k->s, err);
    if (rc < 0)
        kept_free(k);
    else
        *ret = k;
    return rc;
}

/* ---- local changes ---- */

/* Never before a version that was seen, whatever that one's clock said. */
static int64_t stamp_us(const struct kept *old, struct now now)
{
    int64_t us = now.wall_ms * 1000;

    return old != NULL ? max_i64(us, old->s.updated_wall_us + 1) : us;
}

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static bool updatable(const struct silence *old, const struct silence *in, struct now now)
{
    if (!silence_same_matchers(old, in))
        return false;
    switch (silence_state(old, now)) {
    case SILENCE_ACTIVE:
        return floor_s(in->starts_wall_ms) == floor_s(old->starts_wall_ms) &&
               in->ends_wall_ms >= now.wall_ms;
    case SILENCE_PENDING:
        return in->starts_wall_ms >= now.wall_ms;
    case SILENCE_EXPIRED:
        break;
    }
    return false;
}

static void end_now(struct silence_set *set, struct kept *k, struct now now)
{
    if (silence_state(&k->s, now) == SILENCE_PENDING)
        k->s.starts_wall_ms = now.wall_ms;
    k->s.ends_wall_ms = now.wall_ms;
    k->s.updated_wall_us = stamp_us(k, now);
    k->s.expires_wall_ms = later(now.wall_ms, set->options.retention_ms);
    settle(set, k, now);
    set->version++;
}

static int check_limits(const struct silence_set *set, const struct silence *s, bool creates,
                        struct err *err)
{
    size_t count = HASH_CNT(hh, set->by_id), bytes = silence_wire_bytes(s);

    if (creates && count + 1 > set->options.silences_max)
        return err_set(err, -ENOSPC, "exceeded maximum number of silences: %zu (limit: %zu)", count,
                       set->options.silences_max);
    if (bytes > set->options.silence_bytes_max)
        return err_set(err, -E2BIG, "silence exceeded maximum size: %zu bytes (limit: %zu bytes)",
                       bytes, set->options.silence_bytes_max);
    return 0;
}

/* Gives a new silence its id and its start; a past that it did not have is taken off. */
static int begin(const struct silence_set *set, struct kept *k, struct now now, struct rand *rand,
                 struct err *err)
{
    char uuid[37];

    k->s.starts_wall_ms = max_i64(k->s.starts_wall_ms, now.wall_ms);
    if (k->s.ends_wall_ms < k->s.starts_wall_ms)
        return err_set(err, -EINVAL, "invalid silence: end time must not be before start time");
    do {
        rand_uuid(rand, uuid);
    } while (find(set, str_from(uuid)) != NULL);
    k->s.id = arena_str(k->arena, str_from(uuid));
    return 0;
}

int silence_set_put(struct silence_set *set, const struct silence *in, struct now now,
                    struct rand *rand, struct silence_change *ret, struct err *err)
{
    struct silence_change change = {0};
    struct silence asked = *in;
    struct kept *old = NULL, *k;
    int rc;

    if (asked.starts_wall_ms == WALL_ABSENT)
        asked.starts_wall_ms = now.wall_ms;
    rc = kept_new(&asked, set->options.classic_names, &k, err);
    if (rc < 0)
        return rc;
    if (in->id.n > 0 && (old = find(set, in->id)) == NULL) {
        rc = err_set(err, -ENOENT, "silence not found");
        goto refused;
    }
    change.created = old == NULL || !updatable(&old->s, &k->s, now);
    if (change.created && (rc = begin(set, k, now, rand, err)) < 0)
        goto refused;
    k->s.updated_wall_us = stamp_us(change.created ? NULL : old, now);
    k->s.expires_wall_ms = later(k->s.ends_wall_ms, set->options.retention_ms);
    rc = check_limits(set, &k->s, change.created, err);
    if (rc < 0)
        goto refused;
    if (change.created && old != NULL && silence_state(&old->s, now) != SILENCE_EXPIRED) {
        end_now(set, old, now);
        change.expired = &old->s;
    }
    keep(set, k, change.created ? NULL : old, now);
    change.silence = &k->s;
    *ret = change;
    return 0;

refused:
    kept_free(k);
    return rc;
}

int silence_set_expire(struct silence_set *set, struct str id, struct now now,
                       const struct silence **ret)
{
    struct kept *k = find(set, id);

    if (k == NULL)
        return -ENOENT;
    *ret = NULL;
    if (silence_state(&k->s, now) != SILENCE_EXPIRED) {
        end_now(set, k, now);
        *ret = &k->s;
    }
    return 0;
}

/* ---- peers' ---- */

enum silence_merge silence_set_merge(struct silence_set *set, const struct silence *in,
                                     struct now now, struct err *err)
{
    struct kept *old = find(set, in->id), *k;
    struct silence s = *in;

    if (s.expires_wall_ms == WALL_ABSENT)
        s.expires_wall_ms = later(s.ends_wall_ms, set->options.retention_ms);
    if (s.expires_wall_ms <= now.wall_ms)
        return SILENCE_GONE;
    if (old != NULL && (old->s.updated_wall_us > s.updated_wall_us ||
                        (old->s.updated_wall_us == s.updated_wall_us &&
                         silence_hash(&old->s) >= silence_hash(&s))))
        return SILENCE_OLD;
    if (old == NULL && HASH_CNT(hh, set->by_id) >= SILENCES_MAX) {
        set->stats.merge_full++;
        return SILENCE_FULL;
    }
    if (s.id.n == 0 || silence_wire_bytes(&s) > SILENCE_BYTES_MAX ||
        s.updated_wall_us == INT64_MAX || kept_new(&s, false, &k, err) < 0) {
        if (s.id.n == 0 || silence_wire_bytes(&s) > SILENCE_BYTES_MAX)
            err_set(err, -EINVAL, "invalid silence: no id, or too large");
        set->stats.merge_invalid++;
        return SILENCE_INVALID;
    }
    if (old != NULL)
        set->stats.replaced++;
    else
        set->stats.merged++;
    keep(set, k, old, now);
    return SILENCE_MERGED;
}

/* ---- time ---- */

static void follow(struct silence_set *set, struct kept *k, struct now now)
{
    enum silence_state before = k->seen;

    settle(set, k, now);
    if (k->seen != before)
        set->version++;
}

void silence_set_tick(struct silence_set *set, struct now now,
                      void (*on_gone)(const struct silence *s, void *arg), void *arg)
{
    struct heap_node *first;

    if (now.wall_ms < set->tick_wall_ms) { /* the clock was set back: what had ended may go on */
        for (struct kept *k = set->by_id; k != NULL; k = k->hh.next)
            follow(set, k, now);
    }
    set->tick_wall_ms = now.wall_ms;
    while ((first = heap_first(&set->wakes)) != NULL && first->at_ms <= now.wall_ms) {
        struct kept *k = CONTAINER_OF(first, struct kept, wake);

        if (k->seen == SILENCE_EXPIRED) {
            if (on_gone != NULL)
                on_gone(&k->s, arg);
            drop(set, k);
            set->version++;
        } else {
            follow(set, k, now);
        }
    }
}

int64_t silence_set_next_wall_ms(const struct silence_set *set)
{
    return heap_next_ms(&set->wakes);
}

uint64_t silence_set_version(const struct silence_set *set)
{
    return set->version;
}

/* ---- questions ---- */

static bool is_active(const struct match_entry *e, void *arg)
{
    const struct now *now = arg;

    return silence_state(&((const struct kept *)e->owner)->s, *now) == SILENCE_ACTIVE;
}

bool silence_set_mutes(struct silence_set *set, struct labels l, struct now now)
{
    match_index_find(set->index, l, is_active, &now, &set->hits);
    return set->hits.n > 0;
}

size_t silence_set_match(struct silence_set *set, struct labels l, struct now now, struct arena *a,
                         const struct silence *const **ret)
{
    const struct silence **v;
    size_t n = 0;

    *ret = NULL;
    if (!silence_set_mutes(set, l, now))
        return 0;
    v = ARENA_ARRAY(a, const struct silence *, set->hits.n);
    for (size_t i = 0; i < set->hits.n; i++) { /* several sets of one silence are neighbours */
        const struct kept *k = set->hits.v[i]->owner;

        if (n == 0 || v[n - 1] != &k->s)
            v[n++] = &k->s;
    }
    *ret = v;
    return n;
}

const struct silence *silence_set_find(const struct silence_set *set, struct str id)
{
    const struct kept *k = find(set, id);

    return k != NULL ? &k->s : NULL;
}

static bool has_matcher(const struct silence *s, const struct matcher *m)
{
    for (size_t i = 0; i < s->sets_n; i++) {
        for (size_t k = 0; k < s->sets[i].n; k++) {
            if (matcher_eq(&s->sets[i].v[k], m))
                return true;
        }
    }
    return false;
}

static bool passes(const struct silence *s, const struct silence_query *q, enum silence_state state)
{
    if ((q->states & BIT(state)) == 0)
        return false;
    for (size_t i = 0; q->filter != NULL && i < q->filter->n; i++) {
        if (!has_matcher(s, &q->filter->v[i]))
            return false;
    }
    return true;
}

struct listed {
    const struct kept *k;
    int rank;   /* active, pending, expired */
    int64_t by; /* rising */
};

static int cmp_listed(const void *pa, const void *pb)
{
    const struct listed *a = pa, *b = pb;

    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->by != b->by)
        return a->by < b->by ? -1 : 1;
    return a->k->order < b->k->order ? -1 : a->k->order > b->k->order;
}

static struct listed to_listed(const struct kept *k, enum silence_state state)
{
    switch (state) {
    case SILENCE_ACTIVE:
        return (struct listed){.k = k, .rank = 0, .by = k->s.ends_wall_ms};
    case SILENCE_PENDING:
        return (struct listed){.k = k, .rank = 1, .by = k->s.starts_wall_ms};
    case SILENCE_EXPIRED:
        break;
    }
    return (struct listed){.k = k, .rank = 2, .by = -k->s.ends_wall_ms};
}

size_t silence_set_query(const struct silence_set *set, const struct silence_query *q,
                         struct now now, struct arena *a, const struct silence *const **ret)
{
    struct listed *v = ARENA_ARRAY(a, struct listed, HASH_CNT(hh, set->by_id));
    const struct silence **out;
    size_t n = 0;

    for (const struct kept *k = set->by_id; k != NULL; k = k->hh.next) {
        enum silence_state state = silence_state(&k->s, now);

        if (passes(&k->s, q, state))
            v[n++] = to_listed(k, state);
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), cmp_listed);
    out = ARENA_ARRAY(a, const struct silence *, n);
    for (size_t i = 0; i < n; i++)
        out[i] = &v[i].k->s;
    *ret = out;
    return n;
}

struct silence_stats silence_set_stats(const struct silence_set *set, struct now now)
{
    struct silence_stats stats = set->stats;

    for (const struct kept *k = set->by_id; k != NULL; k = k->hh.next)
        stats.by_state[silence_state(&k->s, now)]++;
    stats.unkeyed = match_index_stats(set->index).unkeyed;
    return stats;
}

uint64_t silence_set_digest(const struct silence_set *set)
{
    uint64_t sum = 0;

    for (const struct kept *k = set->by_id; k != NULL; k = k->hh.next)
        sum += silence_hash(&k->s);
    return sum;
}

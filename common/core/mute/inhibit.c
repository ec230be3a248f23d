#include "common/core/mute/inhibit.h"

#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/base/vec.h"
#include "common/core/mute/match_index.h"

#include <assert.h>

/* One alert as a source of one rule; in a list of its slot and in one of its alert. */
struct source {
    TAILQ_ENTRY(source) in_slot;
    struct source *next; /* of the same alert */
    struct slot *slot;
    uint64_t fp, order;
    bool two_sided; /* it matches the rule's target side, too */
};
TAILQ_HEAD(source_list, source);

/* The firing sources of one rule that agree in its `equal` labels. Each list by age. */
struct slot {
    char *key; /* slot_key's */
    size_t key_n;
    struct rule *rule;
    struct source_list one_sided, two_sided;
    UT_hash_handle hh;
};

struct rule {
    const struct inhibit_rule *config;
    struct match_entry source, target;
    size_t sources;
};

struct source_alert {
    uint64_t fp;
    struct source *sources; /* NULL: a source of no rule; then it is not kept at all */
    UT_hash_handle hh;
};

struct inhibit {
    struct rule *rules;
    size_t rules_n;
    struct match_index *by_source, *by_target;
    struct slot *slots;
    struct source_alert *alerts;
    struct match_hits hits; /* scratch */
    struct buf key;         /* scratch */
    uint64_t next_order, version, refused;
    size_t sources;
};

struct inhibit *inhibit_new(const struct inhibit_rule *rules, size_t n)
{
    struct inhibit *ih = xcalloc(1, sizeof(*ih));

    ih->rules = xcalloc(n, sizeof(*ih->rules));
    ih->rules_n = n;
    ih->by_source = match_index_new();
    ih->by_target = match_index_new();
    buf_init(&ih->key, 0);
    for (size_t i = 0; i < n; i++) {
        struct rule *r = &ih->rules[i];

        r->config = &rules[i];
        r->source = (struct match_entry){.matchers = &rules[i].source, .owner = r, .order = i};
        r->target = (struct match_entry){.matchers = &rules[i].target, .owner = r, .order = i};
        if (!rules[i].never) {
            match_index_add(ih->by_source, &r->source);
            match_index_add(ih->by_target, &r->target);
        }
    }
    return ih;
}

/* ---- slots ---- */

/* The rule's place and the values of its equal labels, each with its length before it. */
static struct str slot_key(struct inhibit *ih, const struct rule *r, struct labels l)
{
    uint64_t place = (uint64_t)(r - ih->rules);

    buf_reset(&ih->key);
    buf_add(&ih->key, &place, sizeof(place));
    for (size_t i = 0; i < r->config->equal_n; i++) {
        struct str value = labels_get(l, r->config->equal[i]);

        buf_add(&ih->key, &value.n, sizeof(value.n));
        buf_add_str(&ih->key, value);
    }
    assert(!ih->key.overflow);
    return buf_str(&ih->key);
}

static struct slot *slot_find(const struct inhibit *ih, struct str key)
{
    struct slot *s;

    HASH_FIND(hh, ih->slots, key.p, key.n, s);
    return s;
}

static struct slot *slot_get(struct inhibit *ih, struct rule *r, struct labels l)
{
    struct str key = slot_key(ih, r, l);
    struct slot *s = slot_find(ih, key);

    if (s == NULL) {
        s = xcalloc(1, sizeof(*s));
        s->key = xmalloc(key.n);
        memcpy(s->key, key.p, key.n);
        s->key_n = key.n;
        s->rule = r;
        TAILQ_INIT(&s->one_sided);
        TAILQ_INIT(&s->two_sided);
        HASH_ADD_KEYPTR(hh, ih->slots, s->key, s->key_n, s);
    }
    return s;
}

static void source_drop(struct inhibit *ih, struct source *src)
{
    struct slot *s = src->slot;

    if (src->two_sided)
        TAILQ_REMOVE(&s->two_sided, src, in_slot);
    else
        TAILQ_REMOVE(&s->one_sided, src, in_slot);
    s->rule->sources--;
    ih->sources--;
    free(src);
    if (TAILQ_EMPTY(&s->one_sided) && TAILQ_EMPTY(&s->two_sided)) {
        HASH_DELETE(hh, ih->slots, s);
        free(s->key);
        free(s);
    }
}

/* ---- alerts ---- */

static struct source_alert *alert_find(const struct inhibit *ih, uint64_t fp)
{
    struct source_alert *a;

    HASH_FIND(hh, ih->alerts, &fp, sizeof(fp), a);
    return a;
}

static void source_add(struct inhibit *ih, struct rule *r, struct source_alert *a, struct labels l)
{
    struct source *src = xcalloc(1, sizeof(*src));

    src->slot = slot_get(ih, r, l);
    src->fp = a->fp;
    src->order = ih->next_order++;
    src->two_sided = matchers_match(&r->config->target, l);
    src->next = a->sources;
    a->sources = src;
    if (src->two_sided)
        TAILQ_INSERT_TAIL(&src->slot->two_sided, src, in_slot);
    else
        TAILQ_INSERT_TAIL(&src->slot->one_sided, src, in_slot);
    r->sources++;
    ih->sources++;
}

bool inhibit_put(struct inhibit *ih, uint64_t fp, struct labels l)
{
    struct source_alert *a = alert_find(ih, fp);

    if (a != NULL)
        return false;
    match_index_find(ih->by_source, l, NULL, NULL, &ih->hits);
    if (ih->hits.n == 0)
        return false;
    if (ih->sources + ih->hits.n > INHIBIT_SOURCES_MAX) {
        ih->refused++;
        return false;
    }
    a = xcalloc(1, sizeof(*a));
    a->fp = fp;
    HASH_ADD(hh, ih->alerts, fp, sizeof(a->fp), a);
    for (size_t i = 0; i < ih->hits.n; i++)
        source_add(ih, ih->hits.v[i]->owner, a, l);
    ih->version++;
    return true;
}

static void alert_free(struct inhibit *ih, struct source_alert *a)
{
    struct source *next;

    for (struct source *src = a->sources; src != NULL; src = next) {
        next = src->next;
        source_drop(ih, src);
    }
    HASH_DELETE(hh, ih->alerts, a);
    free(a);
}

bool inhibit_drop(struct inhibit *ih, uint64_t fp)
{
    struct source_alert *a = alert_find(ih, fp);

    if (a == NULL)
        return false;
    alert_free(ih, a);
    ih->version++;
    return true;
}

void inhibit_each_rule(const struct inhibit *ih, uint64_t fp,
                       void (*on_rule)(const struct inhibit_rule *rule, void *arg), void *arg)
{
    const struct source_alert *a = alert_find(ih, fp);

    for (const struct source *src = a != NULL ? a->sources : NULL; src != NULL; src = src->next)
        on_rule(src->slot->rule->config, arg);
}

void inhibit_free(struct inhibit *ih)
{
    struct source_alert *a, *next;

    if (ih == NULL)
        return;
    HASH_ITER (hh, ih->alerts, a, next)
        alert_free(ih, a);
    for (size_t i = 0; i < ih->rules_n; i++) {
        if (!ih->rules[i].config->never) {
            match_index_remove(ih->by_source, &ih->rules[i].source);
            match_index_remove(ih->by_target, &ih->rules[i].target);
        }
    }
    match_index_free(ih->by_source);
    match_index_free(ih->by_target);
    VEC_CLEAR(&ih->hits);
    buf_clear(&ih->key);
    free(ih->rules);
    free(ih);
}

/* ---- verdicts ---- */

static bool has_sources(const struct match_entry *e, void *arg)
{
    (void)arg;
    return ((const struct rule *)e->owner)->sources > 0;
}

static const struct source *oldest(const struct slot *s)
{
    const struct source *one = TAILQ_FIRST(&s->one_sided), *two = TAILQ_FIRST(&s->two_sided);

    if (one == NULL || two == NULL)
        return one != NULL ? one : two;
    return one->order < two->order ? one : two;
}

/* The source by which the rule, whose target side matches, mutes l; NULL for none. */
static const struct source *muted_by(struct inhibit *ih, const struct rule *r, struct labels l)
{
    const struct slot *s = slot_find(ih, slot_key(ih, r, l));

    if (s == NULL)
        return NULL;
    return matchers_match(&r->config->source, l) ? TAILQ_FIRST(&s->one_sided) : oldest(s);
}

bool inhibit_decide(struct inhibit *ih, struct labels l, struct inhibit_verdict *ret)
{
    if (ih->sources == 0)
        return false;
    match_index_find(ih->by_target, l, has_sources, NULL, &ih->hits);
    for (size_t i = 0; i < ih->hits.n; i++) {
        const struct rule *r = ih->hits.v[i]->owner;
        const struct source *src = muted_by(ih, r, l);

        if (src != NULL) {
            *ret = (struct inhibit_verdict){.source_fp = src->fp, .rule = (size_t)(r - ih->rules)};
            return true;
        }
    }
    return false;
}

uint64_t inhibit_version(const struct inhibit *ih)
{
    return ih->version;
}

struct inhibit_stats inhibit_stats(const struct inhibit *ih)
{
    return (struct inhibit_stats){.alerts = HASH_CNT(hh, ih->alerts),
                                  .sources = ih->sources,
                                  .unkeyed = match_index_stats(ih->by_target).unkeyed,
                                  .refused = ih->refused};
}

uint64_t inhibit_digest(const struct inhibit *ih)
{
    uint64_t sum = 0;

    for (const struct source_alert *a = ih->alerts; a != NULL; a = a->hh.next) {
        for (const struct source *src = a->sources; src != NULL; src = src->next)
            sum += hash_mix(
                hash_mix(fnv1a_64(FNV1A_64_BASIS, src->slot->key, src->slot->key_n), src->fp),
                src->two_sided);
    }
    return sum;
}

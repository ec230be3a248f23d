#include "global/core/mirrors.h"

#include "common/base/json.h"
#include "common/core/bugs.h"
#include "global/core/duty.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"
#include "global/core/mirror_codec.h"
#include "global/core/sites.h"

#include <assert.h>

void mirrors_init(struct mirrors *t)
{
    *t = (struct mirrors){.epoch = 1};
    TAILQ_INIT(&t->own);
    TAILQ_INIT(&t->others);
}

static void mirror_free(struct mirror *m)
{
    free(m->text);
    free(m->sites);
    free(m->key);
    free(m);
}

void mirrors_clear(struct global *g)
{
    struct mirror *m, *next;

    HASH_ITER (hh, g->mirrors.by_key, m, next) {
        HASH_DEL(g->mirrors.by_key, m);
        mirror_free(m);
    }
}

static struct str make_key(char *b, size_t size, struct str origin, struct str incident)
{
    int n = snprintf(b, size, STR_FMT "\n" STR_FMT, STR_ARG(origin), STR_ARG(incident));

    assert(n > 0 && (size_t)n < size);
    return (struct str){.p = b, .n = (size_t)n};
}

#define MIRROR_KEY_SIZE (IDENTITY_NAME_MAX + 1 + MIRROR_INCIDENT_MAX + 1)

struct mirror *mirror_find(const struct global *g, struct str origin, struct str incident)
{
    char text[MIRROR_KEY_SIZE];
    struct mirror *m = NULL;
    struct str key;

    if (origin.n > IDENTITY_NAME_MAX || incident.n > MIRROR_INCIDENT_MAX)
        return NULL;
    key = make_key(text, sizeof(text), origin, incident);
    HASH_FIND(hh, g->mirrors.by_key, key.p, key.n, m);
    return m;
}

struct mirror *mirror_other_first(const struct global *g)
{
    return TAILQ_FIRST(&g->mirrors.others);
}

struct mirror *mirror_other_next(const struct mirror *m)
{
    return TAILQ_NEXT(m, link);
}

static struct mirror *mirror_make(struct global *g, struct str origin, struct str incident)
{
    struct mirror *m = xcalloc(1, sizeof(*m));
    char text[MIRROR_KEY_SIZE];
    struct str key = make_key(text, sizeof(text), origin, incident);

    m->key = xstrndup(key.p, key.n);
    m->key_n = key.n;
    m->origin = (struct str){.p = m->key, .n = origin.n};
    m->incident = (struct str){.p = m->key + origin.n + 1, .n = incident.n};
    m->own = str_eq_c(origin, g->node);
    if (m->own)
        TAILQ_INSERT_TAIL(&g->mirrors.own, m, link);
    else
        TAILQ_INSERT_TAIL(&g->mirrors.others, m, link);
    HASH_ADD_KEYPTR(hh, g->mirrors.by_key, m->key, m->key_n, m);
    g->mirrors.n++;
    return m;
}

static void set_body(struct mirror *m, struct str body)
{
    free(m->text);
    m->text = xstrndup(body.p, body.n);
    m->body = (struct str){.p = m->text, .n = body.n};
}

static void set_sites(struct mirror *m, struct site *const *sites, size_t n)
{
    free(m->sites);
    m->sites = NULL;
    m->sites_n = n;
    m->all_sites = n == 0;
    if (n == 0)
        return;
    m->sites = xmalloc(n * sizeof(struct site *));
    memcpy(m->sites, sites, n * sizeof(struct site *));
}

static bool same_sites(const struct mirror *m, struct site *const *sites, size_t n)
{
    return m->sites_n == n && m->all_sites == (n == 0) &&
           (n == 0 || memcmp(m->sites, sites, n * sizeof(struct site *)) == 0);
}

/* ---- rows ---- */

static void put_counters(const struct mirrors *t, struct out *out)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_u64(&w, "epoch", t->epoch);
    json_put_u64(&w, "ver", t->ver);
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_META, STR("directives"), buf_str(&b));
    buf_clear(&b);
}

static void mirror_put(const struct mirror *m, struct out *out)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    mirror_write(&w, m);
    if (m->own) {
        json_key(&w, "sites");
        json_open_array(&w);
        for (size_t i = 0; i < m->sites_n; i++)
            json_add_str(&w, str_from(m->sites[i]->name));
        json_close_array(&w);
    }
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_MIRROR, (struct str){.p = m->key, .n = m->key_n}, buf_str(&b));
    buf_clear(&b);
}

static bool restore_sites(struct global *g, struct mirror *m, struct json_object *o)
{
    struct json_object *v = NULL;
    size_t n, known = 0;
    struct site **sites;

    if (json_get_array(o, "sites", &v, NULL) < 0 || v == NULL)
        return false;
    n = json_object_array_length(v);
    sites = xcalloc(n + 1, sizeof(struct site *));
    for (size_t i = 0; i < n; i++) {
        struct json_object *name = json_object_array_get_idx(v, i);
        struct site *site =
            json_object_is_type(name, json_type_string) ? site_find(g, json_str(name)) : NULL;

        if (site != NULL)
            sites[known++] = site;
    }
    /* When no site of it is known any more, every edge is the safe choice. */
    set_sites(m, sites, known);
    free((void *)sites);
    return true;
}

static bool restore(struct global *g, struct json_object *o)
{
    struct mirror_wire w;
    struct mirror *m;

    if (mirror_read(o, &w, NULL) < 0 || mirror_find(g, w.origin, w.incident) != NULL)
        return false;
    m = mirror_make(g, w.origin, w.incident);
    m->epoch = w.epoch;
    m->ver = w.ver;
    set_body(m, w.body);
    memcpy(m->mac, w.mac.p, MIRROR_MAC_HEX);
    return !m->own || restore_sites(g, m, o);
}

bool mirror_restore(struct global *g, const struct row_op *row)
{
    struct json_object *o = NULL;
    bool ok;

    if (json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0)
        return false;
    ok = json_object_is_type(o, json_type_object) && restore(g, o);
    json_object_put(o);
    return ok;
}

/* ---- our own registers ---- */

static void issue(struct global *g, struct mirror *m, struct out *out)
{
    struct mirrors *t = &g->mirrors;

    m->epoch = t->epoch;
    m->ver = ++t->ver;
    mirror_sign(g, m);
    m->pending = true;
    m->txn = out_txn(out);
    TAILQ_REMOVE(&t->own, m, link);
    TAILQ_INSERT_TAIL(&t->own, m, link);
    mirror_put(m, out);
}

static bool bug_keeps_ack(struct str body)
{
    return BUG(BUG_ACK_NOT_MIRRORED) && str_contains(body, STR("\"acks\":[{"));
}

void mirror_touch(struct global *g, struct str incident, struct site *const *sites, size_t sites_n,
                  struct str body, struct out *out)
{
    struct mirror *m = mirror_find(g, str_from(g->node), incident);

    assert(incident.n > 0 && incident.n <= MIRROR_INCIDENT_MAX && body.n <= MIRROR_BODY_MAX);
    if (bug_keeps_ack(body))
        return;
    if (m != NULL && str_eq(m->body, body) && same_sites(m, sites, sites_n))
        return;
    if (m == NULL)
        m = mirror_make(g, str_from(g->node), incident);
    set_body(m, body);
    set_sites(m, sites, sites_n);
    issue(g, m, out);
    put_counters(&g->mirrors, out);
    g->counts.mirrors_set++;
}

bool mirror_for_site(const struct mirror *m, const struct site *site)
{
    if (m->all_sites)
        return true;
    for (size_t i = 0; i < m->sites_n; i++) {
        if (m->sites[i] == site)
            return true;
    }
    return false;
}

bool mirror_confirmed(const struct global *g, struct str incident)
{
    const struct mirror *m = mirror_find(g, str_from(g->node), incident);

    if (m == NULL)
        return false;
    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        if (stream_live(s) && duty_for_stream(g, s) && mirror_for_site(m, s->site) &&
            s->confirmed_ver < m->ver)
            return false;
    }
    return true;
}

static void forget_one(struct global *g, struct mirror *m, struct out *out)
{
    out_delete(out, GLOBAL_ROW_MIRROR, (struct str){.p = m->key, .n = m->key_n});
    if (m->own)
        TAILQ_REMOVE(&g->mirrors.own, m, link);
    else
        TAILQ_REMOVE(&g->mirrors.others, m, link);
    HASH_DEL(g->mirrors.by_key, m);
    g->mirrors.n--;
    mirror_free(m);
}

void mirror_forget(struct global *g, struct str incident, struct out *out)
{
    struct mirror *m = mirror_find(g, str_from(g->node), incident), *next;

    if (m != NULL)
        forget_one(g, m, out);
    TAILQ_FOREACH_SAFE (m, &g->mirrors.others, link, next) {
        if (str_eq(m->incident, incident))
            forget_one(g, m, out);
    }
}

void mirrors_new_epoch(struct global *g, uint64_t epoch, struct out *out)
{
    struct mirrors *t = &g->mirrors;
    struct mirror *last = TAILQ_LAST(&t->own, mirror_list), *m, *next;

    t->epoch = epoch;
    t->told_ver = 0;
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next)
        s->confirmed_ver = 0;
    TAILQ_FOREACH_SAFE (m, &t->own, link, next) {
        issue(g, m, out);
        if (m == last) /* issue moves to the end */
            break;
    }
    put_counters(t, out);
}

static int by_ver(const void *a, const void *b)
{
    const struct mirror *x = *(const struct mirror *const *)a;
    const struct mirror *y = *(const struct mirror *const *)b;

    return x->ver < y->ver ? -1 : x->ver > y->ver;
}

/* Rows come by key: the list has to be by ver. */
static void sort_own(struct mirrors *t)
{
    struct mirror **v, *m;
    size_t n = 0;

    v = xcalloc(t->n + 1, sizeof(struct mirror *));
    while ((m = TAILQ_FIRST(&t->own)) != NULL) {
        TAILQ_REMOVE(&t->own, m, link);
        v[n++] = m;
    }
    qsort((void *)v, n, sizeof(struct mirror *), by_ver);
    for (size_t i = 0; i < n; i++) {
        TAILQ_INSERT_TAIL(&t->own, v[i], link);
        if (v[i]->ver > t->ver)
            t->ver = v[i]->ver;
    }
    free((void *)v);
}

void mirrors_start(struct global *g, const struct engine_start *start, struct out *out)
{
    sort_own(&g->mirrors);
    g->mirrors.told_ver = g->mirrors.ver;
    if (start->regressed)
        mirrors_new_epoch(g, g->mirrors.epoch + 1, out);
    else if (start->fresh)
        put_counters(&g->mirrors, out);
}

/* ---- another node's register ---- */

enum mirror_verdict mirror_receive(struct global *g, const struct mirror_wire *w, struct out *out)
{
    struct mirror *m = mirror_find(g, w->origin, w->incident);

    if (!mirror_authentic(g, w))
        return MIRROR_FORGED;
    if (m != NULL && (w->epoch != m->epoch ? w->epoch < m->epoch : w->ver <= m->ver))
        return MIRROR_OLD;
    if (str_eq_c(w->origin, g->node)) {
        /* What we have said before our store lost it. We are its one writer: take the position in,
         * and say it again under a version of our own. */
        if (w->epoch > g->mirrors.epoch ||
            (w->epoch == g->mirrors.epoch && w->ver > g->mirrors.ver))
            mirrors_new_epoch(g, w->epoch + 1, out);
        incident_on_mirror(g, w->origin, w->incident, w->body, out);
        return MIRROR_NEW;
    }
    if (m == NULL && g->mirrors.n >= g->limits.mirrors_max)
        return MIRROR_NO_ROOM;
    if (m == NULL)
        m = mirror_make(g, w->origin, w->incident);
    m->epoch = w->epoch;
    m->ver = w->ver;
    set_body(m, w->body);
    memcpy(m->mac, w->mac.p, MIRROR_MAC_HEX);
    mirror_put(m, out);
    incident_on_mirror(g, m->origin, m->incident, m->body, out);
    return MIRROR_NEW;
}

#include "edge/core/mirrors.h"

#include "common/base/json.h"
#include "common/base/map.h"
#include "common/base/queue.h"
#include "edge/core/edge_rows.h"

#include <assert.h>

#define INCIDENT_MAX 128
#define ORIGIN_MAX IDENTITY_NAME_MAX
#define MAC_CHARS 64

struct mirror_text { /* what a register says; lent */
    struct str incident, origin;
    uint64_t epoch, ver;
    struct str body, mac;
};

/* A register. key, body and mac are one block each of their own. */
struct reg {
    char *key; /* origin "\n" incident */
    size_t key_n, origin_n;
    uint64_t epoch, ver;
    char *body;
    size_t body_n;
    char mac[MAC_CHARS + 1];
    bool resolved;
    unsigned receipts;  /* BIT(node): it has this version */
    unsigned under_way; /* BIT(node): this version is in a journal request */
    TAILQ_ENTRY(reg) link;
    UT_hash_handle hh;
};

struct edge_mirrors {
    struct reg *by_key;
    TAILQ_HEAD(reg_list, reg) regs; /* least recently changed first */
    char nodes[EDGE_MIRRORS_NODES_MAX][IDENTITY_NAME_MAX + 1];
    size_t nodes_n;
    struct edge_mirrors_stats stats;
    uint64_t changes; /* of any register or receipt */
    struct {
        uint64_t at; /* changes + 1 when it was worked out */
        bool lacking;
    } cache[EDGE_MIRRORS_NODES_MAX];
};

struct edge_mirrors *edge_mirrors_new(void)
{
    struct edge_mirrors *m = xcalloc(1, sizeof(*m));

    TAILQ_INIT(&m->regs);
    return m;
}

static void reg_free(struct reg *r)
{
    free(r->key);
    free(r->body);
    free(r);
}

void edge_mirrors_free(struct edge_mirrors *m)
{
    struct reg *r, *next;

    if (m == NULL)
        return;
    HASH_CLEAR(hh, m->by_key);
    TAILQ_FOREACH_SAFE (r, &m->regs, link, next)
        reg_free(r);
    free(m);
}

static struct str reg_origin(const struct reg *r)
{
    return (struct str){r->key, r->origin_n};
}

static struct str reg_incident(const struct reg *r)
{
    return (struct str){r->key + r->origin_n + 1, r->key_n - r->origin_n - 1};
}

static size_t find_node(const struct edge_mirrors *m, struct str name)
{
    for (size_t i = 0; i < m->nodes_n; i++) {
        if (str_eq_c(name, m->nodes[i]))
            return i;
    }
    return m->nodes_n;
}

static unsigned node_bit(const struct edge_mirrors *m, size_t node)
{
    return node < m->nodes_n ? BIT(node) : 0;
}

void edge_mirrors_set_nodes(struct edge_mirrors *m, const struct str *names, size_t n)
{
    size_t was[EDGE_MIRRORS_NODES_MAX];
    struct reg *r;

    assert(n <= EDGE_MIRRORS_NODES_MAX);
    for (size_t i = 0; i < n; i++)
        was[i] = find_node(m, names[i]) < m->nodes_n ? find_node(m, names[i]) : SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t len = names[i].n < IDENTITY_NAME_MAX ? names[i].n : IDENTITY_NAME_MAX;

        memcpy(m->nodes[i], names[i].p, len);
        m->nodes[i][len] = '\0';
    }
    m->nodes_n = n;
    m->changes++;
    TAILQ_FOREACH (r, &m->regs, link) {
        unsigned receipts = 0;

        for (size_t i = 0; i < n; i++) {
            if (was[i] != SIZE_MAX && (r->receipts & BIT(was[i])) != 0)
                receipts |= BIT(i);
        }
        r->receipts = receipts;
        r->under_way = 0;
    }
}

/* ---- registers ---- */

static bool is_resolved(struct str body)
{
    struct json_object *o = NULL;
    struct str state = STR_EMPTY;
    bool resolved = json_parse(body, (struct json_opt){0}, &o, NULL) == 0 &&
                    json_object_is_type(o, json_type_object) &&
                    json_get_str(o, "state", &state, NULL) == 0 && str_eq_c(state, "resolved");

    json_object_put(o);
    return resolved;
}

static bool parse(struct json_object *o, struct mirror_text *ret)
{
    *ret = (struct mirror_text){0};
    return json_object_is_type(o, json_type_object) &&
           json_get_str(o, "incident", &ret->incident, NULL) == 0 &&
           json_get_str(o, "origin", &ret->origin, NULL) == 0 &&
           json_get_u64(o, "epoch", &ret->epoch, NULL) == 0 &&
           json_get_u64(o, "ver", &ret->ver, NULL) == 0 &&
           json_get_str(o, "body", &ret->body, NULL) == 0 &&
           json_get_str(o, "mac", &ret->mac, NULL) == 0 && ret->incident.n > 0 &&
           ret->incident.n <= INCIDENT_MAX && !str_contains(ret->incident, STR("\n")) &&
           identity_name_valid(ret->origin) && ret->body.n <= EDGE_MIRROR_BODY_MAX &&
           ret->mac.n == MAC_CHARS;
}

static void write_reg(struct json_writer *w, const struct reg *r)
{
    json_open_object(w);
    json_put_str(w, "incident", reg_incident(r));
    json_put_str(w, "origin", reg_origin(r));
    json_put_u64(w, "epoch", r->epoch);
    json_put_u64(w, "ver", r->ver);
    json_put_str(w, "body", (struct str){r->body, r->body_n});
    json_put_str(w, "mac", str_from(r->mac));
    json_close_object(w);
}

static void put_reg(const struct reg *r, struct out *out)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    write_reg(&w, r);
    out_put(out, EDGE_ROW_MIRROR, (struct str){r->key, r->key_n}, buf_str(&b));
    buf_clear(&b);
}

static struct reg *find(const struct edge_mirrors *m, const struct mirror_text *t)
{
    char key[ORIGIN_MAX + 1 + INCIDENT_MAX];
    size_t n = t->origin.n + 1 + t->incident.n;
    struct reg *r = NULL;

    memcpy(key, t->origin.p, t->origin.n);
    key[t->origin.n] = '\n';
    memcpy(key + t->origin.n + 1, t->incident.p, t->incident.n);
    HASH_FIND(hh, m->by_key, key, n, r);
    return r;
}

static struct reg *reg_new(struct edge_mirrors *m, const struct mirror_text *t)
{
    struct reg *r = xcalloc(1, sizeof(*r));

    r->origin_n = t->origin.n;
    r->key_n = t->origin.n + 1 + t->incident.n;
    r->key = xmalloc(r->key_n);
    memcpy(r->key, t->origin.p, t->origin.n);
    r->key[t->origin.n] = '\n';
    memcpy(r->key + t->origin.n + 1, t->incident.p, t->incident.n);
    HASH_ADD_KEYPTR(hh, m->by_key, r->key, r->key_n, r);
    TAILQ_INSERT_TAIL(&m->regs, r, link);
    m->stats.registers++;
    return r;
}

static void reg_set(struct edge_mirrors *m, struct reg *r, const struct mirror_text *t)
{
    m->changes++;
    free(r->body);
    r->epoch = t->epoch;
    r->ver = t->ver;
    r->body = xmalloc(t->body.n + 1); /* may hold NUL bytes */
    if (t->body.n > 0)
        memcpy(r->body, t->body.p, t->body.n);
    r->body_n = t->body.n;
    memcpy(r->mac, t->mac.p, MAC_CHARS);
    r->resolved = is_resolved(t->body);
    r->receipts = node_bit(m, find_node(m, t->origin)); /* who wrote it has it */
    r->under_way = 0;
    TAILQ_REMOVE(&m->regs, r, link);
    TAILQ_INSERT_TAIL(&m->regs, r, link);
}

static void reg_drop(struct edge_mirrors *m, struct reg *r, struct out *out)
{
    if (out != NULL)
        out_delete(out, EDGE_ROW_MIRROR, (struct str){r->key, r->key_n});
    m->changes++;
    HASH_DEL(m->by_key, r);
    TAILQ_REMOVE(&m->regs, r, link);
    m->stats.registers--;
    m->stats.dropped++;
    reg_free(r);
}

/* Makes room: the resolved one that has not changed for longest, else the oldest. */
static void bound(struct edge_mirrors *m, struct out *out)
{
    struct reg *r;

    if (m->stats.registers <= EDGE_MIRRORS_MAX)
        return;
    TAILQ_FOREACH (r, &m->regs, link) {
        if (r->resolved)
            break;
    }
    if (r == NULL)
        r = TAILQ_FIRST(&m->regs);
    reg_drop(m, r, out);
}

static int cmp_ver(const struct reg *r, const struct mirror_text *t)
{
    if (r->epoch != t->epoch)
        return r->epoch < t->epoch ? -1 : 1;
    return r->ver < t->ver ? -1 : r->ver > t->ver;
}

void edge_mirrors_restore(struct edge_mirrors *m, const struct row_op *row)
{
    struct json_object *o = NULL;
    struct mirror_text t;

    if (row->kind != EDGE_ROW_MIRROR)
        return;
    if (json_parse(row->value, (struct json_opt){0}, &o, NULL) == 0 && parse(o, &t) &&
        find(m, &t) == NULL) {
        struct reg *r = reg_new(m, &t);

        reg_set(m, r, &t);
        r->receipts = 0; /* its origin, too: it learns so that its store is a new one */
        bound(m, NULL);
    } else {
        m->stats.refused++; /* the globals hand it down again */
    }
    json_object_put(o);
}

static bool take(struct edge_mirrors *m, const struct mirror_text *t, size_t from, struct out *out)
{
    struct reg *r = find(m, t);
    int cmp = r == NULL ? -1 : cmp_ver(r, t);

    if (cmp < 0) {
        if (r == NULL)
            r = reg_new(m, t);
        reg_set(m, r, t);
        put_reg(r, out);
        m->stats.taken++;
    }
    m->changes++;
    if (cmp <= 0)
        r->receipts |= node_bit(m, from);
    if (cmp < 0)
        bound(m, out);
    return cmp < 0;
}

size_t edge_mirrors_take(struct edge_mirrors *m, struct json_object *list, size_t from,
                         struct out *out)
{
    size_t n = 0, news = 0;

    if (!json_object_is_type(list, json_type_array))
        return 0;
    n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct mirror_text t;

        if (parse(json_object_array_get_idx(list, i), &t))
            news += take(m, &t, from, out);
        else
            m->stats.refused++;
    }
    return news;
}

/* ---- journal ---- */

static bool lacking(const struct edge_mirrors *m, size_t node)
{
    struct reg *r;

    TAILQ_FOREACH_REVERSE(r, &m->regs, reg_list, link)
    {
        if ((r->receipts & BIT(node)) == 0)
            return true;
    }
    return false;
}

bool edge_mirrors_lacking(struct edge_mirrors *m, size_t node)
{
    assert(node < EDGE_MIRRORS_NODES_MAX);
    if (m->cache[node].at != m->changes + 1) {
        m->cache[node].lacking = lacking(m, node);
        m->cache[node].at = m->changes + 1;
    }
    return m->cache[node].lacking;
}

size_t edge_mirrors_write_journal(struct edge_mirrors *m, size_t node, size_t bytes_max,
                                  struct buf *b)
{
    struct json_writer w;
    struct reg *r;
    size_t n = 0, begin = b->n;

    json_writer_init(&w, b);
    json_open_array(&w);
    TAILQ_FOREACH (r, &m->regs, link) {
        r->under_way &= ~BIT(node);
        if ((r->receipts & BIT(node)) != 0)
            continue;
        if (n >= EDGE_MIRRORS_JOURNAL_MAX || b->n - begin > bytes_max)
            continue;
        write_reg(&w, r);
        r->under_way |= BIT(node);
        n++;
    }
    json_close_array(&w);
    return n;
}

void edge_mirrors_journal_done(struct edge_mirrors *m, size_t node, bool ok)
{
    struct reg *r;

    m->changes++;
    TAILQ_FOREACH (r, &m->regs, link) {
        if (ok && (r->under_way & BIT(node)) != 0)
            r->receipts |= BIT(node);
        r->under_way &= ~BIT(node);
    }
}

void edge_mirrors_forget_receipts(struct edge_mirrors *m, size_t node)
{
    struct reg *r;

    m->changes++;
    TAILQ_FOREACH (r, &m->regs, link) {
        r->receipts &= ~BIT(node);
        r->under_way &= ~BIT(node);
    }
}

void edge_mirrors_put_all(const struct edge_mirrors *m, struct out *out)
{
    struct reg *r;

    TAILQ_FOREACH (r, &m->regs, link)
        put_reg(r, out);
}

struct edge_mirrors_stats edge_mirrors_stats(const struct edge_mirrors *m)
{
    return m->stats;
}

uint64_t edge_mirrors_digest(const struct edge_mirrors *m)
{
    struct reg *r;
    uint64_t h = m->stats.registers;

    TAILQ_FOREACH (r, &m->regs, link)
        h += hash_mix(fnv1a_64(FNV1A_64_BASIS, r->key, r->key_n),
                      hash_mix(r->epoch, hash_mix(r->ver, r->receipts)));
    return h;
}

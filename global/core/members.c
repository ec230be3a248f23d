#include "global/core/members.h"

#include "common/base/json.h"
#include "common/core/bugs.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"
#include "global/core/member_row.h"
#include "global/core/sites.h"

#include <assert.h>

void members_init(struct members *t)
{
    *t = (struct members){0};
    TAILQ_INIT(&t->orphans);
    TAILQ_INIT(&t->cursors);
}

static void member_free(struct member *m)
{
    free(m->restored_incident);
    free(m->texts);
    free(m);
}

void members_clear(struct global *g)
{
    struct member *m, *next;

    HASH_ITER (hh, g->members.by_key, m, next) {
        HASH_DEL(g->members.by_key, m);
        member_free(m);
    }
}

struct member *member_find(const struct global *g, const struct stream *s, uint64_t fp)
{
    struct member_key key = {.stream = s, .fp = fp};
    struct member *m = NULL;

    HASH_FIND(hh, g->members.by_key, &key, sizeof(key), m);
    return m;
}

struct member *member_first(const struct global *g)
{
    return g->members.by_key;
}

struct member *member_next(const struct member *m)
{
    return m->hh.next;
}

void member_cursor_init(struct global *g, struct member_cursor *c)
{
    c->next = member_first(g);
    TAILQ_INSERT_TAIL(&g->members.cursors, c, link);
}

void member_cursor_clear(struct global *g, struct member_cursor *c)
{
    TAILQ_REMOVE(&g->members.cursors, c, link);
}

static struct member *member_make(struct global *g, struct stream *s, uint64_t fp)
{
    struct member *m = xcalloc(1, sizeof(*m));

    m->key = (struct member_key){.stream = s, .fp = fp};
    m->stream = s;
    m->fp = fp;
    m->orphan_mono_ms = -1;
    HASH_ADD(hh, g->members.by_key, key, sizeof(m->key), m);
    TAILQ_INSERT_TAIL(&s->members, m, stream_link);
    s->members_n++;
    g->members.n++;
    return m;
}

/* ---- texts: one block a member, its label arrays in front ---- */

struct packer {
    struct label *labels;
    char *bytes;
};

static size_t labels_bytes(struct labels l)
{
    size_t n = 0;

    LABELS_EACH (&l, it)
        n += sizeof(*it) + it->name.n + it->value.n;
    return n;
}

static struct str pack_str(struct packer *p, struct str s)
{
    char *to = p->bytes;

    if (s.n > 0)
        memcpy(to, s.p, s.n);
    p->bytes += s.n;
    return (struct str){.p = to, .n = s.n};
}

static struct labels pack_labels(struct packer *p, struct labels l)
{
    struct label *v = p->labels;

    p->labels += l.n;
    for (size_t i = 0; i < l.n; i++) {
        v[i].name = pack_str(p, l.v[i].name);
        v[i].value = pack_str(p, l.v[i].value);
    }
    return (struct labels){.v = v, .n = l.n};
}

static void set_state(struct member *m, const struct member_state *s)
{
    size_t n = labels_bytes(s->labels) + labels_bytes(s->annotations) + s->suppressed.n +
               s->reason.n + s->generator_url.n + 1;
    char *texts = xmalloc(n);
    struct packer p = {.labels = (struct label *)(void *)texts};

    p.bytes = texts + (s->labels.n + s->annotations.n) * sizeof(struct label);
    m->stream->firing_n -= m->s.firing;
    m->stream->firing_n += s->firing;
    m->s = *s;
    m->s.labels = pack_labels(&p, s->labels);
    m->s.annotations = pack_labels(&p, s->annotations);
    m->s.suppressed = pack_str(&p, s->suppressed);
    m->s.reason = pack_str(&p, s->reason);
    m->s.generator_url = pack_str(&p, s->generator_url);
    free(m->texts);
    m->texts = texts;
}

/* ---- who holds an incident open ---- */

/* Nothing of what the stream's edge has to say is still on its way. */
static bool wholly_received(const struct stream *s)
{
    if (s->said_epoch == s->at.epoch)
        return s->at.epoch > 0 && s->at.cursor == s->high;
    return s->said_epoch > s->at.epoch && s->high == 0;
}

/* The rules of members.h for a firing member of a silent stream, as one other stream sees it. */
static bool released_by(const struct global *g, const struct member *m, const struct stream *other)
{
    const struct member *same;

    if (other == m->stream || !stream_live(other) || !other->settled)
        return false;
    same = member_find(g, other, m->fp);
    if (same != NULL && same->s.firing)
        return false;
    if (m->doubted && same != NULL)
        return true;
    return strcmp(other->node, m->stream->node) == 0 &&
           strcmp(other->group, m->stream->group) == 0 && wholly_received(other);
}

bool member_holds_open(const struct global *g, const struct member *m)
{
    const struct stream *other;

    if (!m->s.firing)
        return false;
    if (stream_live(m->stream))
        return true;
    TAILQ_FOREACH (other, &m->stream->site->streams, site_link) {
        if (released_by(g, m, other))
            return false;
    }
    return true;
}

bool member_stale(const struct member *m)
{
    return m->s.firing && !stream_live(m->stream);
}

struct str member_site(const struct member *m)
{
    return labels_get(m->s.labels, STR("site"));
}

static void review(struct global *g, struct member *m, struct out *out)
{
    bool holds = member_holds_open(g, m);

    if (holds == m->holds_open)
        return;
    m->holds_open = holds;
    incident_on_member(g, m, holds ? MEMBER_HELD : MEMBER_RELEASED, out);
    member_put(m, out);
}

static void review_stream(struct global *g, struct stream *s, struct out *out)
{
    struct member *m, *next;

    if (s->firing_n == 0)
        return;
    TAILQ_FOREACH_SAFE (m, &s->members, stream_link, next) {
        if (m->s.firing)
            review(g, m, out);
    }
}

void members_review_site(struct global *g, struct site *site, struct out *out)
{
    struct stream *s;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        if (!stream_live(s))
            review_stream(g, s, out);
    }
}

static void set_doubt(struct member *m, bool doubted)
{
    if (m->doubted == doubted)
        return;
    m->doubted = doubted;
    if (doubted)
        m->stream->doubted_n++;
    else
        m->stream->doubted_n--;
}

/* The stream of m says that the alert is over: what other streams say, and have not said since, is
 * doubted. Stored only when such a stream falls silent, so that the usual case (both edges resolve
 * within seconds) writes nothing more. */
static void doubt_others(struct global *g, const struct member *m, struct out *out)
{
    struct stream *other;

    TAILQ_FOREACH (other, &m->stream->site->streams, site_link) {
        struct member *same = other == m->stream ? NULL : member_find(g, other, m->fp);

        if (same == NULL || !same->s.firing)
            continue;
        set_doubt(same, true);
        if (stream_live(other))
            continue;
        review(g, same, out);
        member_put(same, out);
    }
}

void members_on_heard(struct global *g, struct stream *s, bool was_silent, struct out *out)
{
    struct member *m;

    if (s->doubted_n > 0) {
        TAILQ_FOREACH (m, &s->members, stream_link) {
            if (!m->doubted)
                continue;
            set_doubt(m, false);
            if (was_silent) /* only then was it stored */
                member_put(m, out);
        }
    }
    if (was_silent)
        review_stream(g, s, out);
}

void members_on_silent_stream(struct global *g, struct stream *s, struct out *out)
{
    struct member *m;

    if (s->doubted_n > 0) {
        TAILQ_FOREACH (m, &s->members, stream_link) {
            if (m->doubted)
                member_put(m, out);
        }
    }
    review_stream(g, s, out);
}

/* Only for the planted bug that takes silence for an end. */
void members_on_silent_site(struct global *g, struct site *site, struct out *out)
{
    struct stream *s;
    struct member *m, *next;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        TAILQ_FOREACH_SAFE (m, &s->members, stream_link, next) {
            if (!m->s.firing)
                continue;
            m->s.firing = false;
            s->firing_n--;
            m->holds_open = false;
            incident_on_member(g, m, MEMBER_RESOLVED, out);
            member_put(m, out);
        }
    }
}

/* ---- rows ---- */

static bool newer(const struct member_state *a, const struct member_state *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->seq > b->seq;
}

static enum member_change judge(const struct member *m, const struct member_state *row, bool known)
{
    const struct member_state *old = &m->s;

    if (!row->firing)
        return known && !old->firing && old->episode == row->episode && old->epoch == row->epoch
                   ? MEMBER_REFRESHED
                   : MEMBER_RESOLVED;
    if (!known || !old->firing)
        return MEMBER_OPENED;
    if (old->episode != row->episode && !str_eq_c(row->reason, "refresh"))
        return MEMBER_OPENED;
    if ((old->suppressed.n > 0) != (row->suppressed.n > 0))
        return row->suppressed.n > 0 ? MEMBER_SUPPRESSED : MEMBER_UNSUPPRESSED;
    return MEMBER_REFRESHED;
}

static const char *change_name(enum member_change change)
{
    static const char *const names[] = {
        [MEMBER_OPENED] = "firing",
        [MEMBER_RESOLVED] = "resolved",
        [MEMBER_REFRESHED] = "refreshed",
        [MEMBER_SUPPRESSED] = "suppressed",
        [MEMBER_UNSUPPRESSED] = "unsuppressed",
        [MEMBER_RELEASED] = "released",
        [MEMBER_HELD] = "held",
    };

    return names[change];
}

static void file_orphan(struct global *g, struct member *m)
{
    bool orphan = !m->s.firing && m->incident == NULL;

    if (m->orphan_mono_ms >= 0) {
        TAILQ_REMOVE(&g->members.orphans, m, orphan_link);
        m->orphan_mono_ms = -1;
    }
    if (orphan) {
        m->orphan_mono_ms = g->now.mono_ms;
        TAILQ_INSERT_TAIL(&g->members.orphans, m, orphan_link);
    }
}

bool member_apply(struct global *g, struct stream *s, uint64_t fp, const struct member_state *row,
                  struct out *out)
{
    struct member *m = member_find(g, s, fp);
    bool known = m != NULL;
    enum member_change change;

    if (known && !newer(row, &m->s))
        return false;
    if (!known)
        m = member_make(g, s, fp);
    change = judge(m, row, known);
    set_state(m, row);
    set_doubt(m, false);
    m->changed_order = ++g->members.next_order;
    m->changed_wall_ms = g->now.wall_ms;
    m->holds_open = member_holds_open(g, m);
    incident_on_member(g, m, change, out);
    if (change == MEMBER_RESOLVED)
        doubt_others(g, m, out);
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_APPLIED,
                                         .site = member_site(m),
                                         .stream = str_from(s->uuid),
                                         .node = str_from(s->node),
                                         .fp = fp,
                                         .epoch = row->epoch,
                                         .seq = row->seq,
                                         .incident = incident_id(m->incident),
                                         .cause = str_from(change_name(change)),
                                         .reason = row->reason});
    file_orphan(g, m);
    member_put(m, out);
    return true;
}

static struct str row_key(const struct member *m, char *b, size_t size)
{
    int n = snprintf(b, size, "%s %016lx", m->stream->uuid, m->fp);

    assert(n > 0 && (size_t)n < size);
    return (struct str){.p = b, .n = (size_t)n};
}

#define MEMBER_KEY_SIZE (STREAM_UUID_MAX + 1 + 16 + 1)

void member_put(struct member *m, struct out *out)
{
    char key[MEMBER_KEY_SIZE];
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_u64(&w, "epoch", m->s.epoch);
    member_row_write(&w, &m->s);
    json_put_bool(&w, "doubted", m->doubted);
    json_put_u64(&w, "order", m->changed_order);
    json_put_i64(&w, "changed_ms", m->changed_wall_ms);
    json_put_str(&w, "incident", incident_id(m->incident));
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_MEMBER, row_key(m, key, sizeof(key)), buf_str(&b));
    buf_clear(&b);
}

void member_forget(struct global *g, struct member *m, struct out *out)
{
    char key[MEMBER_KEY_SIZE];
    struct member_cursor *c;

    out_delete(out, GLOBAL_ROW_MEMBER, row_key(m, key, sizeof(key)));
    if (m->orphan_mono_ms >= 0)
        TAILQ_REMOVE(&g->members.orphans, m, orphan_link);
    set_doubt(m, false);
    m->stream->firing_n -= m->s.firing;
    m->stream->members_n--;
    TAILQ_REMOVE(&m->stream->members, m, stream_link);
    TAILQ_FOREACH (c, &g->members.cursors, link) {
        if (c->next == m)
            c->next = member_next(m);
    }
    HASH_DEL(g->members.by_key, m);
    g->members.n--;
    member_free(m);
}

int64_t members_tick(struct global *g, struct out *out)
{
    struct member *m, *next;

    TAILQ_FOREACH_SAFE (m, &g->members.orphans, orphan_link, next) {
        if (m->orphan_mono_ms + MEMBER_ORPHAN_MS > g->now.mono_ms)
            return m->orphan_mono_ms + MEMBER_ORPHAN_MS;
        if (m->incident == NULL) {
            member_forget(g, m, out);
        } else { /* it was given one since */
            TAILQ_REMOVE(&g->members.orphans, m, orphan_link);
            m->orphan_mono_ms = -1;
        }
    }
    return TIME_NEVER;
}

/* ---- the store ---- */

static bool restore_member(struct global *g, struct stream *s, uint64_t fp, struct json_object *o,
                           struct arena *a)
{
    struct member_state state;
    struct member_row_limits limits = {0};
    struct str incident = STR_EMPTY, site = str_from(s->site->name);
    uint64_t epoch = 0, order = 0;
    int64_t changed = 0;
    bool doubted = false;
    struct member *m;

    if (member_row_read(o, site, a, &state, &limits, NULL) < 0 ||
        json_get_u64(o, "epoch", &epoch, NULL) < 0 || json_get_u64(o, "order", &order, NULL) < 0 ||
        json_get_i64(o, "changed_ms", &changed, NULL) < 0 ||
        json_get_bool(o, "doubted", &doubted, NULL) < 0 ||
        json_get_str(o, "incident", &incident, NULL) < 0 || member_find(g, s, fp) != NULL)
        return false;
    state.epoch = epoch;
    m = member_make(g, s, fp);
    set_state(m, &state);
    set_doubt(m, doubted && state.firing);
    m->changed_order = order;
    m->changed_wall_ms = changed;
    if (incident.n > 0)
        m->restored_incident = xstrndup(incident.p, incident.n);
    if (order > g->members.next_order)
        g->members.next_order = order;
    return true;
}

bool member_restore(struct global *g, const struct row_op *row)
{
    size_t space = str_find_char(row->key, ' ');
    struct stream *s = stream_find(g, str_sub(row->key, 0, space));
    struct json_object *o = NULL;
    struct arena *a;
    uint64_t fp;
    bool ok;

    if (s == NULL || !str_to_hex_u64(str_sub(row->key, space + 1, row->key.n), &fp) ||
        json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0)
        return false;
    a = arena_new(0);
    ok = json_object_is_type(o, json_type_object) && restore_member(g, s, fp, o, a);
    arena_free(a);
    json_object_put(o);
    return ok;
}

/* Doubts about a stream that was not silent were not stored. What another stream resolved after
 * this one's last row is doubted again: if this one lives it will be heard before that counts. */
static void restore_doubt(struct global *g, struct member *m)
{
    const struct stream *other;

    TAILQ_FOREACH (other, &m->stream->site->streams, site_link) {
        const struct member *same = other == m->stream ? NULL : member_find(g, other, m->fp);

        if (same != NULL && !same->s.firing && same->changed_order > m->changed_order)
            set_doubt(m, true);
    }
}

void members_start(struct global *g)
{
    for (struct member *m = member_first(g); m != NULL; m = member_next(m)) {
        if (m->s.firing && stream_live(m->stream) && m->stream->site->streams_n > 1)
            restore_doubt(g, m);
        m->holds_open = member_holds_open(g, m);
        file_orphan(g, m); /* members_tick sees which have got their incident back by then */
    }
}

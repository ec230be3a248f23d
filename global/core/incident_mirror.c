/* An incident's position as it travels to the other nodes, and what they tell of it
 * (docs/formats/federation.md). */
#include "global/core/incident.h"

#include "common/base/json.h"
#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "global/core/escalate.h"
#include "global/core/pages.h"

#include <assert.h>

/* ---- telling ---- */

static void add_acks(struct json_writer *w, const struct incident *i)
{
    json_key(w, "acks");
    json_open_array(w);
    VEC_EACH (&i->acks, struct ack, a) {
        if (BUG(BUG_ACK_NOT_MIRRORED))
            continue;
        json_open_object(w);
        json_put_str(w, "id", str_from(a->id));
        json_put_str(w, "user", str_from(a->user));
        json_put_i64(w, "at_ms", a->at_wall_ms);
        json_close_object(w);
    }
    json_close_array(w);
    json_key(w, "revoked");
    json_open_array(w);
    VEC_EACH (&i->acks, struct ack, a) {
        if (a->revoked)
            json_add_str(w, str_from(a->id));
    }
    json_close_array(w);
}

static void add_marks(struct json_writer *w, const struct incident *i)
{
    json_key(w, "pages");
    json_open_array(w);
    VEC_EACH (&i->marks, struct mark, m) {
        json_open_object(w);
        json_put_str(w, "target", str_from(m->target));
        json_put_str(w, "reason", str_from(m->reason));
        json_put_bool(w, "done", m->done || m->failed);
        json_close_object(w);
    }
    json_close_array(w);
}

/* What the body leaves out to stay within its bound, step by step: the sites are for people, a page
 * that is not told of is sent again by another node. Acks are bounded and always told. */
enum brevity { WHOLE, NO_SITES, NO_PAGES };

static void add_body(struct buf *b, const struct incident *i, enum brevity brevity)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    json_put_str(&w, "dedup_key", str_from(i->dedup_key));
    json_put_u64(&w, "generation", i->generation);
    json_put_str(&w, "team", str_from(i->team_name));
    json_put_i64(&w, "opened_at_ms", i->opened_wall_ms);
    json_put_str(&w, "state", str_from(incident_state(i)));
    json_put_i64(&w, "resolved_at_ms", i->resolved ? i->resolved_wall_ms : 0);
    json_key(&w, "sites");
    json_open_array(&w);
    for (size_t n = 0; brevity == WHOLE && n < i->sites.n; n++)
        json_add_str(&w, str_from(i->sites.v[n]));
    json_close_array(&w);
    json_put_u64(&w, "phase", i->at.phase);
    json_put_u64(&w, "round", i->at.round);
    json_put_i64(&w, "step", i->at.step);
    json_put_i64(&w, "step_at_ms", i->step_wall_ms);
    if (brevity < NO_PAGES)
        add_marks(&w, i);
    json_put_u64(&w, "severity", i->severity_paged);
    json_put_u64(&w, "sites_paged", i->sites_paged);
    add_acks(&w, i);
    json_put_bool(&w, "forced", i->forced);
    json_close_object(&w);
}

static size_t member_sites(struct global *g, const struct incident *i, struct arena *a,
                           struct site ***ret)
{
    uint64_t walk = ++g->incidents->walk;
    struct site **v = NULL;
    struct member *m;
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) { /* counts, then collects */
        n = 0;
        TAILQ_FOREACH (m, &i->members, incident_link) {
            struct site *s = m->stream->site;

            if (s->walk == walk || n == MIRROR_SITES_MAX)
                continue;
            s->walk = walk;
            if (v != NULL)
                v[n] = s;
            n++;
        }
        walk = ++g->incidents->walk;
        if (v == NULL)
            v = ARENA_ARRAY(a, struct site *, n + 1);
    }
    *ret = v;
    return n;
}

void incident_send_mirror(struct global *g, struct incident *i, struct out *out)
{
    struct site **sites;
    size_t n = member_sites(g, i, out_arena(out), &sites);
    struct buf b;
    bool fits = false;

    /* Nothing to tell yet: every node opens the incident by itself. */
    if (i->at.step < 0 && i->acks.n == 0 && !i->forced)
        return;
    if (n == 0 && (i->system == NULL || system_alert_local(i->system)))
        return;
    for (enum brevity brevity = WHOLE; !fits && brevity <= NO_PAGES; brevity++) {
        buf_init(&b, MIRROR_BODY_MAX);
        add_body(&b, i, brevity);
        fits = !b.overflow;
        if (fits)
            mirror_touch(g, incident_id(i), sites, i->system != NULL ? 0 : n, buf_str(&b), out);
        else
            g->incidents->counts.mirrors_cut++;
        buf_clear(&b);
    }
    assert(fits);
}

/* ---- hearing ---- */

struct told {
    struct json_object *o, *marks, *acks, *revoked;
    struct str dedup_key, state;
    int64_t opened_wall_ms;
    uint64_t generation, phase, round, severity, sites_paged;
    int64_t step, step_at_ms, resolved_at_ms;
    bool forced;
};

static bool read_body(struct str body, struct told *t)
{
    *t = (struct told){.dedup_key = STR_EMPTY, .state = STR_EMPTY, .step = -1};
    if (json_parse(body, (struct json_opt){0}, &t->o, NULL) < 0)
        return false;
    return json_get_str(t->o, "dedup_key", &t->dedup_key, NULL) == 0 &&
           json_get_str(t->o, "state", &t->state, NULL) == 0 &&
           json_get_u64(t->o, "generation", &t->generation, NULL) == 0 &&
           json_get_i64(t->o, "opened_at_ms", &t->opened_wall_ms, NULL) == 0 &&
           json_get_u64(t->o, "phase", &t->phase, NULL) == 0 &&
           json_get_u64(t->o, "round", &t->round, NULL) == 0 &&
           json_get_i64(t->o, "step", &t->step, NULL) == 0 &&
           json_get_i64(t->o, "step_at_ms", &t->step_at_ms, NULL) == 0 &&
           json_get_i64(t->o, "resolved_at_ms", &t->resolved_at_ms, NULL) == 0 &&
           json_get_u64(t->o, "severity", &t->severity, NULL) == 0 &&
           json_get_u64(t->o, "sites_paged", &t->sites_paged, NULL) == 0 &&
           json_get_bool(t->o, "forced", &t->forced, NULL) == 0 &&
           json_get_array(t->o, "pages", &t->marks, NULL) == 0 &&
           json_get_array(t->o, "acks", &t->acks, NULL) == 0 &&
           json_get_array(t->o, "revoked", &t->revoked, NULL) == 0 &&
           t->dedup_key.n == DEDUP_KEY_N && t->generation > 0 && t->phase <= 1 &&
           t->round < UINT32_MAX && t->step >= -1 && t->step < POLICY_STEPS_MAX;
}

static bool merge_acks(struct global *g, struct incident *i, const struct told *t, struct out *out)
{
    bool changed = false, was = incident_acked(i);

    for (size_t n = 0; t->acks != NULL && n < json_object_array_length(t->acks); n++) {
        struct json_object *o = json_object_array_get_idx(t->acks, n);
        struct str id = STR_EMPTY, user = STR_EMPTY;
        int64_t at = 0;

        if (json_get_str(o, "id", &id, NULL) < 0 || json_get_str(o, "user", &user, NULL) < 0 ||
            json_get_i64(o, "at_ms", &at, NULL) < 0 || ack_find(i, id) != NULL ||
            ack_add(g, i, id, user, at) == NULL)
            continue;
        changed = true;
        out_ledger(out, &(struct ledger_row){.verdict = LEDGER_ACK,
                                             .incident = incident_id(i),
                                             .generation = i->generation,
                                             .what = id,
                                             .target = user,
                                             .cause = STR("mirror")});
        incident_say(g, i, out, "acknowledged", user, STR("told by another node"));
    }
    for (size_t n = 0; t->revoked != NULL && n < json_object_array_length(t->revoked); n++) {
        struct json_object *o = json_object_array_get_idx(t->revoked, n);
        struct ack *a = json_object_is_type(o, json_type_string) ? ack_find(i, json_str(o)) : NULL;

        if (a != NULL && !a->revoked) {
            a->revoked = true;
            changed = true;
        }
    }
    if (was && !incident_acked(i))
        incident_say(g, i, out, "unacknowledged", STR_EMPTY, STR("told by another node"));
    if (!was && incident_acked(i))
        pages_drop(g, i, "acked", out);
    return changed;
}

static int compare(const struct told *t, const struct position *at)
{
    if (t->phase != at->phase)
        return t->phase > at->phase ? 1 : -1;
    if (t->round != at->round)
        return t->round > at->round ? 1 : -1;
    return t->step > at->step ? 1 : t->step < at->step ? -1 : 0;
}

static bool merge_marks(struct incident *i, const struct told *t)
{
    bool changed = false;

    for (size_t n = 0; t->marks != NULL && n < json_object_array_length(t->marks); n++) {
        struct json_object *o = json_object_array_get_idx(t->marks, n);
        struct str target = STR_EMPTY, reason = STR_EMPTY;
        char reason_z[32];
        bool done = false;
        struct mark *m;

        if (json_get_str(o, "target", &target, NULL) < 0 ||
            json_get_str(o, "reason", &reason, NULL) < 0 ||
            json_get_bool(o, "done", &done, NULL) < 0 || target.n == 0)
            continue;
        (void)snprintf(reason_z, sizeof(reason_z), STR_FMT, STR_ARG(reason));
        m = mark_add(i, target, reason_z);
        if (m != NULL && done && !m->done) {
            m->done = true;
            changed = true;
        }
    }
    return changed;
}

static bool merge_position(struct global *g, struct incident *i, const struct told *t,
                           struct out *out)
{
    int order = compare(t, &i->at);

    if (order < 0 || t->step < 0)
        return false;
    if (order > 0) {
        pages_drop(g, i, "superseded", out);
        marks_clear(i);
        i->claim = CLAIM_OTHER;
        incident_adopt_step(g, i,
                            (struct position){.phase = (unsigned)t->phase,
                                              .round = (unsigned)t->round,
                                              .step = (int)t->step},
                            t->step_at_ms);
    }
    if (t->severity > i->severity_paged)
        i->severity_paged = (unsigned)t->severity;
    if (t->sites_paged > i->sites_paged)
        i->sites_paged = t->sites_paged;
    return merge_marks(i, t) || order > 0;
}

static void merge(struct global *g, struct incident *i, const struct told *t, struct out *out)
{
    bool changed = merge_acks(g, i, t, out);

    changed = merge_position(g, i, t, out) || changed;
    if (t->forced && !i->forced) {
        incident_force(g, i, STR("another node"), out);
        changed = true;
    }
    if (changed)
        incident_changed(g, i);
}

/* What is long over elsewhere has the same name as what is open here only when this node has
 * forgotten the generations in between (a purge, a lost store): its acks are not for this one. */
static bool is_namesake(const struct incident *i, const struct told *t)
{
    return !i->resolved && str_eq_c(t->state, "resolved") &&
           t->opened_wall_ms + MS_PER_DAY < i->opened_wall_ms;
}

/* Does it say more of the newest generation than what is known? What this node said before it lost
 * its store is the oldest word: another node's stands against it, and of its own versions, which
 * come in any order, the one that closes. */
static bool is_news(const struct dedup *d, const struct told *t, bool own)
{
    if (t->generation != d->mirror_generation)
        return t->generation > d->mirror_generation;
    return !own || (d->mirror_own && str_eq_c(t->state, "resolved"));
}

static struct dedup *note_generation(struct global *g, const struct told *t, bool own)
{
    struct dedup *d;

    HASH_FIND(hh, g->incidents->by_key, t->dedup_key.p, DEDUP_KEY_N, d);
    if (d == NULL) {
        d = xcalloc(1, sizeof(*d));
        memcpy(d->key, t->dedup_key.p, DEDUP_KEY_N);
        HASH_ADD(hh, g->incidents->by_key, key, DEDUP_KEY_N, d);
    }
    if (is_news(d, t, own)) {
        d->mirror_generation = t->generation;
        d->mirror_own = own;
        d->mirror_open = !str_eq_c(t->state, "resolved");
        d->mirror_forced = t->forced;
        d->mirror_resolved_wall_ms = t->resolved_at_ms;
    }
    return d;
}

void incident_on_mirror(struct global *g, struct str origin, struct str incident, struct str body,
                        struct out *out)
{
    char id[INCIDENT_ID_N + 1];
    struct incident *i;
    struct dedup *d;
    struct told t;
    bool ok = read_body(body, &t);

    if (ok)
        incident_make_id(id, t.dedup_key, t.generation);
    if (!ok || !str_eq_c(incident, id)) {
        g->incidents->counts.refused++;
    } else {
        d = note_generation(g, &t, str_eq_c(origin, g->node));
        i = incident_get(g, incident);
        if (i == NULL)
            incident_follow(g, d, out);
        else if (!is_namesake(i, &t))
            merge(g, i, &t, out);
    }
    json_object_put(t.o);
}

void incident_merge_mirrors(struct global *g, struct incident *i, struct out *out)
{
    struct dedup *d;

    HASH_FIND(hh, g->incidents->by_key, i->dedup_key, DEDUP_KEY_N, d);
    if (d == NULL || d->mirror_generation < i->generation)
        return; /* the usual case: nobody has told of it */
    for (struct mirror *m = mirror_other_first(g); m != NULL; m = mirror_other_next(m)) {
        if (str_eq(m->incident, incident_id(i)))
            incident_on_mirror(g, m->origin, m->incident, m->body, out);
    }
}

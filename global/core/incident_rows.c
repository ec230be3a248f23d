/* Incidents on disk: GLOBAL_ROW_INCIDENT (key: id) and GLOBAL_ROW_TIMELINE (key: id "/" ten
 * digits); docs/formats/global-store.md. */
#include "global/core/incident.h"

#include "common/base/json.h"
#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "global/core/escalate.h"
#include "global/core/global_rows.h"
#include "global/core/pages.h"

#include <assert.h>

#define PURGE_EVERY_MS (10 * MS_PER_MIN)
#define PURGE_AT_ONCE 100

/* ---- writing ---- */

static void add_acks(struct json_writer *w, const struct incident *i)
{
    json_key(w, "acks");
    json_open_array(w);
    VEC_EACH (&i->acks, struct ack, a) {
        json_open_object(w);
        json_put_str(w, "id", str_from(a->id));
        json_put_str(w, "user", str_from(a->user));
        json_put_i64(w, "at_ms", a->at_wall_ms);
        json_put_bool(w, "revoked", a->revoked);
        json_close_object(w);
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
        json_put_bool(w, "done", m->done);
        json_put_bool(w, "failed", m->failed);
        json_close_object(w);
    }
    json_close_array(w);
}

static void add_sites(struct json_writer *w, const struct incident *i)
{
    json_key(w, "sites");
    json_open_array(w);
    VEC_EACH (&i->sites, char *, s)
        json_add_str(w, str_from(*s));
    json_close_array(w);
}

static void add_system(struct json_writer *w, const struct system_alert *s)
{
    if (s == NULL)
        return;
    json_key(w, "system");
    json_open_object(w);
    LABELS_EACH (&s->labels, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
    json_put_str(w, "system_summary", s->summary);
    json_put_bool(w, "system_over", s->over);
}

void incident_put(struct global *g, struct incident *i, struct out *out)
{
    struct buf b;
    struct json_writer w;

    (void)g;
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "v", 1);
    json_put_str(&w, "dedup_key", str_from(i->dedup_key));
    json_put_u64(&w, "generation", i->generation);
    json_put_str(&w, "team", str_from(i->team_name));
    json_put_str(&w, "rule", str_from(i->rule_name));
    json_put_str(&w, "title", str_from(i->title));
    add_system(&w, i->system);
    add_sites(&w, i);
    json_put_bool(&w, "resolved", i->resolved);
    json_put_bool(&w, "forced", i->forced);
    json_put_i64(&w, "opened_ms", i->opened_wall_ms);
    json_put_i64(&w, "resolved_ms", i->resolved_wall_ms);
    add_acks(&w, i);
    json_put_u64(&w, "phase", i->at.phase);
    json_put_u64(&w, "round", i->at.round);
    json_put_i64(&w, "step", i->at.step);
    json_put_i64(&w, "step_at_ms", i->step_wall_ms);
    json_put_bool(&w, "claimed_here", i->claim != CLAIM_OTHER);
    add_marks(&w, i);
    json_put_u64(&w, "severity_paged", i->severity_paged);
    json_put_u64(&w, "sites_paged", i->sites_paged);
    if (i->terminal != NULL)
        json_put_str(&w, "terminal", str_from(i->terminal));
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_INCIDENT, incident_id(i), buf_str(&b));
    buf_clear(&b);
}

static struct str timeline_key(struct arena *a, const struct incident *i, uint64_t n)
{
    return arena_fmt(a, "%s/%010lu", i->id, n);
}

void timeline_put(struct global *g, struct incident *i, const struct timeline_entry *e,
                  struct out *out)
{
    (void)g;
    out_put(out, GLOBAL_ROW_TIMELINE, timeline_key(out_arena(out), i, e->n), str_from(e->json));
}

/* ---- reading ---- */

static char *take_str(struct json_object *o, const char *key, bool *ok)
{
    struct str s = STR_EMPTY;

    *ok = *ok && json_get_str(o, key, &s, NULL) == 0;
    return xstrndup(s.p, s.n);
}

static void read_acks(const struct global *g, struct incident *i, struct json_object *list,
                      bool *ok)
{
    for (size_t n = 0; list != NULL && n < json_object_array_length(list); n++) {
        struct json_object *o = json_object_array_get_idx(list, n);
        struct str id = STR_EMPTY, user = STR_EMPTY;
        int64_t at = 0;
        bool revoked = false;
        struct ack *a;

        *ok = *ok && json_get_str(o, "id", &id, NULL) == 0 &&
              json_get_str(o, "user", &user, NULL) == 0 &&
              json_get_i64(o, "at_ms", &at, NULL) == 0 &&
              json_get_bool(o, "revoked", &revoked, NULL) == 0;
        a = *ok ? ack_add(g, i, id, user, at) : NULL;
        if (a != NULL)
            a->revoked = revoked;
    }
}

static void read_marks(struct incident *i, struct json_object *list, bool *ok)
{
    for (size_t n = 0; list != NULL && n < json_object_array_length(list); n++) {
        struct json_object *o = json_object_array_get_idx(list, n);
        struct str target = STR_EMPTY, reason = STR_EMPTY;
        struct mark read = {0}, *m;
        char reason_z[32];

        *ok = *ok && json_get_str(o, "target", &target, NULL) == 0 &&
              json_get_str(o, "reason", &reason, NULL) == 0 &&
              json_get_bool(o, "done", &read.done, NULL) == 0 &&
              json_get_bool(o, "failed", &read.failed, NULL) == 0;
        (void)snprintf(reason_z, sizeof(reason_z), STR_FMT, STR_ARG(reason));
        m = *ok ? mark_add(i, target, reason_z) : NULL;
        if (m != NULL) {
            m->done = read.done;
            m->failed = read.failed;
        }
    }
}

static void read_position(struct incident *i, struct json_object *o, bool *ok)
{
    uint64_t phase = 0, round = 0, severity = 0;
    int64_t step = -1;
    bool own = false;

    *ok = *ok && json_get_u64(o, "phase", &phase, NULL) == 0 &&
          json_get_u64(o, "round", &round, NULL) == 0 &&
          json_get_i64(o, "step", &step, NULL) == 0 &&
          json_get_i64(o, "step_at_ms", &i->step_wall_ms, NULL) == 0 &&
          json_get_bool(o, "claimed_here", &own, NULL) == 0 &&
          json_get_u64(o, "severity_paged", &severity, NULL) == 0 &&
          json_get_u64(o, "sites_paged", &i->sites_paged, NULL) == 0 && step >= -1 &&
          step < POLICY_STEPS_MAX && phase <= 1 && round < UINT32_MAX;
    i->severity_paged = (unsigned)severity;
    if (BUG(BUG_RESTART_REPAGES))
        return;
    i->at =
        (struct position){.phase = (unsigned)phase, .round = (unsigned)round, .step = (int)step};
    i->claim = own ? CLAIM_RESTORED : CLAIM_OTHER;
}

static bool read_system(struct incident *i, struct json_object *o)
{
    struct json_object *map = NULL;
    struct str summary = STR_EMPTY;
    struct label v[SYSTEM_LABELS_MAX];
    struct json_object_iterator it, end;
    bool over = false;
    size_t n = 0;

    if (json_get_object(o, "system", &map, NULL) < 0 ||
        json_get_str(o, "system_summary", &summary, NULL) < 0 ||
        json_get_bool(o, "system_over", &over, NULL) < 0)
        return false;
    if (map == NULL)
        return true;
    if ((size_t)json_object_object_length(map) > ARRAY_SIZE(v))
        return false;
    it = json_object_iter_begin(map);
    end = json_object_iter_end(map);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *value = json_object_iter_peek_value(&it);

        if (!json_object_is_type(value, json_type_string))
            return false;
        v[n++] = (struct label){str_from(json_object_iter_peek_name(&it)), json_str(value)};
    }
    n = labels_sort(v, n);
    i->system = system_alert_new((struct labels){v, n}, summary);
    i->system->over = over;
    return true;
}

static bool read_rest(const struct global *g, struct incident *i, struct json_object *o)
{
    struct json_object *acks = NULL, *marks = NULL, *sites = NULL;
    struct str terminal = STR_EMPTY;
    bool ok = true;

    i->team_name = take_str(o, "team", &ok);
    i->rule_name = take_str(o, "rule", &ok);
    i->title = take_str(o, "title", &ok);
    ok = ok && json_get_bool(o, "resolved", &i->resolved, NULL) == 0 &&
         json_get_bool(o, "forced", &i->forced, NULL) == 0 &&
         json_get_i64(o, "opened_ms", &i->opened_wall_ms, NULL) == 0 &&
         json_get_i64(o, "resolved_ms", &i->resolved_wall_ms, NULL) == 0 &&
         json_get_str(o, "terminal", &terminal, NULL) == 0 &&
         json_get_array(o, "acks", &acks, NULL) == 0 &&
         json_get_array(o, "pages", &marks, NULL) == 0 &&
         json_get_array(o, "sites", &sites, NULL) == 0;
    ok = ok && read_system(i, o);
    if (terminal.n > 0)
        i->terminal = xstrndup(terminal.p, terminal.n);
    for (size_t n = 0; ok && sites != NULL && n < json_object_array_length(sites); n++) {
        struct json_object *s = json_object_array_get_idx(sites, n);

        if (json_object_is_type(s, json_type_string))
            (void)incident_add_site(i, json_str(s));
    }
    read_acks(g, i, acks, &ok);
    read_position(i, o, &ok);
    if (i->at.step >= 0)
        read_marks(i, marks, &ok);
    return ok;
}

/* Out of the tables, and freed. */
static void unlink_incident(struct global *g, struct incident *i)
{
    struct incidents *t = g->incidents;
    struct dedup *d;

    HASH_FIND(hh, t->by_key, i->dedup_key, DEDUP_KEY_N, d);
    if (d != NULL && d->last == i)
        d->last = NULL; /* its generation stays known */
    HASH_DEL(t->by_id, i);
    TAILQ_REMOVE(&t->list, i, list_link);
    t->n--;
    incident_free(i);
}

static bool restore_incident(struct global *g, const struct row_op *row)
{
    struct json_object *o = NULL;
    struct str key = STR_EMPTY;
    uint64_t generation = 0;
    struct incident *i;
    bool ok;

    if (json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0)
        return false;
    ok = json_get_str(o, "dedup_key", &key, NULL) == 0 &&
         json_get_u64(o, "generation", &generation, NULL) == 0 && key.n == DEDUP_KEY_N &&
         generation > 0 && row->key.n == INCIDENT_ID_N && incident_get(g, row->key) == NULL;
    if (ok) {
        i = incident_new(g, key, generation);
        ok = read_rest(g, i, o) && str_eq(incident_id(i), row->key);
        if (ok) {
            incident_bind(g, i);
            g->incidents->open_n += !i->resolved;
        } else { /* what fires gets a new one; its generation is taken */
            unlink_incident(g, i);
        }
    }
    json_object_put(o);
    return ok;
}

static bool restore_timeline(struct global *g, const struct row_op *row)
{
    struct incident *i = incident_get(g, str_sub(row->key, 0, INCIDENT_ID_N));
    struct timeline_entry *e;
    uint64_t n;

    if (i == NULL || !str_to_u64(str_sub(row->key, INCIDENT_ID_N + 1, row->key.n), &n))
        return false;
    e = VEC_PUSH(&i->timeline);
    *e = (struct timeline_entry){.n = n, .json = xstrndup(row->value.p, row->value.n)};
    i->timeline_next = n + 1;
    return true;
}

bool incident_restore_row(struct global *g, const struct row_op *row, struct out *out)
{
    (void)out;
    if (row->kind == GLOBAL_ROW_INCIDENT)
        return restore_incident(g, row);
    return row->kind == GLOBAL_ROW_TIMELINE && restore_timeline(g, row);
}

/* ---- forgetting ---- */

void incident_free(struct incident *i)
{
    marks_clear(i);
    VEC_CLEAR(&i->marks);
    VEC_EACH (&i->acks, struct ack, a)
        free(a->user);
    VEC_CLEAR(&i->acks);
    VEC_EACH (&i->sites, char *, s)
        free(*s);
    VEC_CLEAR(&i->sites);
    VEC_EACH (&i->timeline, struct timeline_entry, e)
        free(e->json);
    VEC_CLEAR(&i->timeline);
    free(i->team_name);
    free(i->rule_name);
    free(i->title);
    system_alert_free(i->system);
    free(i->terminal);
    free(i);
}

void incident_forget(struct global *g, struct incident *i, struct out *out)
{
    struct incidents *t = g->incidents;
    struct member *m, *next;

    TAILQ_FOREACH_SAFE (m, &i->members, incident_link, next) {
        TAILQ_REMOVE(&i->members, m, incident_link);
        m->incident = NULL;
        assert(!m->s.firing);
        member_forget(g, m, out);
    }
    VEC_EACH (&i->timeline, struct timeline_entry, e)
        out_delete(out, GLOBAL_ROW_TIMELINE, timeline_key(out_arena(out), i, e->n));
    out_delete(out, GLOBAL_ROW_INCIDENT, incident_id(i));
    mirror_forget(g, incident_id(i), out);
    pages_drop(g, i, "forgotten", out);
    heap_remove(&t->due, &i->due);
    if (i->dirty)
        TAILQ_REMOVE(&t->dirty, i, dirty_link);
    unlink_incident(g, i);
}

/* Resolved by force, and an alert of it fires still. */
static bool has_firing(const struct incident *i)
{
    const struct member *m;

    if (i->system != NULL && !i->system->over)
        return true;
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (m->s.firing)
            return true;
    }
    return false;
}

int64_t incidents_purge(struct global *g, struct out *out)
{
    struct incidents *t = g->incidents;
    struct incident *i, *next;
    size_t done = 0;

    if (g->now.mono_ms < t->purge_mono_ms && (t->n <= INCIDENTS_MAX || t->n == t->purged_n))
        return t->purge_mono_ms;
    t->purge_mono_ms = g->now.mono_ms + PURGE_EVERY_MS;
    TAILQ_FOREACH_SAFE (i, &t->list, list_link, next) {
        bool old = g->now.wall_ms - i->resolved_wall_ms > g->config->retention_ms;

        if (done >= PURGE_AT_ONCE) {
            t->purge_mono_ms = g->now.mono_ms + MS_PER_S;
            break;
        }
        if (i->resolved && (old || t->n > INCIDENTS_MAX) && !has_firing(i)) {
            incident_forget(g, i, out);
            done++;
        }
    }
    t->purged_n = t->n; /* no use in looking again before that changes */
    return t->purge_mono_ms;
}

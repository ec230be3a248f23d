#include "global/core/api.h"
#include "global/core/escalate.h"
#include "global/core/pages.h"

#include "common/base/json.h"
#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "global/core/duty.h"
#include "global/core/sites.h"

#include <assert.h>

#define COMPONENT "incident"

/* ---- small things ---- */

const char *severity_name(unsigned severity)
{
    static const char *const names[] = {"none", "info", "warning", "error", "critical"};

    return severity < ARRAY_SIZE(names) ? names[severity] : "critical";
}

static unsigned severity_of(struct str label)
{
    static const struct {
        const char *text;
        unsigned severity;
    } words[] = {{"none", SEVERITY_INFO},       {"info", SEVERITY_INFO},
                 {"warning", SEVERITY_WARNING}, {"warn", SEVERITY_WARNING},
                 {"error", SEVERITY_ERROR},     {"high", SEVERITY_ERROR},
                 {"major", SEVERITY_ERROR},     {"critical", SEVERITY_CRITICAL},
                 {"page", SEVERITY_CRITICAL},   {"emergency", SEVERITY_CRITICAL}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq_nocase(label, str_from(words[i].text)))
            return words[i].severity;
    }
    return SEVERITY_INFO; /* forwarded, so it is not nothing */
}

struct str incident_id(const struct incident *i)
{
    return i != NULL ? str_from(i->id) : STR_EMPTY;
}

bool incident_acked(const struct incident *i)
{
    VEC_EACH (&i->acks, struct ack, a) {
        if (!a->revoked)
            return true;
    }
    return false;
}

const char *incident_state(const struct incident *i)
{
    return i->resolved ? "resolved" : incident_acked(i) ? "acknowledged" : "triggered";
}

unsigned incident_severity(const struct global *g, const struct incident *i)
{
    unsigned max = SEVERITY_NONE;
    struct member *m;

    if (i->system != NULL)
        return severity_of(labels_get(i->system->labels, STR("severity")));
    TAILQ_FOREACH (m, &i->members, incident_link) {
        unsigned s;

        if (!member_holds_open(g, m) || m->s.suppressed.n > 0)
            continue;
        s = severity_of(labels_get(m->s.labels, STR("severity")));
        if (s > max)
            max = s;
        if (max == SEVERITY_CRITICAL)
            break; /* of thousands of members the first one usually is */
    }
    return max;
}

bool incident_suppressed(const struct global *g, const struct incident *i)
{
    struct member *m;

    if (i->system != NULL)
        return false;
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (member_holds_open(g, m) && m->s.suppressed.n == 0)
            return false;
    }
    return true;
}

bool incident_add_site(struct incident *i, struct str site)
{
    size_t at = 0;

    while (at < i->sites.n && str_cmp(str_from(i->sites.v[at]), site) < 0)
        at++;
    if (at < i->sites.n && str_eq_c(site, i->sites.v[at]))
        return false;
    if (i->sites.n >= INCIDENT_SITES_MAX)
        return false;
    (void)VEC_PUSH(&i->sites);
    memmove(&i->sites.v[at + 1], &i->sites.v[at], (i->sites.n - 1 - at) * sizeof(char *));
    i->sites.v[at] = xstrndup(site.p, site.n);
    return true;
}

void incident_log(struct global *g, const struct incident *i, struct out *out, const char *cause)
{
    (void)g;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_INCIDENT,
                                         .incident = incident_id(i),
                                         .generation = i->generation,
                                         .what = str_from(i->dedup_key),
                                         .cause = str_from(cause)});
    OUT_LOG(out, LOG_INFO, COMPONENT, "incident changed", KV("incident", incident_id(i)),
            KV("change", cause), KV("title", str_from(i->title)),
            KV("team", str_from(i->team_name)), KV("generation", i->generation),
            KV("sites", i->sites.n));
}

void incident_say(struct global *g, struct incident *i, struct out *out, const char *what,
                  struct str who, struct str text)
{
    struct buf b;
    struct json_writer w;
    struct timeline_entry *e;

    if (i->timeline.n >= INCIDENT_TIMELINE_MAX) {
        i->timeline_dropped++;
        return;
    }
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_time(&w, "at", g->now.wall_ms);
    json_put_str(&w, "what", str_from(what));
    if (who.n > 0)
        json_put_str(&w, "who", who);
    if (text.n > 0)
        json_put_str(&w, "text", str_sub(text, 0, TIMELINE_TEXT_MAX));
    json_put_str(&w, "node", str_from(g->node));
    json_close_object(&w);
    e = VEC_PUSH(&i->timeline);
    *e = (struct timeline_entry){.n = i->timeline_next++, .json = xstrndup(b.p, b.n)};
    buf_clear(&b);
    timeline_put(g, i, e, out);
}

/* ---- marks and acks ---- */

void marks_clear(struct incident *i)
{
    VEC_EACH (&i->marks, struct mark, m) {
        free(m->target);
        free(m->reason);
    }
    i->marks.n = 0;
}

struct mark *mark_find(struct incident *i, struct str target, struct str reason)
{
    VEC_EACH (&i->marks, struct mark, m) {
        if (str_eq_c(target, m->target) && str_eq_c(reason, m->reason))
            return m;
    }
    return NULL;
}

struct mark *mark_add(struct incident *i, struct str target, const char *reason)
{
    struct mark *m = mark_find(i, target, str_from(reason));

    if (m != NULL || i->marks.n >= INCIDENT_MARKS_MAX)
        return m;
    m = VEC_PUSH(&i->marks);
    *m = (struct mark){.target = xstrndup(target.p, target.n), .reason = xstrdup(reason)};
    return m;
}

struct ack *ack_find(struct incident *i, struct str id)
{
    VEC_EACH (&i->acks, struct ack, a) {
        if (str_eq_c(id, a->id))
            return a;
    }
    return NULL;
}

/* A revoked one may go: whoever was told of it was told of its end, or will be by another node. */
static void forget_revoked(struct incident *i)
{
    for (size_t n = 0; n < i->acks.n; n++) {
        if (i->acks.v[n].revoked) {
            free(i->acks.v[n].user);
            VEC_REMOVE(&i->acks, n);
            return;
        }
    }
}

struct ack *ack_add(const struct global *g, struct incident *i, struct str id, struct str user,
                    int64_t at_wall_ms)
{
    struct ack *a;

    if (id.n == 0 || id.n >= sizeof(a->id))
        return NULL;
    if (i->acks.n >= INCIDENT_ACKS_MAX)
        forget_revoked(i);
    if (i->acks.n >= INCIDENT_ACKS_MAX)
        return NULL;
    user = str_sub(user, 0, ACK_USER_MAX);
    a = VEC_PUSH(&i->acks);
    *a = (struct ack){.user = xstrndup(user.p, user.n),
                      .at_wall_ms = at_wall_ms,
                      .at_mono_ms = g->now.mono_ms - max_i64(0, g->now.wall_ms - at_wall_ms)};
    memcpy(a->id, id.p, id.n);
    return a;
}

void incident_take_ack(struct global *g, struct incident *i, struct str user, struct str comment,
                       struct out *out)
{
    char hex[2 * SHA256_BYTES + 1];
    struct str text = arena_fmt(out_arena(out), "%s\n%s\n%s\n%lu", i->id, g->node, g->boot,
                                ++g->incidents->ack_count);

    sha256_hex(text.p, text.n, hex);
    if (ack_add(g, i, (struct str){hex, 16}, user, g->now.wall_ms) == NULL)
        return; /* full of acks that hold: it is acknowledged */
    g->incidents->counts.acks++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_ACK,
                                         .incident = incident_id(i),
                                         .generation = i->generation,
                                         .what = (struct str){hex, 16},
                                         .target = user,
                                         .cause = STR("api")});
    incident_say(g, i, out, "acknowledged", user, comment);
    incident_log(g, i, out, "acked");
    pages_drop(g, i, "acked", out);
    incident_changed(g, i);
}

void incident_revoke_acks(struct global *g, struct incident *i, struct str who, const char *why,
                          struct out *out)
{
    VEC_EACH (&i->acks, struct ack, a)
        a->revoked = true;
    incident_say(g, i, out, "unacknowledged", who, str_from(why));
    incident_log(g, i, out, "unacked");
    incident_changed(g, i);
}

/* ---- the table ---- */

struct incident *incident_get(const struct global *g, struct str id)
{
    char key[INCIDENT_ID_N + 1] = {0};
    struct incident *i;

    if (id.n != INCIDENT_ID_N)
        return NULL;
    memcpy(key, id.p, id.n);
    HASH_FIND(hh, g->incidents->by_id, key, INCIDENT_ID_N, i);
    return i;
}

struct incident *incident_find(const struct global *g, struct str id)
{
    struct incident *found = incident_get(g, id), *i;

    if (found != NULL || id.n < 6)
        return found;
    TAILQ_FOREACH (i, &g->incidents->list, list_link) {
        if (!str_starts(str_from(i->id), id))
            continue;
        if (found != NULL)
            return NULL;
        found = i;
    }
    return found;
}

static struct dedup *dedup_get(struct global *g, struct str key)
{
    struct dedup *d;

    assert(key.n == DEDUP_KEY_N);
    HASH_FIND(hh, g->incidents->by_key, key.p, DEDUP_KEY_N, d);
    if (d == NULL) {
        d = xcalloc(1, sizeof(*d));
        memcpy(d->key, key.p, DEDUP_KEY_N);
        HASH_ADD(hh, g->incidents->by_key, key, DEDUP_KEY_N, d);
    }
    return d;
}

void incident_make_id(char ret[INCIDENT_ID_N + 1], struct str dedup_key, uint64_t generation)
{
    char hex[2 * SHA256_BYTES + 1], text[DEDUP_KEY_N + 24];
    int n = snprintf(text, sizeof(text), STR_FMT "|%lu", STR_ARG(dedup_key), generation);

    sha256_hex(text, (size_t)n, hex);
    memcpy(ret, hex, INCIDENT_ID_N);
    ret[INCIDENT_ID_N] = '\0';
}

struct incident *incident_new(struct global *g, struct str dedup_key, uint64_t generation)
{
    struct incidents *t = g->incidents;
    struct incident *i = xcalloc(1, sizeof(*i));
    struct dedup *d = dedup_get(g, dedup_key);

    memcpy(i->dedup_key, dedup_key.p, DEDUP_KEY_N);
    i->generation = generation;
    i->at.step = -1;
    TAILQ_INIT(&i->members);
    TAILQ_INIT(&i->pages);
    incident_make_id(i->id, dedup_key, generation);
    HASH_ADD(hh, t->by_id, id, INCIDENT_ID_N, i);
    TAILQ_INSERT_TAIL(&t->list, i, list_link);
    t->n++;
    if (d->last == NULL || generation > d->generation) {
        d->last = i;
        d->generation = generation;
    }
    return i;
}

void incident_changed(struct global *g, struct incident *i)
{
    if (i->dirty)
        return;
    i->dirty = true;
    TAILQ_INSERT_TAIL(&g->incidents->dirty, i, dirty_link);
}

void incident_due(struct global *g, struct incident *i, int64_t at_mono_ms)
{
    if (at_mono_ms == TIME_NEVER)
        heap_remove(&g->incidents->due, &i->due);
    else
        heap_set(&g->incidents->due, &i->due, at_mono_ms);
}

/* A step that happened elsewhere or before a restart: its age comes from wall clocks, so it is
 * bounded by what the step may last: a wrong clock makes the next step at most a whole delay late,
 * or early, but never lost. */
void incident_adopt_step(struct global *g, struct incident *i, struct position at,
                         int64_t step_wall_ms)
{
    int64_t age, delay;

    i->at = at;
    i->step_wall_ms = step_wall_ms;
    delay = escalate_next(g, i).delay_ms;
    age = clamp_i64(g->now.wall_ms - step_wall_ms, 0, delay);
    i->step_mono_ms = g->now.mono_ms - age;
    i->heard_mono_ms = g->now.mono_ms;
    i->other_since_mono_ms = 0;
}

void incident_bind(struct global *g, struct incident *i)
{
    i->team = global_config_find_team(g->config, str_from(i->team_name));
    if (i->team == NULL)
        i->team = g->config->root;
    i->rule = NULL;
    for (size_t n = 0; n < g->config->rules_n; n++) {
        if (str_eq_c(g->config->rules[n].name, i->rule_name))
            i->rule = &g->config->rules[n];
    }
}

/* ---- identity ---- */

static void key_part(struct buf *b, struct str s)
{
    buf_add_str(b, s);
    buf_add_char(b, (char)0xff);
}

/* H(owning team, rule, values of rule.by), plus the site (per-site) or the member itself (dedup:
 * false). */
static struct str make_dedup_key(struct arena *a, const struct team *team, const struct rule *rule,
                                 const struct member *m)
{
    char hex[2 * SHA256_BYTES + 1];
    struct buf b;

    buf_init(&b, 0);
    key_part(&b, team->name);
    key_part(&b, rule->name);
    for (size_t n = 0; n < rule->by_n; n++) {
        key_part(&b, rule->by[n]);
        key_part(&b, labels_get(m->s.labels, rule->by[n]));
    }
    if (rule->mode == RULE_PER_SITE || !rule->dedup)
        key_part(&b, member_site(m));
    if (!rule->dedup)
        buf_add_hex_u64(&b, m->fp);
    sha256_hex(b.p, b.n, hex);
    buf_clear(&b);
    return arena_str(a, (struct str){hex, DEDUP_KEY_N});
}

/* It closed at that time: does it go on when its alert fires now? */
static bool reopens(const struct global *g, int64_t resolved_wall_ms, bool forced)
{
    int64_t age = g->now.wall_ms - resolved_wall_ms;

    return !forced && age >= 0 && age < g->config->reopen_window_ms;
}

/* The generation that a new incident of the key is: past every closed one that we or another node
 * know of, unless that closed a moment ago and would go on there; the one that another node has
 * open, if it is ahead of us. */
static uint64_t next_generation(const struct global *g, const struct dedup *d)
{
    if (d->mirror_generation <= d->generation)
        return d->generation + 1;
    if (d->mirror_open || reopens(g, d->mirror_resolved_wall_ms, d->mirror_forced))
        return d->mirror_generation;
    return d->mirror_generation + 1;
}

static struct incident *open_incident(struct global *g, struct dedup *d, const struct team *team,
                                      struct str rule, struct str title, struct out *out)
{
    struct incident *i = incident_new(g, (struct str){d->key, DEDUP_KEY_N}, next_generation(g, d));

    i->team = team;
    i->team_name = xstrndup(team->name.p, team->name.n);
    i->rule_name = xstrndup(rule.p, rule.n);
    i->title = xstrndup(title.p, title.n);
    i->opened_wall_ms = g->now.wall_ms;
    i->step_mono_ms = i->heard_mono_ms = g->now.mono_ms;
    incident_bind(g, i);
    g->incidents->open_n++;
    g->incidents->counts.opened++;
    incident_say(g, i, out, "opened", STR_EMPTY, title);
    incident_log(g, i, out, "opened");
    incident_changed(g, i);
    return i;
}

static void reopen(struct global *g, struct incident *i, struct out *out)
{
    i->resolved = false;
    i->resolved_wall_ms = 0;
    g->incidents->open_n++;
    g->incidents->counts.reopened++;
    incident_say(g, i, out, "reopened", STR_EMPTY, STR_EMPTY);
    incident_log(g, i, out, "reopened");
    incident_changed(g, i);
}

/* The incident of the key that a firing member joins: the open one, the one that closed a moment
 * ago, or a new one. */
static struct incident *incident_for(struct global *g, struct str key, const struct team *team,
                                     struct str rule, struct str title, struct out *out)
{
    struct dedup *d = dedup_get(g, key);

    if (d->last != NULL && !d->last->resolved)
        return d->last;
    if (d->last != NULL && !d->last->forced &&
        g->now.mono_ms - d->last->resolved_mono_ms < g->config->reopen_window_ms &&
        !(d->mirror_open && d->mirror_generation > d->last->generation)) {
        reopen(g, d->last, out);
        return d->last;
    }
    {
        struct incident *i = open_incident(g, d, team, rule, title, out);

        incident_merge_mirrors(g, i, out);
        return i;
    }
}

/* ---- members ---- */

static void file_member(struct incident *i, struct member *m)
{
    assert(m->incident == NULL);
    m->incident = i;
    TAILQ_INSERT_TAIL(&i->members, m, incident_link);
    i->members_n++;
}

static void unfile_member(struct member *m)
{
    struct incident *i = m->incident;

    TAILQ_REMOVE(&i->members, m, incident_link);
    i->members_n--;
    m->incident = NULL;
}

static struct str title_of(struct labels l)
{
    struct str name = labels_get(l, STR("alertname")), service = labels_get(l, STR("service"));

    return name.n > 0 ? name : service.n > 0 ? service : STR("alert without a name");
}

static void join(struct global *g, struct member *m, struct out *out)
{
    struct incident *old = m->incident;
    const struct team *team = team_owner(g->config, m->s.labels);
    const struct rule *rule = rule_for(g->config, m->s.labels);
    struct incident *i = incident_for(g, make_dedup_key(out_arena(out), team, rule, m), team,
                                      rule->name, title_of(m->s.labels), out);

    if (old != i) {
        if (old != NULL) {
            unfile_member(m);
            incident_changed(g, old);
            incident_review(g, old, "members went over to another incident", out);
        }
        file_member(i, m);
    }
    if (!BUG(BUG_DEDUP_HIDES_SITE) || i->sites.n == 0) {
        if (incident_add_site(i, member_site(m))) {
            incident_say(g, i, out, "site affected", member_site(m), STR_EMPTY);
            incident_log(g, i, out, "joined");
        }
    }
    incident_changed(g, i);
}

void incident_on_member(struct global *g, struct member *m, enum member_change change,
                        struct out *out)
{
    switch (change) {
    case MEMBER_OPENED:
        if (member_holds_open(g, m))
            join(g, m, out);
        break;
    case MEMBER_HELD:
        if (m->incident == NULL || (m->incident->resolved && !m->incident->forced))
            join(g, m, out);
        break;
    case MEMBER_UNSUPPRESSED:
    case MEMBER_REFRESHED:
    case MEMBER_SUPPRESSED:
        if (m->incident == NULL && member_holds_open(g, m))
            join(g, m, out);
        break;
    case MEMBER_RESOLVED: /* perhaps the first thing heard of it: history without a page */
    case MEMBER_RELEASED:
        break;
    }
    if (m->incident == NULL)
        return;
    incident_changed(g, m->incident);
    incident_review(g, m->incident, change == MEMBER_RELEASED ? "released" : "members resolved",
                    out);
}

static bool held_open(struct global *g, const struct incident *i)
{
    struct member *m;

    if (i->system != NULL)
        return !i->system->over;
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (member_holds_open(g, m))
            return true;
    }
    return false;
}

/* word: what the ledger says of it, resolved or superseded. */
static void resolve(struct global *g, struct incident *i, const char *word, const char *cause,
                    struct str who, struct out *out)
{
    i->resolved = true;
    i->resolved_wall_ms = g->now.wall_ms;
    i->resolved_mono_ms = g->now.mono_ms;
    g->incidents->open_n--;
    g->incidents->counts.resolved++;
    incident_say(g, i, out, word, who, str_from(cause));
    incident_log(g, i, out, word);
    pages_drop_waiting(g, i, "resolved", out);
    incident_changed(g, i);
}

void incident_review(struct global *g, struct incident *i, const char *cause, struct out *out)
{
    if (!i->resolved && !held_open(g, i))
        resolve(g, i, "resolved", cause, STR_EMPTY, out);
}

void incident_follow(struct global *g, struct dedup *d, struct out *out)
{
    struct incident *old = d->last, *i;
    struct member *m, *next;

    if (!g->started || old == NULL || old->resolved || !d->mirror_open ||
        d->mirror_generation <= old->generation)
        return;
    g->incidents->counts.superseded++;
    resolve(g, old, "superseded", "a later generation is open", STR_EMPTY, out);
    i = open_incident(g, d, old->team, str_from(old->rule_name), str_from(old->title), out);
    if (old->system != NULL) {
        i->system = system_alert_new(old->system->labels, old->system->summary);
        old->system->over = true;
    }
    for (size_t n = 0; n < old->sites.n; n++) /* never fewer than people were told of */
        (void)incident_add_site(i, str_from(old->sites.v[n]));
    TAILQ_FOREACH_SAFE (m, &old->members, incident_link, next) {
        if (!member_holds_open(g, m))
            continue;
        unfile_member(m);
        file_member(i, m);
        member_put(m, out);
    }
    incident_merge_mirrors(g, i, out);
    incident_changed(g, i);
}

void incident_force(struct global *g, struct incident *i, struct str user, struct out *out)
{
    i->forced = true;
    if (!i->resolved)
        resolve(g, i, "resolved", "by hand", user, out);
    incident_changed(g, i);
}

/* ---- system incidents ---- */

static bool same_severity(const struct system_alert *a, const struct system_alert *b)
{
    return str_eq(labels_get(a->labels, STR("severity")), labels_get(b->labels, STR("severity")));
}

struct incident *incident_system(struct global *g, struct str key_text,
                                 const struct system_alert *alert, struct str rule,
                                 struct str title, const char *over_cause, struct out *out)
{
    char hex[2 * SHA256_BYTES + 1];
    struct system_alert *now;
    struct incident *i;
    struct dedup *d;

    sha256_hex(key_text.p, key_text.n, hex);
    d = dedup_get(g, (struct str){hex, DEDUP_KEY_N});
    i = d->last;
    now = i != NULL ? i->system : NULL;
    if (now != NULL && !now->over && alert->over) {
        now->over = true;
        incident_changed(g, i);
        incident_review(g, i, over_cause, out);
        return i;
    }
    if (alert->over || (now != NULL && !now->over && same_severity(now, alert)))
        return i;
    i = incident_for(g, (struct str){hex, DEDUP_KEY_N}, team_owner(g->config, alert->labels), rule,
                     title, out);
    system_alert_free(i->system);
    i->system = system_alert_new(alert->labels, alert->summary);
    incident_changed(g, i);
    return i;
}

void incident_on_duty_change(struct global *g, struct site *site, struct out *out)
{
    uint64_t walk = ++g->incidents->walk;
    struct stream *s;
    struct member *m;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        TAILQ_FOREACH (m, &s->members, stream_link) {
            struct incident *i = m->incident;

            if (i == NULL || i->resolved || i->reviewed == walk)
                continue;
            i->reviewed = walk;
            escalate_extra(g, i, out); /* what nobody could tell meanwhile */
            pages_review(g, i, out);
            escalate_schedule(g, i);
        }
    }
}

/* ---- the engine's hooks ---- */

void incident_on_config(struct global *g, const struct global_config *old, struct out *out)
{
    struct incident *i;

    (void)old;
    if (g->incidents == NULL) {
        g->incidents = xcalloc(1, sizeof(*g->incidents));
        TAILQ_INIT(&g->incidents->list);
        TAILQ_INIT(&g->incidents->dirty);
        heap_init(&g->incidents->due);
        g->pages = pages_new(fnv1a_64(FNV1A_64_BASIS, g->node, strlen(g->node)));
    }
    TAILQ_FOREACH (i, &g->incidents->list, list_link) {
        incident_bind(g, i);
        if (g->started && !i->resolved)
            escalate_schedule(g, i);
    }
    (void)out;
}

static void start_members(struct global *g)
{
    for (struct member *m = member_first(g); m != NULL; m = member_next(m)) {
        if (m->restored_incident == NULL || m->incident != NULL)
            continue;
        struct incident *i = incident_get(g, str_from(m->restored_incident));

        if (i != NULL)
            file_member(i, m);
        free(m->restored_incident);
        m->restored_incident = NULL;
    }
}

/* What fires and whose incident was lost is told of anew: rather twice than never. */
static void start_lost(struct global *g, struct out *out)
{
    for (struct member *m = member_first(g); m != NULL; m = member_next(m)) {
        if (m->incident == NULL && member_holds_open(g, m)) {
            join(g, m, out);
            member_put(m, out);
        }
    }
    for (struct site *s = site_first(g); s != NULL; s = site_next(s)) {
        if (s->silent) /* nothing new where the incident is known */
            incident_on_site(g, s, true, out);
    }
}

static int by_age(const void *a, const void *b)
{
    const struct incident *x = *(const struct incident *const *)a;
    const struct incident *y = *(const struct incident *const *)b;

    if (x->opened_wall_ms != y->opened_wall_ms)
        return x->opened_wall_ms < y->opened_wall_ms ? -1 : 1;
    if (x->generation != y->generation)
        return x->generation < y->generation ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Rows come by id: the list has to be by age. */
static void start_list(struct incidents *t)
{
    struct incident **v = xcalloc(t->n + 1, sizeof(struct incident *)), *i;
    size_t n = 0;

    while ((i = TAILQ_FIRST(&t->list)) != NULL) {
        TAILQ_REMOVE(&t->list, i, list_link);
        v[n++] = i;
    }
    qsort((void *)v, n, sizeof(struct incident *), by_age);
    for (size_t k = 0; k < n; k++)
        TAILQ_INSERT_TAIL(&t->list, v[k], list_link);
    free((void *)v);
}

void incident_start(struct global *g, struct out *out)
{
    struct incident *i;

    start_list(g->incidents);
    start_members(g);
    TAILQ_FOREACH (i, &g->incidents->list, list_link) {
        if (i->at.step >= 0)
            incident_adopt_step(g, i, i->at, i->step_wall_ms);
        else
            i->step_mono_ms = i->heard_mono_ms = g->now.mono_ms;
        i->resolved_mono_ms = g->now.mono_ms - clamp_i64(g->now.wall_ms - i->resolved_wall_ms, 0,
                                                         g->config->reopen_window_ms);
    }
    for (struct mirror *m = mirror_other_first(g); m != NULL && !BUG(BUG_RESTART_REPAGES);
         m = mirror_other_next(m)) /* they would make up for a position that is not restored */
        incident_on_mirror(g, m->origin, m->incident, m->body, out);
    TAILQ_FOREACH (i, &g->incidents->list, list_link) {
        if (!i->resolved) {
            incident_review(g, i, "members resolved", out);
            incident_changed(g, i);
        }
    }
    start_lost(g, out);
}

static void flush_dirty(struct global *g, struct out *out)
{
    struct incident *i;

    while ((i = TAILQ_FIRST(&g->incidents->dirty)) != NULL) {
        TAILQ_REMOVE(&g->incidents->dirty, i, dirty_link);
        i->dirty = false;
        escalate_extra(g, i, out);
        pages_review(g, i, out);
        escalate_schedule(g, i);
        incident_put(g, i, out);
        incident_send_mirror(g, i, out);
    }
}

int64_t incident_step(struct global *g, struct out *out)
{
    struct incidents *t = g->incidents;
    int64_t pages, purge;
    struct heap_node *n;

    if (t == NULL || !g->started)
        return TIME_NEVER;
    while ((n = heap_first(&t->due)) != NULL && n->at_ms <= g->now.mono_ms) {
        struct incident *i = CONTAINER_OF(n, struct incident, due);

        heap_remove(&t->due, n);
        escalate_fire(g, i, out);
    }
    flush_dirty(g, out);
    pages = pages_tick(g, out);
    flush_dirty(g, out); /* what a page's end changed */
    purge = incidents_purge(g, out);
    return min_i64(min_i64(heap_next_ms(&t->due), pages), min_i64(purge, api_step(g, out)));
}

uint64_t incident_digest(const struct global *g)
{
    uint64_t sum = 0;
    struct incident *i;

    if (g->incidents == NULL)
        return 0;
    TAILQ_FOREACH (i, &g->incidents->list, list_link) {
        uint64_t h = fnv1a_64(FNV1A_64_BASIS, i->id, INCIDENT_ID_N);

        h = hash_mix(h, i->resolved ? 1 : incident_acked(i) ? 2 : 3);
        h = hash_mix(h, i->at.phase * 1000000 + i->at.round * 1000 + (unsigned)(i->at.step + 1));
        sum += hash_mix(h, i->sites.n);
    }
    return sum;
}

void incident_free_all(struct global *g)
{
    struct incident *i;
    struct dedup *d, *next;

    if (g->incidents == NULL)
        return;
    heap_clear(&g->incidents->due); /* while those that it points to live */
    while ((i = TAILQ_FIRST(&g->incidents->list)) != NULL) {
        TAILQ_REMOVE(&g->incidents->list, i, list_link);
        pages_drop(g, i, NULL, NULL);
        HASH_DEL(g->incidents->by_id, i);
        incident_free(i);
    }
    HASH_ITER (hh, g->incidents->by_key, d, next) {
        HASH_DEL(g->incidents->by_key, d);
        free(d);
    }
    free(g->incidents);
    g->incidents = NULL;
    pages_free(g->pages);
    g->pages = NULL;
    api_free(g);
}

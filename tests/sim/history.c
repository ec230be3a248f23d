#include "tests/sim/sim.h"

#include "common/base/json.h"
#include "edge/core/edge_rows.h"
#include "global/core/global_rows.h"

#include <stdarg.h>
#include <stdio.h>

const char *const mark_names[MARKS] = {
#define MARK(name, text) [MARK_##name] = (text),
#include "tests/sim/marks.def"
#undef MARK
};

void history_mark(struct sim *s, enum mark_kind m)
{
    s->h.marks[m]++;
}

const char *history_text(struct history *h, struct str str)
{
    struct text *t;

    if (str.n == 0)
        return "";
    HASH_FIND(hh, h->texts, str.p, str.n, t);
    if (t == NULL) {
        t = xcalloc(1, sizeof(*t));
        t->p = xstrndup(str.p, str.n);
        HASH_ADD_KEYPTR(hh, h->texts, t->p, str.n, t);
    }
    return t->p;
}

void history_clear(struct history *h)
{
    struct text *t, *next;

    VEC_CLEAR(&h->ledger);
    VEC_CLEAR(&h->pages);
    VEC_CLEAR(&h->answers);
    VEC_CLEAR(&h->receipts);
    VEC_CLEAR(&h->acts);
    VEC_CLEAR(&h->faults);
    VEC_CLEAR(&h->lives);
    VEC_CLEAR(&h->incidents);
    VEC_CLEAR(&h->views);
    VEC_EACH (&h->violations, struct violation, v)
        free(v->text);
    VEC_CLEAR(&h->violations);
    HASH_ITER (hh, h->texts, t, next) {
        HASH_DEL(h->texts, t);
        free(t->p);
        free(t);
    }
}

void history_violation(struct sim *s, int64_t t, const char *invariant, const char *fmt, ...)
{
    struct violation *v = VEC_PUSH(&s->h.violations);
    struct buf b;
    va_list ap;

    buf_init(&b, 0);
    va_start(ap, fmt);
    buf_add_vfmt(&b, fmt, ap);
    va_end(ap);
    *v = (struct violation){.t = t, .invariant = invariant, .text = xstrndup(b.p, b.n)};
    buf_clear(&b);
    sim_trace(s, "VIOLATION %s %s", invariant, v->text);
}

/* ---- ledger ---- */

static void ledger_marks(struct sim *s, const struct ledger_row *r)
{
    if (r->verdict == LEDGER_NOT_OWNER && str_eq_c(r->cause, "takeover"))
        history_mark(s, MARK_TAKEOVER);
    if (r->verdict == LEDGER_PAGE_SENT && r->cause.n > 0)
        history_mark(s, MARK_DUP_FLAGGED);
    if (r->verdict == LEDGER_PAGE_SENT && str_eq_c(r->reason, "threshold"))
        history_mark(s, MARK_PAGE_THRESHOLD);
    if (r->verdict == LEDGER_PAGE_SENT && str_eq_c(r->reason, "severity"))
        history_mark(s, MARK_PAGE_SEVERITY);
    if (r->verdict == LEDGER_STEP_CLAIMED && r->round > 0)
        history_mark(s, MARK_ROUND_TWO);
    if (r->verdict == LEDGER_STEP_CLAIMED && r->phase > 0)
        history_mark(s, MARK_PHASE_ROOT);
    if (r->verdict == LEDGER_TERMINAL)
        history_mark(s, MARK_TERMINAL);
    if (r->verdict == LEDGER_ACK && str_eq_c(r->cause, "mirror"))
        history_mark(s, MARK_ACK_MIRRORED);
    if (r->verdict == LEDGER_INCIDENT && str_eq_c(r->cause, "reopened"))
        history_mark(s, MARK_REOPENED);
    if (r->verdict == LEDGER_SITE)
        history_mark(s, str_eq_c(r->cause, "silent") ? MARK_SITE_SILENT : MARK_SITE_BACK);
    if (r->verdict == LEDGER_ACCEPTED && str_eq_c(r->cause, "timeout"))
        history_mark(s, MARK_RESOLVE_TIMEOUT);
    if (r->verdict == LEDGER_ACCEPTED &&
        (str_eq_c(r->cause, "refresh") || str_eq_c(r->cause, "anti_entropy")))
        history_mark(s, MARK_DIGEST_REPAIR);
    if (r->verdict == LEDGER_REFUSED) {
        if (str_eq_c(r->cause, "foreign_stream"))
            history_mark(s, MARK_FOREIGN_REFUSED);
        if (str_eq_c(r->cause, "need_base"))
            history_mark(s, MARK_NEED_BASE);
        if (str_eq_c(r->cause, "fenced"))
            history_mark(s, MARK_FENCED);
        if (str_eq_c(r->cause, "mac"))
            history_mark(s, MARK_FORGED_MIRROR);
    }
}

static void show_ledger(struct sim *s, const struct sim_node *n, const struct h_ledger *l)
{
    sim_trace(
        s,
        "%-8s ledger %s fp=%016lx site=%s stream=%.8s peer=%s seq=%lu/%lu ver=%lu inc=%.8s/%lu "
        "at=%u.%u.%u target=%s reason=%s cause=%s",
        n->id, ledger_verdict_name(l->verdict), l->fp, l->site, l->stream, l->peer, l->epoch,
        l->seq, l->ver, l->incident, l->generation, l->phase, l->round, l->step, l->target,
        l->reason, l->cause);
}

void history_ledger(struct sim *s, struct sim_node *n, const struct engine_output *o)
{
    for (size_t i = 0; i < o->ledger_n; i++) {
        const struct ledger_row *r = &o->ledger[i];
        struct history *h = &s->h;
        struct h_ledger *l = VEC_PUSH(&h->ledger);

        *l = (struct h_ledger){.t = s->now,
                               .node = n->index,
                               .life = n->life,
                               .store_life = n->store_life,
                               .txn = n->last_txn,
                               .verdict = r->verdict,
                               .fp = r->fp,
                               .epoch = r->epoch,
                               .seq = r->seq,
                               .ver = r->ver,
                               .generation = r->generation,
                               .site = history_text(h, r->site),
                               .stream = history_text(h, r->stream),
                               .peer = history_text(h, r->node),
                               .incident = history_text(h, r->incident),
                               .target = history_text(h, r->target),
                               .reason = history_text(h, r->reason),
                               .cause = history_text(h, r->cause),
                               .what = history_text(h, r->what),
                               .phase = r->phase,
                               .round = r->round,
                               .step = r->step};
        if (r->until_mono_ms != 0)
            l->until = node_mono_to_true(n, r->until_mono_ms);
        sim_mix(s, r->verdict ^ r->fp ^ r->seq);
        ledger_marks(s, r);
        show_ledger(s, n, l);
    }
}

void history_crashed(struct sim *s, struct sim_node *n)
{
    for (size_t i = s->h.ledger.n; i > 0; i--) {
        struct h_ledger *l = &s->h.ledger.v[i - 1];

        if (l->node == n->index && l->life == n->life && l->txn > n->disk.durable_txn)
            l->lost = true;
    }
    VEC_EACH (&s->h.lives, struct h_life, l) {
        if (l->node == n->index && l->life == n->life)
            l->to = s->now;
    }
    VEC_EACH (&s->h.pages, struct h_page, p) {
        if (p->page && p->node == n->index && p->life == n->life && p->status == 0 &&
            !p->cancelled && s->now - p->sent_at < 8000)
            history_mark(s, MARK_RESTART_IN_FLIGHT);
    }
}

void history_store_lost(struct sim *s, const struct sim_node *n, uint64_t kept)
{
    VEC_EACH (&s->h.ledger, struct h_ledger, l) {
        /* With none kept of the last life, older ones may be gone as well. */
        if (l->node == n->index && (l->life == n->life ? l->txn > kept : kept == 0))
            l->forgotten = true;
    }
}

/* ---- promises, held against the disk at the moment they leave ---- */

static bool durable(const struct sim_node *n, const struct sim_alert *a, bool firing)
{
    char key[17];
    const struct disk_row *r;
    bool says;

    (void)snprintf(key, sizeof(key), "%016lx", a->fp);
    r = disk_find(&n->disk, EDGE_ROW_ALERT, str_from(key));
    if (r == NULL)
        return !firing;
    says = str_contains((struct str){r->value, r->value_n}, STR("\"firing\":true"));
    return says == firing;
}

void history_posted(struct sim *s, const struct sim_node *n, const struct sim_call *c)
{
    const struct post *p = c->arg;

    if (!n->edge || strcmp(c->path, "/api/v2/alerts") != 0 || p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++) {
        struct sim_alert *a = &s->alerts.v[p->v[i].alert];
        /* By a clock that is behind, an end just past still lies ahead: no transition yet. */
        bool ended = s->now + n->wall_offset_ms >= a->ends_at;

        a->told[n->index] = p->v[i].firing ? 2 : ended ? 1 : 0;
    }
}

void history_answer(struct sim *s, struct sim_node *n, const struct sim_call *c)
{
    const struct post *p = c->arg;

    if (c->status == 503)
        history_mark(s, MARK_POST_503);
    if (c->status != 200 || p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++) {
        const struct sim_alert *a = &s->alerts.v[p->v[i].alert];
        uint8_t said = p->v[i].firing ? 2 : 1;

        if (strcmp(a->severity, "warning") == 0 || a->told[n->index] != said)
            continue; /* stays here, or a later word has overtaken this one */
        *VEC_PUSH(&s->h.answers) =
            (struct h_answer){.t = s->now,
                              .posted_at = c->sent_at,
                              .node = n->index,
                              .fp = a->fp,
                              .aid = history_text(&s->h, str_from(a->aid)),
                              .firing = p->v[i].firing,
                              .durable = durable(n, a, p->v[i].firing) ||
                                         n->wall_offset_ms > 2000 || n->wall_offset_ms < -2000};
    }
}

static void stream_on_disk(const struct sim_node *n, struct str stream, struct h_receipt *ret)
{
    const struct disk_row *r = disk_find(&n->disk, GLOBAL_ROW_STREAM, stream);
    struct json_object *o = NULL;

    if (r == NULL ||
        json_parse((struct str){r->value, r->value_n}, (struct json_opt){0}, &o, NULL) < 0)
        return;
    (void)!json_get_u64(o, "epoch", &ret->disk_epoch, NULL);
    (void)!json_get_u64(o, "cursor", &ret->disk_cursor, NULL);
    json_object_put(o);
}

void history_receipt(struct sim *s, struct sim_node *n, struct str body, const struct sim_call *c)
{
    struct json_object *answer = NULL, *asked = NULL;
    struct h_receipt r = {.t = s->now, .node = n->index};
    struct str stream = STR_EMPTY;

    if (c->status != 200 || json_parse(body, (struct json_opt){0}, &answer, NULL) < 0)
        return;
    if (json_parse((struct str){c->body, c->body_n}, (struct json_opt){0}, &asked, NULL) == 0 &&
        json_get_str(asked, "stream", &stream, NULL) == 0 &&
        json_get_u64(answer, "epoch", &r.epoch, NULL) == 0 &&
        json_get_u64(answer, "cursor", &r.cursor, NULL) == 0) {
        r.stream = history_text(&s->h, stream);
        stream_on_disk(n, stream, &r);
        *VEC_PUSH(&s->h.receipts) = r;
    }
    json_object_put(answer);
    json_object_put(asked);
}

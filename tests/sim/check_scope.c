/* I12: a certificate speaks for its own site. */
#include "tests/sim/check.h"

static const char *site_of_stream(const struct sim *s, const char *stream)
{
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (strcmp(l->uuid, stream) == 0)
            return s->nodes[l->node].site;
    }
    return strncmp(stream, "aaaaaaaa", 8) == 0 ? s->site_names[0] : NULL;
}

void check_scope(struct sim *s)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        const char *own;

        if (l->verdict != LEDGER_APPLIED)
            continue;
        own = site_of_stream(s, l->stream);
        if (own == NULL || strcmp(own, l->site) != 0)
            history_violation(s, l->t, "I12", "%s filed a row of stream %.8s (%s) under %s",
                              s->nodes[l->node].id, l->stream, own != NULL ? own : "?", l->site);
    }
    VEC_EACH (&s->h.pages, const struct h_page, p) {
        if (p->page && p->foreign != NULL)
            history_violation(s, p->sent_at, "I12", "%s paged %s under another site's name",
                              s->nodes[p->node].id, p->foreign);
    }
    VEC_EACH (&s->h.views, const struct h_view, v) {
        if (v->site[0] != '\0' && strncmp(v->aid, v->site, strlen(v->site)) != 0)
            history_violation(s, s->now, "I12", "%s shows %s at %s", s->nodes[v->node].id, v->aid,
                              v->site);
    }
    VEC_EACH (&s->h.acts, const struct h_act, a) {
        if (strcmp(a->verb, "foreign") == 0 && a->status != 403 && a->status != 0)
            history_violation(s, a->t, "I12", "%s answered %d to a stream of another site",
                              s->nodes[a->node].id, a->status);
    }
}

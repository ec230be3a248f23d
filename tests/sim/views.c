/* What the nodes' APIs show at the end of a run. */
#include "tests/sim/sim.h"

#include "common/base/json.h"

static struct str text(struct json_object *o, const char *key)
{
    struct str v = STR_EMPTY;

    (void)!json_get_str(o, key, &v, NULL);
    return v;
}

static void on_alerts(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    struct json_object *a = NULL, *labels;

    if (outcome != SEND_ANSWERED || c->status != 200 ||
        json_parse((struct str){c->answer, c->answer_n}, (struct json_opt){0}, &a, NULL) < 0) {
        history_violation(s, s->now, "I7", "%s does not show its alerts", s->nodes[c->to].id);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(a); i++) {
        if (json_get_object(json_object_array_get_idx(a, i), "labels", &labels, NULL) < 0)
            continue;
        *VEC_PUSH(&s->h.views) =
            (struct h_view){.node = c->to,
                            .site = history_text(&s->h, text(labels, "site")),
                            .aid = history_text(&s->h, text(labels, "instance"))};
    }
    json_object_put(a);
}

static const char *sites(struct sim *s, struct json_object *o)
{
    struct json_object *a = NULL;
    const char *ret;
    struct buf b;

    buf_init(&b, 0);
    buf_add_char(&b, ' ');
    (void)!json_get_array(o, "affected_sites", &a, NULL);
    for (size_t i = 0; a != NULL && i < json_object_array_length(a); i++) {
        buf_add_str(&b, json_str(json_object_array_get_idx(a, i)));
        buf_add_char(&b, ' ');
    }
    ret = history_text(&s->h, buf_str(&b));
    buf_clear(&b);
    return ret;
}

static void on_incidents(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    struct json_object *o = NULL, *a = NULL;

    if (outcome != SEND_ANSWERED || c->status != 200 ||
        json_parse((struct str){c->answer, c->answer_n}, (struct json_opt){0}, &o, NULL) < 0 ||
        json_get_array(o, "incidents", &a, NULL) < 0) {
        history_violation(s, s->now, "I7", "%s does not show its incidents", s->nodes[c->to].id);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(a); i++) {
        struct json_object *e = json_object_array_get_idx(a, i);

        *VEC_PUSH(&s->h.incidents) =
            (struct h_incident){.node = c->to,
                                .id = history_text(&s->h, text(e, "id")),
                                .state = history_text(&s->h, text(e, "state")),
                                .severity = history_text(&s->h, text(e, "severity")),
                                .team = history_text(&s->h, text(e, "team")),
                                .sites = sites(s, e)};
    }
    json_object_put(o);
}

void views_ask(struct sim *s)
{
    for (int i = 0; i < s->nodes_n; i++) {
        net_web(s, i, "GET", "/api/v2/alerts", "", "", "alice")->on_answer = on_alerts;
        if (!s->nodes[i].edge)
            net_web(s, i, "GET", "/api/v1/incidents", "state=open&limit=10000", "", "alice")
                ->on_answer = on_incidents;
    }
}

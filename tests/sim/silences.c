/* In every fourth seed the people of each site know of an alert that is not worth a page: they
 * silence it at each of the site's edges before it fires for the first time. */
#include "tests/sim/sim.h"

#include <stdio.h>

#define RETRY_MS (15 * MS_PER_S)

struct silencing {
    size_t alert;
    int edge; /* of the site */
};

static void on_silence(struct sim *s, struct sim_event *e);

static void on_begin(struct sim *s, struct sim_event *e)
{
    work_schedule(s, e->a, s->now + rand_between(&s->rand.work, MS_PER_S, 5 * MS_PER_MIN));
}

static void on_answer(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    struct silencing *t = c->arg;
    int status = outcome == SEND_ANSWERED ? c->status : 0;

    sim_trace(s, "human    silences %s at %s: %d", s->alerts.v[t->alert].alertname,
              s->nodes[c->to].id, status);
    if (status != 200) {
        struct sim_event *e = sim_file(s, s->now + RETRY_MS, on_silence);

        e->a = t->alert;
        e->b = (uint64_t)t->edge;
    } else if (t->edge + 1 < s->edges_n) {
        struct sim_event *e = sim_file(s, s->now + 100, on_silence);

        e->a = t->alert;
        e->b = (uint64_t)t->edge + 1;
    } else {
        sim_file(s, s->now + 100, on_begin)->a = t->alert;
    }
}

/* One edge after the other: what is not answered 200 is asked for again, and an old answer that was
 * lost leaves a second silence, which does no harm. */
static void on_silence(struct sim *s, struct sim_event *e)
{
    const struct sim_alert *a = &s->alerts.v[e->a];
    struct silencing *t = xcalloc(1, sizeof(*t));
    struct sim_call *c;
    char body[400];

    *t = (struct silencing){.alert = e->a, .edge = (int)e->b};
    (void)snprintf(body, sizeof(body),
                   "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"%s\",\"isRegex\":false}],"
                   "\"startsAt\":\"2000-01-01T00:00:00Z\",\"endsAt\":\"2100-01-01T00:00:00Z\","
                   "\"createdBy\":\"alice\",\"comment\":\"known\"}",
                   a->alertname);
    c = net_web(s, sim_site_edge(s, a->site, t->edge), "POST", "/api/v2/silences", "", body,
                "alice");
    c->arg = t;
    c->on_answer = on_answer;
}

void silences_start(struct sim *s)
{
    for (int site = 0; s->o.seed % 4 == 3 && site < s->sites_n; site++) {
        char name[sizeof(s->alerts.v->alertname)];

        (void)snprintf(name, sizeof(name), "Known-%.16s", s->site_names[site]);
        work_alert(s, site, name, "noise", "platform", "critical")->muted = true;
        sim_file(s, s->now + 20 * MS_PER_S, on_silence)->a = s->alerts.n - 1;
    }
}

/* A run's phases. */
#include "tests/sim/check.h"

#define WARM_UP_MS (2 * MS_PER_MIN)
#define SAFETY_MS (62 * MS_PER_MIN)
#define REST_MS (15 * MS_PER_MIN)

/* No new episodes; half of those that fire end soon, the others never. */
static void settle_work(struct sim *s)
{
    s->work_over = true;
    VEC_EACH (&s->alerts, struct sim_alert, a) {
        if (!a->firing)
            continue;
        a->episodes++; /* forgets the end that was planned */
        if (rand_chance(&s->rand.work, 5000))
            work_resolve(s, a);
    }
}

struct sim *sim_run(const struct sim_options *o)
{
    struct sim *s = sim_new(o);
    int64_t heal = WARM_UP_MS + (o->safety_ms > 0 ? o->safety_ms : SAFETY_MS);

    work_start(s);
    silences_start(s);
    if (rand_chance(&s->rand.human, 5000))
        adversary_start(s);
    if (o->faults)
        faults_start(s, WARM_UP_MS, heal);
    sim_run_until(s, heal);
    s->healed = true;
    settle_work(s);
    sim_run_until(s, heal + REST_MS);
    views_ask(s);
    sim_run_until(s, s->now + 12 * MS_PER_S);
    s->h.end_at = s->now;
    for (int i = 0; i < s->nodes_n; i++)
        sim_mix(s, engine_digest(s->nodes[i].engine));
    check_all(s);
    return s;
}

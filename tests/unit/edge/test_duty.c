/* Who may hold paging duty: the rules one by one, and that two nodes never hold at once whatever
 * clocks and network do. */
#include "tests/lib/test.h"

#include <stdlib.h>

#include "common/base/rand.h"
#include "edge/core/duty.h"

#define L (30 * MS_PER_S)
#define TERM (L + 30)

static struct edge_duty d;

static void start_with(bool known, const char *granted)
{
    const struct str names[] = {STR("g1"), STR("g2"), STR("g3")};

    edge_duty_init(&d, L);
    memcpy(d.self, "e2", 3);
    edge_duty_set_nodes(&d, names, ARRAY_SIZE(names));
    edge_duty_start(&d, known, str_from(granted), 0);
}

static void answer(size_t i, int64_t now_ms, bool released)
{
    struct edge_duty_token t = {.boot = "b", .mono_ms = now_ms + 777};

    edge_duty_answered(&d, i, &t, released, now_ms);
}

static bool grant(size_t i, int64_t now_ms) /* as the uplink does: store the name, then echo */
{
    if (edge_duty_wants_persist(&d, i, now_ms)) {
        assert_false(edge_duty_may_echo(&d, i, now_ms));
        edge_duty_persisting(&d, i);
        assert_false(edge_duty_may_echo(&d, i, now_ms));
        edge_duty_persisted(&d);
    }
    if (!edge_duty_may_echo(&d, i, now_ms))
        return false;
    edge_duty_echo_sent(&d, i, now_ms);
    return true;
}

static void never_granted_means_at_once(void **state)
{
    (void)state;
    start_with(true, "");
    assert_string_equal(edge_duty_holder(&d, 0), "");
    answer(1, 10, false);
    assert_true(grant(1, 10));
    assert_string_equal(edge_duty_holder(&d, 10), "g2");
    assert_string_equal(edge_duty_holder(&d, 10 + TERM - 1), "g2");
    assert_string_equal(edge_duty_holder(&d, 10 + TERM), "");
}

static void a_silent_store_means_a_whole_term(void **state)
{
    (void)state;
    start_with(false, "");
    answer(0, TERM - 1, false);
    assert_false(grant(0, TERM - 1));
    assert_true(grant(0, TERM));
}

static void the_last_granted_node_goes_on_after_a_restart(void **state)
{
    (void)state;
    start_with(true, "g2");
    answer(0, 5, false);
    assert_false(grant(0, 5));
    answer(1, 6, false);
    assert_true(grant(1, 6));
}

static void an_old_token_grants_nothing(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_false(grant(0, 15001));
    answer(0, 15001, false);
    assert_true(grant(0, 30001));
}

static void an_unanswered_echo_is_not_repeated(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_true(grant(0, 0));
    assert_false(grant(0, 1));
    edge_duty_failed(&d, 0);
    answer(1, 100, false);
    answer(1, TERM / 3, false);
    answer(1, TERM * 2 / 3, false);
    assert_false(grant(1, TERM - 1));
    answer(1, TERM, false);
    assert_true(grant(1, TERM)); /* it lapsed when the first echo's term did */
}

static void an_echo_that_never_left_costs_nothing(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_true(grant(0, 0));
    answer(0, 10000, false);
    assert_true(grant(0, 10000));
    edge_duty_echo_not_sent(&d);
    edge_duty_failed(&d, 0);
    answer(1, TERM - DUTY_PATIENCE_MS, false);
    assert_true(grant(1, TERM));
}

static void a_release_frees_at_once(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_true(grant(0, 0));
    answer(1, 1, false);
    assert_false(grant(1, 1));
    answer(0, 2, true);
    assert_string_equal(edge_duty_holder(&d, 2), "");
    assert_false(grant(0, 2));
    assert_true(grant(1, 2));
}

static void another_node_needs_every_mirror(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_true(grant(0, 0));
    edge_duty_failed(&d, 0);
    d.nodes[1].mirrors_lacking = true;
    answer(1, TERM - DUTY_PATIENCE_MS, false);
    assert_false(grant(1, TERM));
    d.nodes[1].mirrors_lacking = false;
    assert_true(grant(1, TERM));
}

static void a_mirror_cannot_hold_duty_up_for_ever(void **state)
{
    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    d.nodes[0].mirrors_lacking = true;
    answer(0, DUTY_GATE_WAIT_MS / 2, false);
    assert_false(grant(0, DUTY_GATE_WAIT_MS - 1));
    answer(0, DUTY_GATE_WAIT_MS, false);
    assert_true(grant(0, DUTY_GATE_WAIT_MS));
}

/* While it was away another node may have paged by grant of the site's other edges. */
static void a_new_term_of_the_same_node_needs_every_mirror(void **state)
{
    (void)state;
    start_with(true, "g2");
    d.nodes[1].mirrors_lacking = true;
    answer(1, 6, false);
    assert_false(grant(1, 6));
    d.nodes[1].mirrors_lacking = false;
    assert_true(grant(1, 7));
    d.nodes[1].mirrors_lacking = true;
    answer(1, 10000, false);
    assert_true(grant(1, 10000)); /* a term that goes on waits for nothing */
    edge_duty_failed(&d, 1);
    answer(1, 10000 + TERM, false);
    assert_false(grant(1, 10000 + TERM));
    answer(1, 10000 + TERM + DUTY_GATE_WAIT_MS / 2, false);
    answer(1, 10000 + TERM + DUTY_GATE_WAIT_MS, false);
    assert_true(grant(1, 10000 + TERM + DUTY_GATE_WAIT_MS));

    start_with(true, "g2");
    d.nodes[1].mirrors_lacking = true;
    answer(1, 0, false);
    answer(1, TERM / 3, false);
    answer(1, TERM * 2 / 3, false);
    assert_false(grant(1, TERM - 1));
    assert_true(grant(1, TERM)); /* not for ever after a restart either */
}

/* After a cut of all nodes they answer again one by one: both edges of a site wait for the node
 * that they granted last, or each would grant another one. */
static void who_held_last_is_waited_for(void **state)
{
    int64_t healed = 10 * TERM;

    (void)state;
    start_with(true, "");
    answer(1, 0, false);
    assert_true(grant(1, 0));
    answer(0, 0, false);
    for (size_t i = 0; i < 2; i++)
        edge_duty_failed(&d, i);
    answer(0, healed, false);
    assert_false(grant(0, healed));
    assert_int_equal(edge_duty_next_ms(&d, healed), healed + DUTY_PATIENCE_MS);
    answer(1, healed + DUTY_PATIENCE_MS - 1, false);
    assert_true(grant(1, healed + DUTY_PATIENCE_MS - 1));

    start_with(true, "g2"); /* it does not come back */
    answer(0, healed, false);
    assert_false(grant(0, healed + DUTY_PATIENCE_MS - 1));
    assert_true(grant(0, healed + DUTY_PATIENCE_MS));
}

/* A node that was away for long comes back with everything still to be learned. */
static void a_node_that_comes_back_is_told_first(void **state)
{
    int64_t back = 20 * TERM;

    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    assert_true(grant(0, 0));
    answer(0, 5, true); /* it stops; the only other one answers no more */
    edge_duty_failed(&d, 0);
    d.nodes[1].mirrors_lacking = true;
    answer(1, back, false);
    assert_false(grant(1, back));
    answer(1, back + DUTY_TOKEN_AGE_MAX_MS, false);
    edge_duty_failed(&d, 1); /* a lost heartbeat does not begin the wait anew */
    answer(1, back + DUTY_GATE_WAIT_MS - 1, false);
    assert_false(grant(1, back + DUTY_GATE_WAIT_MS - 1));
    assert_int_equal(edge_duty_next_ms(&d, back + DUTY_GATE_WAIT_MS - 1), back + DUTY_GATE_WAIT_MS);
    assert_true(grant(1, back + DUTY_GATE_WAIT_MS));

    d.nodes[1].mirrors_lacking = false;
}

static void nobody_waits_for_a_node_that_is_gone(void **state)
{
    const struct str others[] = {STR("g1"), STR("g3")};

    (void)state;
    start_with(true, "g2");
    edge_duty_set_nodes(&d, others, ARRAY_SIZE(others)); /* no longer configured */
    answer(1, TERM, false);
    assert_true(grant(1, TERM));
}

static void the_sites_edges_converge(void **state)
{
    const struct edge_duty_other below = {.node = "e1", .holder = "g3"};
    const struct edge_duty_other above = {.node = "e3", .holder = "g3"};

    (void)state;
    start_with(true, "");
    answer(0, 0, false);
    answer(2, 0, false);
    assert_true(grant(0, 0));
    answer(0, 1, false);
    edge_duty_set_others(&d, &above);
    assert_int_equal(edge_duty_choice(&d, 1), 0); /* ours has the lower name: they follow us */
    edge_duty_set_others(&d, &below);
    assert_false(grant(0, 1)); /* we stop echoing … */
    assert_false(grant(2, 1));
    answer(2, TERM, false);
    assert_true(grant(2, TERM)); /* … and follow */

    start_with(true, "");
    edge_duty_set_others(&d, &above);
    answer(0, 0, false);
    answer(2, 0, false);
    assert_false(grant(0, 0));
    assert_true(grant(2, 0)); /* with none of our own we join them */

    start_with(true, "");
    edge_duty_set_others(&d, &below);
    answer(0, 0, false); /* g3 does not answer us */
    assert_true(grant(0, 0));
}

/* ---- two holders? ---- */

#define NODES 3
#define FLIGHTS 64

/* A global node as the page has it. mutate: it counts from the echo's arrival. */
struct holder {
    double rate; /* its clock against real time: 1 ± ρ */
    int64_t offset_ms;
    double until; /* its own clock */
    int boot;
    bool up;
};

struct flight { /* a heartbeat on its way to node, or its answer on the way back */
    bool used, back, echo;
    size_t node;
    int64_t at; /* real time of arrival */
    int boot;   /* of the echoed token, or the answer's */
    int64_t mono_ms;
};

struct trial {
    struct rand r;
    struct holder nodes[NODES];
    struct flight flights[FLIGHTS];
    double edge_rate;
    int64_t edge_offset;
    int64_t next_beat[NODES];
    bool busy[NODES];
    char stored[64];
    bool mutate;
    unsigned grants, switches;
};

static int64_t clock_of(double rate, int64_t offset, int64_t real)
{
    return (int64_t)((double)real * rate) + offset;
}

static bool holds(const struct trial *t, size_t i, int64_t real)
{
    const struct holder *h = &t->nodes[i];

    return h->up && (double)real * h->rate + (double)h->offset_ms < h->until;
}

static struct flight *launch(struct trial *t, size_t node, int64_t now)
{
    int64_t delay =
        rand_chance(&t->r, 3000) ? rand_between(&t->r, 0, 40000) : rand_between(&t->r, 0, 200);

    for (size_t i = 0; i < FLIGHTS; i++) {
        if (!t->flights[i].used) {
            t->flights[i] = (struct flight){.used = true, .node = node, .at = now + delay};
            return &t->flights[i];
        }
    }
    return NULL;
}

static void beat(struct trial *t, size_t i, int64_t real)
{
    int64_t now = clock_of(t->edge_rate, t->edge_offset, real);
    struct flight *f;

    if (t->busy[i] || real < t->next_beat[i])
        return;
    if (edge_duty_wants_persist(&d, i, now)) {
        edge_duty_persisting(&d, i);
        (void)snprintf(t->stored, sizeof(t->stored), "%s", d.nodes[i].name);
        edge_duty_persisted(&d);
    }
    f = launch(t, i, real);
    if (f == NULL)
        return;
    t->busy[i] = true;
    t->next_beat[i] = real + 5000; /* the time-out */
    if (edge_duty_may_echo(&d, i, now)) {
        f->echo = true;
        f->boot = (int)strtol(d.nodes[i].token.boot, NULL, 10);
        f->mono_ms = d.nodes[i].token.mono_ms;
        t->switches += strcmp(d.granted, d.nodes[i].name) != 0;
        edge_duty_echo_sent(&d, i, now);
        t->grants++;
    }
    if (rand_chance(&t->r, 1000))
        f->used = false; /* lost */
}

static void arrive(struct trial *t, struct flight *f, int64_t real)
{
    struct holder *h = &t->nodes[f->node];
    int64_t mono = clock_of(h->rate, h->offset_ms, real);
    struct flight *answer_flight;

    f->used = false;
    if (f->back) {
        struct edge_duty_token token = {.mono_ms = f->mono_ms};

        if (!t->busy[f->node])
            return; /* timed out */
        (void)snprintf(token.boot, sizeof(token.boot), "%d", f->boot);
        t->busy[f->node] = false;
        t->next_beat[f->node] = real + 10000;
        edge_duty_answered(&d, f->node, &token, false,
                           clock_of(t->edge_rate, t->edge_offset, real));
        return;
    }
    if (!h->up)
        return;
    if (f->echo && f->boot == h->boot) {
        double from = t->mutate ? (double)mono : (double)f->mono_ms;

        if (from + (double)L > h->until)
            h->until = from + (double)L;
    }
    answer_flight = launch(t, f->node, real);
    if (answer_flight != NULL) {
        answer_flight->back = true;
        answer_flight->boot = h->boot;
        answer_flight->mono_ms = mono;
        if (rand_chance(&t->r, 1000))
            answer_flight->used = false;
    }
}

static void misfortune(struct trial *t, int64_t real)
{
    size_t i = rand_below(&t->r, NODES);

    if (rand_chance(&t->r, 5000)) { /* a global restarts, or stays down for a while */
        t->nodes[i].boot++;
        t->nodes[i].until = 0;
        t->nodes[i].offset_ms += rand_between(&t->r, -5000, 5000);
        t->nodes[i].up = rand_chance(&t->r, 6000);
    } else { /* the edge restarts: requests under way lose their answers, not their effect */
        char stored[64];

        memcpy(stored, t->stored, sizeof(stored));
        t->edge_offset += rand_between(&t->r, 0, 100000);
        start_with(true, stored);
        d.until_ms += clock_of(t->edge_rate, t->edge_offset, real);
        memset(t->busy, 0, sizeof(t->busy));
        memset(t->next_beat, 0, sizeof(t->next_beat));
        for (size_t k = 0; k < FLIGHTS; k++)
            t->flights[k].used = t->flights[k].used && !t->flights[k].back;
    }
}

/* The greatest number of holders at any moment of four virtual hours. */
static unsigned most_holders(uint64_t seed, bool mutate, struct trial *t)
{
    unsigned most = 0;
    const double rho = 0.0005;

    *t = (struct trial){.mutate = mutate, .edge_rate = 1};
    rand_seed(&t->r, seed);
    t->edge_rate += rho * ((double)rand_between(&t->r, -100, 100) / 100);
    for (size_t i = 0; i < NODES; i++)
        t->nodes[i] = (struct holder){
            .rate = 1 + rho * ((double)rand_between(&t->r, -100, 100) / 100),
            .offset_ms = rand_between(&t->r, 0, 1000000),
            .boot = 1,
            .up = true,
        };
    start_with(true, "");
    for (int64_t real = 0; real < 4 * MS_PER_H; real += 25) {
        unsigned n = 0;

        for (size_t k = 0; k < FLIGHTS; k++) {
            if (t->flights[k].used && t->flights[k].at <= real)
                arrive(t, &t->flights[k], real);
        }
        for (size_t i = 0; i < NODES; i++) {
            if (t->busy[i] && real >= t->next_beat[i]) {
                t->busy[i] = false;
                t->next_beat[i] = real + 2000;
                edge_duty_failed(&d, i);
            }
            beat(t, i, real);
            n += holds(t, i, real);
        }
        if (rand_chance(&t->r, 3))
            misfortune(t, real);
        most = n > most ? n : most;
    }
    return most;
}

static void two_nodes_never_hold_at_once(void **state)
{
    struct trial t;
    unsigned grants = 0, switches = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        unsigned most = most_holders(seed, false, &t);

        if (most > 1)
            print_error("seed %llu\n", (unsigned long long)seed);
        assert_true(most <= 1);
        grants += t.grants;
        switches += t.switches;
    }
    assert_true(grants > 1000);
    assert_true(switches > 20);
}

/* The checker can see: a holder that counts from the echo's arrival is caught. */
static void counting_from_the_receipt_would_be_seen(void **state)
{
    struct trial t;
    unsigned caught = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        caught += most_holders(seed, true, &t) > 1;
    assert_true(caught > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_granted_means_at_once),
        cmocka_unit_test(a_silent_store_means_a_whole_term),
        cmocka_unit_test(the_last_granted_node_goes_on_after_a_restart),
        cmocka_unit_test(an_old_token_grants_nothing),
        cmocka_unit_test(an_unanswered_echo_is_not_repeated),
        cmocka_unit_test(an_echo_that_never_left_costs_nothing),
        cmocka_unit_test(a_release_frees_at_once),
        cmocka_unit_test(another_node_needs_every_mirror),
        cmocka_unit_test(a_mirror_cannot_hold_duty_up_for_ever),
        cmocka_unit_test(a_new_term_of_the_same_node_needs_every_mirror),
        cmocka_unit_test(who_held_last_is_waited_for),
        cmocka_unit_test(a_node_that_comes_back_is_told_first),
        cmocka_unit_test(nobody_waits_for_a_node_that_is_gone),
        cmocka_unit_test(the_sites_edges_converge),
        cmocka_unit_test(two_nodes_never_hold_at_once),
        cmocka_unit_test(counting_from_the_receipt_would_be_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Runs a scenario: a text of deeds and expectations, in virtual time over the simulator's world
 * without chance. One a line; README.md has the words. Prints what was not met; 1 if anything. */
#include "tests/sim/check.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX 400
#define WORDS_MAX 12
#define START_MS (60 * MS_PER_S) /* nodes have met by then; a scenario's clock starts here */

struct expectation {
    int line;
    char *words[WORDS_MAX];
    size_t n;
};

struct scenario {
    struct sim *s;
    const char *file;
    int failures;
    int64_t end;
    struct {
        struct expectation *v;
        size_t n, cap;
    } expects;
};

static _Noreturn void die(const struct scenario *sc, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", sc->file, line, what);
    exit(2);
}

static int64_t time_of(const struct scenario *sc, int line, const char *word)
{
    char *end;
    double v = strtod(word, &end);

    if (strcmp(end, "s") != 0 && strcmp(end, "m") != 0)
        die(sc, line, "a time is 5s or 2m");
    return START_MS + (int64_t)(v * (*end == 'm' ? 60000 : 1000));
}

/* ---- deeds ---- */

static int site_of(struct sim *s, const char *name)
{
    for (int i = 0; i < s->sites_n; i++) {
        if (strcmp(s->site_names[i], name) == 0)
            return i;
    }
    return -1;
}

static struct sim_alert *alert_of(struct sim *s, int site, const char *name)
{
    VEC_EACH (&s->alerts, struct sim_alert, a) {
        if (a->site == site && strcmp(a->alertname, name) == 0)
            return a;
    }
    return work_alert(s, site, name, "db", "platform", "critical");
}

/* a: a node, a site, or a global; b: a global or `*`. */
static void cut(struct sim *s, const char *a, const char *b, bool on)
{
    for (int i = 0; i < s->nodes_n; i++) {
        if (strcmp(s->nodes[i].id, a) != 0 && strcmp(s->nodes[i].site, a) != 0)
            continue;
        for (int k = 0; k < s->nodes_n; k++) {
            if (k != i && s->nodes[k].edge != s->nodes[i].edge &&
                (strcmp(b, "*") == 0 || strcmp(s->nodes[k].id, b) == 0))
                fault_cut(s, i, k, on);
        }
    }
}

static void last_incident(struct sim *s, const char **ret_id, uint64_t *ret_generation)
{
    *ret_id = NULL;
    VEC_EACH (&s->h.pages, const struct h_page, p) {
        if (p->page && p->accepted) {
            *ret_id = p->incident;
            *ret_generation = p->generation;
        }
    }
}

static void act(struct sim *s, const char *verb, const char *where)
{
    const char *id;
    uint64_t generation = 0;
    int g = sim_node_by_name(s, where);

    last_incident(s, &id, &generation);
    if (id == NULL || g < 0) {
        printf("nothing to %s at %s\n", verb, where);
        return;
    }
    human_ack(s, g, id, generation, verb, 0);
}

static void on_deed(struct sim *s, struct sim_event *e)
{
    char *w[WORDS_MAX], *save = NULL;
    size_t n = 0;
    int node, site;

    for (char *t = strtok_r(e->text, " ", &save); t != NULL && n < WORDS_MAX;
         t = strtok_r(NULL, " ", &save))
        w[n++] = t;
    node = n > 1 ? sim_node_by_name(s, w[1]) : -1;
    site = n > 2 ? site_of(s, w[1]) : -1;
    sim_trace(s, "deed: %s %s", w[0], n > 1 ? w[1] : "");
    if (strcmp(w[0], "fire") == 0 && site >= 0)
        work_fire(s, alert_of(s, site, w[2]), 0);
    else if (strcmp(w[0], "resolve") == 0 && site >= 0)
        work_resolve(s, alert_of(s, site, w[2]));
    else if ((strcmp(w[0], "cut") == 0 || strcmp(w[0], "heal") == 0) && n == 4)
        cut(s, w[1], w[3], strcmp(w[0], "cut") == 0);
    else if (strcmp(w[0], "kill") == 0 && node >= 0)
        node_crash(s, &s->nodes[node]);
    else if (strcmp(w[0], "start") == 0 && node >= 0)
        node_start(s, &s->nodes[node]);
    else if ((strcmp(w[0], "ack") == 0 || strcmp(w[0], "unack") == 0) && node >= 0)
        act(s, w[0], w[1]);
    else {
        fprintf(stderr, "no such deed: %s\n", w[0]);
        exit(2);
    }
}

static void on_minute(struct sim *s, struct sim_event *e) /* Prometheus repeats itself */
{
    (void)e;
    for (int i = 0; i < s->sites_n; i++)
        work_post(s, i);
    sim_file(s, s->now + MS_PER_MIN, on_minute);
}

/* ---- expectations ---- */

static bool has_sites(const char *sites, const char *wanted)
{
    char copy[100], *save = NULL;

    (void)snprintf(copy, sizeof(copy), "%s", wanted);
    for (char *t = strtok_r(copy, ",", &save); t != NULL; t = strtok_r(NULL, ",", &save)) {
        char word[24];

        (void)snprintf(word, sizeof(word), " %s ", t);
        if (strstr(sites, word) == NULL)
            return false;
    }
    return true;
}

static const char *option(const struct expectation *e, const char *name)
{
    for (size_t i = 0; i + 1 < e->n; i++) {
        if (strcmp(e->words[i], name) == 0)
            return e->words[i + 1];
    }
    return NULL;
}

static uint64_t count(const struct scenario *sc, const struct expectation *e, int64_t from,
                      int64_t to)
{
    const struct history *h = &sc->s->h;
    const char *sites = option(e, "sites"), *what = e->words[2], *who = e->words[3];
    uint64_t n = 0, status = 0;

    (void)!str_to_u64(str_from(who), &status);
    VEC_EACH (&h->pages, const struct h_page, p)
        n += strcmp(what, "page") == 0 && p->page && p->accepted && p->got_at >= from &&
             p->got_at <= to && strcmp(p->receiver, who) == 0 &&
             (sites == NULL || has_sites(p->sites, sites));
    VEC_EACH (&h->acts, const struct h_act, a)
        n += strcmp(what, "answer") == 0 && a->t >= from && a->t <= to && a->status == (int)status;
    VEC_EACH (&h->ledger, const struct h_ledger, l)
        n += strcmp(what, "site") == 0 && l->verdict == LEDGER_SITE && l->t >= from && l->t <= to &&
             strcmp(l->cause, who) == 0;
    return n;
}

/* expect N|some|no page|answer|site WHO from T to T [sites A,B] */
static void judge(struct scenario *sc, const struct expectation *e)
{
    const char *from = option(e, "from"), *to = option(e, "to"), *much = e->words[1];
    uint64_t n, wanted = 0;
    bool ok;

    if (e->n < 8 || from == NULL || to == NULL)
        die(sc, e->line, "expect N|some|no page|answer|site WHO from T to T [sites A,B]");
    n = count(sc, e, time_of(sc, e->line, from), time_of(sc, e->line, to));
    if (strcmp(much, "some") == 0)
        ok = n > 0;
    else if (strcmp(much, "no") == 0)
        ok = n == 0;
    else
        ok = str_to_u64(str_from(much), &wanted) && n == wanted;
    if (ok)
        return;
    sc->failures++;
    printf("%s:%d: expected %s %s %s from %s to %s, saw %lu\n", sc->file, e->line, much,
           e->words[2], e->words[3], from, to, n);
}

/* ---- reading ---- */

static void read_line(struct scenario *sc, char *text, int line)
{
    char *save = NULL, *word;
    struct expectation *e;
    struct sim_event *deed;

    text[strcspn(text, "#\n")] = '\0';
    if (strncmp(text, "at ", 3) == 0) {
        word = strtok_r(text + 3, " ", &save);
        if (word == NULL || save == NULL || *save == '\0')
            die(sc, line, "at T DEED");
        deed = sim_file(sc->s, time_of(sc, line, word), on_deed);
        deed->text = xstrdup(save);
        return;
    }
    word = strtok_r(text, " ", &save);
    if (word == NULL)
        return;
    if (strcmp(word, "expect") != 0)
        die(sc, line, "a line begins with `at` or `expect`");
    e = VEC_PUSH(&sc->expects);
    *e = (struct expectation){.line = line};
    for (; word != NULL && e->n < WORDS_MAX; word = strtok_r(NULL, " ", &save))
        e->words[e->n++] = xstrdup(word);
    if (option(e, "to") != NULL)
        sc->end = max_i64(sc->end, time_of(sc, line, option(e, "to")));
}

int main(int argc, char **argv)
{
    struct sim_options o = {.seed = 1, .quiet = true, .sites = 2, .edges = 2, .globals = 2};
    struct scenario sc = {.file = argc > 1 ? argv[1] : "?"};
    char text[LINE_MAX];
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;

    if (f == NULL) {
        fprintf(stderr, "usage: scenario FILE [--trace]\n");
        return 2;
    }
    o.trace = argc > 2;
    sc.s = sim_new(&o);
    for (int line = 1; fgets(text, sizeof(text), f) != NULL; line++)
        read_line(&sc, text, line);
    (void)fclose(f);
    sim_file(sc.s, START_MS, on_minute);
    sim_run_until(sc.s, sc.end);
    VEC_EACH (&sc.expects, struct expectation, e) {
        judge(&sc, e);
        for (size_t i = 0; i < e->n; i++)
            free(e->words[i]);
    }
    VEC_CLEAR(&sc.expects);
    sim_free(sc.s);
    return sc.failures > 0;
}

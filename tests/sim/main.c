/* tests/sim: runs seeds and judges them. Use tests/sim/run, which builds this. */
#include "tests/sim/check.h"

#include "common/core/bugs.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_MAX 12 /* violations of a seed */

/* Cheaper reports: these runs allocate without end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "malloc_context_size=4:quarantine_size_mb=32";
}

static uint64_t seed_under_way;

static void on_abort(int signo)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "seed %lu: aborted; replay: tests/sim/run --seed %lu\n",
                     seed_under_way, seed_under_way);

    (void)!write(STDERR_FILENO, text, (size_t)n);
    (void)signal(signo, SIG_DFL);
    (void)raise(signo);
}

struct totals {
    uint64_t seeds, failed, events, requests, episodes, faults, pages, flagged, excused;
    int64_t virtual_ms;
    uint64_t marks[MARKS];
    uint64_t min_faults, min_episodes;
};

static int64_t real_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * MS_PER_S + t.tv_nsec / 1000000;
}

static void add_up(struct totals *t, const struct sim *s)
{
    t->seeds++;
    t->failed += s->h.violations.n > 0;
    t->events += s->events;
    t->requests += s->h.requests;
    t->episodes += s->h.episodes;
    t->faults += s->h.faults.n;
    t->pages += s->h.pages_accepted;
    t->flagged += s->h.duplicates_flagged;
    t->excused += s->h.duplicates_excused;
    t->virtual_ms += s->now;
    for (int i = 0; i < MARKS; i++)
        t->marks[i] += s->h.marks[i];
    if (t->seeds == 1 || s->h.faults.n < t->min_faults)
        t->min_faults = s->h.faults.n;
    if (t->seeds == 1 || s->h.episodes < t->min_episodes)
        t->min_episodes = s->h.episodes;
}

static void report(const struct sim *s, const char *bug)
{
    size_t shown = 0;
    uint64_t seed = s->o.seed;

    VEC_EACH (&s->h.violations, const struct violation, v) {
        if (shown++ < SHOWN_MAX)
            printf("seed %lu: %s at %.3f s: %s\n", seed, v->invariant, (double)v->t / 1000,
                   v->text);
    }
    if (shown > SHOWN_MAX)
        printf("seed %lu: … and %zu more\n", seed, shown - SHOWN_MAX);
    if (shown > 0)
        printf("seed %lu: replay: tests/sim/run --seed %lu%s%s --trace\n", seed, seed,
               bug != NULL ? " --bug " : "", bug != NULL ? bug : "");
}

/* ---- planted bugs ---- */

#if TOCSIN_BUGS
static void add_names(const struct sim *s, char *names, size_t size)
{
    VEC_EACH (&s->h.violations, const struct violation, v) {
        char word[8];

        (void)snprintf(word, sizeof(word), "%s ", v->invariant);
        if (strstr(names, word) == NULL)
            (void)snprintf(names + strlen(names), size - strlen(names), "%s", word);
    }
}

/* Which checkers see the bug, and whether one alone does in some seed. */
static bool hunt(struct sim_options o, enum bug bug, uint64_t seeds)
{
    char all[64] = "", first[64] = "", alone[64] = "";
    uint64_t found = 0;

    bug_selected = bug;
    for (uint64_t i = 0; i < seeds; i++) {
        struct sim *s;
        char names[64] = "";

        o.seed = seed_under_way = i + 1;
        s = sim_run(&o);
        add_names(s, names, sizeof(names));
        add_names(s, all, sizeof(all));
        if (names[0] != '\0' && found == 0) {
            found = i + 1;
            memcpy(first, names, sizeof(first));
        }
        if (names[0] != '\0' && strchr(names, ' ') == strrchr(names, ' '))
            memcpy(alone, names, sizeof(alone));
        sim_free(s);
        if (alone[0] != '\0' || (found > 0 && i + 1 > found))
            break;
    }
    bug_selected = BUG_NONE;
    if (found == 0)
        printf("%-22s NOT CAUGHT in %lu seeds\n", bug_name(bug), seeds);
    else
        printf("%-22s seed %-4lu first by %-16s only by %-6s all %s\n", bug_name(bug), found, first,
               alone[0] != '\0' ? alone : "-", all);
    (void)fflush(stdout);
    return found > 0;
}

static int hunt_all(const struct sim_options *o, const char *name, uint64_t seeds)
{
    int missed = 0;

    for (int b = BUG_NONE + 1; b < BUGS; b++) {
        if (name == NULL || strcmp(name, bug_name((enum bug)b)) == 0)
            missed += !hunt(*o, (enum bug)b, seeds);
    }
    return missed > 0;
}
#endif

/* ---- seeds ---- */

static void summary(const struct totals *t, int64_t took_ms)
{
    printf("%lu seeds, %lu failed; %.1f virtual hours in %.1f s: %.0f x real time\n", t->seeds,
           t->failed, (double)t->virtual_ms / 3600000, (double)took_ms / 1000,
           (double)t->virtual_ms / (double)(took_ms > 0 ? took_ms : 1));
    printf("%lu events, %lu requests, %lu episodes (a seed >= %lu), %lu faults (a seed >= %lu), "
           "%lu pages, %lu flagged again, %lu unmarked again after a fault\n",
           t->events, t->requests, t->episodes, t->min_episodes, t->faults, t->min_faults, t->pages,
           t->flagged, t->excused);
}

static int marks(const struct totals *t, bool must)
{
    int missing = 0;

    printf("marks:\n");
    for (int i = 0; i < MARKS; i++) {
        printf("  %8lu %s%s\n", t->marks[i], mark_names[i], t->marks[i] == 0 ? "  <- never" : "");
        missing += t->marks[i] == 0;
    }
    if (missing > 0 && must)
        printf("%d marks were never reached: the simulator does not see what they stand for\n",
               missing);
    return missing > 0 && must;
}

struct arguments {
    struct sim_options o;
    uint64_t seeds, first;
    bool twice, marks_must, bugs;
    const char *bug;
};

static int run_seeds(const struct arguments *a)
{
    struct totals t = {0};
    int64_t began = real_ms();
    bool differs = false;

    for (uint64_t i = 0; i < a->seeds; i++) {
        struct sim_options o = a->o;
        struct sim *s;
        uint64_t digest;

        o.seed = seed_under_way = a->first + i;
        s = sim_run(&o);
        digest = s->digest;
        report(s, a->bug);
        add_up(&t, s);
        if (a->seeds <= 4 || s->h.violations.n > 0)
            printf("seed %lu: digest %016lx, %lu events, %zu faults, %lu episodes, %lu pages\n",
                   o.seed, digest, s->events, s->h.faults.n, s->h.episodes, s->h.pages_accepted);
        sim_free(s);
        if (a->twice) {
            s = sim_run(&o);
            if (s->digest != digest)
                printf("seed %lu: digest %016lx the second time\n", o.seed, s->digest);
            differs |= s->digest != digest;
            sim_free(s);
        }
        if (a->seeds > 4 && (i + 1) % 10 == 0)
            printf("%lu of %lu seeds, %lu failed, %.0f s\n", i + 1, a->seeds, t.failed,
                   (double)(real_ms() - began) / 1000);
        (void)fflush(stdout);
    }
    summary(&t, real_ms() - began);
    if (a->seeds >= 20)
        return (t.failed > 0) | differs | marks(&t, a->marks_must);
    return (t.failed > 0) | differs;
}

static int usage(void)
{
    printf("usage: sim [--seeds N] [--first N] [--seed N] [--trace] [--twice] [--no-faults]\n"
           "           [--marks] [--bugs | --bug NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"trace", no_argument, NULL, 't'},
        {"twice", no_argument, NULL, '2'},       {"no-faults", no_argument, NULL, 'c'},
        {"marks", no_argument, NULL, 'm'},       {"bugs", no_argument, NULL, 'b'},
        {"bug", required_argument, NULL, 'B'},   {0}};
    struct arguments a = {.o = {.faults = true}, .seeds = 10, .first = 1};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if ((c == 'n' && !str_to_u64(str_from(optarg), &a.seeds)) ||
            ((c == 'f' || c == 's') && !str_to_u64(str_from(optarg), &a.first)) || c == '?')
            return usage();
        if (c == 's')
            a.seeds = 1;
        a.o.trace |= c == 't';
        a.twice |= c == '2';
        a.o.faults &= c != 'c';
        a.marks_must |= c == 'm';
        a.bugs |= c == 'b' || c == 'B';
        if (c == 'B')
            a.bug = optarg;
    }
    (void)signal(SIGABRT, on_abort);
    if (a.bugs) {
#if TOCSIN_BUGS
        return hunt_all(&a.o, a.bug, a.seeds);
#else
        printf("planted bugs need the preset `bugs`\n");
        return 2;
#endif
    }
    return run_seeds(&a);
}

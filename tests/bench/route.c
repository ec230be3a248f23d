/* Routing by itself, without HTTP: how long a tree of sibling team routes takes to find the routes
 * of an alert, in CPU time. One line a case on stdout.
 *
 *     bench_route [alerts]      100000 by default
 *
 * One sibling for each team, found by its label in different ways; alerts are spread evenly over
 * the teams and have eight labels. The second pass over the alerts is what counts for the automata,
 * which are built as texts come; both are shown. */
#include "common/core/config/am_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LABELS 8

static const struct shape {
    const char *name;
    const char *before, *behind; /* of the team's number, in the matcher */
} shapes[] = {
    {"equality", "team=\"team-", "\""},
    {"alternation", "team=~\"team-", "|other\""},
    {"match_re", NULL, NULL},
    {"regex, literal prefix", "team=~\"team-", "(-[a-z]+)?\""},
    {"regex, class first", "team=~\"[a-z]+-", "\""},
    {"regex, any case", "team=~\"(?i)TEAM-", "\""},
    {"regex, .* first", "team=~\".*-", "\""},
};

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* others may be busy */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void write_tree(struct buf *b, const struct shape *shape, size_t n)
{
    buf_add_str(b, STR("receivers: [{name: r}]\nroute:\n  receiver: r\n  routes:\n"));
    for (size_t i = 0; i < n; i++) {
        if (shape->before == NULL)
            buf_add_fmt(b, "  - match_re: {team: team-%zu|t%zu}\n", i, i);
        else
            buf_add_fmt(b, "  - matchers: ['severity=\"page\"', '%s%zu%s']\n", shape->before, i,
                        shape->behind);
    }
}

static struct labels *alerts_new(size_t n, size_t teams, struct arena *a)
{
    struct labels *alerts = ARENA_ARRAY(a, struct labels, n);

    for (size_t i = 0; i < n; i++) {
        struct label *v = ARENA_ARRAY(a, struct label, LABELS);

        v[0] = (struct label){STR("alertname"), arena_fmt(a, "Alert%zu", i % 50)};
        v[1] = (struct label){STR("cluster"), arena_fmt(a, "cluster-%zu", i % 20)};
        v[2] = (struct label){STR("instance"), arena_fmt(a, "host-%zu.example.org:9100", i)};
        v[3] = (struct label){STR("job"), STR("node")};
        v[4] = (struct label){STR("namespace"), arena_fmt(a, "namespace-%zu", i % 100)};
        v[5] = (struct label){STR("pod"), arena_fmt(a, "pod-%zu", i)};
        v[6] = (struct label){STR("severity"), STR("page")};
        v[7] = (struct label){STR("team"), arena_fmt(a, "team-%zu", i * 7919 % teams)};
        alerts[i] = (struct labels){.v = v, .n = labels_sort(v, LABELS)};
    }
    return alerts;
}

static double pass(const struct route *root, const struct labels *alerts, size_t n, size_t *ret)
{
    struct arena *a = arena_new(0);
    double start = seconds(), took;

    for (size_t i = 0; i < n; i++) {
        struct route_list list = route_match(root, alerts[i], a);

        *ret += list.v[0] != root;
        arena_reset(a);
    }
    took = (seconds() - start) / (double)n;
    arena_free(a);
    return took * 1e9;
}

static void bench(const struct shape *shape, size_t siblings, size_t alerts_n)
{
    struct arena *a = arena_new(0);
    struct labels *alerts = alerts_new(alerts_n, siblings, a);
    struct config_report report;
    struct am_config *c = NULL;
    struct buf yaml;
    double start, loaded, first, second;
    size_t found = 0;

    buf_init(&yaml, 0);
    write_tree(&yaml, shape, siblings);
    config_report_init(&report, STR("bench.yml"));
    start = seconds();
    if (am_config_parse(buf_str(&yaml), MATCHER_FALLBACK, &c, &report) < 0) {
        (void)fprintf(stderr, "%s\n", report.mistakes.v[0].text);
        exit(1);
    }
    loaded = seconds() - start;
    first = pass(c->root, alerts, alerts_n, &found);
    second = pass(c->root, alerts, alerts_n, &found);
    printf("%-22s %6zu siblings: load %6.3f s, first pass %8.0f ns an alert, second %8.0f ns, "
           "routed %zu of %zu\n",
           shape->name, siblings, loaded, first, second, found, 2 * alerts_n);
    (void)fflush(stdout);
    am_config_free(c);
    config_report_clear(&report);
    buf_clear(&yaml);
    arena_free(a);
}

int main(int argc, char **argv)
{
    static const size_t siblings[] = {10, 1000, 10000};
    uint64_t n = 100000;

    if (argc > 1 && !str_to_u64(str_from(argv[1]), &n))
        return 2;
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        for (size_t i = 0; i < ARRAY_SIZE(siblings); i++)
            bench(&shapes[s], siblings[i], n);
    }
    return 0;
}

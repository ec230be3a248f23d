/* Muting by itself, without HTTP: how long silences and inhibition rules take to judge every alert
 * once. One line a case on stdout.
 *
 *     bench_mute [alerts]      100000 by default
 *
 * Silences: half by equality of instance, half by a regular expression on it (a literal prefix),
 * all active, none or all of them about the alerts at hand. Inhibition: a rule for each team,
 * critical mutes warning where cluster and namespace agree. */
#include "common/core/mute/inhibit.h"
#include "common/core/mute/silence.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW ((struct now){.wall_ms = INT64_C(1800000000000)})
#define LABELS 8

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct labels *alerts_new(size_t n, const char *severity, struct arena *a)
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
        v[6] = (struct label){STR("severity"), str_from(severity)};
        v[7] = (struct label){STR("team"), arena_fmt(a, "team-%zu", i % 1000)};
        alerts[i] = (struct labels){.v = v, .n = labels_sort(v, LABELS)};
    }
    return alerts;
}

static struct silence_set *silences_new(size_t n, const char *host, const char *suffix,
                                        struct arena *a)
{
    struct silence_set *set = silence_set_new((struct silence_options){0});
    struct rand rand;

    rand_seed(&rand, 1);
    for (size_t i = 0; i < n; i++) {
        struct matcher m = {.op = i % 2 == 0 ? MATCH_EQ : MATCH_RE, .name = STR("instance")};
        struct matchers list = {0};
        struct silence s = {.sets = &list,
                            .sets_n = 1,
                            .starts_wall_ms = NOW.wall_ms,
                            .ends_wall_ms = NOW.wall_ms + MS_PER_H};
        struct silence_change change;
        struct err err;

        m.value = i % 2 == 0 ? arena_fmt(a, "%s-%zu.example.org:9100", host, i)
                             : arena_fmt(a, "%s-%zu%s", host, i, suffix);
        matchers_add(&list, m, a);
        if (silence_set_put(set, &s, NOW, &rand, &change, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    return set;
}

static void bench_silences(size_t n, const char *host, const char *suffix, size_t alerts_n)
{
    struct arena *a = arena_new(0);
    struct labels *alerts = alerts_new(alerts_n, "warning", a);
    double start = seconds(), made, judged;
    struct silence_set *set = silences_new(n, host, suffix, a);
    size_t muted = 0;

    made = seconds();
    for (size_t i = 0; i < alerts_n; i++)
        muted += silence_set_mutes(set, alerts[i], NOW);
    judged = seconds();
    printf("silences %zu (%s%s) alerts %zu: put %.3f s, judge %.3f s, muted %zu, unkeyed %zu\n", n,
           host, suffix, alerts_n, made - start, judged - made, muted,
           silence_set_stats(set, NOW).unkeyed);
    silence_set_free(set);
    arena_free(a);
}

static struct matcher make(enum matcher_op op, const char *name, struct str value, struct arena *a)
{
    struct matcher m;

    if (matcher_make(op, str_from(name), value, a, &m, NULL) < 0)
        exit(1);
    return m;
}

static void bench_inhibit(size_t rules_n, size_t sources_n, size_t alerts_n)
{
    static const struct str equal[] = {STR_INIT("cluster"), STR_INIT("namespace")};
    struct arena *a = arena_new(0);
    struct labels *targets = alerts_new(alerts_n, "warning", a);
    struct labels *sources = alerts_new(sources_n, "critical", a);
    struct inhibit_rule *rules = ARENA_ARRAY(a, struct inhibit_rule, rules_n);
    struct inhibit_verdict v;
    struct inhibit *ih;
    double start, fed, judged;
    size_t muted = 0;

    for (size_t i = 0; i < rules_n; i++) {
        struct str team = arena_fmt(a, "team-%zu", i);

        rules[i].equal = equal;
        rules[i].equal_n = ARRAY_SIZE(equal);
        matchers_add(&rules[i].source, make(MATCH_EQ, "severity", STR("critical"), a), a);
        matchers_add(&rules[i].target, make(MATCH_EQ, "severity", STR("warning"), a), a);
        if (rules_n > 1) {
            matchers_add(&rules[i].source, make(MATCH_EQ, "team", team, a), a);
            matchers_add(&rules[i].target, make(MATCH_EQ, "team", team, a), a);
        }
    }
    start = seconds();
    ih = inhibit_new(rules, rules_n);
    for (size_t i = 0; i < sources_n; i++)
        (void)inhibit_put(ih, labels_fingerprint(sources[i]), sources[i]);
    fed = seconds();
    for (size_t i = 0; i < alerts_n; i++)
        muted += inhibit_decide(ih, targets[i], &v);
    judged = seconds();
    printf("inhibit %zu rules %zu sources alerts %zu: feed %.3f s, judge %.3f s, muted %zu\n",
           rules_n, sources_n, alerts_n, fed - start, judged - fed, muted);
    inhibit_free(ih);
    arena_free(a);
}

int main(int argc, char **argv)
{
    uint64_t n = 100000;

    if (argc > 1 && !str_to_u64(str_from(argv[1]), &n))
        return 2;
    bench_silences(1000, "host", "[.].*", n);
    bench_silences(10000, "host", "[.].*", n);
    bench_silences(10000, "other", "[.].*", n);
    bench_silences(10000, "host", "[.]example.org:(9100|9101)", n);
    bench_inhibit(100, 10000, n);
    bench_inhibit(1000, 10000, n);
    bench_inhibit(1, 10000, n);
    return 0;
}

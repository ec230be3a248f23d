/* Rendering by itself: what one message of the default Slack and email templates takes, as a
 * notifier does it, over 1, 50 and 500 alerts. One line a case on stdout.
 *
 *     bench_template [seconds]      for each case, 1 by default
 *
 * "parsed" is a text that was parsed beforehand, "whole" one that is parsed for each message. */
#include "common/core/template/template.h"
#include "common/base/time_text.h"
#include "common/core/template/data.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW INT64_C(1800000000000)
#define LABELS 8

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void alert_fill(struct notice_alert *alert, size_t i, struct arena *a)
{
    struct label *v = ARENA_ARRAY(a, struct label, LABELS),
                 *notes = ARENA_ARRAY(a, struct label, 2);

    v[0] = (struct label){STR("alertname"), STR("DiskAlmostFull")};
    v[1] = (struct label){STR("cluster"), STR("fra1-prod")};
    v[2] = (struct label){STR("instance"), arena_fmt(a, "host-%zu.example.org:9100", i)};
    v[3] = (struct label){STR("job"), STR("node")};
    v[4] = (struct label){STR("mountpoint"), STR("/var/lib/data")};
    v[5] = (struct label){STR("namespace"), arena_fmt(a, "namespace-%zu", i % 100)};
    v[6] = (struct label){STR("severity"), STR("critical")};
    v[7] = (struct label){STR("team"), STR("storage & friends")};
    notes[0] = (struct label){
        STR("description"),
        arena_fmt(a, "The file system of host-%zu has <5%% left and fills within 4 hours.", i)};
    notes[1] = (struct label){STR("summary"), STR("Disk is almost full")};
    *alert = (struct notice_alert){
        .labels = {v, LABELS},
        .annotations = {notes, 2},
        .starts_wall_ms = NOW - 600000,
        .ends_wall_ms = i % 4 == 0 ? NOW : WALL_ABSENT,
        .resolved = i % 4 == 3,
        .generator_url =
            arena_fmt(a, "https://prometheus.example.org/graph?g0.expr=x%zu&g0.tab=1", i),
        .fp = i};
}

static struct notice notice_new(size_t n, struct arena *a)
{
    struct notice_alert *alerts = ARENA_ARRAY(a, struct notice_alert, n);

    for (size_t i = 0; i < n; i++)
        alert_fill(&alerts[i], i, a);
    return (struct notice){.receiver = STR("storage-chat"),
                           .group_labels = {alerts[0].labels.v, 2},
                           .common_labels = {alerts[0].labels.v, 2},
                           .alerts = alerts,
                           .alerts_n = n,
                           .external_url = STR("https://alerts.example.org")};
}

struct message {
    const char *name;
    enum template_mode mode;
    const char *texts[6];
};

static size_t render_whole(const struct template_set *set, const struct message *m,
                           const struct notice *n, struct arena *a)
{
    struct template_env env = {.now.wall_ms = NOW};
    struct tv data = data_from_notice(a, n, (struct labels){0});
    size_t bytes = 0;

    for (size_t i = 0; i < ARRAY_SIZE(m->texts) && m->texts[i] != NULL; i++) {
        struct str got;
        struct err err;

        if (template_execute(set, m->mode, str_from(m->texts[i]), data, &env, a, &got, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        bytes += got.n;
    }
    return bytes;
}

static size_t render_parsed(struct template *const *parsed, const struct notice *n, struct arena *a)
{
    struct template_env env = {.now.wall_ms = NOW};
    struct tv data = data_from_notice(a, n, (struct labels){0});
    size_t bytes = 0;

    for (; *parsed != NULL; parsed++) {
        struct str got;
        struct err err;

        if (template_render(*parsed, data, &env, a, &got, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        bytes += got.n;
    }
    return bytes;
}

static void parse(const struct template_set *set, const struct message *m, struct template **ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(m->texts) && m->texts[i] != NULL; i++) {
        struct str text = str_from(m->texts[i]);
        struct err err;
        int rc = m->mode == TEMPLATE_HTML ? template_parse_html(&ret[i], set, text, &err)
                                          : template_parse(&ret[i], set, text, &err);

        if (rc < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
}

static void bench(const struct template_set *set, const struct message *m, size_t alerts_n,
                  double lasting)
{
    struct arena *a = arena_new(0), *scratch = arena_new(0);
    struct notice n = notice_new(alerts_n, a);
    struct template *parsed[ARRAY_SIZE(m->texts) + 1] = {0};
    const char *const ways[] = {"parsed", "whole"};

    parse(set, m, parsed);
    for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
        double start = seconds(), took;
        size_t rounds = 0, bytes = 0;

        do {
            bytes =
                way == 0 ? render_parsed(parsed, &n, scratch) : render_whole(set, m, &n, scratch);
            arena_reset(scratch);
            rounds++;
            took = seconds() - start;
        } while (took < lasting);
        printf("%s alerts %zu %s: %.1f us a message, %zu bytes\n", m->name, alerts_n, ways[way],
               took / (double)rounds * 1e6, bytes);
    }
    for (size_t i = 0; parsed[i] != NULL; i++)
        template_free(parsed[i]);
    arena_free(scratch);
    arena_free(a);
}

int main(int argc, char **argv)
{
    static const struct message messages[] = {
        {"slack",
         TEMPLATE_TEXT,
         {"{{ template \"slack.default.title\" . }}",
          "{{ template \"slack.default.titlelink\" . }}",
          "{{ template \"slack.default.fallback\" . }}", "{{ template \"slack.default.color\" . }}",
          "{{ template \"slack.default.username\" . }}",
          "{{ template \"slack.default.text\" . }}"}},
        {"slack with the list of alerts",
         TEMPLATE_TEXT,
         {"{{ template \"slack.default.title\" . }}",
          "{{ template \"__text_alert_list\" .Alerts }}"}},
        {"email",
         TEMPLATE_HTML,
         {"{{ template \"email.default.html\" . }}", "{{ template \"email.default.subject\" . }}"}},
    };
    static const size_t sizes[] = {1, 50, 500};
    double lasting = argc > 1 ? strtod(argv[1], NULL) : 1;
    struct template_set *set = template_set_load(NULL, 0, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++)
            bench(set, &messages[i], sizes[j], lasting);
    }
    template_set_free(set);
    return 0;
}

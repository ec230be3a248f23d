/* tocsinctl alert: amtool's commands for alerts. */
#include "common/base/json.h"
#include "common/cli/am.h"
#include "common/cli/lists.h"
#include "common/cli/matcher_args.h"

#include <stdio.h>

/* --- query --- */

static void add_param(struct buf *path, const char *name, const char *value)
{
    buf_add_fmt(path, "%c%s=", str_find_char(buf_str(path), '?') < path->n ? '&' : '?', name);
    cli_add_url_encoded(path, str_from(value));
}

static void make_query(const struct cli_args *a, struct am *am, struct buf *path)
{
    static const char *const states[] = {"active", "inhibited", "silenced", "unprocessed"};
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        any = any || cli_on(a, states[i]);
    buf_add_str(path, STR("/alerts"));
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        add_param(path, states[i], cli_on(a, states[i]) || (!any && i == 0) ? "true" : "false");
    if (cli_get(a, "receiver") != NULL && cli_get(a, "receiver")[0] != '\0')
        add_param(path, "receiver", cli_get(a, "receiver"));
    /* The server reads them: its matcher mode may be another one. */
    for (size_t i = 0; i < a->args_n; i++)
        add_param(path, "filter",
                  i == 0 ? args_shorthand(a->args[0], am->mode, am->arena) : a->args[i]);
}

/* name="value" name="value", the values as they are. */
static void add_labels(const struct am *am, struct tabbed *t, struct json_object *labels)
{
    bool some = json_object_is_type(labels, json_type_object);
    size_t n = some ? (size_t)json_object_object_length(labels) : 0, at = 0;
    struct str *parts = ARENA_ARRAY(am->arena, struct str, n);
    struct buf b;

    if (n > 0) {
        json_object_object_foreach(labels, key, value)
        {
            struct str text = am_text_of(labels, key);

            (void)value;
            parts[at++] = arena_fmt(am->arena, "%s=\"" STR_FMT "\"", key, STR_ARG(text));
        }
    }
    list_sort_strs(parts, n);
    buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(&b, ' ');
        buf_add_str(&b, parts[i]);
    }
    tabbed_add(t, buf_str(&b), CLI_PLAIN);
    buf_clear(&b);
}

static void add_row(const struct am *am, struct tabbed *t, struct json_object *alert)
{
    struct json_object *labels = json_find_nocase(alert, "labels");
    struct json_object *annotations = json_find_nocase(alert, "annotations");
    struct str state = am_text_of(json_find_nocase(alert, "status"), "state");

    if (am->output == AM_SIMPLE) {
        tabbed_add(t, am_text_of(labels, "alertname"), CLI_PLAIN);
        list_add_date(am, t, alert, "startsAt");
        tabbed_add(t, am_text_of(annotations, "summary"), CLI_PLAIN);
    } else {
        add_labels(am, t, labels);
        add_labels(am, t, annotations);
        list_add_date(am, t, alert, "startsAt");
        list_add_date(am, t, alert, "endsAt");
        tabbed_add(t, am_text_of(alert, "generatorURL"), CLI_PLAIN);
    }
    tabbed_add(t, state, am_state_colour(state));
    tabbed_end(t, STR_EMPTY);
}

static void print_table(const struct am *am, struct json_object *alerts)
{
    static const char *const simple[] = {"Alertname", "Starts At", "Summary", "State"};
    static const char *const extended[] = {"Labels",  "Annotations",   "Starts At",
                                           "Ends At", "Generator URL", "State"};
    bool short_form = am->output == AM_SIMPLE;
    size_t n = short_form ? ARRAY_SIZE(simple) : ARRAY_SIZE(extended);
    struct json_object **v = list_by_time(alerts, "startsAt");
    struct tabbed t;

    tabbed_init(&t);
    for (size_t i = 0; i < n; i++)
        tabbed_add(&t, str_from(short_form ? simple[i] : extended[i]), CLI_PLAIN);
    tabbed_end(&t, STR_EMPTY);
    for (size_t i = 0; i < json_object_array_length(alerts); i++)
        add_row(am, &t, v[i]);
    tabbed_print(&t);
    tabbed_clear(&t);
    free((void *)v);
}

static int run_query(const struct cli_args *a)
{
    struct cli_answer answer = {0};
    struct buf path;
    struct err err;
    struct am am;
    int rc = am_start(a, &am, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    buf_init(&path, 0);
    make_query(a, &am, &path);
    rc = am_get(&am, path.p, json_type_array, &answer, &err);
    if (rc == 0 && am.output == AM_JSON)
        list_print_json(answer.json);
    else if (rc == 0)
        print_table(&am, answer.json);
    cli_answer_clear(&answer);
    buf_clear(&path);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- add --- */

static int option_labels(const struct cli_args *a, const char *name, const char *what,
                         const struct am *am, struct labels *ret, struct err *err)
{
    const char **v = ARENA_ARRAY(am->arena, const char *, a->given_n + 1), *value;
    size_t n = 0, at = 0;

    while ((value = cli_next(a, name, &at)) != NULL)
        v[n++] = value;
    return args_labels(v, n, what, am->mode, am->arena, ret, err);
}

static void put_labels(struct json_writer *w, const char *key, struct labels l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

static int put_time(struct json_writer *w, struct arena *arena, const struct cli_args *a,
                    const char *option, const char *key, struct err *err)
{
    const char *text = cli_get(a, option);
    struct go_time t;

    if (text == NULL || text[0] == '\0')
        return 0;
    if (args_time(text, &t, err) < 0)
        return -EINVAL;
    json_put_str(w, key, args_time_text(arena, t));
    return 0;
}

static int make_alert(const struct cli_args *a, const struct am *am, struct buf *body,
                      struct err *err)
{
    struct labels labels, annotations;
    struct json_writer w;

    if (a->args_n > 0)
        a->args[0] = args_shorthand(a->args[0], am->mode, am->arena);
    if (args_labels(a->args, a->args_n, "labels", am->mode, am->arena, &labels, err) < 0 ||
        option_labels(a, "annotation", "annotations", am, &annotations, err) < 0)
        return -EINVAL;
    json_writer_init(&w, body);
    json_open_array(&w);
    json_open_object(&w);
    put_labels(&w, "annotations", annotations);
    if (put_time(&w, am->arena, a, "start", "startsAt", err) < 0 ||
        put_time(&w, am->arena, a, "end", "endsAt", err) < 0)
        return -EINVAL;
    if (cli_get(a, "generator-url") != NULL)
        json_put_str(&w, "generatorURL", str_from(cli_get(a, "generator-url")));
    put_labels(&w, "labels", labels);
    json_close_object(&w);
    json_close_array(&w);
    return 0;
}

static int run_add(const struct cli_args *a)
{
    struct cli_answer answer = {0};
    struct buf body;
    struct err err;
    struct am am;
    int rc = am_open(a, &am, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    buf_init(&body, 0);
    rc = make_alert(a, &am, &body, &err);
    if (rc == 0)
        rc = am_connect(a, &am, true, &err);
    if (rc == 0)
        rc = am_call(&am, "POST", "/alerts", body.p, &answer, &err);
    cli_answer_clear(&answer);
    buf_clear(&body);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- Commands --- */

static const struct cli_option query_options[] = {
    {.name = "inhibited", .letter = 'i', .help = "show inhibited alerts"},
    {.name = "silenced", .letter = 's', .help = "show silenced alerts"},
    {.name = "active", .letter = 'a', .help = "show active alerts"},
    {.name = "unprocessed", .letter = 'u', .help = "show unprocessed alerts: there are none"},
    {.name = "receiver",
     .letter = 'r',
     .value = "REGEX",
     .help = "show alerts that go to such a receiver"},
};

static const struct cli_option add_options[] = {
    {.name = "generator-url", .value = "URL", .help = "where the alert comes from"},
    {.name = "start", .value = "TIME", .help = "RFC 3339; now when absent"},
    {.name = "end", .value = "TIME", .help = "RFC 3339; the resolve_timeout when absent"},
    {.name = "annotation", .value = "NAME=VALUE", .help = "an annotation", .repeat = true},
};

#define SET(table) \
    { \
        .options = (table), .n = ARRAY_SIZE(table) \
    }
#define AM_SET \
    { \
        .options = am_options, .n = AM_OPTIONS_N \
    }

static const struct cli_command commands[] = {
    {
        .name = "alert query",
        .args = "[MATCHER...]",
        .args_max = CLI_ARGS_ANY,
        .summary = "show alerts",
        .text = "All matchers must hold: name=value, !=, =~ or !~. A first one without an operator "
                "is the\nalertname. Unless -a, -i, -s or -u say otherwise, only active alerts are "
                "shown.",
        .stands_for_group = true,
        .sets = {SET(query_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_query,
    },
    {
        .name = "alert add",
        .args = "NAME=VALUE...",
        .args_max = CLI_ARGS_ANY,
        .summary = "add an alert",
        .text = "The labels are name=value; a first one without an operator is the alertname.",
        .sets = {SET(add_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_add,
    },
};

const struct cli_table cli_alert = {.commands = commands, .n = ARRAY_SIZE(commands)};

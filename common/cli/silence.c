/* tocsinctl silence: amtool's commands for silences. */
#include "common/base/time_text.h"
#include "common/cli/matcher_args.h"
#include "common/cli/silences.h"
#include "common/io/clock.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* --- query --- */

struct wanted {
    struct go_time now;
    bool expired;
    int64_t within_ms; /* 0: any time */
    const char *created_by, *id;
};

/* As amtool: a silence that ends this very instant is neither expired nor not. */
static bool is_wanted(const struct wanted *w, struct json_object *s)
{
    struct go_time ends = am_time_of(s, "endsAt");
    int order = go_time_cmp(ends, w->now);
    int64_t within_ns = w->within_ms * 1000000;

    if (w->expired ? order > 0 : order < 0)
        return false;
    if (w->within_ms > 0 && !w->expired && go_time_cmp(ends, go_time_add(w->now, within_ns)) > 0)
        return false;
    if (w->within_ms > 0 && w->expired && go_time_cmp(ends, go_time_add(w->now, -within_ns)) < 0)
        return false;
    if (w->created_by != NULL && w->created_by[0] != '\0' &&
        !str_eq_c(am_text_of(s, "createdBy"), w->created_by))
        return false;
    return w->id == NULL || w->id[0] == '\0' || str_eq_c(am_text_of(s, "id"), w->id);
}

static int read_wanted(const struct cli_args *a, struct wanted *ret, struct err *err)
{
    const char *within = cli_get(a, "within");

    *ret = (struct wanted){.now = go_time_from_ms(clock_wall_ms()),
                           .expired = cli_on(a, "expired"),
                           .created_by = cli_get(a, "created-by"),
                           .id = cli_get(a, "id")};
    if (within == NULL || within[0] == '\0')
        return 0;
    /* Go's way of writing it, as amtool; and that of --duration, with days. */
    if ((go_duration_parse(str_from(within), &ret->within_ms, NULL) < 0 &&
         duration_parse(str_from(within), &ret->within_ms, NULL) < 0) ||
        ret->within_ms > INT64_MAX / 1000000)
        return err_set(err, -EINVAL, "--within %s: is no duration such as 8h", within);
    return 0;
}

static void print_chosen(const struct cli_args *a, const struct am *am, struct json_object *list)
{
    if (!cli_on(a, "quiet")) {
        silences_print(am, list);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++)
        printf(STR_FMT "\n", STR_ARG(am_text_of(json_object_array_get_idx(list, i), "id")));
}

static void print_wanted(const struct cli_args *a, const struct am *am, const struct wanted *w,
                         struct json_object *all)
{
    struct json_object *chosen = json_object_new_array();

    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *s = json_object_array_get_idx(all, i);

        if (is_wanted(w, s))
            json_object_array_add(chosen, json_object_get(s));
    }
    print_chosen(a, am, chosen);
    json_object_put(chosen);
}

static int run_query(const struct cli_args *a)
{
    struct cli_answer answer = {0};
    struct wanted wanted;
    struct buf path;
    struct err err;
    struct am am;

    if (read_wanted(a, &wanted, &err) < 0 || am_start(a, &am, &err) < 0)
        return cli_fail("%s", err.text);
    buf_init(&path, 0);
    buf_add_str(&path, STR("/silences"));
    for (size_t i = 0; i < a->args_n; i++) { /* the server reads them: its mode may be another */
        buf_add_fmt(&path, "%cfilter=", i == 0 ? '?' : '&');
        cli_add_url_encoded(
            &path, str_from(i == 0 ? args_shorthand(a->args[0], am.mode, am.arena) : a->args[i]));
    }

    int rc = am_get(&am, path.p, json_type_array, &answer, &err);

    if (rc == 0)
        print_wanted(a, &am, &wanted, answer.json);
    cli_answer_clear(&answer);
    buf_clear(&path);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- add --- */

static void put_matchers(struct json_writer *w, const struct matchers *m)
{
    json_key(w, "matchers");
    json_open_array(w);
    for (size_t i = 0; i < m->n; i++) {
        enum matcher_op op = m->v[i].op;

        json_open_object(w);
        json_put_bool(w, "isEqual", op == MATCH_EQ || op == MATCH_RE);
        json_put_bool(w, "isRegex", op == MATCH_RE || op == MATCH_NRE);
        json_put_str(w, "name", m->v[i].name);
        json_put_str(w, "value", m->v[i].value);
        json_close_object(w);
    }
    json_close_array(w);
}

static int put_annotations(struct json_writer *w, const struct cli_args *a, const struct am *am,
                           struct err *err)
{
    const char **v = ARENA_ARRAY(am->arena, const char *, a->given_n + 1), *value;
    size_t n = 0, at = 0;
    struct labels l;

    while ((value = cli_next(a, "annotation", &at)) != NULL)
        v[n++] = value;
    if (args_labels(v, n, "annotations", am->mode, am->arena, &l, err) < 0)
        return -EINVAL;
    if (n == 0)
        return 0;
    json_key(w, "annotations");
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
    return 0;
}

static void warn_of_notes(const struct matchers *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct buf b;

        if (m->v[i].note == MATCHER_FINE)
            continue;
        buf_init(&b, 0);
        matcher_add_text(&b, &m->v[i]);
        cli_warn("a matcher is written in a way that newer versions read otherwise; it was taken "
                 "for %s",
                 b.p);
        buf_clear(&b);
    }
}

static const char *user_name(void)
{
    const struct passwd *p = getpwuid(getuid());

    return p != NULL ? p->pw_name : "";
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static const char *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static struct args_span span_of(const struct cli_args *a)
{
    return (struct args_span){.start = text_or_null(cli_get(a, "start")),
                              .end = text_or_null(cli_get(a, "end")),
                              .duration = text_or_null(cli_get(a, "duration"))};
}

static int make_silence(const struct cli_args *a, const struct am *am, struct buf *body,
                        struct err *err)
{
    struct go_time now = go_time_from_ms(clock_wall_ms()), start, end = now;
    const char *author = cli_get(a, "author"), *comment = text_or_empty(cli_get(a, "comment"));
    struct args_span span = span_of(a);
    struct matchers m = {0};
    struct json_writer w;
    int rc = args_matchers(a->args, a->args_n, am->mode, am->arena, &m, err);

    if (rc == 0 && m.n == 0)
        rc = err_set(err, -EINVAL, "no matchers specified");
    if (rc == 0)
        rc = args_span(&span, now, &start, &end, err);
    if (rc == 0 && cli_on(a, "require-comment") && comment[0] == '\0')
        rc = err_set(err, -EINVAL, "comment required by config");
    if (rc == 0) {
        json_writer_init(&w, body);
        json_open_object(&w);
        rc = put_annotations(&w, a, am, err);
    }
    if (rc == 0) {
        warn_of_notes(&m);
        json_put_str(&w, "comment", str_from(comment));
        json_put_str(&w, "createdBy", str_from(author != NULL ? author : user_name()));
        json_put_str(&w, "endsAt", args_time_text(am->arena, end));
        put_matchers(&w, &m);
        json_put_str(&w, "startsAt", args_time_text(am->arena, start));
        json_close_object(&w);
    }
    matchers_clear(&m);
    return rc;
}

static int run_add(const struct cli_args *a)
{
    struct str id = STR_EMPTY;
    struct buf body;
    struct err err;
    struct am am;
    long status;
    int rc = am_open(a, &am, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    buf_init(&body, 0);
    rc = make_silence(a, &am, &body, &err);
    if (rc == 0)
        rc = am_connect(a, &am, true, &err);
    if (rc == 0)
        rc = silences_post(&am, body.p, NULL, &id, &status, &err);
    if (rc == 0)
        printf(STR_FMT "\n", STR_ARG(id));
    buf_clear(&body);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- update --- */

static void set_text(struct json_object *o, const char *key, struct str text)
{
    json_object_object_add(o, key, json_object_new_string_len(text.p, (int)text.n));
}

static int change(const struct cli_args *a, const struct am *am, struct json_object *s,
                  struct err *err)
{
    struct go_time start, end = am_time_of(s, "endsAt");
    const char *comment = text_or_null(cli_get(a, "comment"));
    struct args_span span = span_of(a);

    if (args_span(&span, am_time_of(s, "startsAt"), &start, &end, err) < 0)
        return -EINVAL;
    set_text(s, "startsAt", args_time_text(am->arena, start));
    set_text(s, "endsAt", args_time_text(am->arena, end));
    if (comment != NULL)
        set_text(s, "comment", str_from(comment));
    return 0;
}

/* Adds the silence as it is now to `updated`. */
static int update_one(const struct cli_args *a, const struct am *am, const char *id,
                      struct json_object *updated, struct err *err)
{
    struct cli_answer answer;
    struct json_writer w;
    struct str new_id;
    struct buf b;
    long status;
    int rc;

    buf_init(&b, 0);
    buf_add_str(&b, STR("/silence/"));
    cli_add_url_encoded(&b, str_from(id));
    rc = am_get(am, b.p, json_type_object, &answer, err);
    if (rc == 0)
        rc = change(a, am, answer.json, err);
    if (rc == 0) {
        buf_reset(&b);
        json_writer_init(&w, &b);
        silences_put_postable(&w, answer.json, am_text_of(answer.json, "id").p);
        rc = silences_post(am, b.p, NULL, &new_id, &status, err);
    }
    if (rc == 0) { /* an edit that changes too much makes a new silence */
        set_text(answer.json, "id", new_id);
        json_object_array_add(updated, json_object_get(answer.json));
    }
    cli_answer_clear(&answer);
    buf_clear(&b);
    return rc < 0 ? err_wrap(err, "silence %s", id) : 0;
}

static int run_update(const struct cli_args *a)
{
    struct json_object *updated;
    struct err err;
    struct am am;
    int rc = 0;

    if (a->args_n == 0)
        return cli_fail("no silence IDs specified");
    if (am_start(a, &am, &err) < 0)
        return cli_fail("%s", err.text);
    updated = json_object_new_array();
    for (size_t i = 0; i < a->args_n && rc == 0; i++)
        rc = update_one(a, &am, a->args[i], updated, &err);
    /* Those done before one that failed are told: amtool leaves one guessing. */
    if (rc == 0 || json_object_array_length(updated) > 0)
        print_chosen(a, &am, updated);
    json_object_put(updated);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- expire --- */

static int run_expire(const struct cli_args *a)
{
    struct err err;
    struct am am;
    int rc = 0;

    if (a->args_n == 0)
        return cli_fail("no silence IDs specified");
    if (am_start(a, &am, &err) < 0)
        return cli_fail("%s", err.text);
    for (size_t i = 0; i < a->args_n && rc == 0; i++) {
        struct cli_answer answer;
        struct buf path;

        buf_init(&path, 0);
        buf_add_str(&path, STR("/silence/"));
        cli_add_url_encoded(&path, str_from(a->args[i]));
        rc = am_call(&am, "DELETE", path.p, NULL, &answer, &err);
        cli_answer_clear(&answer);
        buf_clear(&path);
        if (rc < 0)
            rc = err_wrap(&err, "silence %s", a->args[i]);
    }
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- Commands --- */

static const struct cli_option query_options[] = {
    {.name = "expired", .help = "show expired silences instead of active and pending ones"},
    {.name = "quiet", .letter = 'q', .help = "show ids only"},
    {.name = "created-by", .value = "NAME", .help = "show silences of this author"},
    {.name = "id", .value = "ID", .help = "show the silence of this id"},
    {.name = "within",
     .value = "DURATION",
     .help = "show silences that end, or with --expired ended, within it"},
};

static const struct cli_option add_options[] = {
    {.name = "author", .letter = 'a', .value = "NAME", .help = "who silences (default the user)"},
    {.name = "duration", .letter = 'd', .value = "DURATION", .help = "how long", .fallback = "1h"},
    {.name = "start", .value = "TIME", .help = "RFC 3339; now when absent"},
    {.name = "end", .value = "TIME", .help = "RFC 3339; goes before --duration"},
    {.name = "comment", .letter = 'c', .value = "TEXT", .help = "why"},
    {.name = "annotation", .value = "NAME=VALUE", .help = "an annotation", .repeat = true},
    {.name = "require-comment", .help = "refuse to go without --comment", .fallback = "true"},
};

static const struct cli_option update_options[] = {
    {.name = "quiet", .letter = 'q', .help = "show ids only"},
    {.name = "duration",
     .letter = 'd',
     .value = "DURATION",
     .help = "how long, counted from the silence's start"},
    {.name = "start", .value = "TIME", .help = "RFC 3339"},
    {.name = "end", .value = "TIME", .help = "RFC 3339; goes before --duration"},
    {.name = "comment", .letter = 'c', .value = "TEXT", .help = "why"},
};

static const struct cli_option import_options[] = {
    {.name = "force", .letter = 'f', .help = "make new silences, even of those that exist"},
    {.name = "worker",
     .letter = 'w',
     .value = "N",
     .help = "how many are sent at the same time",
     .fallback = "8"},
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
        .name = "silence query",
        .args = "[MATCHER...]",
        .args_max = CLI_ARGS_ANY,
        .summary = "show silences",
        .text = "Shows the silences that have each of these matchers, literally. A first one "
                "without an\noperator is the alertname.",
        .stands_for_group = true,
        .sets = {SET(query_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_query,
    },
    {
        .name = "silence add",
        .args = "MATCHER...",
        .args_max = CLI_ARGS_ANY,
        .summary = "silence the alerts that all matchers hold for",
        .text = "Prints the new silence's id. A first matcher without an operator is the "
                "alertname.",
        .sets = {SET(add_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_add,
    },
    {
        .name = "silence update",
        .args = "ID...",
        .args_max = CLI_ARGS_ANY,
        .summary = "change the time or comment of silences",
        .text = "What is not given stays. Changing the start of an active silence makes a new one "
                "with\nanother id, which is shown.",
        .sets = {SET(update_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_update,
    },
    {
        .name = "silence expire",
        .args = "ID...",
        .args_max = CLI_ARGS_ANY,
        .summary = "end silences",
        .sets = {{.options = am_options, .n = AM_OPTIONS_N}},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_expire,
    },
    {
        .name = "silence import",
        .args = "[FILE]",
        .args_max = 1,
        .summary = "add the silences of a JSON file or of stdin",
        .text = "The file is what silence query -o json prints. A silence whose id the server does "
                "not\nknow becomes a new one. Prints the ids.",
        .sets = {SET(import_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = silences_run_import,
    },
};

const struct cli_table cli_silence = {.commands = commands, .n = ARRAY_SIZE(commands)};

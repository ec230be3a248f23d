/* tocsinctl incidents: what is wrong, and who takes care of it. */
#include "common/base/json.h"
#include "common/cli/objects.h"

#include <stdio.h>

#define API "/api/v1/incidents"

static void print_list(struct json_object *answer, struct json_object *list)
{
    static const struct object_column columns[] = {
        {"ID", {"short_id", "id"}}, {"STATE", {"state"}},          {"SEVERITY", {"severity"}},
        {"TEAM", {"team"}},         {"SITES", {"affected_sites"}}, {"OPENED", {"opened_at"}},
        {"ACKED BY", {"acked_by"}}, {"TITLE", {"title"}},
    };
    size_t shown = list != NULL ? json_object_array_length(list) : 0;
    uint64_t matching = shown;

    objects_print_table(list, columns, ARRAY_SIZE(columns), "no incidents");
    if (json_get_u64(answer, "matching", &matching, NULL) == 0 && matching > shown)
        printf("%zu of %llu; --limit shows more\n", shown, (unsigned long long)matching);
}

static int run_list(const struct cli_args *a)
{
    static const char *const filters[] = {"state", "team", "site", "limit"};
    struct json_object *list = NULL;
    struct cli_answer answer = {0};
    struct cli_http http;
    struct buf path;
    struct err err;
    char sep = '?';
    int rc = cli_http_open(a, &http, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    buf_init(&path, 0);
    buf_add_fmt(&path, API);
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        const char *value = cli_get(a, filters[i]);

        if (value == NULL)
            continue;
        buf_add_fmt(&path, "%c%s=", sep, filters[i]);
        cli_add_url_encoded(&path, str_from(value));
        sep = '&';
    }
    rc = cli_http_get(&http, path.p, &answer, &err);
    if (rc == 0)
        rc = json_get_array(answer.json, "incidents", &list, &err);
    if (rc == 0 && http.json)
        objects_print_json(&answer);
    else if (rc == 0)
        print_list(answer.json, list);
    buf_clear(&path);
    cli_answer_clear(&answer);
    cli_http_close(&http);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

static void add_incident_path(struct buf *b, const char *id, const char *verb)
{
    buf_add_fmt(b, API "/");
    cli_add_url_encoded(b, str_from(id));
    if (verb != NULL)
        buf_add_fmt(b, "/%s", verb);
}

static void print_incident(struct json_object *o)
{
    struct json_object *part;

    /* Some answers wrap what they are about. */
    if (!json_object_object_get_ex(o, "incident", &part) ||
        !json_object_is_type(part, json_type_object))
        part = o;
    objects_print_fields(part);
    json_object_object_foreach(part, key, value)
    {
        if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0 ||
            !json_object_is_type(json_object_array_get_idx(value, 0), json_type_object))
            continue;
        printf("\n%s%s%s\n", cli_colour(CLI_BOLD), key, cli_colour(CLI_PLAIN));
        objects_print_table(value, NULL, 0, "");
    }
}

static int run_show(const struct cli_args *a)
{
    struct cli_answer answer = {0};
    struct cli_http http;
    struct buf path;
    struct err err;
    int rc = cli_http_open(a, &http, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    buf_init(&path, 0);
    add_incident_path(&path, a->args[0], NULL);
    rc = cli_http_get(&http, path.p, &answer, &err);
    if (rc == 0 && http.json)
        objects_print_json(&answer);
    else if (rc == 0)
        print_incident(answer.json);
    buf_clear(&path);
    cli_answer_clear(&answer);
    cli_http_close(&http);
    return rc < 0 ? cli_fail("incident %s: %s", a->args[0], err.text) : 0;
}

static void make_body(struct buf *b, const char *comment, bool force)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    if (comment != NULL)
        json_put_str(&w, "comment", str_from(comment));
    if (force)
        json_put_bool(&w, "force", true);
    json_close_object(&w);
}

/* What the answer means for the person who asked. */
static int tell(const char *id, const char *verb, const char *done, const struct cli_answer *answer)
{
    if (answer->status == 200) {
        printf("incident %s: %s\n", id, done);
        return 0;
    }
    if (answer->status == 202) {
        printf("incident %s: %s, but the node that pages does not know yet; a step may still be "
               "sent\n",
               id, done);
        return 0;
    }
    if (answer->status == 409 && strcmp(verb, "resolve") == 0)
        return cli_fail("incident %s: %s (give --force)", id, cli_answer_error(answer));
    return cli_fail("incident %s: %s (status %ld)", id, cli_answer_error(answer), answer->status);
}

static int change_one(const struct cli_http *http, const char *id, const char *verb,
                      const char *done, const char *body)
{
    struct cli_answer answer;
    struct buf path;
    struct err err;
    int rc;

    buf_init(&path, 0);
    add_incident_path(&path, id, verb);
    if (cli_http_call(http, "POST", path.p, body, &answer, &err) < 0) {
        rc = cli_fail("incident %s: %s", id, err.text);
    } else if (http->json && answer.json != NULL) {
        objects_print_json(&answer);
        rc = answer.status == 200 || answer.status == 202 ? 0 : 1;
    } else {
        rc = tell(id, verb, done, &answer);
    }
    cli_answer_clear(&answer);
    buf_clear(&path);
    return rc;
}

/* All incidents named, going on after one that fails. */
static int change(const struct cli_args *a, const char *verb, const char *done, bool force)
{
    struct cli_http http;
    struct buf body;
    struct err err;
    int status = 0;

    if (cli_http_open(a, &http, &err) < 0)
        return cli_fail("%s", err.text);
    buf_init(&body, 0);
    make_body(&body, cli_get(a, "comment"), force);
    for (size_t i = 0; i < a->args_n; i++)
        if (change_one(&http, a->args[i], verb, done, body.p) != 0)
            status = 1;
    buf_clear(&body);
    cli_http_close(&http);
    return status;
}

static int run_ack(const struct cli_args *a)
{
    return change(a, "ack", "acknowledged", false);
}

static int run_unack(const struct cli_args *a)
{
    return change(a, "unack", "acknowledgement taken back", false);
}

static int run_resolve(const struct cli_args *a)
{
    return change(a, "resolve", "resolved", cli_on(a, "force"));
}

static const struct cli_option list_options[] = {
    {.name = "state", .value = "STATE", .help = "triggered, acknowledged, resolved or open"},
    {.name = "team", .value = "TEAM", .help = "owned by this team"},
    {.name = "site", .value = "SITE", .help = "affecting this site"},
    {.name = "limit", .value = "N", .help = "at most so many, the newest (default the server's)"},
};

static const struct cli_option comment_options[] = {
    {.name = "comment", .letter = 'c', .value = "TEXT", .help = "kept in the timeline"},
};

static const struct cli_option resolve_options[] = {
    {.name = "comment", .letter = 'c', .value = "TEXT", .help = "kept in the timeline"},
    {.name = "force", .help = "resolve although an alert is still firing"},
};

#define HTTP_SET \
    { \
        .options = cli_http_options, .n = CLI_HTTP_OPTIONS_N \
    }
#define SET(table) \
    { \
        .options = (table), .n = ARRAY_SIZE(table) \
    }

static const struct cli_command commands[] = {
    {
        .name = "incidents list",
        .summary = "list incidents",
        .sets = {SET(list_options), HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_list,
    },
    {
        .name = "incidents show",
        .args = "ID",
        .args_min = 1,
        .args_max = 1,
        .summary = "show an incident with its members and timeline",
        .sets = {HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_show,
    },
    {
        .name = "incidents ack",
        .args = "ID...",
        .args_min = 1,
        .args_max = CLI_ARGS_ANY,
        .summary = "acknowledge: stop the escalation, take it into your care",
        .text = "Recorded under the user of the credentials. When the node asked is not the one\n"
                "that pages, the request goes there.",
        .sets = {SET(comment_options), HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_ack,
    },
    {
        .name = "incidents unack",
        .args = "ID...",
        .args_min = 1,
        .args_max = CLI_ARGS_ANY,
        .summary = "take an acknowledgement back: the escalation goes on",
        .sets = {SET(comment_options), HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_unack,
    },
    {
        .name = "incidents resolve",
        .args = "ID...",
        .args_min = 1,
        .args_max = CLI_ARGS_ANY,
        .summary = "resolve by hand",
        .text = "Refused while an alert of the incident is still firing, unless --force is given.",
        .sets = {SET(resolve_options), HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_resolve,
    },
};

const struct cli_table cli_incidents = {.commands = commands, .n = ARRAY_SIZE(commands)};

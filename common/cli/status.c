/* tocsinctl sites and teams: what the global tier knows of both. */
#include "common/base/json.h"
#include "common/cli/objects.h"

#include <stdio.h>

/* GET path; the named list is printed as a table, or the answer passed through. */
static int run_get(const struct cli_args *a, const char *path, const char *list,
                   void (*print)(struct json_object *list))
{
    struct json_object *found = NULL;
    struct cli_answer answer = {0};
    struct cli_http http;
    struct err err;
    int rc = cli_http_open(a, &http, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    rc = cli_http_get(&http, path, &answer, &err);
    if (rc == 0)
        rc = json_get_array(answer.json, list, &found, &err);
    if (rc == 0 && http.json)
        objects_print_json(&answer);
    else if (rc == 0)
        print(found);
    cli_answer_clear(&answer);
    cli_http_close(&http);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* A row for each stream, with its site's name and state in front; a site without streams has one
 * row of its own. The rows are new objects that borrow the values. */
static struct json_object *flatten(struct json_object *sites)
{
    struct json_object *rows = json_object_new_array();

    for (size_t i = 0; sites != NULL && i < json_object_array_length(sites); i++) {
        struct json_object *site = json_object_array_get_idx(sites, i), *streams = NULL;
        size_t n = 0;

        if (!json_object_is_type(site, json_type_object))
            continue;
        if (json_object_object_get_ex(site, "streams", &streams) &&
            json_object_is_type(streams, json_type_array))
            n = json_object_array_length(streams);
        for (size_t k = 0; k < (n > 0 ? n : 1); k++) {
            struct json_object *row = json_object_new_object();
            struct json_object *stream = n > 0 ? json_object_array_get_idx(streams, k) : NULL;

            json_object_object_foreach(site, key, value)
            {
                if (strcmp(key, "streams") != 0)
                    json_object_object_add(row, key, json_object_get(value));
            }
            if (json_object_is_type(stream, json_type_object)) {
                json_object_object_foreach(stream, stream_key, stream_value)
                {
                    json_object_object_add(row, stream_key, json_object_get(stream_value));
                }
            }
            json_object_array_add(rows, row);
        }
    }
    return rows;
}

static void print_sites(struct json_object *sites)
{
    static const struct object_column columns[] = {
        {"SITE", {"site"}},
        {"STATE", {"state"}},
        {"NODE", {"node"}},
        {"STREAM", {"stream"}},
        {"LIVE", {"live"}},
        {"LAST SEEN (MS AGO)", {"last_seen_ms_ago"}},
        {"DUTY", {"duty_holder", "duty"}},
        {"CURSOR", {"cursor"}},
    };
    struct json_object *rows = flatten(sites);

    objects_print_table(rows, columns, ARRAY_SIZE(columns), "no sites");
    json_object_put(rows);
}

static void print_teams(struct json_object *teams)
{
    objects_print_table(teams, NULL, 0, "no teams");
}

static int run_sites(const struct cli_args *a)
{
    return run_get(a, "/api/v1/sites", "sites", print_sites);
}

static int run_teams(const struct cli_args *a)
{
    return run_get(a, "/api/v1/teams", "teams", print_teams);
}

#define HTTP_SET \
    { \
        .options = cli_http_options, .n = CLI_HTTP_OPTIONS_N \
    }

static const struct cli_command commands[] = {
    {
        .name = "sites",
        .summary = "list datacenters, their edges and who holds paging duty",
        .sets = {HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_sites,
    },
    {
        .name = "teams",
        .summary = "list the teams and what they own",
        .sets = {HTTP_SET},
        .settings = CLI_SETTINGS_OWN,
        .run = run_teams,
    },
};

const struct cli_table cli_status = {.commands = commands, .n = ARRAY_SIZE(commands)};

/* tocsinctl config and cluster: what a running edge or Alertmanager says of itself. */
#include "common/cli/am.h"
#include "common/cli/lists.h"
#include "common/cli/routes.h"
#include "common/cli/tabbed.h"

#include "common/base/json.h"

#include <arpa/inet.h>
#include <stdio.h>

/* GET /status, printed by `print`. */
static int run_status(const struct cli_args *a,
                      int (*print)(const struct am *am, struct json_object *status,
                                   struct err *err))
{
    struct cli_answer answer = {0};
    struct err err;
    struct am am;
    int rc = am_open(a, &am, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    rc = am_connect(a, &am, false, &err);
    if (rc == 0)
        rc = am_get(&am, "/status", json_type_object, &answer, &err);
    if (rc == 0) {
        am_check_version(a, answer.json);
        rc = print(&am, answer.json, &err);
    }
    cli_answer_clear(&answer);
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- config show --- */

static int print_config(const struct am *am, struct json_object *status, struct err *err)
{
    static const char *const fields[] = {"buildUser", "goVersion", "revision",
                                         "version",   "branch",    "buildDate"};
    struct json_object *config = NULL, *version = NULL;

    if (am->output == AM_JSON) {
        list_print_json(status);
        return 0;
    }
    if (!json_object_object_get_ex(status, "config", &config) ||
        !json_object_is_type(config, json_type_object))
        return err_set(err, -EIO, "GET /status: the answer has no config");
    printf(STR_FMT "\n", STR_ARG(am_text_of(config, "original")));
    if (am->output == AM_SIMPLE)
        return 0;
    (void)json_object_object_get_ex(status, "versionInfo", &version);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        printf("%s " STR_FMT "\n", fields[i], STR_ARG(am_text_of(version, fields[i])));
    printf("uptime " STR_FMT "\n", STR_ARG(am_text_of(status, "uptime")));
    return 0;
}

static int run_config(const struct cli_args *a)
{
    return run_status(a, print_config);
}

/* --- cluster show --- */

struct peer {
    unsigned char ip[16];
    uint64_t port;
    struct json_object *o;
    size_t at;
};

/* "127.0.0.1:9094", "[::1]:9094": IPv4 as IPv6 has it; what is no address comes first. */
static void read_address(struct str text, struct peer *ret)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    size_t colon = text.n;
    struct in_addr v4;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return;
    if (!str_to_u64(str_sub(text, colon, text.n), &ret->port))
        ret->port = 0;
    text = str_sub(text, 0, colon - 1);
    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = str_sub(text, 1, text.n - 1);
    if (text.n >= sizeof(host))
        return;
    memcpy(host, text.p, text.n);
    if (inet_pton(AF_INET, host, &v4) == 1) {
        ret->ip[10] = ret->ip[11] = 0xff;
        memcpy(ret->ip + 12, &v4, 4);
    } else if (inet_pton(AF_INET6, host, ret->ip) != 1) {
        memset(ret->ip, 0, sizeof(ret->ip));
    }
}

static int by_address(const void *a, const void *b)
{
    const struct peer *x = a, *y = b;
    int order = memcmp(x->ip, y->ip, sizeof(x->ip));

    if (order == 0)
        order = x->port < y->port ? -1 : x->port > y->port;
    return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

static void add_peers(struct tabbed *t, struct json_object *peers)
{
    size_t n = json_object_is_type(peers, json_type_array) ? json_object_array_length(peers) : 0;
    struct peer *v = xcalloc(n + 1, sizeof(*v));

    for (size_t i = 0; i < n; i++) {
        v[i].o = json_object_array_get_idx(peers, i);
        v[i].at = i;
        read_address(am_text_of(v[i].o, "address"), &v[i]);
    }
    qsort(v, n, sizeof(*v), by_address);
    tabbed_end(t, STR_EMPTY);
    tabbed_add(t, STR("Address"), CLI_PLAIN);
    tabbed_end(t, STR("Name"));
    for (size_t i = 0; i < n; i++) {
        tabbed_add(t, am_text_of(v[i].o, "address"), CLI_PLAIN);
        tabbed_add(t, am_text_of(v[i].o, "name"), CLI_PLAIN);
        tabbed_end(t, STR_EMPTY);
    }
    free(v);
}

static int print_cluster(const struct am *am, struct json_object *status, struct err *err)
{
    struct json_object *cluster = NULL, *peers = NULL;
    struct tabbed t;

    if (!json_object_object_get_ex(status, "cluster", &cluster) ||
        !json_object_is_type(cluster, json_type_object))
        return err_set(err, -EIO, "GET /status: the answer has no cluster");
    if (am->output == AM_JSON) {
        list_print_json(cluster);
        return 0;
    }
    tabbed_init(&t);
    tabbed_add(&t, STR("Cluster Status:"), CLI_PLAIN);
    tabbed_end(&t, am_text_of(cluster, "status"));
    tabbed_add(&t, STR("Node Name:"), CLI_PLAIN);
    tabbed_end(&t, am_text_of(cluster, "name"));
    if (am->output == AM_EXTENDED) {
        (void)json_object_object_get_ex(cluster, "peers", &peers);
        add_peers(&t, peers);
    }
    tabbed_print(&t);
    tabbed_clear(&t);
    return 0;
}

static int run_cluster(const struct cli_args *a)
{
    return run_status(a, print_cluster);
}

/* --- Commands --- */

#define CONFIG_FILE \
    { \
        .name = "config.file", .value = "FILE", \
        .help = "the configuration; goes before --alertmanager.url" \
    }

static const struct cli_option show_options[] = {CONFIG_FILE};

static const struct cli_option test_options[] = {
    CONFIG_FILE,
    {.name = "verify.receivers",
     .value = "NAME,...",
     .help = "fail unless exactly these receivers are found"},
    {.name = "tree", .help = "draw the routes that are taken"},
    {.name = "tests", .value = "FILE", .help = "try the cases of this file"},
};

#define SET(table) \
    { \
        .options = (table), .n = ARRAY_SIZE(table) \
    }
#define AM_SET \
    { \
        .options = am_options, .n = AM_OPTIONS_N \
    }

static const struct cli_command config_commands[] = {
    {
        .name = "config show",
        .summary = "show the configuration in force",
        .text = "Extended adds the version, json is the whole status.",
        .stands_for_group = true,
        .sets = {AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_config,
    },
    {
        .name = "config routes show",
        .summary = "draw the routing tree",
        .text = "Of a file, or of the server.",
        .stands_for_group = true,
        .sets = {SET(show_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = routes_run_show,
    },
    {
        .name = "config routes test",
        .args = "[NAME=VALUE...]",
        .args_max = CLI_ARGS_ANY,
        .summary = "tell which receivers an alert with these labels goes to",
        .text = "The receivers are printed in the tree's order. With --tests every case of a file "
                "is\ntried, and each that turns out otherwise is shown: "
                "docs/operate/route-tests.md.",
        .sets = {SET(test_options), AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = routes_run_test,
    },
};

static const struct cli_command cluster_commands[] = {
    {
        .name = "cluster show",
        .summary = "show the cluster's status and, extended, its peers",
        .stands_for_group = true,
        .sets = {AM_SET},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run_cluster,
    },
};

const struct cli_table cli_config = {.commands = config_commands, .n = ARRAY_SIZE(config_commands)};
const struct cli_table cli_cluster = {.commands = cluster_commands,
                                      .n = ARRAY_SIZE(cluster_commands)};

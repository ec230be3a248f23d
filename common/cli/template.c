/* tocsinctl template render: a template over Alertmanager's data, as a notification would be. */
#include "common/core/template/template.h"
#include "common/cli/am.h"
#include "common/cli/template_data.h"
#include "common/cli/template_files.h"
#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/zoneinfo.h"

#include <stdio.h>

#define DATA_BYTES_MAX MIB(16)

static int read_data(const struct cli_args *a, struct arena *arena, struct tv *ret, struct err *err)
{
    const char *path = cli_get(a, "template.data");
    struct buf text;
    int rc;

    if (path == NULL) {
        *ret = template_data_sample(arena, clock_wall_ms());
        return 0;
    }
    buf_init(&text, 0);
    rc = file_read(path, DATA_BYTES_MAX, &text, err);
    if (rc == 0 && template_data_read(arena, buf_str(&text), ret, err) < 0)
        rc = err_wrap(err, "%s", path);
    buf_clear(&text);
    return rc;
}

static int render(const struct cli_args *a, enum template_mode mode, const struct template_set *set,
                  struct arena *arena, struct err *err)
{
    struct zoneinfo *zones = zoneinfo_new(NULL);
    struct template_env env = {.now = clock_now(), .zones = {.at = zoneinfo_at, .arg = zones}};
    struct str out;
    struct tv data;
    int rc = read_data(a, arena, &data, err);

    if (rc == 0)
        rc = template_execute(set, mode, str_from(cli_get(a, "template.text")), data, &env, arena,
                              &out, err);
    if (rc == 0)
        (void)fwrite(out.p, 1, out.n, stdout);
    zoneinfo_free(zones);
    return rc;
}

static int run(const struct cli_args *a)
{
    const char *type = cli_get(a, "template.type"), *pattern;
    bool html = strcmp(type, "html") == 0;
    struct template_set *set;
    struct arena *arena;
    struct err err;
    size_t at = 0;
    int rc = 0;

    if (!html && strcmp(type, "text") != 0)
        return cli_fail("--template.type must be one of html,text, got '%s'", type);
    set = template_set_new();
    arena = arena_new(0);
    template_set_add_defaults(set);
    while (rc == 0 && (pattern = cli_next(a, "template.glob", &at)) != NULL)
        rc = template_files_add(set, pattern, &err);
    if (rc == 0)
        rc = render(a, html ? TEMPLATE_HTML : TEMPLATE_TEXT, set, arena, &err);
    arena_free(arena);
    template_set_free(set);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

static const struct cli_option options[] = {
    {.name = "template.glob",
     .value = "PATTERN",
     .help = "the template files",
     .repeat = true,
     .required = true},
    {.name = "template.text", .value = "TEXT", .help = "what is rendered", .required = true},
    {.name = "template.type", .value = "TYPE", .help = "text or html", .fallback = "text"},
    {.name = "template.data",
     .value = "FILE",
     .help = "the notification's data in JSON; two made-up alerts when absent"},
};

static const struct cli_command commands[] = {
    {
        .name = "template render",
        .summary = "render a template over a notification's data",
        .text = "The data has the fields of docs/operate/templates.md, named as a webhook's body "
                "names\nthem.",
        .sets = {{.options = options, .n = ARRAY_SIZE(options)},
                 {.options = am_options, .n = AM_OPTIONS_N}},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run,
    },
};

const struct cli_table cli_template = {.commands = commands, .n = ARRAY_SIZE(commands)};

/* check-config: what the daemons would say about their files, without starting one. */
#include "common/base/vec.h"
#include "common/cli/am.h"
#include "common/cli/template_files.h"
#include "common/core/config/lint.h"
#include "common/core/config/reference.h"
#include "common/io/files.h"
#include "common/io/zoneinfo.h"
#include "edge/core/edge_config.h"
#include "global/core/global_config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mistakes as they are; warnings say so. */
static void print_reports(const struct config_report *r)
{
    struct buf b;

    buf_init(&b, 0);
    config_report_add_mistakes(&b, r);
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_reset(&b);
    config_report_add_warnings(&b, r);

    struct str rest = buf_str(&b), line;

    while (str_split(&rest, '\n', &line)) {
        if (line.n > 0)
            (void)printf(STR_FMT " (warning)\n", STR_ARG(line));
    }
    buf_clear(&b);
}

static bool read_text(const char *path, struct buf *ret)
{
    struct err err = {0};

    buf_init(ret, YAML_BYTES_MAX + 1);
    if (file_read(path, YAML_BYTES_MAX, ret, &err) == 0)
        return true;
    (void)printf("Checking '%s'  FAILED: %s\n\n", path, err.text);
    buf_clear(ret);
    return false;
}

static void print_verdict(const char *path, const struct config_report *r)
{
    /* amtool stops at the first mistake and puts it behind the colon: so does the first of ours. */
    (void)printf("Checking '%s'  %s", path, r->mistakes.n > 0 ? "FAILED: " : "SUCCESS\n");
    print_reports(r);
}

/* As amtool: templates are parsed with a verdict of their own. */
static bool print_templates(const struct am_config *c)
{
    struct template_set *set = template_set_new();
    struct err err;
    int rc = 0;

    (void)printf(" - %zu templates\n", c->templates.n);
    for (size_t i = 0; i < c->templates.n && rc == 0; i++)
        rc = template_files_add(set, c->templates.v[i].p, &err);
    if (c->templates.n > 0)
        (void)printf("  %s%s\n", rc < 0 ? "FAILED: " : "SUCCESS", rc < 0 ? err.text : "");
    template_set_free(set);
    return rc == 0;
}

static bool print_found(const struct edge_config *c)
{
    (void)printf("Found:\n - global config\n - route\n - %zu inhibit rules\n - %zu receivers\n",
                 c->am->inhibit_rules_n, c->am->receivers.n);
    return print_templates(c->am);
}

/* What is valid and hardly meant: a warning, with strict a mistake. */
static bool print_lints(const char *path, const struct am_config *c, bool federated, bool strict)
{
    struct lint_options options = {.receivers_elsewhere = federated};
    struct mistakes found;
    bool good;

    mistakes_init(&found);
    config_lint(c, options, &found);
    VEC_EACH (&found, struct mistake, it)
        (void)printf("%s:%d: %s%s\n", path, it->line, it->text, strict ? "" : " (warning)");
    if (found.left_out > 0)
        (void)printf("%s: and %zu more\n", path, found.left_out);
    good = !strict || found.n == 0;
    mistakes_clear(&found);
    return good;
}

static bool check_locations(const struct edge_config *c, struct config_report *report)
{
    struct zoneinfo *zones = zoneinfo_new(NULL);
    bool good = am_config_check_locations(c->am, report, zoneinfo_known, zones) == 0;

    zoneinfo_free(zones);
    return good;
}

/* One of Alertmanager's files, alone or together with the federation's. */
static bool check_edge(const char *path, const char *federation_path, enum matcher_mode mode,
                       bool strict)
{
    struct config_report am, federation;
    struct edge_config *c = NULL;
    struct buf am_text, federation_text;

    if (!read_text(path, &am_text))
        return false;
    if (federation_path != NULL && !read_text(federation_path, &federation_text)) {
        buf_clear(&am_text);
        return false;
    }
    config_report_init(&am, str_from(path));
    config_report_init(&federation, str_from(federation_path));

    struct str text = federation_path != NULL ? buf_str(&federation_text) : STR_EMPTY;
    bool good = edge_config_parse(buf_str(&am_text), federation_path != NULL ? &text : NULL, mode,
                                  &c, &am, &federation) == 0;

    good = good && check_locations(c, &am);
    print_verdict(path, &am);
    if (good)
        good = print_found(c);
    if (c != NULL)
        good = print_lints(path, c->am, federation_path != NULL, strict) && good;
    (void)printf("\n");
    if (federation_path != NULL) {
        print_verdict(federation_path, &federation);
        if (federation.mistakes.n == 0 && c != NULL)
            (void)printf("Found:\n - site " STR_FMT "\n - %zu global nodes\n",
                         STR_ARG(c->federation->site), c->federation->uplink.globals_n);
        (void)printf("\n");
        buf_clear(&federation_text);
    }
    edge_config_unref(c);
    config_report_clear(&am);
    config_report_clear(&federation);
    buf_clear(&am_text);
    return good;
}

static bool check_global(const char *path, enum matcher_mode mode)
{
    struct config_report report;
    struct global_config *c = NULL;
    struct buf text;

    if (!read_text(path, &text))
        return false;
    config_report_init(&report, str_from(path));

    bool good = global_config_parse(buf_str(&text), mode, &c, &report) == 0;

    print_verdict(path, &report);
    if (good)
        (void)printf("Found:\n - %zu teams\n - %zu escalation policies\n - %zu rules\n"
                     " - %zu receivers\n",
                     c->teams_n, c->policies_n, c->rules_n - 1, c->receivers.n);
    (void)printf("\n");
    global_config_unref(c);
    config_report_clear(&report);
    buf_clear(&text);
    return good;
}

static bool stdin_is_terminal(void)
{
    struct stat st;

    return fstat(STDIN_FILENO, &st) < 0 || S_ISCHR(st.st_mode);
}

static int run(const struct cli_args *a)
{
    const char *federation = cli_get(a, "federation.config");
    const char *global = cli_get(a, "global.config");
    bool strict = cli_on(a, "strict");
    enum matcher_mode mode;
    size_t failed = 0;
    struct err err;

    if (am_features(cli_get(a, "enable-feature"), &mode, &err) < 0)
        return cli_fail("%s", err.text);
    if (federation != NULL && a->args_n != 1)
        return cli_fail("--federation.config needs exactly one FILE: the edge's other file");
    if (global == NULL && a->args_n == 0) {
        if (stdin_is_terminal())
            return cli_fail("nothing to check: name a file, or give one on standard input");
        failed += !check_edge("/dev/stdin", NULL, mode, strict);
    }
    for (size_t i = 0; i < a->args_n; i++)
        failed += !check_edge(a->args[i], federation, mode, strict);
    if (global != NULL)
        failed += !check_global(global, mode);
    if (failed > 0)
        return cli_fail("failed to validate %zu file(s)", failed);
    return 0;
}

static int print_reference(const struct cli_args *a)
{
    struct buf b;

    (void)a;
    buf_init(&b, 0);
    config_reference_add(&b);
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_clear(&b);
    return 0;
}

static const struct cli_option options[] = {
    {.name = "federation.config",
     .value = "FILE",
     .help = "the edge's federation file, checked together with its FILE"},
    {.name = "global.config", .value = "FILE", .help = "a global node's global.yml"},
    {.name = "strict", .help = "what is valid, but hardly meant, fails, too"},
};

static const struct cli_command commands[] = {
    {
        .name = "check-config",
        .args = "[FILE…]",
        .args_max = CLI_ARGS_ANY,
        .summary = "check configuration files as the daemons would",
        .text = "FILE is an edge's file in Alertmanager's format, standard input when there is "
                "none. Every\nmistake is printed with its file and line; the exit status is 1 if "
                "there is one. Warnings\ndo not change it, but with --strict those of traps do: "
                "docs/operate/configuration.md lists them.",
        .sets = {{.options = options, .n = ARRAY_SIZE(options)},
                 {.options = am_options, .n = AM_OPTIONS_N}},
        .settings = CLI_SETTINGS_AMTOOL,
        .run = run,
    },
    {
        .name = "config-reference",
        .args = "",
        .summary = "print the reference page of alertmanager.yml",
        .text =
            "Markdown, from the tables that read the file: every key with its type, default and "
            "meaning.",
        .run = print_reference,
    },
};

const struct cli_table cli_check_config = {.commands = commands, .n = ARRAY_SIZE(commands)};

/* config routes show and test. */
#include "common/cli/routes.h"

#include "common/cli/matcher_args.h"
#include "common/cli/route_tests.h"
#include "common/io/files.h"
#include "common/io/zoneinfo.h"

#include <stdio.h>

/* --- Loading --- */

static int parse(struct str text, const char *name, enum matcher_mode mode, struct am_config **ret,
                 struct err *err)
{
    struct config_report report;
    int rc;

    config_report_init(&report, str_from(name));
    rc = am_config_parse(text, mode, ret, &report);
    if (rc < 0) {
        struct buf b;

        buf_init(&b, 0);
        config_report_add_mistakes(&b, &report);
        while (b.n > 0 && b.p[b.n - 1] == '\n')
            b.n--;
        rc = err_set(err, rc, STR_FMT, STR_ARG(buf_str(&b)));
        buf_clear(&b);
    }
    config_report_clear(&report);
    return rc;
}

static int load_file(const char *path, enum matcher_mode mode, struct am_config **ret,
                     struct err *err)
{
    struct buf text;
    int rc;

    buf_init(&text, YAML_BYTES_MAX + 1);
    rc = file_read(path, YAML_BYTES_MAX, &text, err);
    if (rc == 0)
        rc = parse(buf_str(&text), path, mode, ret, err);
    buf_clear(&text);
    return rc;
}

static int load_remote(const struct cli_args *a, struct am *am, struct am_config **ret,
                       struct err *err)
{
    struct cli_answer answer = {0};
    int rc = am_connect(a, am, false, err);

    if (rc < 0)
        return rc;
    rc = am_get(am, "/status", json_type_object, &answer, err);
    if (rc == 0) {
        struct json_object *config = NULL;

        am_check_version(a, answer.json);
        (void)json_object_object_get_ex(answer.json, "config", &config);
        rc =
            parse(am_text_of(config, "original"), "the server's configuration", am->mode, ret, err);
    }
    cli_answer_clear(&answer);
    return rc;
}

int routes_load(const struct cli_args *a, struct am *am, struct am_config **ret, struct err *err)
{
    const char *file = cli_get(a, "config.file"), *url = cli_get(a, "alertmanager.url");

    if (file == NULL && url == NULL)
        return err_set(err, -EINVAL,
                       "You have to specify one of --config.file or --alertmanager.url flags.");
    if (file == NULL)
        return load_remote(a, am, ret, err);
    if (url != NULL)
        cli_warn("--config.file flag overrides the --alertmanager.url.");
    return load_file(file, am->mode, ret, err);
}

/* --- The tree --- */

/* For an alert's way only its last routes show their receiver, and none `continue`. */
static void add_route(struct buf *b, const struct route *r, bool show_continue, bool show_receiver)
{
    if (r->matchers.n == 0)
        buf_add_str(b, STR("default-route"));
    else
        matchers_add_text(b, &r->matchers);
    if (r->go_on && show_continue)
        buf_add_str(b, STR("  continue: true"));
    if (show_receiver) {
        buf_add_str(b, STR("  receiver: "));
        buf_add_str(b, r->receiver->name);
    }
    buf_add_char(b, '\n');
}

static bool is_taken(const struct route *r, const struct labels *labels)
{
    return labels == NULL || matchers_match(&r->matchers, *labels);
}

/* The next child to be drawn from `from` on; children_n when there is none. */
static size_t next_child(const struct route *r, const struct labels *labels, size_t from)
{
    if (labels != NULL && from > 0 && is_taken(r->children[from - 1], labels) &&
        !r->children[from - 1]->go_on)
        return r->children_n;
    for (size_t i = from; i < r->children_n; i++)
        if (is_taken(r->children[i], labels))
            return i;
    return r->children_n;
}

static void add_branch(struct buf *b, const struct route *r, const struct labels *labels,
                       struct buf *indent, bool last)
{
    size_t before = indent->n, child = next_child(r, labels, 0);

    buf_add_str(b, buf_str(indent));
    buf_add_str(b, last ? STR("└── ") : STR("├── "));
    add_route(b, r, labels == NULL, labels == NULL || child == r->children_n);
    buf_add_str(indent, last ? STR("    ") : STR("│\u00a0\u00a0 ")); /* no-break spaces */
    while (child < r->children_n) {
        size_t next = next_child(r, labels, child + 1);

        add_branch(b, r->children[child], labels, indent, next == r->children_n);
        child = next;
    }
    indent->n = before;
    if (indent->cap > 0)
        indent->p[before] = '\0';
}

void routes_add_tree(struct buf *b, const struct route *root, const struct labels *labels)
{
    struct buf indent;

    buf_init(&indent, 0);
    buf_add_str(b, STR(".\n"));
    add_branch(b, root, labels, &indent, true);
    buf_clear(&indent);
}

static void print_tree(const struct route *root, const struct labels *labels)
{
    struct buf b;

    buf_init(&b, 0);
    routes_add_tree(&b, root, labels);
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_clear(&b);
}

int routes_run_show(const struct cli_args *a)
{
    struct am_config *c;
    struct err err;
    struct am am;
    int rc = am_open(a, &am, &err);

    if (rc < 0)
        return cli_fail("%s", err.text);
    rc = routes_load(a, &am, &c, &err);
    if (rc == 0) {
        printf("Routing tree:\n");
        print_tree(c->root, NULL);
        printf("\n");
        am_config_free(c);
    }
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : 0;
}

/* --- Trying it --- */

static int try_labels(const struct cli_args *a, const struct am *am, const struct am_config *c,
                      struct err *err)
{
    const char *verify = cli_get(a, "verify.receivers");
    struct label *v = ARENA_ARRAY(am->arena, struct label, a->args_n);
    struct route_list found;
    struct labels labels;
    struct buf receivers;
    int status = 0;

    if (args_labels(a->args, a->args_n, "labels", am->mode, am->arena, &labels, err) < 0)
        return err_wrap(err, "Failed to parse labels");
    memcpy(v, labels.v, labels.n * sizeof(*v));
    labels = (struct labels){.v = v, .n = labels_sort(v, labels.n)}; /* "" is as good as absent */
    if (cli_on(a, "tree")) {
        printf("Matching routes:\n");
        print_tree(c->root, &labels);
        printf("\n\n");
    }
    found = route_match(c->root, labels, am->arena);
    buf_init(&receivers, 0);
    for (size_t i = 0; i < found.n; i++) {
        if (i > 0)
            buf_add_char(&receivers, ',');
        buf_add_str(&receivers, found.v[i]->receiver->name);
    }
    printf("%s\n", receivers.p);
    if (verify != NULL && verify[0] != '\0' && !str_eq_c(buf_str(&receivers), verify)) {
        printf("WARNING: Expected receivers did not match resolved receivers.\n");
        status = 1;
    }
    buf_clear(&receivers);
    return status;
}

static int run_cases(const char *path, const struct am_config *c, struct err *err)
{
    struct zoneinfo *zones = zoneinfo_new(NULL);
    struct route_tests t = {
        .name = str_from(path),
        .zones = {.offset_s = zoneinfo_offset_s, .arg = zones},
        .known = zoneinfo_known,
    };
    struct buf text, out;
    int rc;

    buf_init(&text, YAML_BYTES_MAX + 1);
    buf_init(&out, 0);
    rc = file_read(path, YAML_BYTES_MAX, &text, err);
    if (rc == 0)
        rc = route_tests_run(&t, buf_str(&text), c, &out, err);
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_clear(&out);
    buf_clear(&text);
    zoneinfo_free(zones);
    return rc;
}

int routes_run_test(const struct cli_args *a)
{
    const char *tests = cli_get(a, "tests");
    struct am_config *c;
    struct err err;
    struct am am;
    int rc;

    if (tests != NULL && a->args_n > 0)
        return cli_fail("--tests has the labels in its file: %s is one too many", a->args[0]);
    if (am_open(a, &am, &err) < 0)
        return cli_fail("%s", err.text);
    rc = routes_load(a, &am, &c, &err);
    if (rc == 0) {
        rc = tests != NULL ? run_cases(tests, c, &err) : try_labels(a, &am, c, &err);
        am_config_free(c);
    }
    am_close(&am);
    return rc < 0 ? cli_fail("%s", err.text) : rc;
}

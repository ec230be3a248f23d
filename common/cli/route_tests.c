#include "common/cli/route_tests.h"

#include "common/base/time_text.h"
#include "common/base/vec.h"

struct route_case {
    struct str name;
    struct labels labels;
    int64_t at_wall_ms; /* WALL_ABSENT: at no time in particular, so nothing is muted */
    struct str at_text; /* as written */
    struct str_list receivers;
    struct groups {
        struct labels *v;
        size_t n;
        bool given;
    } group, groups; /* of all receivers; of each */
    int line;
};

/* --- Reading --- */

static struct labels load_labels(struct config_loader *l, const struct yaml_node *n,
                                 const char *what)
{
    struct label *v;

    if (!config_is_map(l, n, what))
        return (struct labels){0};
    v = ARENA_ARRAY(l->arena, struct label, n->n);
    for (size_t i = 0; i < n->n; i++) {
        if (!label_name_valid_utf8(n->keys[i]))
            config_mistake(l, n->key_lines[i], "invalid label name \"" STR_FMT "\"",
                           STR_ARG(n->keys[i]));
        v[i] = (struct label){.name = arena_str(l->arena, n->keys[i]),
                              .value = config_str(l, n->items[i], "a label")};
    }
    return (struct labels){.v = v, .n = labels_sort(v, n->n)};
}

static void parse_labels(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    *(struct labels *)ret = load_labels(l, n, "labels");
}

static void parse_time(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct route_case *c = ret;
    struct err err;

    c->at_text = config_str(l, n, "time");
    if (c->at_text.n == 0)
        config_mistake(l, n->line, "time is empty");
    else if (time_parse(c->at_text, &c->at_wall_ms, &err) < 0)
        config_mistake(l, n->line, "%s", err.text);
}

static void parse_group(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct groups *g = ret;

    *g = (struct groups){.v = ARENA_NEW(l->arena, struct labels), .n = 1, .given = true};
    g->v[0] = load_labels(l, n, "group");
}

static void parse_groups(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct groups *g = ret;

    if (!config_is_list(l, n, "groups"))
        return;
    *g = (struct groups){.v = ARENA_ARRAY(l->arena, struct labels, n->n), .n = n->n, .given = true};
    for (size_t i = 0; i < n->n; i++)
        g->v[i] = load_labels(l, n->items[i], "a group");
}

static const struct config_field fields[] = {
    {.name = "name", .kind = CONFIG_STR, .offset = offsetof(struct route_case, name)},
    {.name = "labels",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct route_case, labels),
     .required = true,
     .parse = parse_labels},
    {.name = "time",
     .kind = CONFIG_CUSTOM,
     .offset = 0, /* more than one member */
     .parse = parse_time},
    {.name = "receivers",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct route_case, receivers),
     .required = true},
    {.name = "group",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct route_case, group),
     .parse = parse_group},
    {.name = "groups",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct route_case, groups),
     .parse = parse_groups},
};

static struct route_case *load(struct config_loader *l, const struct yaml_node *root, size_t *ret_n)
{
    struct route_case *v;

    *ret_n = 0;
    if (root->kind != YAML_NULL && !config_is_list(l, root, "a file of cases"))
        return NULL;
    if (root->n == 0 || root->n > ROUTE_CASES_MAX) {
        config_mistake(l, root->line, root->n == 0 ? "there are no cases" : "too many cases");
        return NULL;
    }
    v = ARENA_ARRAY(l->arena, struct route_case, root->n);
    for (size_t i = 0; i < root->n; i++) {
        v[i].at_wall_ms = WALL_ABSENT;
        v[i].line = root->items[i]->line;
        config_load(l, root->items[i], "case", fields, ARRAY_SIZE(fields), &v[i]);
        if (v[i].group.given && v[i].groups.given)
            config_mistake(l, v[i].line, "group and groups exclude each other");
        if (v[i].groups.given && v[i].groups.n != v[i].receivers.n)
            config_mistake(l, v[i].line, "groups needs one for each of the receivers");
    }
    *ret_n = root->n;
    return v;
}

/* --- Trying --- */

/* What became of one case. */
struct outcome {
    const struct route **v; /* those that notify */
    size_t n;
    struct buf muted; /* a line for each that is muted then */
};

static void note_muted(struct outcome *o, const struct route *r, const struct str_list *names)
{
    buf_add_fmt(&o->muted, "  muted      " STR_FMT " (", STR_ARG(r->receiver->name));
    for (size_t i = 0; i < names->n; i++)
        buf_add_fmt(&o->muted, "%s" STR_FMT, i > 0 ? ", " : "", STR_ARG(names->v[i]));
    buf_add_str(&o->muted, STR(")\n"));
}

static void try_case(const struct route_tests *t, const struct am_config *c,
                     const struct route_case *k, struct arena *a, struct outcome *ret)
{
    struct route_list found = route_match(c->root, k->labels, a);

    ret->v = ARENA_ARRAY(a, const struct route *, found.n);
    ret->n = 0;
    for (size_t i = 0; i < found.n; i++) {
        struct str_list names = {0};

        if (k->at_wall_ms != WALL_ABSENT &&
            interval_mutes(&found.v[i]->intervals, k->at_wall_ms, t->zones, a, &names))
            note_muted(ret, found.v[i], &names);
        else
            ret->v[ret->n++] = found.v[i];
    }
}

static bool receivers_differ(const struct route_case *k, const struct outcome *o)
{
    if (k->receivers.n != o->n)
        return true;
    for (size_t i = 0; i < o->n; i++)
        if (!str_eq(k->receivers.v[i], o->v[i]->receiver->name))
            return true;
    return false;
}

/* NULL: the case says nothing of it. */
static const struct labels *expected_group(const struct route_case *k, size_t i)
{
    if (k->group.given)
        return &k->group.v[0];
    return k->groups.given && i < k->groups.n ? &k->groups.v[i] : NULL;
}

/* --- Telling --- */

static void add_receivers_diff(struct buf *b, const struct am_config *c, const struct route_case *k,
                               const struct outcome *o)
{
    buf_add_str(b, STR("- receivers  "));
    for (size_t i = 0; i < k->receivers.n; i++)
        buf_add_fmt(b, "%s" STR_FMT, i > 0 ? ", " : "", STR_ARG(k->receivers.v[i]));
    buf_add_str(b, k->receivers.n == 0 ? STR("(none)\n+ receivers  ") : STR("\n+ receivers  "));
    for (size_t i = 0; i < o->n; i++)
        buf_add_fmt(b, "%s" STR_FMT, i > 0 ? ", " : "", STR_ARG(o->v[i]->receiver->name));
    buf_add_str(b, o->n == 0 ? STR("(none)\n") : STR("\n"));
    for (size_t i = 0; i < k->receivers.n; i++)
        if (receivers_find(&c->receivers, k->receivers.v[i]) == NULL)
            buf_add_fmt(b, "  note       the configuration has no receiver \"" STR_FMT "\"\n",
                        STR_ARG(k->receivers.v[i]));
}

static void add_group_diff(struct buf *b, const struct route *r, const struct labels *expected,
                           struct labels found)
{
    buf_add_fmt(b, "  group of " STR_FMT "\n- group      ", STR_ARG(r->receiver->name));
    labels_add_text(b, *expected);
    buf_add_str(b, STR("\n+ group      "));
    labels_add_text(b, found);
    buf_add_char(b, '\n');
}

static void add_head(struct buf *b, const struct route_tests *t, const struct route_case *k)
{
    buf_add_fmt(b, "FAILED " STR_FMT ":%d", STR_ARG(t->name), k->line);
    if (k->name.n > 0)
        buf_add_fmt(b, ": " STR_FMT, STR_ARG(k->name));
    buf_add_str(b, STR("\n  labels     "));
    labels_add_text(b, k->labels);
    buf_add_char(b, '\n');
    if (k->at_wall_ms != WALL_ABSENT)
        buf_add_fmt(b, "  time       " STR_FMT "\n", STR_ARG(k->at_text));
}

/* Whether it turned out as expected; otherwise *out has got the difference. */
static bool judge(const struct route_tests *t, const struct am_config *c,
                  const struct route_case *k, struct arena *a, struct buf *out)
{
    struct outcome o = {0};
    struct buf diff;
    bool good;

    buf_init(&o.muted, 0);
    buf_init(&diff, 0);
    try_case(t, c, k, a, &o);
    if (receivers_differ(k, &o)) {
        add_receivers_diff(&diff, c, k, &o);
    } else {
        for (size_t i = 0; i < o.n; i++) {
            const struct labels *expected = expected_group(k, i);
            struct labels group = route_group_labels(o.v[i], k->labels, a);

            if (expected != NULL && !labels_eq(*expected, group))
                add_group_diff(&diff, o.v[i], expected, group);
        }
    }
    good = diff.n == 0;
    if (!good) {
        add_head(out, t, k);
        buf_add_str(out, buf_str(&diff));
        buf_add_str(out, buf_str(&o.muted));
        buf_add_char(out, '\n');
    }
    buf_clear(&o.muted);
    buf_clear(&diff);
    return good;
}

static int fail(const struct config_report *report, struct err *err)
{
    struct buf b;
    int rc;

    buf_init(&b, 0);
    config_report_add_mistakes(&b, report);
    while (b.n > 0 && b.p[b.n - 1] == '\n')
        b.n--;
    rc = err_set(err, -EINVAL, STR_FMT, STR_ARG(buf_str(&b)));
    buf_clear(&b);
    return rc;
}

static int run_all(const struct route_tests *t, const struct am_config *c,
                   const struct route_case *v, size_t n, struct buf *out)
{
    struct arena *a = arena_new(0);
    size_t failed = 0;

    for (size_t i = 0; i < n; i++) {
        failed += !judge(t, c, &v[i], a, out);
        arena_reset(a);
    }
    arena_free(a);
    if (failed > 0)
        buf_add_fmt(out, "%zu of %zu cases failed\n", failed, n);
    else
        buf_add_fmt(out, "%zu cases passed\n", n);
    return failed > 0;
}

int route_tests_run(const struct route_tests *t, struct str text, const struct am_config *c,
                    struct buf *out, struct err *err)
{
    struct arena *arena = arena_new(0);
    struct config_report report;
    struct config_loader l = {.arena = arena, .mistakes = &report.mistakes};
    struct route_case *cases = NULL;
    struct yaml_node *root;
    size_t n = 0;
    int rc;

    config_report_init(&report, t->name);
    if (yaml_parse(text, arena, &root, &report.mistakes) == 0)
        cases = load(&l, root, &n);
    config_report_sort(&report);
    rc = report.mistakes.n > 0 ? -EINVAL : 0;
    if (rc == 0) {
        report.name = STR("the configuration");
        rc = am_config_check_locations(c, &report, t->known, t->zones.arg);
    }
    rc = rc < 0 ? fail(&report, err) : run_all(t, c, cases, n, out);
    config_report_clear(&report);
    arena_free(arena);
    return rc;
}

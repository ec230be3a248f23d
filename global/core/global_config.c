#include "global/core/global_config.h"

#include "common/base/hash.h"
#include "global/core/global_load.h"

#include <assert.h>
#include <errno.h>

#define NAME_MAX_BYTES 63

struct cluster_block {
    struct str secret_file;
};

static void parse_global(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    am_global_load(l, n, ret);
}

static void parse_receivers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    receivers_load(l, n, ret);
}

static void parse_globals(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct global_config *c = ret;
    struct config_nodes nodes;

    config_nodes_load(l, n, "globals", true, &nodes);
    c->nodes = nodes.v;
    c->nodes_n = nodes.n;
}

static void parse_cluster(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    static const struct config_field fields[] = {
        {.name = "secret_file",
         .kind = CONFIG_STR,
         .doc = "Holds the key that signs what the global nodes tell each other."}};

    config_load(l, n, "cluster", fields, ARRAY_SIZE(fields), ret);
}

#define AT(member) .offset = offsetof(struct global_config, member)

static const struct config_field fields[] = {
    {.name = "global", .kind = CONFIG_CUSTOM, AT(global), .parse = parse_global},
    {.name = "receivers",
     .kind = CONFIG_CUSTOM,
     AT(receivers),
     .parse = parse_receivers,
     .doc = "As in Alertmanager's file."},
    {.name = "globals",
     .kind = CONFIG_CUSTOM,
     .parse = parse_globals,
     .doc = "Every global node and the URL of its API."},
    {.name = "cluster", .kind = CONFIG_CUSTOM, AT(secret_file), .parse = parse_cluster},
    {.name = "escalation_policies", .kind = CONFIG_IGNORED}, /* policies_load */
    {.name = "teams", .kind = CONFIG_IGNORED},               /* teams_load */
    {.name = "rules", .kind = CONFIG_IGNORED},               /* rules_load */
    {.name = "reopen_window",
     .kind = CONFIG_DURATION,
     AT(reopen_window_ms),
     .fallback = "5m",
     .max = 30 * MS_PER_DAY,
     .doc = "A resolved incident that fires again within it is the same incident."},
    {.name = "retention",
     .kind = CONFIG_DURATION,
     AT(retention_ms),
     .fallback = "720h",
     .min = MS_PER_H,
     .max = 3650 * MS_PER_DAY,
     .doc = "Resolved incidents are kept this long."},
    {.name = "silent_after",
     .kind = CONFIG_DURATION,
     AT(silent_after_ms),
     .fallback = "90s",
     .min = 10 * MS_PER_S,
     .max = MS_PER_H,
     .doc = "A site not heard from for this long is an incident of its own."},
    {.name = "users", .kind = CONFIG_NOT_YET},
    {.name = "schedules", .kind = CONFIG_NOT_YET},
    {.name = "templates", .kind = CONFIG_NOT_YET},
};

bool global_name_check(struct global_loader *l, int line, const char *what, struct str name)
{
    bool valid = name.n > 0 && name.n <= NAME_MAX_BYTES;

    for (size_t i = 0; i < name.n && valid; i++) {
        char c = name.p[i];

        valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '.' || c == '_' || c == '-';
    }
    if (!valid)
        config_mistake(&l->base, line,
                       "%s \"" STR_FMT "\" must be 1 to %d of letters, digits, '.', '_', '-'", what,
                       STR_ARG(str_sub(name, 0, NAME_MAX_BYTES + 7)), NAME_MAX_BYTES);
    return valid;
}

static void load(struct global_loader *l, const struct yaml_node *root)
{
    am_global_load(&l->base, NULL, &l->c->global);
    config_load(&l->base, root, "global.yml", fields, ARRAY_SIZE(fields), l->c);
    if (l->c->nodes_n > 1 && l->c->secret_file.n == 0)
        config_mistake(&l->base, yaml_find(root, "globals")->line,
                       "several globals need cluster.secret_file: they sign what they tell each "
                       "other");
    policies_load(l, yaml_find(root, "escalation_policies"));
    teams_load(l, yaml_find(root, "teams"));
    rules_load(l, yaml_find(root, "rules"));
}

int global_config_parse(struct str text, enum matcher_mode mode, struct global_config **ret,
                        struct config_report *report)
{
    struct arena *arena = arena_new(0), *tree = arena_new(0);
    struct global_config *c = ARENA_NEW(arena, struct global_config);
    struct global_loader l = {.base = {.arena = arena,
                                       .mistakes = &report->mistakes,
                                       .warnings = &report->warnings,
                                       .mode = mode,
                                       .folder = config_report_folder(report),
                                       .global = &c->global},
                              .c = c,
                              .mode = mode};
    struct yaml_node *root;

    c->arena = arena;
    c->refs = 1;
    c->hash = xxh64(text.p, text.n, 0);
    if (yaml_parse(text, tree, &root, &report->mistakes) == 0)
        load(&l, root);
    arena_free(tree);
    config_report_sort(report);
    if (report->mistakes.n > 0) {
        global_config_unref(c);
        return -EINVAL;
    }
    *ret = c;
    return 0;
}

int global_config_set_secret(struct global_config *c, struct str secret, struct err *err)
{
    struct str trimmed = str_trim(secret);

    if (trimmed.n < SECRET_BYTES_MIN)
        return err_set(err, -EINVAL, "the cluster's secret must have at least %d bytes",
                       SECRET_BYTES_MIN);
    c->secret = arena_str(c->arena, trimmed);
    return 0;
}

struct global_config *global_config_ref(struct global_config *c)
{
    assert(c->refs > 0);
    c->refs++;
    return c;
}

static void clear_matchers(const struct matchers *m)
{
    struct matchers copy = *m;

    matchers_clear(&copy);
}

void global_config_unref(struct global_config *c)
{
    if (c == NULL)
        return;
    assert(c->refs > 0);
    if (--c->refs > 0)
        return;
    for (size_t i = 0; i < c->teams_n; i++)
        clear_matchers(&c->teams[i].owns);
    for (size_t i = 0; i < c->rules_n; i++)
        clear_matchers(&c->rules[i].matchers);
    arena_free(c->arena);
}

const struct team *global_config_find_team(const struct global_config *c, struct str name)
{
    for (size_t i = 0; i < c->teams_n; i++) {
        if (str_eq(c->teams[i].name, name))
            return &c->teams[i];
    }
    return NULL;
}

const struct config_node *global_config_find_node(const struct global_config *c, struct str name)
{
    for (size_t i = 0; i < c->nodes_n; i++) {
        if (str_eq(c->nodes[i].name, name))
            return &c->nodes[i];
    }
    return NULL;
}

const struct team *team_owner(const struct global_config *c, struct labels labels)
{
    for (size_t i = 0; i < c->teams_n; i++) {
        if (matchers_match(&c->deepest_first[i]->owns, labels))
            return c->deepest_first[i];
    }
    return c->root; /* comes last and has no matchers: not reached */
}

const struct receiver *team_role_receiver(const struct team *t, struct str role)
{
    for (; t != NULL; t = t->parent) {
        for (size_t i = 0; i < t->roles_n; i++) {
            if (str_eq(t->roles[i].role, role))
                return t->roles[i].receiver;
        }
    }
    return NULL;
}

const struct rule *rule_for(const struct global_config *c, struct labels labels)
{
    size_t i = 0;

    while (i + 1 < c->rules_n && !matchers_match(&c->rules[i].matchers, labels))
        i++;
    return &c->rules[i]; /* the last one matches everything */
}

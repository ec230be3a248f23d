#include "common/cli/settings.h"

#include "common/base/vec.h"
#include "common/base/yaml.h"
#include "common/io/files.h"

#define SETTINGS_BYTES_MAX MIB(1)

static const struct {
    const char *base; /* an environment variable in front of the path; NULL: none */
    const char *path;
    const char *unless; /* this variable is set */
    enum cli_settings from;
} places[] = {
    {"XDG_CONFIG_HOME", "/tocsin/tocsinctl.yml", NULL, CLI_SETTINGS_OWN},
    {"HOME", "/.config/tocsin/tocsinctl.yml", "XDG_CONFIG_HOME", CLI_SETTINGS_OWN},
    {"HOME", "/.config/amtool/config.yml", NULL, CLI_SETTINGS_AMTOOL},
    {NULL, "/etc/amtool/config.yml", NULL, CLI_SETTINGS_AMTOOL},
    {"HOME", "/.config/prometheus/amtool.yml", NULL, CLI_SETTINGS_AMTOOL},
    {NULL, "/etc/prometheus/amtool.yml", NULL, CLI_SETTINGS_AMTOOL},
};

struct settings {
    struct arena *arena;
    struct yaml_node *files[ARRAY_SIZE(places)]; /* NULL: absent */
};

static int check(const struct yaml_node *map, const char *path, struct err *err)
{
    if (map->kind == YAML_NULL)
        return 0;
    if (map->kind != YAML_MAP)
        return err_set(err, -EINVAL, "%s:%d: is no map from option to value", path, map->line);
    for (size_t i = 0; i < map->n; i++)
        if (map->items[i]->kind != YAML_SCALAR && map->items[i]->kind != YAML_NULL)
            return err_set(err, -EINVAL, "%s:%d: " STR_FMT " needs a plain value", path,
                           map->key_lines[i], STR_ARG(map->keys[i]));
    return 0; /* keys that we don't know belong to other commands or versions */
}

static int read_file(struct arena *arena, const char *path, struct yaml_node **ret, struct err *err)
{
    struct mistakes m;
    struct buf text;
    int rc;

    buf_init(&text, 0);
    mistakes_init(&m);
    rc = file_read(path, SETTINGS_BYTES_MAX, &text, err);
    if (rc == 0 && yaml_parse(arena_str(arena, buf_str(&text)), arena, ret, &m) < 0)
        rc = err_set(err, -EINVAL, "%s:%d: %s", path, m.v[0].line, m.v[0].text);
    else if (rc == 0)
        rc = check(*ret, path, err);
    mistakes_clear(&m);
    buf_clear(&text);
    return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

/* NULL when the place does not exist in this environment. */
static const char *path_of(struct arena *arena, size_t place)
{
    const char *base = places[place].base != NULL ? getenv(places[place].base) : "";
    const char *unless = places[place].unless != NULL ? getenv(places[place].unless) : NULL;

    if (base == NULL || (places[place].base != NULL && base[0] == '\0') ||
        (unless != NULL && unless[0] != '\0'))
        return NULL;
    return arena_fmt(arena, "%s%s", base, places[place].path).p;
}

int settings_load(enum cli_settings which, struct settings **ret, struct err *err)
{
    struct settings *s = xcalloc(1, sizeof(*s));
    int rc = 0;

    s->arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_SIZE(places) && rc == 0; i++) {
        const char *path = places[i].from <= which ? path_of(s->arena, i) : NULL;

        if (path != NULL)
            rc = read_file(s->arena, path, &s->files[i], err);
    }
    if (rc < 0) {
        settings_free(s);
        return err_wrap(err, "could not load config file");
    }
    *ret = s;
    return 0;
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    arena_free(s->arena);
    free(s);
}

/* amtool's old name of an option still counts, unless the file has the new one. */
static const struct yaml_node *find(const struct yaml_node *map, const char *option)
{
    const struct yaml_node *n = yaml_find(map, option);

    if (n == NULL && strcmp(option, "require-comment") == 0)
        n = yaml_find(map, "comment_required");
    return n;
}

const char *settings_find(const struct settings *s, const char *option, enum cli_settings which)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const struct yaml_node *n =
            s->files[i] != NULL && places[i].from <= which ? find(s->files[i], option) : NULL;

        if (n != NULL)
            return n->kind == YAML_SCALAR ? n->text.p : NULL;
    }
    return NULL;
}

bool settings_truth(const char *text, bool *ret_on)
{
    static const struct {
        const char *text;
        bool on;
    } words[] = {
        {"", true},       {"true", true},   {"True", true}, {"TRUE", true}, {"1", true},
        {"t", true},      {"T", true},      {"yes", true},  {"on", true},   {"false", false},
        {"False", false}, {"FALSE", false}, {"0", false},   {"f", false},   {"F", false},
        {"no", false},    {"off", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(words[i].text, text) == 0) {
            *ret_on = words[i].on;
            return true;
        }
    }
    return false;
}

/* Options and arguments of a command line, and what commands ask of them. */
#include "common/cli/cli.h"
#include "common/cli/settings.h"

#include <assert.h>

#define SWITCHED_OFF "no"

static const struct cli_option *find_option(const struct cli_command *c, struct str name,
                                            char letter)
{
    for (size_t s = 0; s < CLI_SETS_MAX; s++) {
        for (size_t i = 0; i < c->sets[s].n; i++) {
            const struct cli_option *o = &c->sets[s].options[i];

            if (letter != '\0' ? o->letter == letter : str_eq_c(name, o->name))
                return o;
        }
    }
    return NULL;
}

static bool in_group(const struct cli_command *c, const char *group)
{
    size_t n = strlen(group);

    return n == 0 || (strncmp(c->name, group, n) == 0 && (c->name[n] == ' ' || c->name[n] == '\0'));
}

static const struct cli_option *find_in_group(const struct cli_table *const *tables,
                                              size_t tables_n, const char *group, struct str name,
                                              char letter)
{
    for (size_t t = 0; t < tables_n; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct cli_command *c = &tables[t]->commands[i];
            const struct cli_option *o = in_group(c, group) ? find_option(c, name, letter) : NULL;

            if (o != NULL)
                return o;
        }
    }
    return NULL;
}

bool cli_takes_next(const struct cli_table *const *tables, size_t tables_n, const char *group,
                    const char *text)
{
    const struct cli_option *o;

    if (text[1] == '-') {
        struct str name = str_from(text + 2);

        o = find_in_group(tables, tables_n, group, name, '\0');
        return o != NULL && o->value != NULL; /* --name=value is found under no name */
    }
    for (const char *letter = text + 1; *letter != '\0'; letter++) {
        o = find_in_group(tables, tables_n, group, STR_EMPTY, *letter);
        if (o == NULL || o->value != NULL)
            return o != NULL && letter[1] == '\0';
    }
    return false;
}

/* --- Parsing --- */

static bool add_given(struct cli_args *a, const struct cli_option *o, const char *value)
{
    if (a->given_n == CLI_GIVEN_MAX) {
        cli_fail("more than %d options", CLI_GIVEN_MAX);
        return false;
    }
    a->given[a->given_n++] = (struct cli_given){.option = o, .value = value};
    return true;
}

static bool unknown_option(const struct cli_args *a, const char *text)
{
    cli_fail("unknown option %s; see tocsinctl %s --help", text, a->command->name);
    return false;
}

/* value: what stands behind = or the letter; NULL: then it is the next argument. */
static bool add_value(struct cli_args *a, const struct cli_option *o, const char *value, int argc,
                      char *const *argv, int *at)
{
    if (value == NULL && *at + 1 >= argc) {
        cli_fail("option --%s needs a value: --%s %s", o->name, o->name, o->value);
        return false;
    }
    return add_given(a, o, value != NULL ? value : argv[++*at]);
}

static bool parse_long(struct cli_args *a, int argc, char *const *argv, int *at)
{
    struct str name = str_from(argv[*at] + 2);
    size_t eq = str_find_char(name, '=');
    const char *value = eq < name.n ? name.p + eq + 1 : NULL;
    const struct cli_option *o;

    name.n = eq;
    o = find_option(a->command, name, '\0');
    if (o == NULL && str_starts(name, STR("no-"))) {
        o = find_option(a->command, str_sub(name, 3, name.n), '\0');
        if (o != NULL && o->value == NULL && value == NULL)
            return add_given(a, o, SWITCHED_OFF);
        o = NULL;
    }
    if (o == NULL)
        return unknown_option(a, argv[*at]);
    if (o->value != NULL)
        return add_value(a, o, value, argc, argv, at);
    if (value == NULL)
        return add_given(a, o, "");
    cli_fail("option --%s takes no value", o->name);
    return false;
}

/* -q, -sq, -o json, -ojson */
static bool parse_letters(struct cli_args *a, int argc, char *const *argv, int *at)
{
    const char *text = argv[*at];

    for (const char *letter = text + 1; *letter != '\0'; letter++) {
        const struct cli_option *o = find_option(a->command, STR_EMPTY, *letter);

        if (o == NULL)
            return unknown_option(a, text);
        if (o->value != NULL)
            return add_value(a, o, letter[1] != '\0' ? letter + 1 : NULL, argc, argv, at);
        if (!add_given(a, o, ""))
            return false;
    }
    return true;
}

/* What only the whole line can tell: options that are missing, settings that are no truth value. */
static bool check_options(const struct cli_args *a)
{
    for (size_t s = 0; s < CLI_SETS_MAX; s++) {
        for (size_t i = 0; i < a->command->sets[s].n; i++) {
            const struct cli_option *o = &a->command->sets[s].options[i];
            const char *value = cli_get(a, o->name);
            bool on;

            if (o->required && value == NULL) {
                cli_fail("required flag --%s not provided", o->name);
                return false;
            }
            if (o->value == NULL && value != NULL && !settings_truth(value, &on)) {
                cli_fail("%s: \"%s\" is neither true nor false", o->name, value);
                return false;
            }
        }
    }
    return true;
}

bool cli_parse(struct cli_args *a, int argc, char *const *argv)
{
    const struct cli_command *c = a->command;
    bool options = true;

    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (argv[i][1] == '-' ? !parse_long(a, argc, argv, &i)
                                  : !parse_letters(a, argc, argv, &i))
                return false;
        } else if (a->args_n == c->args_max) {
            cli_fail("too many arguments: %s; see tocsinctl %s --help", argv[i], c->name);
            return false;
        } else {
            a->args[a->args_n++] = argv[i];
        }
    }
    if (a->args_n < c->args_min) {
        cli_fail("%s needs %s; see tocsinctl %s --help", c->name, c->args, c->name);
        return false;
    }
    return check_options(a);
}

/* --- What the commands ask --- */

static const char *next_given(const struct cli_args *a, const char *name, size_t *at)
{
    for (; *at < a->given_n; ++*at)
        if (strcmp(a->given[*at].option->name, name) == 0)
            return a->given[(*at)++].value;
    return NULL;
}

static const char *default_of(const struct cli_args *a, const char *name)
{
    const struct cli_option *o = find_option(a->command, str_from(name), '\0');
    const char *value = NULL;

    assert(o != NULL);
    if (a->settings != NULL)
        value = settings_find(a->settings, name, a->command->settings);
    return value != NULL ? value : o->fallback;
}

const char *cli_next(const struct cli_args *a, const char *name, size_t *at)
{
    bool first = *at == 0;
    const char *value = next_given(a, name, at);

    if (value == NULL && first) {
        *at = a->given_n + 1; /* once */
        value = default_of(a, name);
    }
    return value;
}

const char *cli_get_given(const struct cli_args *a, const char *name)
{
    const char *value, *last = NULL;
    size_t at = 0;

    assert(find_option(a->command, str_from(name), '\0') != NULL);
    while ((value = next_given(a, name, &at)) != NULL)
        last = value;
    return last;
}

const char *cli_get(const struct cli_args *a, const char *name)
{
    const char *value = cli_get_given(a, name);

    return value != NULL ? value : default_of(a, name);
}

bool cli_on(const struct cli_args *a, const char *name)
{
    const char *value = cli_get(a, name);
    bool on = false;

    return value != NULL && settings_truth(value, &on) && on;
}

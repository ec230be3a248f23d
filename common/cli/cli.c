#include "common/cli/cli.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_WORDS_MAX 3
#define NAME_BYTES_MAX 128
#define HELP_COLUMN 32

/* --- Output --- */

int cli_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "tocsinctl: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return 1;
}

const char *cli_colour(enum cli_colour c)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "\033[0m",  [CLI_RED] = "\033[31m", [CLI_YELLOW] = "\033[33m",
        [CLI_GREEN] = "\033[32m", [CLI_BOLD] = "\033[1m",
    };

    if (!isatty(STDOUT_FILENO) || getenv("NO_COLOR") != NULL)
        return "";
    return codes[c];
}

/* --- Help, made from the tables --- */

static void help_line(const char *left, const char *right)
{
    if (strlen(left) + 2 > HELP_COLUMN)
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", right);
    else
        printf("%-*s%s\n", HELP_COLUMN, left, right);
}

static void help_option(const struct cli_option *o)
{
    char left[NAME_BYTES_MAX], letter[8] = "    ";

    if (o->letter != '\0')
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    help_line(left, o->help);
}

static int help_command(const struct cli_command *c)
{
    printf("usage: tocsinctl %s%s%s [options]\n\n%s\n", c->name, c->args != NULL ? " " : "",
           c->args != NULL ? c->args : "", c->summary);
    if (c->text != NULL)
        printf("\n%s\n", c->text);
    printf("\noptions:\n");
    for (size_t s = 0; s < CLI_SETS_MAX; s++)
        for (size_t i = 0; i < c->sets[s].n; i++)
            help_option(&c->sets[s].options[i]);
    help_line("  -h, --help", "show this help");
    return 0;
}

/* All commands whose name starts with the given words; "" for all. */
static bool help_list(const struct cli_table *const *tables, size_t tables_n, const char *prefix)
{
    size_t n = strlen(prefix);
    bool found = false;

    for (size_t t = 0; t < tables_n; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct cli_command *c = &tables[t]->commands[i];
            char left[NAME_BYTES_MAX];

            if (n > 0 && (strncmp(c->name, prefix, n) != 0 || c->name[n] != ' '))
                continue;
            if (!found)
                printf("commands:\n");
            found = true;
            snprintf(left, sizeof(left), "  %s%s%s", c->name, c->args != NULL ? " " : "",
                     c->args != NULL ? c->args : "");
            help_line(left, c->summary);
        }
    }
    return found;
}

static int help_all(const struct cli_table *const *tables, size_t tables_n)
{
    printf("usage: tocsinctl COMMAND [ARGUMENTS] [options]\n\n"
           "The operator's tool for tocsin-edge and tocsin-global.\n\n");
    help_list(tables, tables_n, "");
    printf("\nEach command explains itself: tocsinctl COMMAND --help\n");
    return 0;
}

/* --- Parsing --- */

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

static int add_given(struct cli_args *a, const struct cli_option *o, const char *value)
{
    if (a->given_n == CLI_GIVEN_MAX)
        return cli_fail("more than %d options", CLI_GIVEN_MAX);
    a->given[a->given_n++] = (struct cli_given){.option = o, .value = value};
    return 0;
}

/* One argument that starts with a dash; *at moves past its value. */
static int parse_option(struct cli_args *a, int argc, char **argv, int *at)
{
    const char *text = argv[*at];
    struct str name = str_from(text + 2);
    const char *value = NULL;
    const struct cli_option *o;

    if (text[1] == '-') {
        size_t eq = str_find_char(name, '=');

        if (eq < name.n)
            value = name.p + eq + 1;
        name.n = eq;
        o = find_option(a->command, name, '\0');
    } else {
        o = find_option(a->command, STR_EMPTY, text[1]);
        if (text[2] != '\0')
            value = text + 2;
    }
    if (o == NULL)
        return cli_fail("unknown option %s; see tocsinctl %s --help", text, a->command->name);
    if (o->value == NULL)
        return value == NULL ? add_given(a, o, "")
                             : cli_fail("option --%s takes no value", o->name);
    if (value == NULL) {
        if (*at + 1 >= argc)
            return cli_fail("option --%s needs a value: --%s %s", o->name, o->name, o->value);
        value = argv[++*at];
    }
    return add_given(a, o, value);
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
    static struct cli_args a;
    bool options = true;

    a.command = c;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                return help_command(c);
            if (parse_option(&a, argc, argv, &i) != 0)
                return 1;
        } else if (a.args_n == CLI_ARGS_MAX || a.args_n == c->args_max) {
            return cli_fail("too many arguments: %s; see tocsinctl %s --help", argv[i], c->name);
        } else {
            a.args[a.args_n++] = argv[i];
        }
    }
    if (a.args_n < c->args_min)
        return cli_fail("%s needs %s; see tocsinctl %s --help", c->name, c->args, c->name);
    return c->run(&a);
}

/* The command with the most words that starts argv; *ret_words tells how many. */
static const struct cli_command *find_command(const struct cli_table *const *tables,
                                              size_t tables_n, int argc, char **argv,
                                              int *ret_words)
{
    const struct cli_command *best = NULL;
    char name[NAME_BYTES_MAX] = "";

    *ret_words = 0;
    for (int words = 1; words <= NAME_WORDS_MAX && words <= argc && argv[words - 1][0] != '-';
         words++) {
        size_t n = strlen(name);

        snprintf(name + n, sizeof(name) - n, "%s%s", n > 0 ? " " : "", argv[words - 1]);
        for (size_t t = 0; t < tables_n; t++) {
            for (size_t i = 0; i < tables[t]->n; i++) {
                if (strcmp(tables[t]->commands[i].name, name) == 0) {
                    best = &tables[t]->commands[i];
                    *ret_words = words;
                }
            }
        }
    }
    return best;
}

int cli_main(const struct cli_table *const *tables, size_t tables_n, int argc, char **argv)
{
    const struct cli_command *c;
    int words;

    argc--;
    argv++;
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
        strcmp(argv[0], "help") == 0)
        return help_all(tables, tables_n);
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "version") == 0) {
        printf("tocsinctl %s\n", TOCSIN_VERSION);
        return 0;
    }
    c = find_command(tables, tables_n, argc, argv, &words);
    if (c != NULL)
        return run_command(c, argc - words, argv + words);
    /* "pki" or "pki --help": the commands of that group */
    if (argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        if (help_list(tables, tables_n, argv[0]))
            return argc == 1;
    return cli_fail("unknown command %s; see tocsinctl --help", argv[0]);
}

/* --- What the commands ask --- */

const char *cli_next(const struct cli_args *a, const char *name, size_t *at)
{
    for (; *at < a->given_n; ++*at)
        if (strcmp(a->given[*at].option->name, name) == 0)
            return a->given[(*at)++].value;
    return NULL;
}

const char *cli_get(const struct cli_args *a, const char *name)
{
    const char *value, *last = NULL;
    size_t at = 0;

    assert(find_option(a->command, str_from(name), '\0') != NULL);
    while ((value = cli_next(a, name, &at)) != NULL)
        last = value;
    return last;
}

bool cli_has(const struct cli_args *a, const char *name)
{
    return cli_get(a, name) != NULL;
}

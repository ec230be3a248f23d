#include "common/cli/cli.h"

#include "common/cli/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_BYTES_MAX 128

/* --- Output --- */

int cli_fail(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout); /* so that on one terminal or pipe the order holds */
    va_start(ap, fmt);
    fprintf(stderr, "tocsinctl: error: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return 1;
}

void cli_warn(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    va_start(ap, fmt);
    fprintf(stderr, "Warning: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
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

/* --- Which command --- */

/* argv without the words of the command's name, which may stand among options. */
struct line {
    const struct cli_table *const *tables;
    size_t tables_n;
    char name[NAME_BYTES_MAX]; /* the words found, perhaps a group's only */
    char **rest;
    int rest_n;
    const char *word; /* the first argument that is no option and not of the name; or NULL */
    bool help, version;
};

static const struct cli_command *find_exact(const struct line *l)
{
    for (size_t t = 0; t < l->tables_n; t++)
        for (size_t i = 0; i < l->tables[t]->n; i++)
            if (strcmp(l->tables[t]->commands[i].name, l->name) == 0)
                return &l->tables[t]->commands[i];
    return NULL;
}

/* The command of the group that stands for it: its name has one word more. */
static const struct cli_command *find_standing(const struct line *l)
{
    size_t n = strlen(l->name);

    for (size_t t = 0; t < l->tables_n; t++) {
        for (size_t i = 0; i < l->tables[t]->n; i++) {
            const struct cli_command *c = &l->tables[t]->commands[i];

            if (c->stands_for_group && n > 0 && strncmp(c->name, l->name, n) == 0 &&
                c->name[n] == ' ' && strchr(c->name + n + 1, ' ') == NULL)
                return c;
        }
    }
    return NULL;
}

/* Takes the word when with it the name still begins a command's. */
static bool take_word(struct line *l, const char *word)
{
    char longer[NAME_BYTES_MAX];
    int n =
        snprintf(longer, sizeof(longer), "%s%s%s", l->name, l->name[0] != '\0' ? " " : "", word);

    if (n < 0 || (size_t)n >= sizeof(longer) || word[0] == '\0')
        return false;
    for (size_t t = 0; t < l->tables_n; t++) {
        for (size_t i = 0; i < l->tables[t]->n; i++) {
            const char *name = l->tables[t]->commands[i].name;

            if (strncmp(name, longer, (size_t)n) == 0 && (name[n] == '\0' || name[n] == ' ')) {
                memcpy(l->name, longer, (size_t)n + 1);
                return true;
            }
        }
    }
    return false;
}

/* --help and --version wherever options stand; help and version in place of a command. */
static bool take_wish(struct line *l, const char *text, bool naming)
{
    bool word = naming && l->name[0] == '\0';

    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 ||
        (word && strcmp(text, "help") == 0))
        return l->help = true;
    if (strcmp(text, "--version") == 0 || (word && strcmp(text, "version") == 0))
        return l->version = true;
    return false;
}

static void read_line(struct line *l, int argc, char **argv)
{
    bool naming = true, options = true; /* words may still be the name's; dashes mean options */

    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];

        if ((options && take_wish(l, text, naming)) ||
            (naming && text[0] != '-' && take_word(l, text)))
            continue;
        if (options && strcmp(text, "--") == 0) {
            naming = options = false;
        } else if (options && text[0] == '-' && text[1] != '\0') {
            if (cli_takes_next(l->tables, l->tables_n, l->name, text) && i + 1 < argc)
                l->rest[l->rest_n++] = argv[i++];
        } else {
            naming = false;
            if (l->word == NULL)
                l->word = text;
        }
        l->rest[l->rest_n++] = argv[i];
    }
}

static int run_command(const struct cli_command *c, const struct line *l)
{
    static struct cli_args a; /* large */
    struct settings *settings = NULL;
    struct err err;
    int status;

    a.command = c;
    if (c->settings != CLI_SETTINGS_NONE && settings_load(c->settings, &settings, &err) < 0)
        return cli_fail("%s", err.text);
    a.settings = settings;
    a.args = xcalloc((size_t)l->rest_n + 1, sizeof(*a.args));
    status = cli_parse(&a, l->rest_n, l->rest) ? c->run(&a) : 1;
    settings_free(settings);
    free(a.args);
    return status;
}

static int no_command(const struct line *l)
{
    if (l->name[0] != '\0' && (l->word == NULL || l->help))
        return cli_help_group(l->tables, l->tables_n, l->name) && l->help ? 0 : 1;
    if (l->word != NULL)
        return cli_fail("unknown command %s%s%s; see tocsinctl --help", l->name,
                        l->name[0] != '\0' ? " " : "", l->word);
    return l->rest_n > 0 && !l->help ? cli_fail("which command? See tocsinctl --help")
                                     : cli_help_all(l->tables, l->tables_n);
}

static int run_line(const struct line *l)
{
    const struct cli_command *c = find_exact(l);

    if (l->version) {
        printf("tocsinctl, version %s\n", TOCSIN_VERSION);
        return 0;
    }
    if (l->help && c != NULL)
        return cli_help_command(c);
    if (c == NULL && !l->help)
        c = find_standing(l);
    return c != NULL ? run_command(c, l) : no_command(l);
}

int cli_main(const struct cli_table *const *tables, size_t tables_n, int argc, char **argv)
{
    struct line l = {
        .tables = tables, .tables_n = tables_n, .rest = xcalloc((size_t)argc + 1, sizeof(*l.rest))};
    int status;

    if (argc > 0)
        read_line(&l, argc - 1, argv + 1);
    status = run_line(&l);
    free(l.rest);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0)
        status = cli_fail("the output cannot be written");
    return status;
}

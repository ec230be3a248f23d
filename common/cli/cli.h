/* tocsinctl's commands as a table. One row gives a command's name, its options and its help; the
 * parser, --help and the list of commands are made from it. A new command is a row in a table of
 * its own file plus one line in main.c. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

struct cli_option {
    const char *name;  /* long name without the dashes */
    char letter;       /* short name, or 0 */
    const char *value; /* what the option takes, in capitals; NULL: a switch */
    const char *help;  /* one line */
    bool repeat;       /* may be given several times; otherwise the last one counts */
    bool required;
    const char *fallback; /* the value when it is given nowhere, shown by --help; of a switch "true"
                             or NULL. NULL: none */
};

/* Options that a group of commands shares. */
struct cli_option_set {
    const struct cli_option *options;
    size_t n;
};

#define CLI_SETS_MAX 3
#define CLI_GIVEN_MAX 256
#define CLI_ARGS_ANY SIZE_MAX /* for args_max */

struct cli_args;

/* Which files give defaults to a command's options; settings.h. */
enum cli_settings { CLI_SETTINGS_NONE, CLI_SETTINGS_OWN, CLI_SETTINGS_AMTOOL };

struct cli_command {
    const char *name; /* one to three words: "pki issue site" */
    const char *args; /* as shown: "SITE/NODE"; NULL: none */
    size_t args_min, args_max;
    const char *summary;   /* one line */
    const char *text;      /* more for --help; NULL: nothing */
    bool stands_for_group; /* the name's last word may be left out: "alert" is "alert query" */
    enum cli_settings settings;
    struct cli_option_set sets[CLI_SETS_MAX];
    int (*run)(const struct cli_args *a); /* exit status: 0 or 1 */
};

struct cli_args {
    const struct cli_command *command;
    const char **args; /* room for all of the command line */
    size_t args_n;
    struct cli_given {
        const struct cli_option *option;
        const char *value;
    } given[CLI_GIVEN_MAX];
    size_t given_n;
    const struct settings *settings; /* NULL: none */
};

struct cli_table {
    const struct cli_command *commands;
    size_t n;
};

/* One line each; main.c lists them in the order in which --help shows them. */
extern const struct cli_table cli_alert, cli_silence, cli_check_config, cli_config, cli_cluster,
    cli_template, cli_incidents, cli_status, cli_pki;

/* The value that holds: the last one of the command line, else that of the settings, else the
 * fallback; NULL when there is none. The name must be one of the command's options (asserted). */
const char *cli_get(const struct cli_args *a, const char *name);
const char *cli_get_given(const struct cli_args *a, const char *name); /* command line only */
bool cli_on(const struct cli_args *a, const char *name); /* a switch: --name, --no-name */
/* All values of an option that may repeat: start with *at = 0; NULL at the end. The settings give
 * one, when the command line has none. */
const char *cli_next(const struct cli_args *a, const char *name, size_t *at);

/* Prints "tocsinctl: error: …" to stderr and returns 1, to be returned from run. */
int cli_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
void cli_warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* "Warning: …", to stderr */

/* Sequences for a terminal, empty strings elsewhere and under NO_COLOR. */
enum cli_colour { CLI_PLAIN, CLI_RED, CLI_YELLOW, CLI_GREEN, CLI_BOLD };
const char *cli_colour(enum cli_colour c);

/* Help, made from the tables (help.c). */
int cli_help_all(const struct cli_table *const *tables, size_t tables_n);
int cli_help_command(const struct cli_command *c);
/* The commands of a group ("silence", "config routes"; "" for all); false when there are none. */
bool cli_help_group(const struct cli_table *const *tables, size_t tables_n, const char *group);

/* Reads what stands behind the command's name (args.c). False when that was a mistake, which has
 * been told. */
bool cli_parse(struct cli_args *a, int argc, char *const *argv);
/* Whether this option of one of the group's commands has its value in the next argument. */
bool cli_takes_next(const struct cli_table *const *tables, size_t tables_n, const char *group,
                    const char *text);

/* The whole program: finds the command in the tables, parses, runs. */
int cli_main(const struct cli_table *const *tables, size_t tables_n, int argc, char **argv);

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
};

/* Options that a group of commands shares. */
struct cli_option_set {
    const struct cli_option *options;
    size_t n;
};

#define CLI_SETS_MAX 2
#define CLI_GIVEN_MAX 256
#define CLI_ARGS_MAX 64

struct cli_args;

struct cli_command {
    const char *name; /* one to three words: "pki issue site" */
    const char *args; /* as shown: "SITE/NODE"; NULL: none */
    size_t args_min, args_max;
    const char *summary; /* one line */
    const char *text;    /* more for --help; NULL: nothing */
    struct cli_option_set sets[CLI_SETS_MAX];
    int (*run)(const struct cli_args *a); /* exit status: 0 or 1 */
};

struct cli_args {
    const struct cli_command *command;
    const char *args[CLI_ARGS_MAX];
    size_t args_n;
    struct cli_given {
        const struct cli_option *option;
        const char *value;
    } given[CLI_GIVEN_MAX];
    size_t given_n;
};

struct cli_table {
    const struct cli_command *commands;
    size_t n;
};

/* One line each; main.c lists them in the order in which --help shows them. */
extern const struct cli_table cli_incidents, cli_status, cli_check_config, cli_pki;

/* The last value given, or NULL. A switch that was given has the value "". The name must be one of
 * the command's options (asserted). */
const char *cli_get(const struct cli_args *a, const char *name);
bool cli_has(const struct cli_args *a, const char *name);
/* All values of an option that may repeat: start with *at = 0; NULL at the end. */
const char *cli_next(const struct cli_args *a, const char *name, size_t *at);

/* Prints "tocsinctl: …" to stderr and returns 1, to be returned from run. */
int cli_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Sequences for a terminal, empty strings elsewhere and under NO_COLOR. */
enum cli_colour { CLI_PLAIN, CLI_RED, CLI_YELLOW, CLI_GREEN, CLI_BOLD };
const char *cli_colour(enum cli_colour c);

/* The whole program: finds the command in the tables, parses, runs. */
int cli_main(const struct cli_table *const *tables, size_t tables_n, int argc, char **argv);

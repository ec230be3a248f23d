/* Defaults of options from files: flat YAML maps from an option's name to its value. The first file
 * that has an option counts. In their order:
 *   $XDG_CONFIG_HOME/tocsin/tocsinctl.yml, else ~/.config/tocsin/tocsinctl.yml: for all commands;
 *   amtool's files, and the places where Debian puts them: for amtool's commands only. */
#pragma once

#include "common/cli/cli.h"

struct settings;

/* Reads the files that count for such commands; one that cannot be read or is no such map is an
 * error, one that is absent is not. */
MUST_CHECK int settings_load(enum cli_settings which, struct settings **ret, struct err *err);
void settings_free(struct settings *s); /* NULL is fine */

/* NULL when no file has it. Lent. */
const char *settings_find(const struct settings *s, const char *option, enum cli_settings which);

/* The value of a switch: "" (given on a command line) and Go's and YAML's words for true, and
 * those for false. False: it is neither. */
bool settings_truth(const char *text, bool *ret_on);

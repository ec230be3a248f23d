/* --help, made from the tables. */
#include "common/cli/cli.h"

#include <stdio.h>

#define LEFT_BYTES_MAX 128
#define HELP_COLUMN 32

static void help_line(const char *left, const char *right)
{
    if (strlen(left) + 2 > HELP_COLUMN)
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", right);
    else
        printf("%-*s%s\n", HELP_COLUMN, left, right);
}

static void help_option(const struct cli_option *o)
{
    char left[LEFT_BYTES_MAX], right[512], letter[8] = "    ";

    if (o->letter != '\0')
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    if (o->fallback != NULL && o->value == NULL)
        snprintf(right, sizeof(right), "%s (default; else --no-%s)", o->help, o->name);
    else if (o->fallback != NULL)
        snprintf(right, sizeof(right), "%s (default %s)", o->help, o->fallback);
    else
        snprintf(right, sizeof(right), "%s%s%s", o->help, o->required ? " (required)" : "",
                 o->repeat ? " (may be repeated)" : "");
    help_line(left, right);
}

int cli_help_command(const struct cli_command *c)
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

bool cli_help_group(const struct cli_table *const *tables, size_t tables_n, const char *group)
{
    size_t n = strlen(group);
    bool found = false;

    for (size_t t = 0; t < tables_n; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct cli_command *c = &tables[t]->commands[i];
            char left[LEFT_BYTES_MAX];

            if (n > 0 && (strncmp(c->name, group, n) != 0 || c->name[n] != ' '))
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

int cli_help_all(const struct cli_table *const *tables, size_t tables_n)
{
    printf("usage: tocsinctl COMMAND [ARGUMENTS] [options]\n\n"
           "The operator's tool for tocsin-edge, tocsin-global and Alertmanager.\n\n");
    cli_help_group(tables, tables_n, "");
    printf("\nEach command explains itself: tocsinctl COMMAND --help\n"
           "\"query\" and \"show\" may be left out: tocsinctl alert is tocsinctl alert query.\n");
    return 0;
}

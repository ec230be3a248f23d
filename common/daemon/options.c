#include "common/daemon/options.h"

#include "common/base/float_text.h"
#include "common/base/time_text.h"
#include "common/base/vec.h"

#include <stdio.h>

static int set_value(const struct option_row *row, const char *text, struct err *err)
{
    struct str s = str_from(text);

    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)row->value = text;
        return 0;
    case OPTION_LIST:
        *VEC_PUSH((struct option_list *)row->value) = text;
        return 0;
    case OPTION_BOOL:
        *(bool *)row->value = str_eq_c(s, "true");
        if (!str_eq_c(s, "true") && !str_eq_c(s, "false"))
            return err_set(err, -EINVAL, "expected true or false but got '%s'", text);
        return 0;
    case OPTION_NUMBER:
        if (!str_to_i64(s, (int64_t *)row->value))
            return err_set(err, -EINVAL, "'%s' is no whole number", text);
        return 0;
    case OPTION_FLOAT:
        if (!float_parse(s, (double *)row->value))
            return err_set(err, -EINVAL, "'%s' is no number", text);
        return 0;
    case OPTION_DURATION:
        return go_duration_parse(s, (int64_t *)row->value, err);
    case OPTION_SIZE:
        return size_parse(s, (uint64_t *)row->value, err);
    }
    return err_set(err, -EINVAL, "unknown kind of option");
}

static const struct option_row *find(const struct option_program *p, struct str name)
{
    for (size_t i = 0; i < p->rows_n; i++) {
        if (str_eq_c(name, p->rows[i].name))
            return &p->rows[i];
    }
    return NULL;
}

static void print_help(const struct option_program *p)
{
    printf("usage: %s [<flags>]\n\n%s\n\nFlags:\n", p->name, p->summary);
    printf("  -h, --help\n        Show this help.\n      --version\n        Show the version.\n");
    for (size_t i = 0; i < p->rows_n; i++) {
        const struct option_row *row = &p->rows[i];

        if (row->kind == OPTION_BOOL)
            printf("      --[no-]%s\n", row->name);
        else
            printf("      --%s=%s\n", row->name, row->fallback != NULL ? row->fallback : "…");
        printf("        %s%s\n", row->help, row->kind == OPTION_LIST ? " (repeatable)" : "");
    }
}

static enum options_result complain(const struct option_program *p, const char *text)
{
    fprintf(stderr, "%s: error: %s, try --help\n", p->name, text);
    return OPTIONS_BAD;
}

static int parse_one(const struct option_program *p, int argc, char **argv, int *i, bool *seen,
                     struct err *err)
{
    struct str arg = str_from(argv[*i]), name = arg;
    const char *value = NULL;
    const struct option_row *row;
    bool negated = false;

    if (!str_starts(arg, STR("--")))
        return err_set(err, -EINVAL, "unexpected %s", argv[*i]);
    name = str_sub(arg, 2, str_find_char(arg, '='));
    if (2 + name.n < arg.n)
        value = arg.p + 2 + name.n + 1;
    row = find(p, name);
    if (row == NULL && str_starts(name, STR("no-"))) {
        row = find(p, str_sub(name, 3, name.n));
        negated = true;
    }
    if (row == NULL || (negated && (row->kind != OPTION_BOOL || value != NULL)))
        return err_set(err, -EINVAL, "unknown long flag '--" STR_FMT "'", STR_ARG(name));
    if (row->kind == OPTION_BOOL && value == NULL)
        value = negated ? "false" : "true";
    if (value == NULL) {
        if (*i + 1 >= argc)
            return err_set(err, -EINVAL, "expected argument for flag '--%s'", row->name);
        value = argv[++*i];
    }
    if (seen[row - p->rows] && row->kind != OPTION_LIST)
        return err_set(err, -EINVAL, "flag '%s' cannot be repeated", row->name);
    if (row->kind == OPTION_LIST && !seen[row - p->rows])
        ((struct option_list *)row->value)->n = 0;
    seen[row - p->rows] = true;
    if (set_value(row, value, err) < 0)
        return err_wrap(err, "--%s", row->name);
    return 0;
}

enum options_result options_parse(const struct option_program *p, int argc, char **argv)
{
    bool *seen = xcalloc(p->rows_n, sizeof(*seen));
    enum options_result result = OPTIONS_RUN;
    struct err err;

    for (size_t i = 0; i < p->rows_n; i++) {
        if (p->rows[i].fallback != NULL && set_value(&p->rows[i], p->rows[i].fallback, &err) < 0)
            abort(); /* a default of our own table does not parse */
    }
    for (int i = 1; i < argc && result == OPTIONS_RUN; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(p);
            result = OPTIONS_DONE;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("%s, version %s\n", p->name, TOCSIN_VERSION);
            result = OPTIONS_DONE;
        } else if (parse_one(p, argc, argv, &i, seen, &err) < 0) {
            result = complain(p, err.text);
        }
    }
    free(seen);
    return result;
}

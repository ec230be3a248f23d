/* Command lines as Alertmanager's: --name=value, --name value, --flag, --no-flag. One table drives
 * parsing, defaults and --help. Mistakes go to stderr as `PROGRAM: error: …, try --help`; to give a
 * flag twice that is no list is one. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

enum option_kind {
    OPTION_TEXT,     /* const char * */
    OPTION_LIST,     /* struct option_list: repeatable; the first use replaces the fallback */
    OPTION_BOOL,     /* bool */
    OPTION_NUMBER,   /* int64_t */
    OPTION_FLOAT,    /* double */
    OPTION_DURATION, /* int64_t milliseconds, Go syntax */
    OPTION_SIZE      /* uint64_t bytes */
};

struct option_list {
    const char **v;
    size_t n, cap;
};

struct option_row {
    const char *name; /* without dashes */
    enum option_kind kind;
    void *value;
    const char *fallback; /* as typed; NULL: zero value */
    const char *help;     /* one line */
};

struct option_program {
    const char *name, *summary;
    const struct option_row *rows;
    size_t rows_n;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE /* help or version was printed: exit 0 */,
    OPTIONS_BAD
};

/* The values lend from argv and from the table. */
enum options_result options_parse(const struct option_program *p, int argc, char **argv);

/* The configuration in force as text must read back as the same, and show no secret. */
#pragma once

#include "common/core/config/config_text.h"

#include <stdio.h>
#include <stdlib.h>

/* Aborts, and says why on stderr. Texts that the mode reads differently once they are canonical are
 * none of this: matchers are compared by the text only. */
static inline void config_again(const struct am_config *c, enum matcher_mode mode)
{
    struct arena *a = arena_new(0);
    struct str first = config_text(c, a), second;
    struct config_report report;
    struct am_config *again = NULL;

    config_report_init(&report, STR("again")); /* paths are joined already */
    if (am_config_parse(first, mode, &again, &report) < 0) {
        fprintf(stderr, "it does not read back: %d: %s\n" STR_FMT "\n", report.mistakes.v[0].line,
                report.mistakes.v[0].text, STR_ARG(first));
        abort();
    }
    second = config_text(again, a);
    if (!str_eq(first, second)) {
        fprintf(stderr, "it reads back as something else:\n" STR_FMT "\n--- not ---\n" STR_FMT "\n",
                STR_ARG(second), STR_ARG(first));
        abort();
    }
    config_report_clear(&report);
    am_config_free(again);
    arena_free(a);
}

/* What was found wrong with one configuration file. A mistake refuses the file, a warning does not;
 * both name their line. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

struct config_report {
    struct str name; /* the file's path as messages show it; lent */
    struct mistakes mistakes;
    struct mistakes warnings;
};

void config_report_init(struct config_report *r, struct str name);
/* Of the file, with a slash at its end, or "": what relative paths in it are relative to. */
struct str config_report_folder(const struct config_report *r);
void config_report_clear(struct config_report *r);
void config_report_sort(struct config_report *r); /* by line; equal lines keep their order */

/* "name:line: text\n" for each; without ":line" where no line applies. A last line counts what was
 * left out. */
void config_report_add_mistakes(struct buf *b, const struct config_report *r);
void config_report_add_warnings(struct buf *b, const struct config_report *r);

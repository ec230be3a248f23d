/* Tables for people: columns as wide as their widest cell, nothing cut off. Control characters in a
 * cell are shown as '?', so that a label's value cannot drive the terminal. */
#pragma once

#include "common/base/buf.h"
#include "common/cli/cli.h"

#include <stdio.h>

struct table {
    const char *const *columns;
    size_t columns_n;
    struct table_cell {
        char *text;
        enum cli_colour colour;
    } * v;
    size_t n, cap;
};

void table_init(struct table *t, const char *const *columns, size_t columns_n); /* lends columns */
void table_clear(struct table *t);
void table_add(struct table *t, struct str cell); /* copies; row after row, left to right */
void table_add_coloured(struct table *t, struct str cell, enum cli_colour colour);
void table_print(const struct table *t, FILE *out);

void table_add_clean(struct buf *b, struct str s); /* control characters become '?' */
size_t table_width(const char *text);              /* in runes: near enough for names and times */

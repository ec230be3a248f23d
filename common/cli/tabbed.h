/* Text in columns, laid out as amtool's: a cell is as wide as the widest of its column, plus two
 * spaces, the last cell of a line too. A column reaches over neighbouring lines that have a cell
 * there; a line's tail belongs to no column. Widths count runes. */
#pragma once

#include "common/base/buf.h"
#include "common/cli/cli.h"

struct tabbed {
    struct tabbed_line {
        size_t first, n; /* of the cells */
        char *tail;
    } * v;
    size_t n, cap;
    struct {
        struct tabbed_cell {
            char *text;
            size_t width;
            enum cli_colour colour;
        } * v;
        size_t n, cap;
    } cells;
    size_t open; /* cells of the line that has not ended */
};

void tabbed_init(struct tabbed *t);
void tabbed_clear(struct tabbed *t);
/* Copies. Control characters are shown as '?': a label's value drives no terminal, breaks no line.
 */
void tabbed_add(struct tabbed *t, struct str cell, enum cli_colour colour);
void tabbed_end(struct tabbed *t, struct str tail); /* ends the line */
void tabbed_write(struct tabbed *t, struct buf *out);
void tabbed_print(struct tabbed *t); /* to stdout */

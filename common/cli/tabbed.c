#include "common/cli/tabbed.h"

#include "common/base/vec.h"
#include "common/cli/table.h"

#include <assert.h>
#include <stdio.h>

#define PADDING 2

void tabbed_init(struct tabbed *t)
{
    *t = (struct tabbed){0};
}

void tabbed_clear(struct tabbed *t)
{
    VEC_EACH (t, struct tabbed_line, line)
        free(line->tail);
    VEC_EACH (&t->cells, struct tabbed_cell, cell)
        free(cell->text);
    VEC_CLEAR(&t->cells);
    VEC_CLEAR(t);
}

static char *clean_copy(struct str s)
{
    struct buf clean;
    char *copy;

    buf_init(&clean, 0);
    table_add_clean(&clean, s);
    copy = xstrndup(clean.p, clean.n);
    buf_clear(&clean);
    return copy;
}

void tabbed_add(struct tabbed *t, struct str cell, enum cli_colour colour)
{
    *VEC_PUSH(&t->cells) = (struct tabbed_cell){.text = clean_copy(cell), .colour = colour};
    t->open++;
}

void tabbed_end(struct tabbed *t, struct str tail)
{
    *VEC_PUSH(t) =
        (struct tabbed_line){.first = t->cells.n - t->open, .n = t->open, .tail = clean_copy(tail)};
    t->open = 0;
}

/* The column's cells of the lines [from, to) get the width of the widest. */
static void widen(struct tabbed *t, size_t column, size_t from, size_t to)
{
    size_t widest = 0;

    for (size_t i = from; i < to; i++) {
        size_t width = table_width(t->cells.v[t->v[i].first + column].text);

        if (width > widest)
            widest = width;
    }
    for (size_t i = from; i < to; i++)
        t->cells.v[t->v[i].first + column].width = widest + PADDING;
}

static void layout(struct tabbed *t)
{
    size_t columns = 0;

    VEC_EACH (t, struct tabbed_line, line)
        columns = line->n > columns ? line->n : columns;
    for (size_t c = 0; c < columns; c++) {
        for (size_t from = 0, to; from < t->n; from = to + 1) {
            for (to = from; to < t->n && t->v[to].n > c; to++)
                ;
            widen(t, c, from, to);
        }
    }
}

void tabbed_write(struct tabbed *t, struct buf *out)
{
    assert(t->open == 0);
    layout(t);
    VEC_EACH (t, struct tabbed_line, line) {
        for (size_t i = 0; i < line->n; i++) {
            const struct tabbed_cell *cell = &t->cells.v[line->first + i];

            if (cell->colour != CLI_PLAIN)
                buf_add_str(out, str_from(cli_colour(cell->colour)));
            buf_add_str(out, str_from(cell->text));
            if (cell->colour != CLI_PLAIN)
                buf_add_str(out, str_from(cli_colour(CLI_PLAIN)));
            for (size_t n = table_width(cell->text); n < cell->width; n++)
                buf_add_char(out, ' ');
        }
        buf_add_str(out, str_from(line->tail));
        buf_add_char(out, '\n');
    }
}

void tabbed_print(struct tabbed *t)
{
    struct buf out;

    buf_init(&out, 0);
    tabbed_write(t, &out);
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_clear(&out);
}

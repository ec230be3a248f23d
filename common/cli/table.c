#include "common/cli/table.h"

#include "common/base/utf8.h"
#include "common/base/vec.h"

#include <assert.h>

void table_init(struct table *t, const char *const *columns, size_t columns_n)
{
    *t = (struct table){.columns = columns, .columns_n = columns_n};
}

void table_clear(struct table *t)
{
    VEC_EACH (t, struct table_cell, cell)
        free(cell->text);
    VEC_CLEAR(t);
}

void table_add_clean(struct buf *b, struct str s)
{
    while (s.n > 0) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0))
            buf_add_char(b, '?');
        else
            utf8_encode(b, rune);
        s = str_sub(s, n, s.n);
    }
}

void table_add_coloured(struct table *t, struct str cell, enum cli_colour colour)
{
    struct table_cell *c = VEC_PUSH(t);
    struct buf clean;

    buf_init(&clean, 0);
    table_add_clean(&clean, cell);
    *c = (struct table_cell){.text = xstrndup(clean.p, clean.n), .colour = colour};
    buf_clear(&clean);
}

void table_add(struct table *t, struct str cell)
{
    table_add_coloured(t, cell, CLI_PLAIN);
}

size_t table_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_cell(FILE *out, const char *text, size_t width, bool last)
{
    fputs(text, out);
    if (last)
        return;
    for (size_t n = table_width(text); n < width + 2; n++)
        fputc(' ', out);
}

void table_print(const struct table *t, FILE *out)
{
    size_t *widths = xcalloc(t->columns_n, sizeof(*widths));

    assert(t->n % t->columns_n == 0);
    for (size_t i = 0; i < t->columns_n; i++)
        widths[i] = table_width(t->columns[i]);
    for (size_t i = 0; i < t->n; i++) {
        size_t width = table_width(t->v[i].text), column = i % t->columns_n;

        if (width > widths[column])
            widths[column] = width;
    }
    fputs(cli_colour(CLI_BOLD), out);
    for (size_t i = 0; i < t->columns_n; i++)
        print_cell(out, t->columns[i], widths[i], i + 1 == t->columns_n);
    fprintf(out, "%s\n", cli_colour(CLI_PLAIN));
    for (size_t i = 0; i < t->n; i++) {
        bool last = (i + 1) % t->columns_n == 0, coloured = t->v[i].colour != CLI_PLAIN;

        if (coloured)
            fputs(cli_colour(t->v[i].colour), out);
        print_cell(out, t->v[i].text, widths[i % t->columns_n], last);
        if (coloured)
            fputs(cli_colour(CLI_PLAIN), out);
        if (last)
            fputc('\n', out);
    }
    free(widths);
}

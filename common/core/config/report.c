#include "common/core/config/report.h"

void config_report_init(struct config_report *r, struct str name)
{
    r->name = name;
    mistakes_init(&r->mistakes);
    mistakes_init(&r->warnings);
}

struct str config_report_folder(const struct config_report *r)
{
    size_t n = r->name.n;

    while (n > 0 && r->name.p[n - 1] != '/')
        n--;
    return str_sub(r->name, 0, n);
}

void config_report_clear(struct config_report *r)
{
    mistakes_clear(&r->mistakes);
    mistakes_clear(&r->warnings);
}

static void sort(struct mistakes *m) /* at most MISTAKES_MAX of them */
{
    for (size_t i = 1; i < m->n; i++) {
        struct mistake moved = m->v[i];
        size_t j = i;

        for (; j > 0 && m->v[j - 1].line > moved.line; j--)
            m->v[j] = m->v[j - 1];
        m->v[j] = moved;
    }
}

void config_report_sort(struct config_report *r)
{
    sort(&r->mistakes);
    sort(&r->warnings);
}

static void add(struct buf *b, struct str name, const struct mistakes *m)
{
    for (size_t i = 0; i < m->n; i++) {
        buf_add_str(b, name);
        if (m->v[i].line > 0)
            buf_add_fmt(b, ":%d", m->v[i].line);
        buf_add_fmt(b, ": %s\n", m->v[i].text);
    }
    if (m->left_out > 0) {
        buf_add_str(b, name);
        buf_add_fmt(b, ": and %zu more\n", m->left_out);
    }
}

void config_report_add_mistakes(struct buf *b, const struct config_report *r)
{
    add(b, r->name, &r->mistakes);
}

void config_report_add_warnings(struct buf *b, const struct config_report *r)
{
    add(b, r->name, &r->warnings);
}

#include "common/core/metrics/metrics.h"

#include <inttypes.h>

void metrics_init(struct metrics *m, struct buf *out)
{
    m->out = out;
}

void metrics_family(struct metrics *m, const char *name, const char *type, const char *help)
{
    buf_add_fmt(m->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_label_value(struct buf *b, struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '\n')
            buf_add_str(b, STR("\\n"));
        else if (v.p[i] == '"' || v.p[i] == '\\')
            buf_add(b, (const char[]){'\\', v.p[i]}, 2);
        else
            buf_add_char(b, v.p[i]);
    }
}

static void add_series(struct buf *b, const char *name, const struct metric_label *labels, size_t n)
{
    buf_add_str(b, str_from(name));
    for (size_t i = 0; i < n; i++) {
        buf_add_fmt(b, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_label_value(b, labels[i].value);
        buf_add_char(b, '"');
    }
    if (n > 0)
        buf_add_char(b, '}');
    buf_add_char(b, ' ');
}

void metrics_u64(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                 uint64_t value)
{
    add_series(m->out, name, labels, n);
    buf_add_u64(m->out, value);
    buf_add_char(m->out, '\n');
}

void metrics_i64(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                 int64_t value)
{
    add_series(m->out, name, labels, n);
    buf_add_i64(m->out, value);
    buf_add_char(m->out, '\n');
}

void metrics_milli(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                   int64_t milli)
{
    uint64_t v = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;

    add_series(m->out, name, labels, n);
    buf_add_fmt(m->out, "%s%" PRIu64 ".%03" PRIu64 "\n", milli < 0 ? "-" : "", v / 1000, v % 1000);
}

void metrics_counter(struct metrics *m, const char *name, const char *help, uint64_t value)
{
    metrics_family(m, name, "counter", help);
    metrics_u64(m, name, NULL, 0, value);
}

void metrics_gauge(struct metrics *m, const char *name, const char *help, int64_t value)
{
    metrics_family(m, name, "gauge", help);
    metrics_i64(m, name, NULL, 0, value);
}

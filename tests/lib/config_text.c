#include "tests/lib/config_text.h"

#include "common/base/buf.h"

const char *config_text_mistakes(struct arena *a, const struct mistakes *m)
{
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < m->n; i++)
        buf_add_fmt(&b, "%d: %s\n", m->v[i].line, m->v[i].text);

    const char *copy = arena_str(a, buf_str(&b)).p;

    buf_clear(&b);
    return copy;
}

#include "common/cli/lists.h"

#include "common/base/json.h"

#include <stdio.h>

struct entry {
    struct json_object *o;
    struct go_time t;
    size_t at; /* for qsort is not stable */
};

static int by_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = go_time_cmp(x->t, y->t);

    return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

struct json_object **list_by_time(struct json_object *array, const char *key)
{
    size_t n = json_object_array_length(array);
    struct entry *entries = xcalloc(n + 1, sizeof(*entries));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    struct json_object **v = xcalloc(n + 1, sizeof(*v));

    for (size_t i = 0; i < n; i++) {
        entries[i].o = json_object_array_get_idx(array, i);
        entries[i].t = am_time_of(entries[i].o, key);
        entries[i].at = i;
    }
    qsort(entries, n, sizeof(*entries), by_time);
    for (size_t i = 0; i < n; i++)
        v[i] = entries[i].o;
    free(entries);
    return v;
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void list_sort_strs(struct str *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_bytes);
}

void list_print_json(struct json_object *v)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    am_put_json(&w, v);
    buf_add_char(&b, '\n');
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_clear(&b);
}

void list_add_date(const struct am *am, struct tabbed *t, struct json_object *o, const char *key)
{
    struct buf b;

    buf_init(&b, 0);
    am_add_date(am, &b, am_time_of(o, key));
    tabbed_add(t, buf_str(&b), CLI_PLAIN);
    buf_clear(&b);
}

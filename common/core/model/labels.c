#include "common/core/model/labels.h"

#include "common/base/hash.h"
#include "common/base/utf8.h"

#include <stdlib.h>

#define SEPARATOR 0xFF /* cannot occur in UTF-8 */

struct str labels_get(struct labels l, struct str name)
{
    LABELS_EACH (&l, it) {
        if (str_eq(it->name, name))
            return it->value;
    }
    return STR_EMPTY;
}

bool labels_eq(struct labels a, struct labels b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (!str_eq(a.v[i].name, b.v[i].name) || !str_eq(a.v[i].value, b.v[i].value))
            return false;
    }
    return true;
}

int labels_cmp(struct labels a, struct labels b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    for (size_t i = 0; i < a.n; i++) {
        int by_name = str_cmp(a.v[i].name, b.v[i].name);

        if (by_name != 0) /* the set that lacks the smaller name is first */
            return -by_name;

        int by_value = str_cmp(a.v[i].value, b.v[i].value);

        if (by_value != 0)
            return by_value;
    }
    return 0;
}

int labels_cmp_alert(struct labels a, struct labels b)
{
    static const struct str keys[] = {STR_INIT("job"), STR_INIT("instance")};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct str va = labels_get(a, keys[i]), vb = labels_get(b, keys[i]);

        if ((va.n == 0) != (vb.n == 0))
            return va.n != 0 ? -1 : 1;

        int by_value = str_cmp(va, vb);

        if (by_value != 0)
            return by_value;
    }
    return labels_cmp(a, b);
}

static void merge(const struct label *from, size_t low, size_t mid, size_t high, struct label *to)
{
    size_t i = low, j = mid;

    for (size_t k = low; k < high; k++) {
        if (i < mid && (j >= high || str_cmp(from[i].name, from[j].name) <= 0))
            to[k] = from[i++];
        else
            to[k] = from[j++];
    }
}

/* Stable, since of equal names the last must stay recognisable as such: qsort is not. */
static void sort_by_name(struct label *v, size_t n)
{
    struct label *other = xmalloc(n * sizeof(*v));
    struct label *from = v, *to = other;

    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width)
            merge(from, low, low + width < n ? low + width : n,
                  low + 2 * width < n ? low + 2 * width : n, to);

        struct label *swap = from;

        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof(*v));
    free(other);
}

static size_t sort(struct label *v, size_t n, bool keep_empty)
{
    size_t kept = 0;
    bool sorted = true;

    for (size_t i = 1; i < n && sorted; i++)
        sorted = str_cmp(v[i - 1].name, v[i].name) <= 0;
    if (!sorted)
        sort_by_name(v, n);
    for (size_t i = 0; i < n; i++) {
        bool last_of_name = i + 1 == n || !str_eq(v[i].name, v[i + 1].name);

        if (last_of_name && (keep_empty || v[i].value.n != 0))
            v[kept++] = v[i];
    }
    return kept;
}

size_t labels_sort(struct label *v, size_t n)
{
    return sort(v, n, false);
}

size_t labels_sort_all(struct label *v, size_t n)
{
    return sort(v, n, true);
}

uint64_t labels_fingerprint(struct labels l)
{
    static const uint8_t separator = SEPARATOR;
    uint64_t h = FNV1A_64_BASIS;

    LABELS_EACH (&l, it) {
        h = fnv1a_64(h, it->name.p, it->name.n);
        h = fnv1a_64(h, &separator, 1);
        h = fnv1a_64(h, it->value.p, it->value.n);
        h = fnv1a_64(h, &separator, 1);
    }
    return h;
}

static size_t flat_bytes(struct labels l)
{
    size_t n = 0;

    LABELS_EACH (&l, it)
        n += it->name.n + it->value.n + 2;
    return n;
}

static char *flat_add(char *to, struct str s, char end)
{
    if (s.n != 0)
        memcpy(to, s.p, s.n);
    to[s.n] = end;
    return to + s.n + 1;
}

uint64_t labels_xxh64(struct labels l)
{
    char small[1024] = ""; /* gcc cannot see that an empty set reads nothing of it */
    size_t n = flat_bytes(l);
    char *flat = n <= sizeof(small) ? small : xmalloc(n);
    char *to = flat;

    LABELS_EACH (&l, it) {
        to = flat_add(to, it->name, (char)SEPARATOR);
        to = flat_add(to, it->value, (char)SEPARATOR);
    }

    uint64_t h = xxh64(flat, n, 0);

    if (flat != small)
        free(flat);
    return h;
}

struct labels labels_copy(struct arena *a, struct labels l)
{
    if (l.n == 0)
        return (struct labels){0};

    struct label *v = ARENA_ARRAY(a, struct label, l.n);
    char *to = arena_alloc_raw(a, flat_bytes(l));

    for (size_t i = 0; i < l.n; i++) {
        v[i] = (struct label){.name = {.p = to, .n = l.v[i].name.n}};
        to = flat_add(to, l.v[i].name, '\0');
        v[i].value = (struct str){.p = to, .n = l.v[i].value.n};
        to = flat_add(to, l.v[i].value, '\0');
    }
    return (struct labels){.v = v, .n = l.n};
}

struct labels labels_with(struct arena *a, struct labels l, struct str name, struct str value)
{
    struct label *v = ARENA_ARRAY(a, struct label, l.n + 1);
    size_t n = 0, i = 0;

    while (i < l.n && str_cmp(l.v[i].name, name) < 0)
        v[n++] = l.v[i++];
    if (i < l.n && str_eq(l.v[i].name, name))
        i++;
    if (value.n != 0)
        v[n++] = (struct label){.name = name, .value = value};
    while (i < l.n)
        v[n++] = l.v[i++];
    return (struct labels){.v = v, .n = n};
}

void labels_add_text(struct buf *b, struct labels l)
{
    buf_add_char(b, '{');
    for (size_t i = 0; i < l.n; i++) {
        if (i > 0)
            buf_add_str(b, STR(", "));
        buf_add_str(b, l.v[i].name);
        buf_add_char(b, '=');
        go_quote(b, l.v[i].value);
    }
    buf_add_char(b, '}');
}

bool label_name_valid_classic(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';

        if (!letter && !(digit && i > 0))
            return false;
    }
    return name.n > 0;
}

bool label_name_valid_utf8(struct str name)
{
    return name.n > 0 && utf8_valid(name);
}

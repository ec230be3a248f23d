#include "common/core/api/http.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool decode(struct str s, struct arena *a, struct str *ret)
{
    char *p = arena_alloc_raw(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
                return false;
            p[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
            i += 2;
        } else {
            p[n] = s.p[i];
            if (p[n] == '+')
                p[n] = ' ';
            n++;
        }
    }
    p[n] = '\0';
    *ret = (struct str){.p = p, .n = n};
    return true;
}

struct http_params http_query_parse(struct str query, struct arena *a)
{
    struct http_param *v = ARENA_ARRAY(a, struct http_param, HTTP_PARAMS_MAX);
    size_t n = 0;
    struct str pair;

    while (n < HTTP_PARAMS_MAX && str_split(&query, '&', &pair)) {
        size_t eq = str_find_char(pair, '=');

        if (pair.n == 0 || str_find_char(pair, ';') < pair.n)
            continue;
        if (decode(str_sub(pair, 0, eq), a, &v[n].name) &&
            decode(str_sub(pair, eq + 1, pair.n), a, &v[n].value))
            n++;
    }
    return (struct http_params){.v = v, .n = n};
}

struct str http_param_get(const struct http_params *q, const char *name)
{
    for (size_t i = q->n; i > 0; i--) {
        if (str_eq_c(q->v[i - 1].name, name))
            return q->v[i - 1].value;
    }
    return (struct str){0};
}

bool http_param_bool(const struct http_params *q, const char *name, bool fallback)
{
    static const char *const truths[] = {"true", "1",        "yes",     "ok", "y",
                                         "on",   "selected", "checked", "t",  "enabled"};
    struct str v = http_param_get(q, name);

    if (v.n == 0)
        return fallback;
    for (size_t i = 0; i < ARRAY_SIZE(truths); i++) {
        if (str_eq_nocase(v, str_from(truths[i])))
            return true;
    }
    return false;
}

struct str http_media_type(struct str content_type)
{
    return str_trim(str_sub(content_type, 0, str_find_char(content_type, ';')));
}

/* "q=0", "q=0.000": not at all. */
static bool is_refused(struct str range)
{
    struct str param;

    while (str_split(&range, ';', &param)) {
        struct str q = str_trim(param);

        if (!str_starts(q, STR("q=")) && !str_starts(q, STR("Q=")))
            continue;
        q = str_sub(q, 2, q.n);
        while (q.n > 0 && (q.p[q.n - 1] == '0' || q.p[q.n - 1] == '.'))
            q.n--;
        return q.n == 0;
    }
    return false;
}

bool http_accepts_json(struct str accept)
{
    struct str one;

    if (str_trim(accept).n == 0)
        return true;
    while (str_split(&accept, ',', &one)) {
        struct str type = http_media_type(one);

        if (!is_refused(one) &&
            (str_eq_nocase(type, STR("*/*")) || str_eq_nocase(type, STR("application/*")) ||
             str_eq_nocase(type, STR("application/json"))))
            return true;
    }
    return false;
}

bool http_body_blank(struct str body)
{
    for (size_t i = 0; i < body.n; i++) {
        char c = body.p[i];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return false;
    }
    return true;
}

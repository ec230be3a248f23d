/* A query string, as the API's lists read it; then, of the same bytes, an Accept header and an
 * Origin. */
#include "tests/fuzz/fuzz.h"

#include "common/core/api/api_list.h"
#include "common/core/api/cors.h"

static void check_params(struct str query)
{
    struct arena *a = arena_new(0);
    struct http_params q = http_query_parse(query, a);

    assert(q.n <= HTTP_PARAMS_MAX);
    for (size_t i = 0; i < q.n; i++) {
        char name[64];

        assert(q.v[i].name.n + q.v[i].value.n <= query.n);
        if (q.v[i].name.n >= sizeof(name) || memchr(q.v[i].name.p, '\0', q.v[i].name.n) != NULL)
            continue;
        memcpy(name, q.v[i].name.p, q.v[i].name.n);
        name[q.v[i].name.n] = '\0';
        assert(http_param_get(&q, name).p != NULL); /* the last one of that name */
        (void)http_param_bool(&q, name, true);
    }
    arena_free(a);
}

static void check_filter(struct str query, enum matcher_mode mode)
{
    struct api_filter f = {0};
    struct str error = STR_EMPTY;
    struct label l[] = {{STR_INIT("a"), STR_INIT("b")}, {STR_INIT("c"), STR_INIT("d")}};

    if (api_filter_parse(&f, query, mode, &error) == 0)
        (void)api_filter_labels(&f.labels, (struct labels){.v = l, .n = ARRAY_SIZE(l)});
    else
        assert(error.n > 0);
    api_filter_clear(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);

    check_params(text);
    check_filter(text, MATCHER_FALLBACK);
    check_filter(text, MATCHER_CLASSIC);
    check_filter(text, MATCHER_UTF8);
    (void)http_accepts_json(text);
    (void)http_media_type(text);
    (void)http_body_blank(text);
    assert(!cors_same_origin(text, STR(""), STR_EMPTY)); /* no page is of no host */
    return 0;
}

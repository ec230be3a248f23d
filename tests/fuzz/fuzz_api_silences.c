/* The body of POST /api/v2/silences, and the id in a path. */
#include "tests/fuzz/fuzz.h"

#include "common/core/api/api_silences.h"

/* What is taken in can be shown, and what is shown is taken in again. */
static void check_again(const struct silence *s, struct now now, struct arena *a)
{
    struct engine_request r = {.method = STR("POST"), .content_type = STR("application/json")};
    struct silence named = *s, again;
    struct api_error error;
    struct json_writer w;
    struct buf b;

    named.id = STR("6f7ee57c-5fd9-4b9a-9bb1-52f8a8f1d0a4");
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    api_silence_write(&w, &named, now);
    r.body = buf_str(&b);
    assert(api_silence_parse(&r, a, &again, &error) == 0);
    assert(again.sets_n == 1 && again.sets[0].n == s->sets[0].n);
    for (size_t i = 0; i < s->sets[0].n; i++)
        assert(matcher_eq(&s->sets[0].v[i], &again.sets[0].v[i]));
    assert(str_eq(s->comment, again.comment) && str_eq(s->created_by, again.created_by));
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct now now = {.mono_ms = 1000, .wall_ms = INT64_C(1767225600000)};
    struct engine_request r = {.method = STR("POST"),
                               .path = STR("/api/v2/silences"),
                               .content_type = STR("application/json"),
                               .body = fuzz_text(data, size)};
    struct arena *a = arena_new(0);
    struct api_error error = {0};
    struct silence s;

    (void)api_silence_id_valid(r.body);
    if (api_silence_parse(&r, a, &s, &error) == 0) {
        assert(s.sets_n == 1 && s.sets[0].n > 0);
        if (api_silence_objection(&s, now) == NULL)
            check_again(&s, now, a);
    } else {
        assert(error.status >= 400 && error.status < 500 && error.message.n > 0);
    }
    arena_free(a);
    return 0;
}

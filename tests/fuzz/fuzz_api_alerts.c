#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/core/api/api_v2.h"

/* What was taken in can be kept, and is found again as it was said. */
static void keep(const struct api_post *post, struct now now, struct arena *a)
{
    struct alerts *t = alerts_new(1000);

    for (size_t i = 0; i < post->n; i++) {
        const struct alert_input *in = &post->v[i];
        enum alert_change change;
        struct alert *alert;

        assert(in->labels.n > 0 && in->starts_wall_ms <= in->ends_wall_ms);
        for (size_t j = 0; j < in->labels.n; j++) {
            assert(in->labels.v[j].value.n > 0 && utf8_valid(in->labels.v[j].value));
            assert(j == 0 || str_cmp(in->labels.v[j - 1].name, in->labels.v[j].name) < 0);
        }
        if (alerts_put(t, in, now, &alert, &change) < 0)
            continue;
        assert(labels_eq(alert_labels(alert, a), in->labels));
        assert(labels_eq(alert_annotations(alert, a), in->annotations));
        assert(str_eq(alert_generator_url(alert), in->generator_url));
        assert(alert->fp == labels_fingerprint(in->labels));
        assert(alerts_find(t, alert->fp) == alert);
    }
    alerts_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct now now = {.mono_ms = 1000, .wall_ms = INT64_C(1767225600000)};
    struct engine_request r = {.method = STR("POST"),
                               .path = STR("/api/v2/alerts"),
                               .content_type = STR("application/json"),
                               .body = {.p = (const char *)data, .n = size}};
    struct api_post_rules rules = {.resolve_timeout_ms = 300000, .classic_names = size % 2 == 1};
    struct arena *a = arena_new(0);
    struct api_error error = {0};
    struct api_post post;

    if (api_post_parse(&r, &rules, now, a, &post, &error) == 0) {
        assert(post.received_firing + post.received_resolved == post.n + post.invalid);
        assert((post.invalid > 0) == (post.errors.n > 0));
        keep(&post, now, a);
    } else {
        assert(error.status >= 400 && error.status < 500 && error.message.n > 0);
    }
    arena_free(a);
    return 0;
}

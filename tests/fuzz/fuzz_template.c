#include "tests/fuzz/fuzz.h"

#include "common/base/time_text.h"
#include "common/core/template/data.h"
#include "common/core/template/template.h"

/* The input is a template, rendered over a small notice within tight bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct label labels[] = {{STR_INIT("alertname"), STR_INIT("A")},
                                          {STR_INIT("job"), STR_INIT("x<y>")}};
    static const struct notice_alert alerts[] = {
        {.labels = {labels, 2}, .starts_wall_ms = 1000, .ends_wall_ms = WALL_ABSENT, .fp = 1}};
    static const struct notice notice = {.receiver = STR_INIT("r"),
                                         .group_labels = {labels, 1},
                                         .common_labels = {labels, 2},
                                         .alerts = alerts,
                                         .alerts_n = 1};
    struct template_env env = {
        .now.wall_ms = 5000,
        .limits = {.output_bytes = KIB(64), .memory_bytes = MIB(4), .steps = 20000, .depth = 50}};
    struct template_set *set = template_set_new();
    struct arena *a = arena_new(0);
    struct template *t = NULL;
    struct str out = STR_EMPTY;
    struct err err = {0};

    if (template_set_add(set, STR("f"), fuzz_text(data, size), &err) == 0)
        assert(err.code == 0);
    if (template_parse(&t, set, fuzz_text(data, size), &err) == 0) {
        if (template_render(t, data_from_notice(a, &notice, (struct labels){0}), &env, a, &out,
                            &err) < 0)
            assert(err.code < 0 && err.text[0] != '\0');
        assert(out.n <= KIB(64));
    }
    template_free(t);
    arena_free(a);
    template_set_free(set);
    return 0;
}

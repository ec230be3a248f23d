/* The loaders of all three files. Text behind a line "%%" is the federation file. */
#include "tests/fuzz/fuzz.h"

#include "edge/core/edge_config.h"
#include "global/core/global_config.h"
#include "tests/lib/config_again.h"

static void check(const struct config_report *r, int rc, bool all)
{
    assert(all ? (rc == 0) == (r->mistakes.n == 0) : rc < 0 || r->mistakes.n == 0);
    for (size_t i = 0; i < r->mistakes.n; i++) {
        assert(r->mistakes.v[i].text[0] != '\0' && r->mistakes.v[i].line >= 0);
        assert(i == 0 || r->mistakes.v[i - 1].line <= r->mistakes.v[i].line);
    }
}

static void check_edge(struct str text)
{
    struct config_report am, federation;
    struct edge_config *c = NULL;
    struct str second = STR_EMPTY;
    size_t at = 0;

    while (at + 4 <= text.n && !str_starts(str_sub(text, at, text.n), STR("\n%%\n")))
        at++;
    bool both = at + 4 <= text.n;

    if (both) {
        second = str_sub(text, at + 4, text.n);
        text = str_sub(text, 0, at);
    }
    config_report_init(&am, STR("am"));
    config_report_init(&federation, STR("federation"));

    int rc = edge_config_parse(text, both ? &second : NULL, MATCHER_FALLBACK, &c, &am, &federation);

    check(&am, rc, !both);
    check(&federation, rc, false);
    assert((rc == 0) == (am.mistakes.n + federation.mistakes.n == 0));
    if (rc == 0)
        config_again(c->am, MATCHER_FALLBACK);
    edge_config_unref(c);
    config_report_clear(&am);
    config_report_clear(&federation);
}

static void check_global(struct str text)
{
    struct config_report report;
    struct global_config *c = NULL;

    config_report_init(&report, STR("global"));

    int rc = global_config_parse(text, MATCHER_FALLBACK, &c, &report);

    check(&report, rc, true);
    if (rc == 0) {
        assert(team_owner(c, (struct labels){0}) != NULL);
        assert(rule_for(c, (struct labels){0}) != NULL);
        for (size_t i = 0; i < c->teams_n; i++)
            assert(c->teams[i].policy != NULL && c->teams[i].policy->steps_n > 0);
    }
    global_config_unref(c);
    config_report_clear(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);

    check_edge(text);
    check_global(text);
    return 0;
}

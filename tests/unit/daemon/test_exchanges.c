/* Web requests under way: the bound for GETs, names of pages, and what /metrics says. */
#include "common/daemon/exchanges.h"

#include "tests/lib/test.h"

static void gets_are_bounded(void **state)
{
    struct exchanges x;
    struct exchange *a, *b;

    (void)state;
    exchanges_init(&x, 2);
    a = exchange_begin(&x, 1, STR("GET"), STR("/metrics"));
    b = exchange_begin(&x, 2, STR("GET"), STR("/"));
    assert_non_null(a);
    assert_non_null(b);
    assert_null(exchange_begin(&x, 3, STR("GET"), STR("/-/ready")));
    assert_non_null(exchange_begin(&x, 4, STR("POST"), STR("/api/v2/alerts")));
    assert_non_null(exchange_begin(&x, 5, STR("HEAD"), STR("/-/ready")));
    assert_non_null(exchange_follow(&x, 6)); /* of another listener */
    exchange_answered(a, 200);
    exchange_end(&x, a);
    a = exchange_begin(&x, 7, STR("GET"), STR("/-/ready"));
    assert_non_null(a);
    exchange_forget(&x, b);                    /* its client has left */
    exchange_forget(&x, exchange_find(&x, 2)); /* again: nothing */
    assert_non_null(exchange_begin(&x, 8, STR("GET"), STR("/")));
    assert_int_equal(x.reads_refused, 1);
    exchanges_clear(&x);
    exchanges_init(&x, 0);
    assert_true(x.reads_max >= 8);
    exchanges_clear(&x);
}

static void nobody_outside_makes_series(void **state)
{
    struct exchanges x;
    struct buf b;

    (void)state;
    exchanges_init(&x, 8);
    for (unsigned i = 0; i < 200; i++) {
        char path[32];
        struct exchange *e;

        (void)snprintf(path, sizeof(path), i % 2 == 0 ? "/%u" : "/api/v2/%u", i);
        e = exchange_begin(&x, i + 1, i % 4 == 0 ? STR("BREW") : STR("POST"), str_from(path));
        exchange_answered(e, 404);
        e->bytes = 1000 * i;
        exchange_end(&x, e);
    }
    assert_true(x.durations.n <= 4 && x.sizes.n <= 2);
    buf_init(&b, 0);
    exchanges_metrics(&x, &b);
    assert_non_null(strstr(b.p,
                           "alertmanager_http_request_duration_seconds_count{handler=\"other\","
                           "method=\"other\",code=\"404\"} 50\n"));
    assert_non_null(strstr(b.p, "alertmanager_http_request_duration_seconds_bucket{handler=\"/api/"
                                "v2/*\",method=\"post\",code=\"404\",le=\"+Inf\"} 100\n"));
    assert_non_null(strstr(b.p, "alertmanager_http_response_size_bytes_bucket{handler=\"other\","
                                "method=\"other\",le=\"100000\"} 26\n"));
    buf_clear(&b);
    exchanges_clear(&x);
}

static void a_slash_too_many_is_understood(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"/-/ready/", "/-/ready"},
        {"/metrics/", "/metrics"},
        {"/api/v2", "/api/v2/"},
        {"/-/ready", NULL},
        {"/", NULL},
        {"", NULL},
        {"/api/v2/", NULL},
        {"/api/v2/alerts/", NULL},
        {"//", NULL},
        {"/nowhere/", NULL},
        {"/-/ready//", NULL},
        {"/-/Ready", "/-/ready"},
        {"/METRICS/", "/metrics"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *meant = exchange_page_meant(str_from(cases[i].path));

        if ((meant == NULL) != (cases[i].want == NULL) ||
            (meant != NULL && strcmp(meant, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].path, meant != NULL ? meant : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_are_bounded),
        cmocka_unit_test(nobody_outside_makes_series),
        cmocka_unit_test(a_slash_too_many_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which pages of other sites may change something. */
#include "common/core/api/cors.h"
#include "tests/lib/test.h"

static void only_own_pages_may_change_something(void **state)
{
    static const struct {
        const char *method, *origin, *host, *external;
        bool refused;
    } cases[] = {
        {"POST", "", "am:9093", "", false}, /* no browser */
        {"POST", "http://am:9093", "am:9093", "", false},
        {"POST", "http://AM:9093", "am:9093", "", false},
        {"POST", "https://am", "am", "", false}, /* a proxy ends TLS */
        {"POST", "https://am", "am:443", "", false},
        {"POST", "http://am", "am:80", "", false},
        {"POST", "https://am.example.org", "10.0.0.1:9093", "https://am.example.org/alerts", false},
        {"POST", "https://am.example.org", "10.0.0.1:9093", "https://am.example.org:443", false},
        {"GET", "http://evil", "am:9093", "", false},
        {"HEAD", "http://evil", "am:9093", "", false},
        {"OPTIONS", "http://evil", "am:9093", "", false},
        {"POST", "http://evil", "am:9093", "", true},
        {"DELETE", "http://evil", "am:9093", "", true},
        {"PUT", "http://evil", "am:9093", "", true},
        {"POST", "null", "am:9093", "", true},
        {"POST", "http://am:9094", "am:9093", "", true},
        {"POST", "http://am:9093.evil", "am:9093", "", true},
        {"POST", "http://evil/am:9093", "am:9093", "", true},
        {"POST", "http://am", "am:443", "", true},
        {"POST", "file://am:9093", "am:9093", "", true},
        {"POST", "http://evil", "", "", true},
        {"POST", "http://", "", "", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str method = str_from(cases[i].method), origin = str_from(cases[i].origin);
        struct str host = str_from(cases[i].host), external = str_from(cases[i].external);

        if (cors_refuses(method, origin, host, external, false) != cases[i].refused)
            fail_msg("%s from %s to %s", cases[i].method, cases[i].origin, cases[i].host);
        assert_false(cors_refuses(method, origin, host, external, true));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_own_pages_may_change_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "edge/core/edge_config.h"

static struct arena *arena;

#define AM "receivers: [{name: a}, {name: sms}]\nroute: {receiver: a}\n"
#define HEAD "version: 1\nsite: fra1\n"
#define UPLINK \
    "uplink:\n" \
    "  trust_domain: example.org\n" \
    "  tls: {cert_file: edge.pem, key_file: edge.key, ca_file: ca.pem, crl_file: ca.crl}\n" \
    "  globals: [{name: g1, url: 'https://g1:9195/'}, {name: g2, url: 'https://g2:9195'}]\n"

static struct config_report am_report, fed_report;

static int parse(const char *am, const char *fed, struct edge_config **ret)
{
    struct str text = str_from(fed);

    config_report_clear(&am_report);
    config_report_clear(&fed_report);
    config_report_init(&am_report, STR("am.yml"));
    config_report_init(&fed_report, STR("fed.yml"));
    return edge_config_parse(str_from(am), fed != NULL ? &text : NULL, MATCHER_FALLBACK, ret,
                             &am_report, &fed_report);
}

static const char *mistakes(const char *fed)
{
    struct edge_config *c = NULL;

    if (parse(AM, fed, &c) == 0)
        edge_config_unref(c);
    return config_text_mistakes(arena, &fed_report.mistakes);
}

static void without_the_file_it_is_a_plain_alertmanager(void **state)
{
    (void)state;
    struct edge_config *c;

    assert_int_equal(parse(AM, NULL, &c), 0);
    assert_null(c->federation);
    assert_str_eq(c->am->root->receiver->name, "a");
    edge_config_unref(c);
}

static void defaults(void **state)
{
    (void)state;
    struct edge_config *c;

    assert_string_equal(mistakes(HEAD UPLINK), "");
    assert_int_equal(parse(AM, HEAD UPLINK, &c), 0);

    const struct federation_config *f = c->federation;

    assert_str_eq(f->site, "fra1");
    assert_str_eq(f->uplink.crl_file, "ca.crl");
    assert_int_equal(f->uplink.globals_n, 2);
    assert_str_eq(f->uplink.globals[0].url, "https://g1:9195");
    assert_int_equal(f->uplink.custody, 1);
    assert_int_equal(f->spool_bytes_max, MIB(1024));
    assert_int_equal(f->lease_ms, 30000);
    assert_int_equal(f->heartbeat_ms, 10000);
    assert_int_equal(f->forward.n, 1);
    assert_str_eq(f->forward.v[0].name, "severity");
    assert_str_eq(f->forward.v[0].value, "critical");

    struct edge_config *again = edge_config_ref(c);

    edge_config_unref(c);
    assert_str_eq(again->federation->site, "fra1");
    edge_config_unref(again);
}

static void everything_set(void **state)
{
    (void)state;
    struct edge_config *c;

    assert_int_equal(parse(AM,
                           HEAD UPLINK
                           "  custody: 2\nforward: {matchers: ['severity=~\"critical|page\"']}\n"
                           "spool: {max_bytes: 64MiB}\nduty: {lease: 20s, heartbeat: 5s}\n"
                           "standby: {steps: [{notify: [{receiver: sms}], delay: 5m}], repeat: 2}\n"
                           "fallback: {a: sms}\npeers: {expected: 2}\ncovers: [ams1]\n",
                           &c),
                     0);
    assert_int_equal(c->federation->uplink.custody, 2);
    assert_int_equal(c->federation->spool_bytes_max, MIB(64));
    assert_int_equal(c->federation->lease_ms, 20000);
    assert_int_equal(c->federation->forward.v[0].op, MATCH_RE);
    assert_string_equal(config_text_mistakes(arena, &fed_report.warnings),
                        "11: standby is not in force yet\n12: fallback is not in force yet\n"
                        "13: peers is not in force yet\n14: covers is not in force yet\n");
    edge_config_unref(c);
}

static void mistakes_have_lines(void **state)
{
    (void)state;
    static const struct {
        const char *fed, *want;
    } cases[] = {
        {"", "1: missing version in the federation file\n1: missing site in the federation file\n"
             "1: missing uplink in the federation file\n"},
        {"version: 2\nsite: Fra\n" UPLINK,
         "1: version must be from 1 to 1\n2: site \"Fra\" must be 1 to 63 of a-z, 0-9 and -\n"},
        {HEAD UPLINK "  custody: 3\n", "4: custody is 3, but there are only 2 globals\n"},
        {HEAD UPLINK "  custody: 0\n", "7: custody must be from 1 to 16\n"},
        {HEAD UPLINK "duty: {lease: 29s}\n", "7: lease must be at least 3 heartbeats\n"},
        {HEAD UPLINK "duty: {heartbeat: 100ms}\n", "7: heartbeat must be from 1s to 1m\n"},
        {HEAD UPLINK "spool: {max_bytes: 1}\n",
         "7: max_bytes must be from 1048576 to 1099511627776\n"},
        {HEAD UPLINK "forward: {matchers: []}\n",
         "7: forward.matchers must not be empty: it would forward all\n"},
        {HEAD UPLINK "forward: {matchers: ['x']}\nspooool: {}\n",
         "7: matchers: bad matcher format: x\n8: field spooool not found in the federation file; "
         "it may have: version, site, uplink, forward, spool, duty, standby, fallback, peers, "
         "covers\n"},
        {HEAD UPLINK "fallback: {a: nobody}\npeers: {}\ncovers: [A]\nstandby: {steps: []}\n",
         "7: undefined receiver \"nobody\"\n8: missing expected in peers\n"
         "9: site \"A\" must be 1 to 63 of a-z, 0-9 and -\n10: steps must not be empty\n"},
        {HEAD "uplink: {trust_domain: 'a b', tls: {cert_file: c},\n"
              "  globals: [{name: G, url: 'http://g'}, {name: b, url: 'https://b/x'},\n"
              "    {name: b, url: 'https://c'}, {name: d, url: 'https://c/'}]}\n",
         "3: missing key_file in tls\n3: missing ca_file in tls\n"
         "3: trust_domain must be 1 to 255 of a-z, 0-9, '.', '_', '-'\n"
         "4: node name \"G\" must be 1 to 63 of a-z, 0-9 and -\n4: url must be https\n"
         "4: url must be https://host:port and nothing else\n5: node \"b\" is not unique\n"
         "5: url \"https://c\" is not unique\n"},
        {HEAD
         "uplink: {trust_domain: a, tls: {cert_file: c, key_file: k, ca_file: a}, globals: []}",
         "3: globals must name at least one node\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(mistakes(cases[i].fed), cases[i].want);
}

static void both_files_are_reported(void **state)
{
    (void)state;
    struct edge_config *c = NULL;

    assert_true(parse("route: {}", "version: 1", &c) < 0);
    assert_true(am_report.mistakes.n > 0);
    assert_true(fed_report.mistakes.n > 0);
    assert_null(c);
}

static void the_hash_tells_texts_apart(void **state)
{
    (void)state;
    static const char *const feds[] = {NULL, HEAD UPLINK, HEAD UPLINK "#\n"};
    uint64_t hashes[4];

    for (size_t i = 0; i < 4; i++) {
        struct edge_config *c;

        assert_int_equal(parse(AM, feds[i % 3], &c), 0);
        hashes[i] = c->hash;
        edge_config_unref(c);
    }
    assert_true(hashes[0] == hashes[3]);
    assert_true(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    config_report_init(&am_report, STR("am.yml"));
    config_report_init(&fed_report, STR("fed.yml"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_report_clear(&am_report);
    config_report_clear(&fed_report);
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_file_it_is_a_plain_alertmanager),
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything_set),
        cmocka_unit_test(mistakes_have_lines),
        cmocka_unit_test(both_files_are_reported),
        cmocka_unit_test(the_hash_tells_texts_apart),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

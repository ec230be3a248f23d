/* Route keys, route IDs and group keys byte for byte (core specification §2.5, §9.4): peers,
 * Slack's and PagerDuty's keys depend on them. Examples first; then random trees and alerts, whose
 * texts are put together here from pieces of which each is known in all its renderings. */
#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/rand.h"
#include "common/core/config/am_config.h"

static struct arena *arena;

static struct am_config *parse(struct str yaml)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(yaml, MATCHER_FALLBACK, &c, &report) < 0)
        fail_msg(STR_FMT "\n%s", STR_ARG(yaml), config_text_mistakes(arena, &report.mistakes));
    config_report_clear(&report);
    return c;
}

static const char *group_key(const struct route *r, struct labels alert)
{
    struct buf b;
    const char *text;

    buf_init(&b, 0);
    route_add_group_key(&b, r, route_group_labels(r, alert, arena));
    text = arena_str(arena, buf_str(&b)).p;
    buf_clear(&b);
    return text;
}

/* ---- examples ---- */

static void examples(void **state)
{
    static const struct {
        const char *route; /* the only child of the root; NULL: none */
        struct label labels[6];
        const char *key, *sha256;
    } cases[] = {
        {"group_by: [alertname, job], match_re: {severity: 'critical|page'}",
         {{STR_INIT("alertname"), STR_INIT("HighLatency")},
          {STR_INIT("job"), STR_INIT("node")},
          {STR_INIT("severity"), STR_INIT("page")}},
         "{}/{severity=~\"^(?:critical|page)$\"}:{alertname=\"HighLatency\", job=\"node\"}",
         "fb3606c2db811d78afe7900c7c9a1e92c07282eda2e192b88b3a428f94583081"},
        {NULL,
         {{STR_INIT("alertname"), STR_INIT("test1")}},
         "{}:{alertname=\"test1\"}",
         "8c60ffc600e7285ed4c931a09065a0a25f3d4328cce889f6c02e8c43a5a42a6d"},
        {"group_by: ['...'], matchers: ['zone=~\"eu|us\"', tier!=x, app=shop]",
         {{STR_INIT("alertname"), STR_INIT("Key1")},
          {STR_INIT("app"), STR_INIT("shop")},
          {STR_INIT("q"), STR_INIT("say \"hi\"\n\ttab\x7f\\")},
          {STR_INIT("tier"), STR_INIT("web")},
          {STR_INIT("uni"), STR_INIT("z\xc3\xbcri\xe2\x98\x83")},
          {STR_INIT("zone"), STR_INIT("eu")}},
         "{}/{app=\"shop\",tier!=\"x\",zone=~\"eu|us\"}:{alertname=\"Key1\", app=\"shop\", q=\"say "
         "\\\"hi\\\"\\n\\ttab\\x7f\\\\\", tier=\"web\", uni=\"z\xc3\xbcri\xe2\x98\x83\", "
         "zone=\"eu\"}",
         NULL},
        {"group_by: [], match_re: {zone: 'e.*'}",
         {{STR_INIT("zone"), STR_INIT("eu")}},
         "{}/{zone=~\"^(?:e.*)$\"}:{}",
         NULL},
        {"matchers: ['\"a b\"=\"\xc3\xa9\\n\"', 'foo\xf0\x9f\x99\x82=bar']",
         {{STR_INIT("a b"), STR_INIT("\xc3\xa9\n")},
          {STR_INIT("foo\xf0\x9f\x99\x82"), STR_INIT("bar")}},
         "{}/{\"a b\"=\"\xc3\xa9\\n\",foo\xf0\x9f\x99\x82=\"bar\"}:{}",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct labels l = {.v = cases[i].labels, .n = 0};
        struct am_config *c;
        struct route_list list;
        const char *key;

        while (l.n < ARRAY_SIZE(cases[i].labels) && l.v[l.n].name.n > 0)
            l.n++;
        c = parse(arena_fmt(
            arena,
            "receivers: [{name: r}]\n"
            "route: {receiver: r, group_by: [%s]%s%s%s}\n",
            cases[i].route == NULL ? "alertname" : "", cases[i].route == NULL ? "" : ", routes: [{",
            cases[i].route == NULL ? "" : cases[i].route, cases[i].route == NULL ? "" : "}]"));
        list = route_match(c->root, l, arena);
        assert_int_equal(list.n, 1);
        key = group_key(list.v[0], l);
        assert_string_equal(key, cases[i].key);
        if (cases[i].sha256 != NULL) {
            char hex[2 * SHA256_BYTES + 1];

            sha256_hex(key, strlen(key), hex);
            assert_string_equal(hex, cases[i].sha256);
        }
        am_config_free(c);
    }
}

/* ---- random ones ---- */

/* in_matcher: only backslash, newline and quote are escaped there. */
static const struct {
    const char *bytes, *in_labels, *in_matcher;
} pieces[] = {
    {"a", "a", "a"},
    {"Z9_", "Z9_", "Z9_"},
    {" ", " ", " "},
    {"'", "'", "'"},
    {"{},=~!:/", "{},=~!:/", "{},=~!:/"},
    {"\"", "\\\"", "\\\""},
    {"\\", "\\\\", "\\\\"},
    {"\n", "\\n", "\\n"},
    {"\t", "\\t", "\t"},
    {"\r", "\\r", "\r"},
    {"\a", "\\a", "\a"},
    {"\b", "\\b", "\b"},
    {"\f", "\\f", "\f"},
    {"\v", "\\v", "\v"},
    {"\x01", "\\x01", "\x01"},
    {"\x1f", "\\x1f", "\x1f"},
    {"\x7f", "\\x7f", "\x7f"},
    {"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},                         /* é */
    {"\xe2\x98\x83", "\xe2\x98\x83", "\xe2\x98\x83"},             /* a snowman */
    {"\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"}, /* a face */
    {"\xc2\xa0", "\\u00a0", "\xc2\xa0"},                          /* a blank that does not break */
    {"\xe2\x80\x8b", "\\u200b", "\xe2\x80\x8b"},                  /* a blank of no width */
    {"\xef\xbf\xbd", "\xef\xbf\xbd", "\xef\xbf\xbd"},             /* the replacement */
    {"\xf4\x8f\xbf\xbf", "\\U0010ffff", "\xf4\x8f\xbf\xbf"},
};

struct text {
    struct str bytes, in_labels, in_matcher;
};

static struct text random_text(struct rand *rand)
{
    struct buf b[3];
    struct text t;

    for (size_t i = 0; i < 3; i++)
        buf_init(&b[i], 0);
    for (size_t n = 1 + rand_below(rand, 4); n > 0; n--) {
        size_t i = rand_below(rand, ARRAY_SIZE(pieces));

        buf_add_str(&b[0], str_from(pieces[i].bytes));
        buf_add_str(&b[1], str_from(pieces[i].in_labels));
        buf_add_str(&b[2], str_from(pieces[i].in_matcher));
    }
    t = (struct text){.bytes = arena_str(arena, buf_str(&b[0])),
                      .in_labels = arena_str(arena, buf_str(&b[1])),
                      .in_matcher = arena_str(arena, buf_str(&b[2]))};
    for (size_t i = 0; i < 3; i++)
        buf_clear(&b[i]);
    return t;
}

#define NAMES 4
#define DEPTH 4
static const struct str names[NAMES] = {STR_INIT("_a"), STR_INIT("Z"), STR_INIT("alertname"),
                                        STR_INIT("b")}; /* not in byte order */
static const size_t in_order[NAMES] = {1, 0, 2, 3};

struct level {
    struct text equal[NAMES]; /* bytes.n == 0: no such matcher */
    bool regex[NAMES];        /* and one by expression: anything */
    size_t siblings_before;   /* that match nothing */
};

static void write_level(struct json_writer *w, const struct level *l)
{
    json_key(w, "match");
    json_open_object(w);
    for (size_t i = 0; i < NAMES; i++) {
        if (l->equal[i].bytes.n > 0)
            json_put_str(w, names[i].p, l->equal[i].bytes);
    }
    json_close_object(w);
    json_key(w, "match_re");
    json_open_object(w);
    for (size_t i = 0; i < NAMES; i++) {
        if (l->regex[i])
            json_put_str(w, names[i].p, STR("(?s).*|\"\\d\\\\"));
    }
    json_close_object(w);
}

static void write_tree(struct buf *b, const struct level *levels, size_t depth)
{
    struct json_writer w;

    buf_add_str(b, STR("receivers: [{name: r}]\nroute: "));
    json_writer_init(&w, b);
    json_open_object(&w);
    json_put_str(&w, "receiver", STR("r"));
    for (size_t d = 0; d < depth; d++) {
        json_key(&w, "routes");
        json_open_array(&w);
        for (size_t i = 0; i < levels[d].siblings_before; i++) {
            json_open_object(&w);
            json_key(&w, "match");
            json_open_object(&w);
            json_put_str(&w, "nobody", STR("has this"));
            json_close_object(&w);
            json_close_object(&w);
        }
        json_open_object(&w);
        json_key(&w, "group_by");
        json_open_array(&w);
        json_add_str(&w, STR("..."));
        json_close_array(&w);
        write_level(&w, &levels[d]);
    }
    for (size_t d = 0; d < depth; d++) {
        json_close_object(&w);
        json_close_array(&w);
    }
    json_close_object(&w);
}

/* JSON is YAML but for this. */
static void escape_del(struct buf *b)
{
    struct buf all;

    buf_init(&all, 0);
    for (size_t i = 0; i < b->n; i++)
        buf_add_str(&all, b->p[i] == 0x7f ? STR("\\u007f") : str_sub(buf_str(b), i, i + 1));
    buf_reset(b);
    buf_add_str(b, buf_str(&all));
    buf_clear(&all);
}

static void expect_level(struct buf *b, const struct level *l)
{
    bool first = true;

    buf_add_str(b, STR("/{"));
    for (size_t k = 0; k < NAMES; k++) {
        size_t i = in_order[k];
        /* sorted by value, too; the expression's begins with ^ */
        bool regex_first = l->regex[i] && l->equal[i].bytes.n > 0 &&
                           str_cmp(STR("^(?:(?s).*|\"\\d\\\\)$"), l->equal[i].bytes) < 0;

        for (int turn = 0; turn < 2; turn++) {
            bool regex = (turn == 0) == regex_first;

            if (regex ? !l->regex[i] : l->equal[i].bytes.n == 0)
                continue;
            buf_add_fmt(b, "%s%s", first ? "" : ",", names[i].p);
            if (regex)
                buf_add_str(b, STR("=~\"^(?:(?s).*|\\\"\\\\d\\\\\\\\)$\""));
            else
                buf_add_fmt(b, "=\"" STR_FMT "\"", STR_ARG(l->equal[i].in_matcher));
            first = false;
        }
    }
    buf_add_char(b, '}');
}

/* One alert that goes down the whole path. The deepest route's key, ID and the alert's group key.
 */
static void check_path(struct rand *rand)
{
    size_t depth = 1 + rand_below(rand, DEPTH);
    struct text value[NAMES];
    struct level levels[DEPTH] = {0};
    struct label v[NAMES];
    struct buf yaml, key, id, labels;
    struct am_config *c;
    struct route_list list;

    for (size_t i = 0; i < NAMES; i++)
        value[i] = random_text(rand);
    buf_init(&yaml, 0);
    buf_init(&key, 0);
    buf_init(&id, 0);
    buf_init(&labels, 0);
    buf_add_str(&key, STR("{}"));
    buf_add_str(&id, STR("{}"));
    for (size_t d = 0; d < depth; d++) {
        size_t from = key.n;

        for (size_t i = 0; i < NAMES; i++) {
            if (rand_below(rand, 2) == 0)
                levels[d].equal[i] = value[i];
            levels[d].regex[i] = rand_below(rand, 3) == 0;
        }
        levels[d].siblings_before = rand_below(rand, 12);
        expect_level(&key, &levels[d]);
        buf_add(&id, key.p + from, key.n - from);
        buf_add_fmt(&id, "/%zu", levels[d].siblings_before);
    }
    write_tree(&yaml, levels, depth);
    escape_del(&yaml);
    c = parse(buf_str(&yaml));
    buf_add_str(&labels, buf_str(&key));
    buf_add_str(&labels, STR(":{"));
    for (size_t k = 0; k < NAMES; k++) {
        size_t i = in_order[k];

        v[k] = (struct label){names[i], value[i].bytes};
        buf_add_fmt(&labels, "%s%s=\"" STR_FMT "\"", k > 0 ? ", " : "", names[i].p,
                    STR_ARG(value[i].in_labels));
    }
    buf_add_char(&labels, '}');
    list = route_match(c->root, (struct labels){.v = v, .n = NAMES}, arena);
    assert_int_equal(list.n, 1);
    assert_str_eq(list.v[0]->key, key.p);
    assert_str_eq(list.v[0]->id, id.p);
    assert_string_equal(group_key(list.v[0], (struct labels){.v = v, .n = NAMES}), labels.p);
    am_config_free(c);
    buf_clear(&yaml);
    buf_clear(&key);
    buf_clear(&id);
    buf_clear(&labels);
}

static void random_paths(void **state)
{
    struct rand rand;

    (void)state;
    rand_seed(&rand, 20261128);
    for (int i = 0; i < 2000; i++) {
        check_path(&rand);
        arena_reset(arena);
    }
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(random_paths),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Templates as a whole: what a text renders to over one notice, or why it fails. */
#include "tests/lib/test.h"

#include "common/base/time_text.h"
#include "common/core/template/data.h"
#include "common/core/template/template.h"

struct render_case {
    const char *text, *want; /* "!" before a piece of the error's text */
};

#define NOW INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static const struct label disk[] = {{STR_INIT("alertname"), STR_INIT("Disk")},
                                    {STR_INIT("app"), STR_INIT("db")},
                                    {STR_INIT("zone"), STR_INIT("b-2")}};
static const struct label net[] = {{STR_INIT("alertname"), STR_INIT("Disk")},
                                   {STR_INIT("app"), STR_INIT("web")}};
static const struct label note[] = {{STR_INIT("text"), STR_INIT("50% <full>")}};
static const struct label routes[] = {{STR_INIT("env"), STR_INIT("{{ .Status }}")},
                                      {STR_INIT("loop"), STR_INIT("{{ routeLabels \"pool\" }}")},
                                      {STR_INIT("pool"), STR_INIT("{{ routeLabels \"loop\" }}")}};

static const struct notice_alert alerts[] = {
    {.labels = {disk, 3},
     .annotations = {note, 1},
     .starts_wall_ms = NOW - 90061000,
     .ends_wall_ms = WALL_ABSENT,
     .generator_url = STR_INIT("http://p/g"),
     .fp = 0x1f},
    {.labels = {net, 2},
     .starts_wall_ms = NOW - 5000,
     .ends_wall_ms = NOW - 500,
     .resolved = true,
     .fp = 0xab},
};

static const struct notice notice = {
    .receiver = STR_INIT("team.a"),
    .group_labels = {disk, 1},
    .common_labels = {disk, 1},
    .alerts = alerts,
    .alerts_n = 2,
    .external_url = STR_INIT("http://t"),
    .reason = STR_INIT("first notification"),
};

static int render(const char *text, struct template_limits limits, bool raw, struct arena *a,
                  struct str *ret, struct err *err)
{
    struct labels route_labels = {routes, ARRAY_SIZE(routes)};
    struct tv data = data_from_notice(a, &notice, route_labels);
    struct template_env env = {.now.wall_ms = NOW,
                               .route_labels = data_kv(a, route_labels),
                               .raw_route_labels = raw,
                               .limits = limits};
    struct template_set *set = template_set_new();
    struct template *t = NULL;
    int rc;

    assert_int_equal(template_set_add(set, STR("a.tmpl"),
                                      STR("outside{{ define \"one\" }}1{{ . }}{{ end }}"
                                          "{{ define \"two\" }}2{{ end }}"),
                                      err),
                     0);
    assert_int_equal(template_set_add(set, STR("b.tmpl"),
                                      STR("{{ define \"two\" }}II{{ end }}"
                                          "{{ define \"one\" }} {{/* no */}} {{ end }}"
                                          "{{ define \"self\" }}{{ template \"self\" }}{{ end }}"),
                                      err),
                     0);
    rc = template_parse(&t, set, str_from(text), err);
    if (rc == 0)
        rc = template_render(t, data, &env, a, ret, err);
    template_free(t);
    template_set_free(set);
    return rc;
}

static void check(const struct render_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(0);
        struct str got = STR_EMPTY;
        struct err err = {0};
        int rc = render(cases[i].text, (struct template_limits){0}, false, a, &got, &err);

        if (cases[i].want[0] == '!') {
            if (rc == 0 || strstr(err.text, cases[i].want + 1) == NULL)
                fail_msg("%s: got %d \"" STR_FMT "\", error \"%s\", want %s", cases[i].text, rc,
                         STR_ARG(got), err.text, cases[i].want);
        } else {
            if (rc < 0)
                print_error("%s: %s\n", cases[i].text, err.text);
            assert_str_eq(got, cases[i].want);
            assert_int_equal(rc, 0);
        }
        arena_free(a);
    }
}

static void text_and_literals(void **state)
{
    static const struct render_case cases[] = {
        {"", ""},
        {"a } {b", "a } {b"},
        {"{{ 12 }}", "12"},
        {"{{ -0x10 }}", "-16"},
        {"{{ 0b11 }} {{ 0o10 }} {{ 010 }} {{ 1_0 }}", "3 8 8 10"},
        {"{{ 1__0 }}", "!illegal number syntax"},
        {"{{ 0x }}", "!illegal number syntax"},
        {"{{ 08 }}", "!integer overflow"},
        {"{{ 2i }}", "!illegal number syntax"},
        {"{{ 1x }}", "!bad number syntax: \"1x\""},
        {"{{ 18446744073709551615 }}", "!overflows int"},
        {"{{ 99999999999999999999 }}", "!integer overflow"},
        {"{{ -9223372036854775808 }}", "-9223372036854775808"},
        {"{{ 0x1p4 }} {{ 25e-1 }} {{ 12345678.0 }}", "16 2.5 1.2345678e+07"},
        {"{{ 0.000012 }} {{ 1e100 }}", "1.2e-05 1e+100"},
        {"{{ 'a' }}{{ '\\'' }}{{ '\\x41' }}", "973965"},
        {"{{ 'ab' }}", "!malformed character constant"},
        {"{{ \"\\u00e4\\t\\\"\" }}", "\xc3\xa4\t\""},
        {"{{ \"\\ud800\" }}", "!invalid syntax"},
        {"{{ \"\\400\" }}", "!invalid syntax"},
        {"{{ `a\\n{{` }}", "a\\n{{"},
        {"x {{- 1 -}} y", "x1y"},
        {"x{{- /* c */ -}} y", "xy"},
        {"{{/* }} */}}z", "z"},
        {"{{/* c */ 1}}", "!comment ends before closing delimiter"},
        {"{{/* c", "!unclosed comment"},
        {"{{ 1", "!unclosed action"},
        {"{{\n1", "!unclosed action started at :1"},
        {"{{ \"a", "!unterminated quoted string"},
        {"{{ `a", "!unterminated raw quoted string"},
        {"{{ 'a", "!unterminated character constant"},
        {"{{ (1 }}", "!unclosed left paren"},
        {"{{ 1 ) }}", "!unexpected right paren"},
        {"{{ $x : 2 }}", "!expected :="},
        {"{{ \xc2\xa7 }}", "!unrecognized character in action: U+00A7"},
        {"{{ .a-b }}", "!bad character U+002D '-'"},
        {"{{ # }}", "!unexpected \"#\" in command"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void statements(void **state)
{
    static const struct render_case cases[] = {
        {"{{ if 1 }}a{{ else }}b{{ end }}", "a"},
        {"{{ if 0 }}a{{ else if \"\" }}b{{ else }}c{{ end }}", "c"},
        {"{{ with 0 }}a{{ else with 7 }}{{ . }}{{ end }}", "7"},
        {"{{ with 0 }}a{{ else if 1 }}b{{ end }}", "!unexpected <if> in input"},
        {"{{ if 1 }}", "!unexpected EOF"},
        {"{{ end }}", "!unexpected {{end}}"},
        {"{{ else }}", "!unexpected {{else}}"},
        {"{{ if 1 }}{{ else }}{{ else }}{{ end }}", "!expected end; found {{else}}"},
        {"{{ if }}{{ end }}", "!missing value for if"},
        {"{{ range 3 }}{{ . }}{{ end }}", "012"},
        {"{{ range $i, $e := list \"a\" \"b\" }}{{ $i }}{{ $e }}{{ end }}", "0a1b"},
        {"{{ range $k, $v := dict \"b\" 1 \"a\" 2 }}{{ $k }}{{ $v }}{{ end }}", "a2b1"},
        {"{{ range list }}x{{ else }}none{{ end }}", "none"},
        {"{{ range nil }}{{ end }}", "!nil is not a command"},
        {"{{ range \"ab\" }}{{ end }}", "!range can't iterate over ab"},
        {"{{ range $i, $e := 3 }}{{ end }}", "!can't use 3 to iterate over more than one variable"},
        {"{{ range $a, $b, $c := list }}{{ end }}", "!too many declarations in range"},
        {"{{ range $a, 1 := list }}{{ end }}", "!range can only initialize variables"},
        {"{{ range 5 }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}", "012"},
        {"{{ range 4 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "023"},
        {"{{ break }}", "!{{break}} outside {{range}}"},
        {"{{ range 1 }}{{ define \"q\" }}{{ end }}{{ end }}", "!unexpected <define> in command"},
        {"{{ $x := 1 }}{{ range 3 }}{{ $x = . }}{{ end }}{{ $x }}", "2"},
        {"{{ $x := 1 }}{{ range 3 }}{{ $x := . }}{{ end }}{{ $x }}", "1"},
        {"{{ $i := 0 }}{{ $e := 0 }}{{ range $i, $e = list 7 8 }}{{ end }}{{ $i }}{{ $e }}", "18"},
        {"{{ $x }}", "!undefined variable \"$x\""},
        {"{{ $x = 1 }}", "!undefined variable: $x"},
        {"{{ $x, $y := 1 }}", "!too many declarations in command"},
        {"{{ template \"two\" }}", "II"},
        {"{{ template \"one\" 5 }}", "15"},
        {"{{ template \"a.tmpl\" }}", "outside"},
        {"{{ template \"none\" }}", "!template \"none\" not defined"},
        {"{{ if 0 }}{{ template \"none\" }}{{ end }}ok", "ok"},
        {"{{ template \"self\" }}", "!exceeded maximum template depth"},
        {"{{ template 1 }}", "!unexpected \"1\" in template clause"},
        {"{{ block \"n\" 4 }}<{{ . }}>{{ end }}{{ template \"n\" 5 }}", "<4><5>"},
        {"{{ define \"n\" }}a{{ end }}{{ define \"n\" }}b{{ end }}", "!multiple definition"},
        {"{{ define \"n\" }}a{{ end }}{{ define \"n\" }} {{ end }}{{ template \"n\" }}", "a"},
        {"{{ define \"n\" }}{{ $ }}{{ end }}{{ template \"n\" 3 }}", "3"},
        {"{{ define \"n\" }}{{ .x }}{{ end }}{{ template \"n\" }}", "<no value>"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void pipelines_and_built_ins(void **state)
{
    static const struct render_case cases[] = {
        {"{{ \"b\" | printf \"%s%s\" \"a\" }}", "ab"},
        {"{{ (printf \"%d\" 3) | len }}", "1"},
        {"{{ 1 | 2 }}", "!non executable command in pipeline stage 2"},
        {"{{ 1 2 }}", "!can't give argument to non-function 1"},
        {"{{ \"a\" | }}", "a"},
        {"{{ }}", "!missing value for command"},
        {"{{ print () }}", "!missing value for parenthesized pipeline"},
        {"{{ nope }}", "!function \"nope\" not defined"},
        {"{{ \"a\".b }}", "!unexpected . after term"},
        {"{{ nil }}", "!nil is not a command"},
        {"{{ and 1 0 2 }}{{ and 1 2 }}{{ or 0 \"\" }}{{ or 0 3 }}", "023"},
        {"{{ and 0 (index list 1) }}{{ or 1 (index list 1) }}", "01"},
        {"{{ 5 | and 1 }}{{ not 0 }}", "5true"},
        {"{{ eq 1 2 1 }}{{ ne 1 2 }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt 1.5 1.0 }}{{ ge \"a\" \"b\" }}",
         "truetruetruetruetruefalse"},
        {"{{ eq 1 1.0 }}", "!incompatible types for comparison: int and float64"},
        {"{{ eq 1 }}", "!missing argument for comparison"},
        {"{{ lt true false }}", "!invalid type for comparison"},
        {"{{ eq nil nil }}{{ eq nil 1 }}", "truefalse"},
        {"{{ eq .Alerts .Alerts }}", "!non-comparable type"},
        {"{{ len \"\xc3\xa4\" }}{{ len (list 1 2) }}", "22"},
        {"{{ len 3 }}", "!len of type int"},
        {"{{ index (list 5 6) 1 }}{{ index \"abc\" 1 }}{{ index (dict \"k\" (list 9)) \"k\" 0 }}",
         "6989"},
        {"{{ index (list 1) 1 }}", "!index out of range: 1"},
        {"{{ index (list 1) -1 }}", "!index out of range: -1"},
        {"{{ index (list 1) \"a\" }}", "!cannot index slice/array with type string"},
        {"{{ index .GroupLabels 1 }}", "!value has type int; should be string"},
        {"{{ index nil 1 }}", "!index of untyped nil"},
        {"{{ slice \"abcdef\" 1 3 }}{{ slice (list 1 2 3) 1 }}", "bc[2 3]"},
        {"{{ slice \"ab\" 2 1 }}", "!invalid slice index: 2 > 1"},
        {"{{ slice \"ab\" 1 2 2 }}", "!cannot 3-index slice a string"},
        {"{{ print 1 2 \"a\" 3 nil }}|{{ println \"a\" 1 }}", "1 2a3 <nil>|a 1\n"},
        {"{{ html \"<'&\\\">\" }}", "&lt;&#39;&amp;&#34;&gt;"},
        {"{{ js \"a'<=\\n\xc3\xa4\" }}", "a\\'\\u003C\\u003D\\u000A\xc3\xa4"},
        {"{{ urlquery \"a b&\xc3\xa4~\" }}", "a+b%26%C3%A4~"},
        {"{{ call nil }}", "!call of nil"},
        {"{{ toUpper 1 }}", "!expected string; found 1"},
        {"{{ toUpper nil }}", "!cannot assign nil to string"},
        {"{{ len \"a\" | toUpper }}", "!wrong type for value; expected string; got int"},
        {"{{ (dict).x | toUpper }}", "!invalid value; expected string"},
        {"{{ join \",\" }}", "!wrong number of args for join: want 2 got 1"},
        {"{{ printf }}", "!wrong number of args for printf: want at least 1 got 0"},
        {"{{ (dict).a.b }}", "!nil pointer evaluating interface {}.b"},
        {"{{ (dict).a }}|{{ $x := (dict).a }}{{ $x.b }}", "<no value>|<no value>"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void printf_verbs(void **state)
{
    static const struct render_case cases[] = {
        {"{{ printf \"%5d|%-5d|%05d|%+d|% d\" 42 42 -42 42 42 }}", "   42|42   |-0042|+42| 42"},
        {"{{ printf \"%x %X %#x %o %b %c %U %q\" 255 255 255 8 5 65 65 65 }}",
         "ff FF 0xff 10 101 A U+0041 'A'"},
        {"{{ printf \"%.3d\" 7 }}", "007"},
        {"{{ printf \"%6.2f|%-8.1f|%e|%g|%G\" 3.14159 2.0 1234.5 1e21 1e-7 }}",
         "  3.14|2.0     |1.234500e+03|1e+21|1E-07"},
        {"{{ printf \"%t %v %s\" true false \"x\" }}", "true false x"},
        {"{{ printf \"%5s|%-5s|%.2s|%q|%x|% X\" \"ab\" \"ab\" \"abc\" \"a\\\"\" \"hi\" \"hi\" }}",
         "   ab|ab   |ab|\"a\\\"\"|6869|68 69"},
        {"{{ printf \"%#q %+q\" \"a\" \"\xc3\xa4\" }}", "`a` \"\\u00e4\""},
        {"{{ printf \"%d\" \"a\" }}", "%!d(string=a)"},
        {"{{ printf \"%s\" 5 }}", "%!s(int=5)"},
        {"{{ printf \"%s\" nil }}", "%!s(<nil>)"},
        {"{{ printf \"%d\" }}", "%!d(MISSING)"},
        {"{{ printf \"a\" 1 \"b\" }}", "a%!(EXTRA int=1, string=b)"},
        {"{{ printf \"100%\" }}", "100%!(NOVERB)"},
        {"{{ printf \"%%|%z\" 1 }}", "%|%!z(int=1)"},
        {"{{ printf \"%[2]d %[1]d\" 1 2 }}", "2 1"},
        {"{{ printf \"%[5]d\" 1 }}", "%!d(BADINDEX)"},
        {"{{ printf \"%*d|%-*d|\" 4 7 4 7 }}", "   7|7   |"},
        {"{{ printf \"%*d\" \"x\" 7 }}", "%!(BADWIDTH)7"},
        {"{{ printf \"%v %d %q\" (list 1 \"a\") (list 1 2) (stringSlice \"a\" \"b\") }}",
         "[1 a] [1 2] [\"a\" \"b\"]"},
        {"{{ printf \"%T %T %T\" 1 \"a\" .GroupLabels }}", "int string template.KV"},
        {"{{ printf \"%+v\" (index .GroupLabels.SortedPairs 0) }}", "{Name:alertname Value:Disk}"},
        {"{{ printf \"%v\" (dict \"b\" nil \"a\" 1.5) }}", "map[a:1.5 b:<nil>]"},
        {"{{ printf \"%s\" .CommonLabels }}", "alertname=Disk"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void alertmanagers_data(void **state)
{
    static const struct render_case cases[] = {
        {"{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}", "team\\.a firing http://t"},
        {"{{ .NotificationReason }}", "first notification"},
        {"{{ len .Alerts }}{{ len .Alerts.Firing }}{{ len .Alerts.Resolved }}", "211"},
        {"{{ .Alerts.Firing.Firing }}", "!can't evaluate field Firing in type []template.Alert"},
        {"{{ (index .Alerts 1).Labels.app }}", "web"},
        {"{{ with index .Alerts 0 }}{{ .Fingerprint }} {{ .GeneratorURL }}{{ end }}",
         "000000000000001f http://p/g"},
        {"{{ range .Alerts }}{{ .Annotations.text }},{{ end }}", "50% <full>,,"},
        {"{{ with index .Alerts 0 }}{{ .Labels }}{{ end }}", "alertname=Disk, app=db, zone=b-2"},
        {"{{ with index .Alerts 0 }}{{ .Labels.SortedPairs.Values.Join \"/\" }}{{ end }}",
         "Disk/db/b-2"},
        {"{{ with index .Alerts 0 }}{{ .Labels.Names | join \",\" }}{{ end }}",
         "alertname,app,zone"},
        {"{{ (index .Alerts 0).Labels.Remove (stringSlice \"app\") }}", "alertname=Disk, zone=b-2"},
        {"{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }}{{ end }}", "alertname=Disk"},
        {"{{ .GroupLabels.nope }}|{{ .GroupLabels.nope.more }}", "!can't evaluate field more"},
        {"{{ .Nope }}", "!can't evaluate field Nope in type *template.Data"},
        {"{{ .Status 1 }}", "!Status has arguments but cannot be invoked as function"},
        {"{{ .GroupLabels.alertname 1 }}", "!alertname is not a method but has arguments"},
        {"{{ .RouteLabels.env }} {{ routeLabels \"env\" }}{{ routeLabels \"x\" }}",
         "{{ .Status }} {{ .Status }}"},
        {"{{ toJson .GroupLabels }}", "{\"alertname\":\"Disk\"}"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void alertmanagers_functions(void **state)
{
    static const struct render_case cases[] = {
        {"{{ toUpper \"stra\xc3\x9f"
         "e \xc3\xa4\" }} {{ toLower \"\xc3\x84Q\" }}",
         "STRA\xc3\x9f"
         "E \xc3\x84 \xc3\xa4q"},
        {"{{ title \"it's a.b x_y 3rd-class NOW\" }}", "It's A.b X_y 3Rd-Class Now"},
        {"[{{ trimSpace \" \\u00a0a b\\n\" }}]", "[a b]"},
        {"{{ match \"b+\" \"abbc\" }}{{ match \"^b\" \"ab\" }}", "truefalse"},
        {"{{ match \"(\" \"\" }}", "!error calling match: error parsing regexp"},
        {"{{ reReplaceAll \"(b)(c)?\" \"<$1|${2}>\" \"abcb\" }}", "a<b|c><b|>"},
        {"{{ reReplaceAll \"(?P<x>.)b\" \"${x}$$\" \"ab\" }}", "a$"},
        {"{{ reReplaceAll \"x*\" \"-\" \"abx\" }}", "-a-b-"},
        {"{{ reReplaceAll \"\" \"-\" \"\xc3\xa4z\" }}", "-\xc3\xa4-z-"},
        {"{{ reReplaceAll \"[\" \"\" \"\" }}", "!error calling reReplaceAll: regexp: Compile"},
        {"{{ safeHtml \"<\" | printf \"%T\" }}", "template.HTML"},
        {"{{ safeHtml \"<\" | toUpper }}", "!expected string; got template.HTML"},
        {"{{ urlUnescape \"a+b%2f\" }}", "a b/"},
        {"{{ urlUnescape \"%g1\" }}", "!invalid URL escape \"%g1\""},
        {"{{ base64encode \"a\" }} {{ base64encode \"abc?>\" }}", "YQ== YWJjPz4="},
        {"{{ base64decode \"YWI=\" }}{{ base64decode \"Y\\nQ==\" }}", "aba"},
        {"{{ base64decode \"YQ\" }}", "!illegal base64 data at input byte"},
        {"{{ base64decode \"Y+==\" }}", "!illegal base64 data at input byte 1"},
        {"{{ toJson (list 1 2.5 nil true \"<\" (dict \"k\" 1e21)) }}",
         "[1,2.5,null,true,\"\\u003c\",{\"k\":1e+21}]"},
        {"{{ append (list 1) 2 }}{{ append nil 3 }}", "[1 2][3]"},
        {"{{ append (stringSlice) 2 }}", "!expected []interface {}; got []string"},
        {"{{ dict 1 2 }}", "!dict keys must be strings"},
        {"{{ dict \"a\" }}", "!dict requires an even number of arguments"},
        {"{{ humanizeDuration 0.0025 }} {{ humanizeDuration 45.678 }} {{ humanizeDuration 3600 }}",
         "2.5ms 45.68s 1h 0m 0s"},
        {"{{ humanizeDuration -90061 }} {{ humanizeDuration \"61\" }}", "-1d 1h 1m 1s 1m 1s"},
        {"{{ humanizeDuration \"abc\" }}", "!parsing \"abc\": invalid syntax"},
        {"{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}", "1d 1h 1m 1s"},
        {"{{ now }}", "2026-01-01 00:00:00 +0000 UTC"},
        {"{{ tz \"Etc/GMT-3\" now }}", "2026-01-01 03:00:00 +0300 +0300"},
        {"{{ tz \"Mars/Base\" now }}", "!unknown time zone Mars/Base"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void times(void **state)
{
    static const struct render_case cases[] = {
        {"{{ (index .Alerts 1).EndsAt }}", "2025-12-31 23:59:59.5 +0000 UTC"},
        {"{{ (index .Alerts 0).EndsAt.IsZero }}", "true"},
        {"{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }}", "4.5s"},
        {"{{ now.Format \"Mon, 02 Jan 2006 15:04:05 MST\" }}", "Thu, 01 Jan 2026 00:00:00 UTC"},
        {"{{ date \"3:04PM _2 002 06 January Monday 1\" now }}",
         "12:00AM  1 001 26 January Thursday 1"},
        {"{{ date \"Z07:00 -0700 .000 05.999\" now }}", "Z +0000 .000 00"},
        {"{{ now.Year }}-{{ now.Month }}-{{ now.Weekday }}-{{ now.YearDay }}",
         "2026-January-Thursday-1"},
        {"{{ printf \"%d\" now.Month }}", "1"},
        {"{{ (now.Add 3600e9).Hour }}{{ (now.AddDate 0 1 -1).Day }}", "131"},
        {"{{ now.Unix }} {{ now.UnixMilli }}", "1767225600 1767225600000"},
        {"{{ (toDate \"2006-01-02 15:04\" \"2024-02-29 13:45\").Format \"02.01. 3:04pm\" }}",
         "29.02. 1:45pm"},
        {"{{ mustToDate \"2006-01-02T15:04:05Z07:00\" \"2024-02-29T01:00:00.25+02:00\" }}",
         "2024-02-29 01:00:00.25 +0200 +0200"},
        {"{{ mustToDate \"2006-01-02\" \"2023-02-29\" }}", "!day out of range"},
        {"{{ mustToDate \"2006\" \"x\" }}", "!cannot parse \"x\" as \"2006\""},
        {"{{ mustToDate \"2006\" \"2006x\" }}", "!extra text: \"x\""},
        {"{{ mustToDate \"Jan _2 2006 3PM\" \"mar  4 2020 12AM\" }}",
         "2020-03-04 00:00:00 +0000 UTC"},
        {"{{ (toDate \"2006\" \"x\").IsZero }}", "true"},
        {"{{ $d := (now.Sub (index .Alerts 0).StartsAt) }}{{ $d }} {{ $d.Minutes }} {{ $d.Hours | "
         "printf \"%.1f\" }} {{ $d.Round 60e9 }} {{ $d.Truncate 3600e9 }}",
         "25h1m1s 1501.0166666666667 25.0 25h1m0s 25h0m0s"},
        {"{{ now.Clock }}", "!error calling Clock"},
        {"{{ now.After (index .Alerts 0).StartsAt }}{{ now.Equal now }}", "truetrue"},
        {"{{ (now.Truncate 7e9).Format \"15:04:05\" }}", "23:59:56"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void errors_say_where(void **state)
{
    static const struct render_case cases[] = {
        {"a\nbc{{ .Nope }}", "!template: :2:5: executing \"\" at <.Nope>: can't evaluate"},
        {"\n{{ if }}", "!template: :2:6: missing value for if"},
        {"{{ define \"d\" }}{{ index list 1 }}{{ end }}{{ template \"d\" }}",
         "!executing \"d\" at <index>: error calling index: index out of range: 1"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void what_was_written_before_a_failure_is_kept(void **state)
{
    struct arena *a = arena_new(0);
    struct str got = STR_EMPTY;
    struct err err = {0};

    (void)state;
    assert_true(
        render("before {{ .Nope }} after", (struct template_limits){0}, false, a, &got, &err) < 0);
    assert_str_eq(got, "before ");
    arena_free(a);
}

static void raw_route_labels_are_rendered_and_cycles_found(void **state)
{
    struct arena *a = arena_new(0);
    struct str got = STR_EMPTY;
    struct err err = {0};

    (void)state;
    assert_int_equal(render("{{ routeLabels \"env\" }}{{ routeLabels \"env\" }}",
                            (struct template_limits){0}, true, a, &got, &err),
                     0);
    assert_str_eq(got, "firingfiring");
    assert_true(
        render("{{ routeLabels \"loop\" }}", (struct template_limits){0}, true, a, &got, &err) < 0);
    assert_non_null(strstr(err.text, "route label cycle detected: loop -> pool -> loop"));
    arena_free(a);
}

static void renderings_are_bounded(void **state)
{
    static const struct {
        const char *text;
        struct template_limits limits;
        const char *want;
    } cases[] = {
        {"{{ range 1000000000 }}{{ end }}", {.steps = 1000}, "exceeded maximum of 1000 steps"},
        {"{{ range 1000 }}aaaaaaaaaa{{ end }}", {.output_bytes = 500}, "maximum output of 500"},
        {"{{ printf \"%999d\" 1 }}", {.output_bytes = 500}, "result is too long"},
        {"{{ $l := list }}{{ range 100000 }}{{ $l = append $l 1 }}{{ end }}",
         {.memory_bytes = 100000},
         "exceeded maximum memory"},
        {"{{ template \"self\" }}", {.depth = 10}, "exceeded maximum template depth (10)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *a = arena_new(0);
        struct str got = STR_EMPTY;
        struct err err = {0};

        assert_true(render(cases[i].text, cases[i].limits, false, a, &got, &err) < 0);
        if (strstr(err.text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_literals),
        cmocka_unit_test(statements),
        cmocka_unit_test(pipelines_and_built_ins),
        cmocka_unit_test(printf_verbs),
        cmocka_unit_test(alertmanagers_data),
        cmocka_unit_test(alertmanagers_functions),
        cmocka_unit_test(times),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(what_was_written_before_a_failure_is_kept),
        cmocka_unit_test(raw_route_labels_are_rendered_and_cycles_found),
        cmocka_unit_test(renderings_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

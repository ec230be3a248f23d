/* Runs the cases of templates.json in the folder that TOCSIN_CONFORMANCE names, and passes without
 * it. All must pass. */
#include "tests/lib/test.h"

#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/core/template/data.h"
#include "common/core/template/template.h"
#include "common/io/zoneinfo.h"

#include <stdio.h>
#include <stdlib.h>

static struct str read_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    long n;
    char *p;

    if (f == NULL)
        return STR_EMPTY;
    (void)fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    assert_true(n >= 0);
    p = arena_alloc(a, (size_t)n + 1);
    n = (long)fread(p, 1, (size_t)n, f);
    (void)fclose(f);
    return (struct str){.p = p, .n = (size_t)n};
}

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static struct str text_of(struct json_object *o, const char *key)
{
    struct json_object *v = member(o, key);

    return v == NULL ? STR_EMPTY : json_str(v);
}

static struct tv time_value(struct arena *a, struct str text)
{
    struct go_time t = go_time_zero();
    struct err err = {0};

    if (go_time_parse(&t, STR("2006-01-02T15:04:05Z07:00"), text, &err) < 0)
        fail_msg("%s", err.text);
    return tv_time(a, t);
}

static struct tv kv_value(struct arena *a, struct json_object *o)
{
    struct label *v = ARENA_ARRAY(a, struct label, o == NULL ? 0 : json_object_object_length(o));
    size_t n = 0;

    if (o != NULL) {
        json_object_object_foreach(o, key, value)
        {
            v[n++] = (struct label){.name = str_from(key), .value = json_str(value)};
        }
    }
    return data_kv(a, (struct labels){.v = v, .n = n});
}

static struct tv alert_value(struct arena *a, struct json_object *o)
{
    struct tv *f = ARENA_ARRAY(a, struct tv, DATA_ALERT_FIELDS);

    f[0] = tv_str(text_of(o, "status"));
    f[1] = kv_value(a, member(o, "labels"));
    f[2] = kv_value(a, member(o, "annotations"));
    f[3] = time_value(a, text_of(o, "startsAt"));
    f[4] = time_value(a, text_of(o, "endsAt"));
    f[5] = tv_str(text_of(o, "generatorURL"));
    f[6] = tv_str(text_of(o, "fingerprint"));
    return (struct tv){.type = TVT_ALERT, .fields = f};
}

static struct tv data_value(struct arena *a, struct json_object *o)
{
    struct json_object *alerts = member(o, "alerts");
    size_t n = alerts == NULL ? 0 : json_object_array_length(alerts);
    struct tv *v = ARENA_ARRAY(a, struct tv, n), *f = ARENA_ARRAY(a, struct tv, DATA_FIELDS);

    for (size_t i = 0; i < n; i++)
        v[i] = alert_value(a, json_object_array_get_idx(alerts, i));
    f[0] = tv_str(text_of(o, "receiver"));
    f[1] = tv_str(text_of(o, "status"));
    f[2] = tv_list(TVT_ALERTS, v, n);
    f[3] = tv_str(text_of(o, "notification_reason"));
    f[4] = kv_value(a, member(o, "groupLabels"));
    f[5] = kv_value(a, member(o, "commonLabels"));
    f[6] = kv_value(a, member(o, "commonAnnotations"));
    f[7] = kv_value(a, member(o, "routeLabels"));
    f[8] = tv_str(text_of(o, "externalURL"));
    return (struct tv){.type = TVT_DATA, .fields = f};
}

static struct tv case_data(struct arena *a, struct json_object *datasets, struct json_object *c)
{
    struct str kind = text_of(c, "kind");
    struct json_object *data = member(c, "data");

    if (member(c, "dataset") != NULL)
        return data_value(a, member(datasets, text_of(c, "dataset").p));
    if (data == NULL || str_eq_c(kind, "nil"))
        return (struct tv){0};
    if (str_eq_c(kind, "string"))
        return tv_str(json_str(data));
    if (str_eq_c(kind, "int"))
        return tv_int(json_object_get_int64(data));
    if (str_eq_c(kind, "float"))
        return tv_float(json_object_get_double(data));
    if (str_eq_c(kind, "bool"))
        return tv_bool(json_object_get_boolean(data));
    if (str_eq_c(kind, "time"))
        return time_value(a, json_str(data));
    if (str_eq_c(kind, "data"))
        return data_value(a, data);
    if (str_eq_c(kind, "strings")) {
        size_t n = json_object_array_length(data);
        struct tv *v = ARENA_ARRAY(a, struct tv, n);

        for (size_t i = 0; i < n; i++)
            v[i] = tv_str(json_str(json_object_array_get_idx(data, i)));
        return tv_list(TVT_STRING_LIST, v, n);
    }
    fail_msg("unknown kind " STR_FMT, STR_ARG(kind));
    return (struct tv){0};
}

static int render(struct arena *a, struct json_object *datasets, struct json_object *c,
                  struct str *ret, struct err *err)
{
    struct json_object *defs = member(c, "defs"), *raw = member(c, "raw_route_labels");
    struct template_set *set = template_set_new();
    struct template_env env = {.now.wall_ms = INT64_C(1772600767000),
                               .raw_route_labels = raw != NULL && json_object_get_boolean(raw)};
    struct zoneinfo *zones = zoneinfo_new(NULL);
    struct tv data = case_data(a, datasets, c);
    struct template *t = NULL;
    int rc = 0;

    env.zones = (struct template_zones){.at = zoneinfo_at, .arg = zones};
    template_set_add_defaults(set);
    if (data.type == TVT_DATA)
        env.route_labels = data.fields[7];
    for (size_t i = 0; rc == 0 && defs != NULL && i < json_object_array_length(defs); i++) {
        struct json_object *def = json_object_array_get_idx(defs, i);

        rc = template_set_add(set, text_of(def, "name"), text_of(def, "text"), err);
    }
    if (rc == 0)
        rc = str_eq_c(text_of(c, "mode"), "html")
                 ? template_parse_html(&t, set, text_of(c, "template"), err)
                 : template_parse(&t, set, text_of(c, "template"), err);
    if (rc == 0)
        rc = template_render(t, data, &env, a, ret, err);
    template_free(t);
    template_set_free(set);
    zoneinfo_free(zones);
    return rc;
}

static bool has_digest(struct str got, struct json_object *c)
{
    char hex[2 * SHA256_BYTES + 1];

    sha256_hex(got.p, got.n, hex);
    if ((int64_t)got.n != json_object_get_int64(member(c, "expect_bytes")))
        printf("%zu bytes\n", got.n);
    return str_eq_c(text_of(c, "expect_sha256"), hex);
}

static bool judge(struct json_object *datasets, struct json_object *c)
{
    struct arena *a = arena_new(0);
    bool want_error = member(c, "error") != NULL, good;
    struct str got = STR_EMPTY, want = text_of(c, "expect");
    struct err err = {0};
    int rc = render(a, datasets, c, &got, &err);

    if (want_error)
        good = rc < 0 && str_contains(str_from(err.text), text_of(c, "error_contains"));
    else if (member(c, "expect_sha256") != NULL)
        good = rc == 0 && has_digest(got, c);
    else
        good = rc == 0 && str_eq(got, want);
    if (!good)
        printf("FAIL " STR_FMT ": " STR_FMT "\n  want " STR_FMT "\n  got  " STR_FMT
               "\n  error %s\n",
               STR_ARG(text_of(c, "id")), STR_ARG(text_of(c, "template")),
               STR_ARG(want_error ? text_of(c, "error_contains") : want), STR_ARG(got), err.text);
    arena_free(a);
    return good;
}

static void every_case_passes(void **state)
{
    const char *folder = getenv("TOCSIN_CONFORMANCE"); /* NOLINT(concurrency-mt-unsafe) */
    struct arena *a = arena_new(0);
    struct json_object *root = NULL, *cases;
    size_t passed = 0, failed = 0, html = 0;
    struct err err = {0};
    struct str text;

    (void)state;
    if (folder == NULL) {
        arena_free(a);
        skip();
    }
    text = read_file(a, arena_fmt(a, "%s/templates.json", folder).p);
    if (json_parse(text, (struct json_opt){0}, &root, &err) < 0)
        fail_msg("%s", err.text);
    cases = member(root, "cases");
    for (size_t i = 0; i < json_object_array_length(cases); i++) {
        struct json_object *c = json_object_array_get_idx(cases, i);
        bool good;

        html += str_eq_c(text_of(c, "mode"), "html");
        good = judge(member(root, "datasets"), c);
        passed += good;
        failed += !good;
    }
    printf("%zu pass, %zu fail; %zu of all are html\n", passed, failed, html);
    json_object_put(root);
    arena_free(a);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case_passes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common/cli/template_data.h"

#include "common/base/json.h"
#include "common/core/model/labels.h"
#include "common/core/template/data.h"

#include <assert.h>

/* Of what type a field is; its names stand in the type's row. */
static const enum tv_type data_types[DATA_FIELDS] = {
    TVT_STRING, TVT_STRING, TVT_ALERTS, TVT_STRING, TVT_KV, TVT_KV, TVT_KV, TVT_KV, TVT_STRING};
static const enum tv_type alert_types[DATA_ALERT_FIELDS] = {
    TVT_STRING, TVT_KV, TVT_KV, TVT_TIME, TVT_TIME, TVT_STRING, TVT_STRING};

static int read_struct(struct arena *a, struct json_object *o, enum tv_type type, struct tv *ret,
                       struct err *err);

static int read_kv(struct arena *a, struct json_object *o, struct tv *ret, struct err *err)
{
    struct tv_entry *v;
    size_t n = 0;

    if (!json_object_is_type(o, json_type_object))
        return err_set(err, -EINVAL, "must be an object of strings");
    v = ARENA_ARRAY(a, struct tv_entry, (size_t)json_object_object_length(o));
    json_object_object_foreach(o, key, value)
    {
        if (!json_object_is_type(value, json_type_string))
            return err_set(err, -EINVAL, "%s must be a string", key);
        v[n++] = (struct tv_entry){.key = arena_str(a, str_from(key)),
                                   .value = tv_str(arena_str(a, json_str(value)))};
    }
    *ret = (struct tv){.type = TVT_KV, .map = {.v = v, .n = tv_map_sort(v, n)}};
    return 0;
}

static int read_alerts(struct arena *a, struct json_object *o, struct tv *ret, struct err *err)
{
    struct tv *v;
    size_t n;

    if (!json_object_is_type(o, json_type_array))
        return err_set(err, -EINVAL, "must be an array");
    n = json_object_array_length(o);
    v = ARENA_ARRAY(a, struct tv, n);
    for (size_t i = 0; i < n; i++)
        if (read_struct(a, json_object_array_get_idx(o, i), TVT_ALERT, &v[i], err) < 0)
            return err_wrap(err, "element %zu", i);
    *ret = tv_list(TVT_ALERTS, v, n);
    return 0;
}

static int read_time(struct arena *a, struct json_object *o, struct tv *ret, struct err *err)
{
    struct go_time t;

    if (!json_object_is_type(o, json_type_string))
        return err_set(err, -EINVAL, "must be a time");
    if (go_time_parse(&t, STR("2006-01-02T15:04:05Z07:00"), arena_str(a, json_str(o)), err) < 0)
        return -EINVAL;
    *ret = tv_time(a, t);
    return 0;
}

static int read_value(struct arena *a, struct json_object *o, enum tv_type type, struct tv *ret,
                      struct err *err)
{
    switch (type) {
    case TVT_KV:
        return read_kv(a, o, ret, err);
    case TVT_ALERTS:
        return read_alerts(a, o, ret, err);
    case TVT_TIME:
        return read_time(a, o, ret, err);
    default:
        assert(type == TVT_STRING);
        if (!json_object_is_type(o, json_type_string))
            return err_set(err, -EINVAL, "must be a string");
        *ret = tv_str(arena_str(a, json_str(o)));
        return 0;
    }
}

static struct tv empty(struct arena *a, enum tv_type type)
{
    switch (type) {
    case TVT_STRING:
        return tv_str(STR_EMPTY);
    case TVT_TIME:
        return tv_time(a, go_time_zero());
    default:
        return (struct tv){.type = type};
    }
}

static int read_struct(struct arena *a, struct json_object *o, enum tv_type type, struct tv *ret,
                       struct err *err)
{
    const enum tv_type *types = type == TVT_DATA ? data_types : alert_types;
    size_t n = type == TVT_DATA ? DATA_FIELDS : DATA_ALERT_FIELDS;
    const struct tv_type_row *row = tv_row(type);
    struct tv *f = ARENA_ARRAY(a, struct tv, n);

    if (!json_object_is_type(o, json_type_object))
        return err_set(err, -EINVAL, "must be an object");
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = json_find_nocase(o, row->json[i]);

        f[i] = empty(a, types[i]);
        if (v != NULL && read_value(a, v, types[i], &f[i], err) < 0)
            return err_wrap(err, "%s", row->json[i]);
    }
    *ret = (struct tv){.type = type, .fields = f};
    return 0;
}

int template_data_read(struct arena *a, struct str json, struct tv *ret, struct err *err)
{
    struct json_object *o = NULL;
    int rc = json_parse(json, (struct json_opt){.repair_utf8 = true}, &o, err);

    if (rc == 0)
        rc = read_struct(a, o, TVT_DATA, ret, err);
    json_object_put(o);
    return rc;
}

/* --- The sample --- */

#define COMMON_LABELS \
    {STR_INIT("commonlabelkey1"), STR_INIT("commonlabelvalue1")}, \
    { \
        STR_INIT("commonlabelkey2"), STR_INIT("commonlabelvalue2") \
    }
#define COMMON_ANNOTATIONS \
    {STR_INIT("commonannotationkey1"), STR_INIT("commonannotationvalue1")}, \
    { \
        STR_INIT("commonannotationkey2"), STR_INIT("commonannotationvalue2") \
    }
#define LABELS(v) ((struct labels){(v), ARRAY_SIZE(v)})

static const struct label group_labels[] = {
    {STR_INIT("grouplabelkey1"), STR_INIT("grouplabelvalue1")},
    {STR_INIT("grouplabelkey2"), STR_INIT("grouplabelvalue2")},
};
static const struct label common_labels[] = {COMMON_LABELS};
static const struct label common_annotations[] = {COMMON_ANNOTATIONS};

/* One after the other; sorted by data_kv. */
static const struct label labels[2][5] = {
    {{STR_INIT("label1"), STR_INIT("value1")},
     {STR_INIT("label2"), STR_INIT("value2")},
     {STR_INIT("instance"), STR_INIT("foo.bar:1234")},
     COMMON_LABELS},
    {{STR_INIT("foo"), STR_INIT("bar")}, {STR_INIT("baz"), STR_INIT("qux")}, COMMON_LABELS},
};
static const struct label annotations[2][4] = {
    {{STR_INIT("annotation1"), STR_INIT("value1")},
     {STR_INIT("annotation2"), STR_INIT("value2")},
     COMMON_ANNOTATIONS},
    {{STR_INIT("aaa"), STR_INIT("bbb")}, {STR_INIT("ccc"), STR_INIT("ddd")}, COMMON_ANNOTATIONS},
};

static struct tv sample_alert(struct arena *a, size_t i, int64_t wall_ms)
{
    static const struct {
        struct str status, fingerprint;
        size_t labels_n;
        int64_t since_ms;
    } rows[2] = {
        {STR_INIT("firing"), STR_INIT("fingerprint1"), 5, 5 * MS_PER_MIN},
        {STR_INIT("resolved"), STR_INIT("fingerprint2"), 4, 10 * MS_PER_MIN},
    };
    struct tv *f = ARENA_ARRAY(a, struct tv, DATA_ALERT_FIELDS);

    f[0] = tv_str(rows[i].status);
    f[1] = data_kv(a, (struct labels){labels[i], rows[i].labels_n});
    f[2] = data_kv(a, LABELS(annotations[i]));
    f[3] = tv_time(a, go_time_from_ms(wall_ms - rows[i].since_ms));
    f[4] = tv_time(a, go_time_from_ms(wall_ms));
    f[5] = tv_str(STR("https://generatorurl.com"));
    f[6] = tv_str(rows[i].fingerprint);
    return (struct tv){.type = TVT_ALERT, .fields = f};
}

struct tv template_data_sample(struct arena *a, int64_t wall_ms)
{
    struct tv *f = ARENA_ARRAY(a, struct tv, DATA_FIELDS);
    struct tv *alerts = ARENA_ARRAY(a, struct tv, 2);

    for (size_t i = 0; i < 2; i++)
        alerts[i] = sample_alert(a, i, wall_ms);
    for (size_t i = 0; i < DATA_FIELDS; i++)
        f[i] = empty(a, data_types[i]);
    f[0] = tv_str(STR("receiver"));
    f[1] = tv_str(STR("alertstatus"));
    f[2] = tv_list(TVT_ALERTS, alerts, 2);
    f[4] = data_kv(a, LABELS(group_labels));
    f[5] = data_kv(a, LABELS(common_labels));
    f[6] = data_kv(a, LABELS(common_annotations));
    f[8] = tv_str(STR("https://example.com"));
    return (struct tv){.type = TVT_DATA, .fields = f};
}

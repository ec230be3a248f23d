#include "common/core/template/value.h"

#include "common/core/template/exec.h"
#include "common/core/template/funcs.h"

#include <assert.h>

static const char *const pair_fields[] = {"Name", "Value", NULL};
static const char *const alert_fields[] = {"Status", "Labels",       "Annotations", "StartsAt",
                                           "EndsAt", "GeneratorURL", "Fingerprint", NULL};
static const char *const alert_json[] = {"status", "labels",       "annotations", "startsAt",
                                         "endsAt", "generatorURL", "fingerprint", NULL};
static const char *const data_fields[] = {"Receiver",
                                          "Status",
                                          "Alerts",
                                          "NotificationReason",
                                          "GroupLabels",
                                          "CommonLabels",
                                          "CommonAnnotations",
                                          "RouteLabels",
                                          "ExternalURL",
                                          NULL};
static const char *const data_json[] = {"receiver",
                                        "status",
                                        "alerts",
                                        "notification_reason",
                                        "groupLabels",
                                        "commonLabels",
                                        "commonAnnotations",
                                        "routeLabels",
                                        "externalURL",
                                        NULL};

const struct tv_type_row *tv_row(enum tv_type type)
{
    static const struct tv_type_row rows[TVT_COUNT] = {
        [TVT_NONE] = {.kind = TV_NONE, .name = "<nil>"},
        [TVT_NIL] = {.kind = TV_NIL, .name = "interface {}"},
        [TVT_BOOL] = {.kind = TV_BOOL, .name = "bool"},
        [TVT_INT] = {.kind = TV_INT, .name = "int"},
        [TVT_INT64] = {.kind = TV_INT, .name = "int64"},
        [TVT_UINT8] = {.kind = TV_INT, .name = "uint8"},
        [TVT_DURATION] = {.kind = TV_INT, .name = "time.Duration", .methods = methods_duration},
        [TVT_MONTH] = {.kind = TV_INT, .name = "time.Month", .methods = methods_named_int},
        [TVT_WEEKDAY] = {.kind = TV_INT, .name = "time.Weekday", .methods = methods_named_int},
        [TVT_FLOAT] = {.kind = TV_FLOAT, .name = "float64"},
        [TVT_STRING] = {.kind = TV_STRING, .name = "string"},
        [TVT_HTML] = {.kind = TV_STRING, .name = "template.HTML"},
        [TVT_URL] = {.kind = TV_STRING, .name = "template.URL"},
        [TVT_STRING_LIST] = {.kind = TV_LIST, .name = "[]string"},
        [TVT_STRINGS] = {.kind = TV_LIST, .name = "template.Strings", .methods = methods_strings},
        [TVT_LIST] = {.kind = TV_LIST, .name = "[]interface {}"},
        [TVT_DICT] = {.kind = TV_MAP, .name = "map[string]interface {}"},
        [TVT_KV] = {.kind = TV_MAP, .name = "template.KV", .methods = methods_kv},
        [TVT_PAIR] = {.kind = TV_STRUCT, .name = "template.Pair", pair_fields, pair_fields},
        [TVT_PAIRS] = {.kind = TV_LIST, .name = "template.Pairs", .methods = methods_pairs},
        [TVT_ALERT] = {.kind = TV_STRUCT, .name = "template.Alert", alert_fields, alert_json},
        [TVT_ALERTS] = {.kind = TV_LIST, .name = "template.Alerts", .methods = methods_alerts},
        [TVT_ALERT_LIST] = {.kind = TV_LIST, .name = "[]template.Alert"},
        [TVT_DATA] = {.kind = TV_STRUCT, .name = "*template.Data", data_fields, data_json},
        [TVT_TIME] = {.kind = TV_TIME, .name = "time.Time", .methods = methods_time},
    };

    assert(type < TVT_COUNT);
    return &rows[type];
}

struct tv tv_time(struct arena *a, struct go_time t)
{
    struct go_time *copy = ARENA_NEW(a, struct go_time);

    *copy = t;
    return (struct tv){.type = TVT_TIME, .time = copy};
}

struct tv tv_list(enum tv_type type, const struct tv *v, size_t n)
{
    return (struct tv){.type = type, .list = {.v = v, .n = n}};
}

size_t tv_len(struct tv v)
{
    switch (tv_kind(v)) {
    case TV_STRING:
        return v.s.n;
    case TV_LIST:
        return v.list.n;
    case TV_MAP:
        return v.map.n;
    default:
        return 0;
    }
}

bool tv_truth(struct tv v)
{
    switch (tv_kind(v)) {
    case TV_NONE:
    case TV_NIL:
        return false;
    case TV_BOOL:
        return v.b;
    case TV_INT:
        return v.i != 0;
    case TV_FLOAT:
        return v.f != 0.0;
    case TV_STRING:
    case TV_LIST:
    case TV_MAP:
        return tv_len(v) > 0;
    case TV_STRUCT:
    case TV_TIME:
        break;
    }
    return true;
}

const struct tv *tv_map_find(struct tv map, struct str key)
{
    size_t low = 0, high = map.map.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(key, map.map.v[mid].key);

        if (order == 0)
            return &map.map.v[mid].value;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

/* Stable, so that the last of equal keys can win; maps of templates are small. */
size_t tv_map_sort(struct tv_entry *v, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct tv_entry e = v[i];
        size_t low = 0, high = kept;

        while (low < high) {
            size_t mid = low + (high - low) / 2;

            if (str_cmp(v[mid].key, e.key) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < kept && str_eq(v[low].key, e.key)) {
            v[low] = e;
            continue;
        }
        memmove(v + low + 1, v + low, (kept - low) * sizeof(*v));
        v[low] = e;
        kept++;
    }
    return kept;
}

int tv_fail(const struct tv_call *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(c->x->failure, sizeof(c->x->failure), fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* Alertmanager's data model and its methods. */
#include "common/core/template/data.h"

#include "common/base/vec.h"
#include "common/core/template/exec.h"
#include "common/core/template/funcs.h"

#include <inttypes.h>

struct tv data_kv(struct arena *a, struct labels l)
{
    struct tv_entry *v = ARENA_ARRAY(a, struct tv_entry, l.n);

    for (size_t i = 0; i < l.n; i++)
        v[i] = (struct tv_entry){.key = l.v[i].name, .value = tv_str(l.v[i].value)};
    return (struct tv){.type = TVT_KV, .map = {.v = v, .n = tv_map_sort(v, l.n)}};
}

static struct tv receiver_text(struct arena *a, struct str name)
{
    char *escaped = arena_alloc_raw(a, 2 * name.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] != '\0' && strchr("\\.+*?()|[]{}^$", name.p[i]) != NULL)
            escaped[n++] = '\\';
        escaped[n++] = name.p[i];
    }
    return tv_str((struct str){.p = escaped, .n = n});
}

static struct tv status(bool resolved)
{
    return tv_str(resolved ? STR("resolved") : STR("firing"));
}

static struct tv alert_value(struct arena *a, const struct notice_alert *alert)
{
    struct tv *f = ARENA_ARRAY(a, struct tv, DATA_ALERT_FIELDS);

    f[0] = status(alert->resolved);
    f[1] = data_kv(a, alert->labels);
    f[2] = data_kv(a, alert->annotations);
    f[3] = tv_time(a, go_time_from_ms(alert->starts_wall_ms));
    f[4] = tv_time(a, go_time_from_ms(alert->ends_wall_ms));
    f[5] = tv_str(alert->generator_url);
    f[6] = tv_str(arena_fmt(a, "%016" PRIx64, alert->fp));
    return (struct tv){.type = TVT_ALERT, .fields = f};
}

struct tv data_from_notice(struct arena *a, const struct notice *n, struct labels route_labels)
{
    struct tv *f = ARENA_ARRAY(a, struct tv, DATA_FIELDS);
    struct tv *alerts = ARENA_ARRAY(a, struct tv, n->alerts_n);

    for (size_t i = 0; i < n->alerts_n; i++)
        alerts[i] = alert_value(a, &n->alerts[i]);
    f[0] = receiver_text(a, n->receiver);
    f[1] = status(n->resolved);
    f[2] = tv_list(TVT_ALERTS, alerts, n->alerts_n);
    f[3] = tv_str(n->reason);
    f[4] = data_kv(a, n->group_labels);
    f[5] = data_kv(a, n->common_labels);
    f[6] = data_kv(a, n->common_annotations);
    f[7] = data_kv(a, route_labels);
    f[8] = tv_str(n->external_url);
    return (struct tv){.type = TVT_DATA, .fields = f};
}

static int alerts_with(struct tv_call *c, const char *wanted)
{
    struct tv *v = ARENA_ARRAY(c->arena, struct tv, c->self.list.n);
    size_t n = 0;

    for (size_t i = 0; i < c->self.list.n; i++) {
        if (str_eq_c(c->self.list.v[i].fields[0].s, wanted))
            v[n++] = c->self.list.v[i];
    }
    c->ret = tv_list(TVT_ALERT_LIST, v, n);
    return 0;
}

static int alerts_firing(struct tv_call *c)
{
    return alerts_with(c, "firing");
}

static int alerts_resolved(struct tv_call *c)
{
    return alerts_with(c, "resolved");
}

/* In the order of SortedPairs: alertname first, the rest as the map has them. */
static size_t first_entry(struct tv kv)
{
    for (size_t i = 0; i < kv.map.n; i++) {
        if (str_eq_c(kv.map.v[i].key, "alertname"))
            return i;
    }
    return 0;
}

static const struct tv_entry *nth_entry(struct tv kv, size_t first, size_t i)
{
    return &kv.map.v[i == 0 ? first : i <= first ? i - 1 : i];
}

static struct tv sorted_pairs(struct arena *a, struct tv kv)
{
    struct tv *v = ARENA_ARRAY(a, struct tv, kv.map.n);
    size_t first = first_entry(kv);

    for (size_t i = 0; i < kv.map.n; i++) {
        const struct tv_entry *e = nth_entry(kv, first, i);
        struct tv *f = ARENA_ARRAY(a, struct tv, 2);

        f[0] = tv_str(e->key);
        f[1] = e->value;
        v[i] = (struct tv){.type = TVT_PAIR, .fields = f};
    }
    return tv_list(TVT_PAIRS, v, kv.map.n);
}

static int kv_sorted_pairs(struct tv_call *c)
{
    c->ret = sorted_pairs(c->arena, c->self);
    return 0;
}

static int pairs_field(struct tv_call *c, struct tv pairs, size_t field)
{
    struct tv *v = ARENA_ARRAY(c->arena, struct tv, pairs.list.n);

    for (size_t i = 0; i < pairs.list.n; i++)
        v[i] = pairs.list.v[i].fields[field];
    c->ret = tv_list(TVT_STRINGS, v, pairs.list.n);
    return 0;
}

static int kv_names(struct tv_call *c)
{
    return pairs_field(c, sorted_pairs(c->arena, c->self), 0);
}

static int kv_values(struct tv_call *c)
{
    return pairs_field(c, sorted_pairs(c->arena, c->self), 1);
}

static int pairs_names(struct tv_call *c)
{
    return pairs_field(c, c->self, 0);
}

static int pairs_values(struct tv_call *c)
{
    return pairs_field(c, c->self, 1);
}

static bool listed(struct tv list, struct str name)
{
    for (size_t i = 0; i < list.list.n; i++) {
        if (str_eq(list.list.v[i].s, name))
            return true;
    }
    return false;
}

static int kv_remove(struct tv_call *c)
{
    struct tv_entry *v = ARENA_ARRAY(c->arena, struct tv_entry, c->self.map.n);
    size_t n = 0;

    for (size_t i = 0; i < c->self.map.n; i++) {
        if (!listed(c->args[0], c->self.map.v[i].key))
            v[n++] = c->self.map.v[i];
    }
    c->ret = (struct tv){.type = TVT_KV, .map = {.v = v, .n = n}};
    return 0;
}

void data_string(struct buf *b, struct tv v)
{
    bool kv = v.type == TVT_KV;
    size_t first = kv ? first_entry(v) : 0;

    for (size_t i = 0; i < tv_len(v); i++) {
        const struct tv_entry *e = kv ? nth_entry(v, first, i) : NULL;

        if (i > 0)
            buf_add_str(b, STR(", "));
        buf_add_str(b, kv ? e->key : v.list.v[i].fields[0].s);
        buf_add_char(b, '=');
        buf_add_str(b, kv ? e->value.s : v.list.v[i].fields[1].s);
    }
}

static int method_string(struct tv_call *c)
{
    struct buf b;

    buf_init(&b, c->x->limits.output_bytes);
    data_string(&b, c->self);
    return exec_take_buf(c, &b, TVT_STRING);
}

const struct tv_func methods_alerts[] = {
    {"Firing", {0}, 0, false, alerts_firing}, {"Resolved", {0}, 0, false, alerts_resolved}, {0}};

const struct tv_func methods_kv[] = {{"SortedPairs", {0}, 0, false, kv_sorted_pairs},
                                     {"Remove", {PARAM_STRINGS}, 1, false, kv_remove},
                                     {"Names", {0}, 0, false, kv_names},
                                     {"Values", {0}, 0, false, kv_values},
                                     {"String", {0}, 0, false, method_string},
                                     {0}};

const struct tv_func methods_pairs[] = {{"Names", {0}, 0, false, pairs_names},
                                        {"Values", {0}, 0, false, pairs_values},
                                        {"String", {0}, 0, false, method_string},
                                        {0}};

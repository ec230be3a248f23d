#include "common/core/alerts/alert_limit.h"

#include "common/base/map.h"
#include "common/core/metrics/metrics.h"

#include <stdlib.h>

/* Names that alerts were refused of are remembered for the metrics; so many at most. */
#define REFUSED_NAMES_MAX 1000

struct alertname {
    UT_hash_handle hh;
    char *name;
    size_t n; /* its length */
    size_t firing;
    uint64_t refused;
};

struct alert_limit {
    struct alertname *by_name;
    size_t max, refused_names;
    bool named;
    uint64_t refused; /* of all names */
};

struct alert_limit *alert_limit_new(int64_t max, bool by_name)
{
    struct alert_limit *l;

    if (max <= 0)
        return NULL;
    l = xcalloc(1, sizeof(*l));
    l->max = (size_t)max;
    l->named = by_name;
    return l;
}

static void name_free(struct alert_limit *l, struct alertname *a)
{
    HASH_DELETE(hh, l->by_name, a);
    free(a->name);
    free(a);
}

void alert_limit_free(struct alert_limit *l)
{
    if (l == NULL)
        return;
    while (l->by_name != NULL)
        name_free(l, l->by_name);
    free(l);
}

static struct alertname *find(const struct alert_limit *l, struct str name)
{
    struct alertname *a;

    HASH_FIND(hh, l->by_name, name.p, name.n, a);
    return a;
}

static struct alertname *get(struct alert_limit *l, struct str name)
{
    struct alertname *a = find(l, name);

    if (a != NULL)
        return a;
    a = xcalloc(1, sizeof(*a));
    a->name = xstrndup(name.n > 0 ? name.p : "", name.n);
    a->n = name.n;
    HASH_ADD_KEYPTR(hh, l->by_name, a->name, a->n, a);
    return a;
}

void alert_limit_count(struct alert_limit *l, struct str alertname, bool fires)
{
    struct alertname *a;

    if (l == NULL)
        return;
    a = get(l, alertname);
    if (fires)
        a->firing++;
    else if (a->firing > 0)
        a->firing--;
    if (a->firing == 0 && a->refused == 0)
        name_free(l, a);
}

bool alert_limit_admits(const struct alert_limit *l, struct str alertname)
{
    const struct alertname *a = l != NULL ? find(l, alertname) : NULL;

    return a == NULL || a->firing < l->max;
}

uint64_t alert_limit_refuse(struct alert_limit *l, struct str alertname)
{
    struct alertname *a = get(l, alertname);

    l->refused++;
    if (a->refused == 0 && l->refused_names++ >= REFUSED_NAMES_MAX)
        return l->refused;
    return ++a->refused;
}

void alert_limit_metrics(const struct alert_limit *l, struct metrics *m)
{
    static const char name[] = "alertmanager_alerts_limited_total";

    metrics_family(m, name, "counter", "Alerts refused because too many of their alertname fire.");
    if (l == NULL || !l->named) {
        metrics_u64(m, name, NULL, 0, l != NULL ? l->refused : 0);
        return;
    }
    for (const struct alertname *a = l->by_name; a != NULL; a = a->hh.next) {
        struct metric_label label = {"alertname", {.p = a->name, .n = a->n}};

        if (a->refused > 0)
            metrics_u64(m, name, &label, 1, a->refused);
    }
}

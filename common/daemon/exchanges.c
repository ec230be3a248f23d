#include "common/daemon/exchanges.h"

#include "common/base/vec.h"
#include "common/io/clock.h"

#include <assert.h>
#include <unistd.h>

/* Who serves what. A row that ends in '/' takes what begins so; the first that fits counts. */
static const struct {
    const char *path, *name;
    bool page; /* with a slash behind it it is still meant */
} handlers[] = {
    {"/api/v2/alerts", "/api/v2/alerts", false},
    {"/api/v2/alerts/groups", "/api/v2/alerts/groups", false},
    {"/api/v2/silences", "/api/v2/silences", false},
    {"/api/v2/silence/", "/api/v2/silence/{silenceID}", false},
    {"/api/v2/status", "/api/v2/status", false},
    {"/api/v2/receivers", "/api/v2/receivers", false},
    {"/api/v2/", "/api/v2/*", false},
    {"/api/tocsin/v1/", "/api/tocsin/v1/*", false},
    {"/api/v1/", "/api/v1/*", false},
    {"/-/healthy", "/-/healthy", true},
    {"/-/ready", "/-/ready", true},
    {"/-/reload", "/-/reload", true},
    {"/metrics", "/metrics", true},
    {"/script.js", "/script.js", true},
    {"/favicon.ico", "/favicon.ico", false},
    {"/debug/", "/debug/*subpath", false},
    {"/", "/", false}, /* this one path alone */
    {"", "other", false},
};

static const char *const methods[] = {"GET", "POST",  "DELETE",  "HEAD",
                                      "PUT", "PATCH", "OPTIONS", "other"};
static const char *const method_names[] = {"get", "post",  "delete",  "head",
                                           "put", "patch", "options", "other"};

/* Alertmanager's bounds, in microseconds and bytes. */
static const uint64_t duration_le[EXCHANGE_DURATION_BUCKETS] = {
    5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
static const uint64_t size_le[EXCHANGE_SIZE_BUCKETS] = {100,     1000,     10000,    100000,
                                                        1000000, 10000000, 100000000};

void exchanges_init(struct exchanges *x, int64_t reads_max)
{
    int64_t processors = sysconf(_SC_NPROCESSORS_ONLN);

    *x = (struct exchanges){0};
    x->reads_max =
        (unsigned)clamp_i64(reads_max > 0 ? reads_max : max_i64(processors, 8), 1, 1000000);
}

void exchanges_clear(struct exchanges *x)
{
    while (x->by_id != NULL)
        exchange_forget(x, x->by_id);
    VEC_CLEAR(&x->durations);
    VEC_CLEAR(&x->sizes);
}

static unsigned handler_of(struct str path)
{
    unsigned i = 0;

    for (; i < ARRAY_SIZE(handlers) - 1; i++) {
        struct str want = str_from(handlers[i].path);

        if (str_eq(path, want) ||
            (want.n > 1 && want.p[want.n - 1] == '/' && str_starts(path, want)))
            break;
    }
    return i;
}

static unsigned method_of(struct str method)
{
    unsigned i = 0;

    while (i < ARRAY_SIZE(methods) - 1 && !str_eq_c(method, methods[i]))
        i++;
    return i;
}

struct exchange *exchange_follow(struct exchanges *x, uint64_t id)
{
    struct exchange *e = xcalloc(1, sizeof(*e));

    e->id = id;
    HASH_ADD(hh, x->by_id, id, sizeof(e->id), e);
    return e;
}

struct exchange *exchange_begin(struct exchanges *x, uint64_t id, struct str method,
                                struct str path)
{
    bool get = str_eq_c(method, "GET");
    struct exchange *e;

    if (get && x->reads >= x->reads_max) {
        x->reads_refused++;
        return NULL;
    }
    e = exchange_follow(x, id);
    e->web = true;
    e->get = get;
    e->handler = handler_of(path);
    e->method = method_of(method);
    e->started_us = clock_mono_us();
    e->started_ms = e->started_us / 1000;
    x->reads += get;
    return e;
}

struct exchange *exchange_find(const struct exchanges *x, uint64_t id)
{
    struct exchange *e;

    HASH_FIND(hh, x->by_id, &id, sizeof(id), e);
    return e;
}

void exchange_answered(struct exchange *e, int status)
{
    e->status = status;
}

static struct exchange_series *series_of(struct exchange_vec *v, const struct exchange *e,
                                         int status)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->v[i].handler == e->handler && v->v[i].method == e->method &&
            v->v[i].status == status)
            return &v->v[i];
    }
    *VEC_PUSH(v) =
        (struct exchange_series){.handler = e->handler, .method = e->method, .status = status};
    return &v->v[v->n - 1];
}

static void observe(struct exchange_series *s, const uint64_t *le, size_t n, uint64_t value)
{
    size_t i = 0;

    while (i < n && value > le[i])
        i++;
    if (i < n)
        s->buckets[i]++;
    s->n++;
    s->sum += value;
}

void exchange_end(struct exchanges *x, struct exchange *e)
{
    if (e->web) {
        observe(series_of(&x->durations, e, e->status), duration_le, ARRAY_SIZE(duration_le),
                (uint64_t)max_i64(clock_mono_us() - e->started_us, 0));
        if (!str_starts(str_from(handlers[e->handler].path), STR("/api/v2/")))
            observe(series_of(&x->sizes, e, 0), size_le, ARRAY_SIZE(size_le), e->bytes);
    }
    exchange_forget(x, e);
}

void exchange_forget(struct exchanges *x, struct exchange *e)
{
    if (e == NULL)
        return;
    assert(!e->get || x->reads > 0);
    x->reads -= e->get;
    HASH_DEL(x->by_id, e);
    free(e);
}

const char *exchange_page_meant(struct str path)
{
    struct str want = path;

    if (str_eq_c(path, "/api/v2"))
        return "/api/v2/";
    if (path.n > 1 && path.p[path.n - 1] == '/')
        want.n--;
    for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
        if (handlers[i].page && str_eq_nocase(want, str_from(handlers[i].path)))
            return str_eq_c(path, handlers[i].path) ? NULL : handlers[i].path;
    }
    return NULL;
}

/* ---- /metrics ---- */

static void add_labels(struct buf *b, const char *name, const char *suffix,
                       const struct exchange_series *s)
{
    buf_add_fmt(b, "%s%s{handler=\"%s\",method=\"%s\"", name, suffix, handlers[s->handler].name,
                method_names[s->method]);
    if (s->status != 0)
        buf_add_fmt(b, ",code=\"%d\"", s->status);
}

static void add_histogram(struct buf *b, const char *name, const char *help,
                          const struct exchange_vec *v, const uint64_t *le, size_t n, double unit)
{
    buf_add_fmt(b, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i < v->n; i++) {
        const struct exchange_series *s = &v->v[i];
        uint64_t sum = 0;

        for (size_t k = 0; k < n; k++) {
            sum += s->buckets[k];
            add_labels(b, name, "_bucket", s);
            buf_add_fmt(b, ",le=\"%.9g\"} %lu\n", unit * (double)le[k], sum);
        }
        add_labels(b, name, "_bucket", s);
        buf_add_fmt(b, ",le=\"+Inf\"} %lu\n", s->n);
        add_labels(b, name, "_sum", s);
        buf_add_fmt(b, "} %.9g\n", unit * (double)s->sum);
        add_labels(b, name, "_count", s);
        buf_add_fmt(b, "} %lu\n", s->n);
    }
}

static void add_one(struct buf *b, const char *name, const char *type, const char *labels,
                    const char *help, uint64_t value)
{
    buf_add_fmt(b, "# HELP %s %s\n# TYPE %s %s\n%s%s %lu\n", name, help, name, type, name, labels,
                value);
}

void exchanges_metrics(const struct exchanges *x, struct buf *b)
{
    add_histogram(b, "alertmanager_http_request_duration_seconds",
                  "Histogram of latencies for HTTP requests.", &x->durations, duration_le,
                  ARRAY_SIZE(duration_le), 1e-6);
    add_histogram(b, "alertmanager_http_response_size_bytes",
                  "Histogram of response size for HTTP requests.", &x->sizes, size_le,
                  ARRAY_SIZE(size_le), 1);
    add_one(b, "alertmanager_http_requests_in_flight", "gauge", "{method=\"get\"}",
            "Current number of HTTP requests being processed.", x->reads);
    add_one(b, "alertmanager_http_concurrency_limit_exceeded_total", "counter", "{method=\"get\"}",
            "Total number of times an HTTP request failed because the concurrency limit was "
            "reached.",
            x->reads_refused);
    add_one(b, "tocsin_http_timed_out_total", "counter", "",
            "Requests ended because they took longer than --web.timeout.", x->timed_out);
    add_one(b, "tocsin_http_cross_origin_refused_total", "counter", "",
            "Requests of other sites' pages that would have changed something.", x->cross_origin);
}

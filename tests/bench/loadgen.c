/* Loads an Alertmanager API and says how long the answers took, as one line of JSON on stdout.
 * What the server spent is read from outside, by tests/bench/run. Bodies are built before the clock
 * starts. See usage() for the modes. */
#include "tests/bench/http.h"

#include "common/base/time_text.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define SINK_CONNS_MAX 64
#define NOTICE_WAIT_MS 30000
/* 190 names in 21 namespaces: about 4000 groups by (alertname, namespace). */
#define ALERT_NAMES 190
#define NAMESPACES 21

struct settings {
    const char *host, *path, *file;
    int port, sink_port;
    int alerts, batch, connections, first;
    int critical_permille; /* so many of 1000 alerts have severity="critical" */
    int teams;             /* alert i is of team i modulo this */
    int limit_ms;          /* no request is begun later than this; 0: all are */
};

/* ---- latencies ---- */

static int compare_i64(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static double quantile_us(const int64_t *sorted, size_t n, size_t percent)
{
    size_t at = (n - 1) * percent / 100;

    return (double)sorted[at] / 1000;
}

static double own_cpu_s(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(int64_t *ns, size_t n, int64_t took_ns, size_t bytes)
{
    if (n == 0)
        die("no request came to its end");
    qsort(ns, n, sizeof(*ns), compare_i64);
    printf("{\"requests\": %zu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"max_us\": %.1f, \"bytes\": %zu, \"own_cpu_s\": %.3f}\n",
           n, (double)took_ns / 1e9, quantile_us(ns, n, 50), quantile_us(ns, n, 99),
           (double)ns[n - 1] / 1000, bytes, own_cpu_s());
}

/* ---- requests ---- */

/* Alert i as Prometheus would send it, about 764 bytes; ends long after the run. */
static void add_alert(struct buf *b, const struct settings *s, int i, int64_t now_wall_ms)
{
    int name = i % ALERT_NAMES, space = i / ALERT_NAMES % NAMESPACES;
    bool critical = (i * 7919L + 13) % 1000 < s->critical_permille;

    buf_add_fmt(b,
                "{\"labels\":{\"alertname\":\"BenchAlert%03d\",\"cluster\":\"prod-eu-%d\","
                "\"instance\":\"10.%d.%d.%d:9100\",\"job\":\"node-exporter\","
                "\"namespace\":\"namespace-%02d\",\"pod\":\"workload-%07d-x7k2p\","
                "\"prometheus\":\"monitoring/k8s\",\"service\":\"service-%02d\","
                "\"severity\":\"%s\",\"team\":\"team-%02d\"},",
                name, i % 3, i >> 16 & 255, i >> 8 & 255, i & 255, space, i, i % 40,
                critical ? "critical" : "warning", i % s->teams);
    buf_add_fmt(b,
                "\"annotations\":{\"description\":\"The workload workload-%07d in namespace-%02d "
                "has been over its limit of 90 percent for more than fifteen minutes; the last "
                "value was %d.%02d.\",\"runbook_url\":\"https://runbooks.example.org/alerts/"
                "BenchAlert%03d\",\"summary\":\"BenchAlert%03d fires on workload-%07d\"},",
                i, space, 90 + i % 10, i % 100, name, name, i);
    buf_add_str(b, STR("\"startsAt\":\""));
    time_add_rfc3339_ms(b, now_wall_ms - MS_PER_MIN);
    buf_add_str(b, STR("\",\"endsAt\":\""));
    time_add_rfc3339_ms(b, now_wall_ms + 2 * MS_PER_H);
    buf_add_fmt(b,
                "\",\"generatorURL\":\"http://prometheus.example.org:9090/graph?g0.expr="
                "limit_ratio%%7Bnamespace%%3D%%22namespace-%02d%%22%%7D+%%3E+0.9&g0.tab=1\"}",
                space);
}

static int64_t wall_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / 1000000;
}

static void add_post(struct buf *b, const char *path, struct str body)
{
    buf_add_fmt(b,
                "POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Prometheus/2.54\r\n"
                "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                path, body.n);
    buf_add_str(b, body);
}

/* The request with alerts [first, first + n). */
static struct buf make_post(const struct settings *s, int first, int n)
{
    int64_t now = wall_ms();
    struct buf body, request;

    buf_init(&body, 0);
    buf_init(&request, 0);
    for (int i = 0; i < n; i++) {
        buf_add_char(&body, i == 0 ? '[' : ',');
        add_alert(&body, s, first + i, now);
    }
    buf_add_char(&body, ']');
    add_post(&request, "/api/v2/alerts", buf_str(&body));
    buf_clear(&body);
    return request;
}

/* Silence i, as an operator would make it: for one instance, or, one in ten, for the pods of a
 * workload. It is meant for an alert that `ingest` would make of the same number. */
static struct buf make_silence(int i, int64_t now_wall_ms)
{
    struct buf body, request;

    buf_init(&body, 0);
    buf_init(&request, 0);
    buf_add_fmt(&body,
                "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"BenchAlert%03d\","
                "\"isRegex\":false},",
                i % ALERT_NAMES);
    if (i % 10 == 9)
        buf_add_fmt(&body, "{\"name\":\"pod\",\"value\":\"workload-%07d-.*\",\"isRegex\":true}", i);
    else
        buf_add_fmt(&body,
                    "{\"name\":\"instance\",\"value\":\"10.%d.%d.%d:9100\",\"isRegex\":false}",
                    i >> 16 & 255, i >> 8 & 255, i & 255);
    buf_add_str(&body, STR("],\"startsAt\":\""));
    time_add_rfc3339_ms(&body, now_wall_ms);
    buf_add_str(&body, STR("\",\"endsAt\":\""));
    time_add_rfc3339_ms(&body, now_wall_ms + 24 * MS_PER_H);
    buf_add_str(&body, STR("\",\"createdBy\":\"bench\",\"comment\":\"planned work\"}"));
    add_post(&request, "/api/v2/silences", buf_str(&body));
    buf_clear(&body);
    return request;
}

/* ---- ingest, silences: all requests over several connections, each as fast as its answers come.
 * When the time is up, those not begun are left out. ---- */

struct job {
    const struct settings *s;
    struct buf *requests;
    int64_t *ns;    /* by request */
    int64_t end_ns; /* no request is begun later */
    size_t n;
    atomic_size_t next;
};

static void *ingest_connection(void *arg)
{
    struct job *job = arg;
    struct conn c;
    size_t i;

    conn_open(&c, job->s->host, job->s->port);
    while (clock_ns() < job->end_ns && (i = atomic_fetch_add(&job->next, 1)) < job->n) {
        int64_t from = clock_ns();

        conn_send(&c, buf_str(&job->requests[i]));
        conn_answer(&c);
        job->ns[i] = clock_ns() - from;
        if (c.status != 200)
            die("a POST was answered %d", c.status);
    }
    conn_close(&c);
    return NULL;
}

static void job_run(struct job *job)
{
    const struct settings *s = job->s;
    pthread_t threads[CONNECTIONS_MAX];
    int64_t from = clock_ns();
    size_t done, bytes = 0;

    job->end_ns = s->limit_ms > 0 ? from + s->limit_ms * INT64_C(1000000) : INT64_MAX;
    for (int i = 0; i < s->connections; i++) {
        if (pthread_create(&threads[i], NULL, ingest_connection, job) != 0)
            die("no thread");
    }
    for (int i = 0; i < s->connections; i++)
        (void)pthread_join(threads[i], NULL);
    done = atomic_load(&job->next) < job->n ? atomic_load(&job->next) : job->n;
    for (size_t i = 0; i < done; i++)
        bytes += job->requests[i].n;
    report(job->ns, done, clock_ns() - from, bytes);
}

static void job_init(struct job *job, const struct settings *s, size_t n)
{
    *job = (struct job){.s = s,
                        .n = n,
                        .requests = xcalloc(n, sizeof(*job->requests)),
                        .ns = xcalloc(n, sizeof(*job->ns))};
}

static void job_clear(struct job *job)
{
    for (size_t i = 0; i < job->n; i++)
        buf_clear(&job->requests[i]);
    free(job->requests);
    free(job->ns);
}

static void run_ingest(const struct settings *s)
{
    struct job job;

    job_init(&job, s, (size_t)((s->alerts + s->batch - 1) / s->batch));
    for (size_t i = 0; i < job.n; i++) {
        int first = (int)i * s->batch, left = s->alerts - first;

        job.requests[i] = make_post(s, s->first + first, left < s->batch ? left : s->batch);
    }
    job_run(&job);
    job_clear(&job);
}

static void run_silences(const struct settings *s)
{
    struct job job;

    job_init(&job, s, (size_t)s->alerts);
    for (size_t i = 0; i < job.n; i++)
        job.requests[i] = make_silence(s->first + (int)i, wall_ms());
    job_run(&job);
    job_clear(&job);
}

/* ---- get: one connection, one after the other ---- */

static void run_get(const struct settings *s)
{
    int64_t *ns = xcalloc((size_t)s->alerts, sizeof(*ns)), from = clock_ns();
    size_t bytes = 0;
    struct conn c;
    struct buf request;

    buf_init(&request, 0);
    buf_add_fmt(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n",
                s->path);
    conn_open(&c, s->host, s->port);
    for (int i = 0; i < s->alerts; i++) {
        int64_t begin = clock_ns();

        conn_send(&c, buf_str(&request));
        conn_answer(&c);
        ns[i] = clock_ns() - begin;
        if (c.status != 200)
            die("GET %s was answered %d", s->path, c.status);
        bytes += c.body_n;
    }
    report(ns, (size_t)s->alerts, clock_ns() - from, bytes);
    conn_close(&c);
    buf_clear(&request);
    free(ns);
}

/* ---- notify: from a POST's first byte to the webhook's last, in one thread ---- */

struct sink {
    struct pollfd fds[SINK_CONNS_MAX + 1]; /* the listener first */
    struct buf in[SINK_CONNS_MAX + 1];
    nfds_t n;
};

static void sink_accept(struct sink *k)
{
    int fd = accept4(k->fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (k->n == ARRAY_SIZE(k->fds))
        die("more than %d connections to the sink", SINK_CONNS_MAX);
    buf_init(&k->in[k->n], 0);
    k->fds[k->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void sink_drop(struct sink *k, nfds_t i)
{
    (void)close(k->fds[i].fd);
    buf_clear(&k->in[i]);
    k->n--;
    k->fds[i] = k->fds[k->n];
    k->in[i] = k->in[k->n];
}

/* True when a request that names `want` has come whole; each request is answered 200. */
static bool sink_read(struct sink *k, nfds_t i, const char *want, bool *ret_closed)
{
    static const struct str ok = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct buf *b = &k->in[i];
    bool seen = false;
    size_t length;
    ssize_t n;

    buf_reserve(b, KIB(64));
    n = recv(k->fds[i].fd, b->p + b->n, b->cap - b->n - 1, 0);
    *ret_closed = n <= 0;
    if (n <= 0)
        return false;
    b->n += (size_t)n;
    b->p[b->n] = '\0';
    while (b->n > 0 && request_whole(b, &length)) {
        seen = seen || memmem(b->p, length, want, strlen(want)) != NULL;
        if (send(k->fds[i].fd, ok.p, ok.n, MSG_NOSIGNAL) != (ssize_t)ok.n)
            die("the sink could not answer");
        buf_drop_front(b, length);
    }
    return seen;
}

/* Waits until the webhook with `want` is there; when that was. */
static int64_t sink_wait(struct sink *k, const char *want)
{
    for (;;) {
        int ready = poll(k->fds, k->n, NOTICE_WAIT_MS);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            die("no webhook for %s within %d ms", want, NOTICE_WAIT_MS);
        for (nfds_t i = k->n; i-- > 1;) {
            bool closed = false, seen;

            if (k->fds[i].revents == 0)
                continue;
            seen = sink_read(k, i, want, &closed);
            if (closed)
                sink_drop(k, i);
            if (seen)
                return clock_ns();
        }
        if (k->fds[0].revents != 0)
            sink_accept(k);
    }
}

/* Every alert has a name of its own, hence a group of its own. */
static void make_notify_post(struct buf *request, const char *name)
{
    struct buf body;

    buf_init(&body, 0);
    buf_add_fmt(&body,
                "[{\"labels\":{\"alertname\":\"%s\",\"severity\":\"warning\",\"job\":\"bench\"},"
                "\"annotations\":{\"summary\":\"one alert of its own\"}}]",
                name);
    buf_reset(request);
    add_post(request, "/api/v2/alerts", buf_str(&body));
    buf_clear(&body);
}

static void run_notify(const struct settings *s)
{
    int64_t *ns = xcalloc((size_t)s->alerts, sizeof(*ns)), from = clock_ns();
    struct sink sink = {.n = 1};
    struct buf request;
    struct conn c;

    sink.fds[0] = (struct pollfd){.fd = listen_on(s->sink_port), .events = POLLIN};
    conn_open(&c, s->host, s->port);
    buf_init(&request, 0);
    for (int i = 0; i < s->alerts; i++) {
        char name[64];
        int64_t begin;

        (void)snprintf(name, sizeof(name), "Notify-%d-%d.", s->first, i);
        make_notify_post(&request, name);
        begin = clock_ns();
        conn_send(&c, buf_str(&request));
        ns[i] = sink_wait(&sink, name) - begin;
        conn_answer(&c);
        if (c.status != 200)
            die("POST /api/v2/alerts was answered %d", c.status);
    }
    report(ns, (size_t)s->alerts, clock_ns() - from, 0);
    while (sink.n > 1)
        sink_drop(&sink, sink.n - 1);
    (void)close(sink.fds[0].fd);
    conn_close(&c);
    buf_clear(&request);
    free(ns);
}

/* ---- fsync: what the disk below the store takes ---- */

static void run_fsync(const struct settings *s)
{
    int64_t *ns = xcalloc((size_t)s->alerts, sizeof(*ns)), from = clock_ns();
    int fd = open(s->file, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    char page[4096];

    memset(page, 'x', sizeof(page));
    if (fd < 0)
        die("%s: %s", s->file, strerror(errno));
    for (int i = 0; i < s->alerts; i++) {
        int64_t begin = clock_ns();

        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fsync(fd) < 0)
            die("%s: %s", s->file, strerror(errno));
        ns[i] = clock_ns() - begin;
    }
    report(ns, (size_t)s->alerts, clock_ns() - from, 0);
    (void)close(fd);
    (void)unlink(s->file);
    free(ns);
}

/* ---- */

static const struct mode {
    const char *name;
    void (*run)(const struct settings *s);
    const char *help;
} modes[] = {
    {"ingest", run_ingest, "POST --alerts alerts, --batch at a time; the same ones again: re-sent"},
    {"silences", run_silences,
     "POST --alerts silences, for the instances of the alerts of that number"},
    {"get", run_get, "GET --path, --alerts times on one connection"},
    {"notify", run_notify,
     "POST --alerts alerts, one after the other, each until its webhook has "
     "come to --sink-port"},
    {"fsync", run_fsync, "append 4 KiB to --file and fsync, --alerts times"},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: bench_loadgen MODE [--host A] [--port P] [--alerts N] [--batch N]\n"
                "           [--connections N] [--first ID] [--critical-permille N] [--path P]\n"
                "           [--sink-port P] [--file F] [--teams N] [--limit-ms N]\nmodes:\n");
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        fprintf(to, "  %-8s %s\n", modes[i].name, modes[i].help);
}

static int number(const char *name, const char *text, int most)
{
    int64_t v;

    if (!str_to_i64(str_from(text), &v) || v < 0 || v > most)
        die("--%s: \"%s\" is not 0 to %d", name, text, most);
    return (int)v;
}

static void parse(struct settings *s, int argc, char **argv)
{
    static const struct option names[] = {{"host", 1, NULL, 'h'},
                                          {"port", 1, NULL, 'p'},
                                          {"alerts", 1, NULL, 'n'},
                                          {"batch", 1, NULL, 'b'},
                                          {"first", 1, NULL, 'f'},
                                          {"critical-permille", 1, NULL, 'c'},
                                          {"connections", 1, NULL, 'k'},
                                          {"path", 1, NULL, 'u'},
                                          {"sink-port", 1, NULL, 's'},
                                          {"file", 1, NULL, 'o'},
                                          {"teams", 1, NULL, 't'},
                                          {"limit-ms", 1, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    int which, i = 0;

    while ((which = getopt_long(argc, argv, "", names, &i)) != -1) {
        switch (which) {
        case 'h':
            s->host = optarg;
            break;
        case 'u':
            s->path = optarg;
            break;
        case 'o':
            s->file = optarg;
            break;
        case 'p':
            s->port = number(names[i].name, optarg, UINT16_MAX);
            break;
        case 's':
            s->sink_port = number(names[i].name, optarg, UINT16_MAX);
            break;
        case 'n':
            s->alerts = number(names[i].name, optarg, 2000000);
            break;
        case 'b':
            s->batch = number(names[i].name, optarg, 10000);
            break;
        case 'f':
            s->first = number(names[i].name, optarg, 100000000);
            break;
        case 'c':
            s->critical_permille = number(names[i].name, optarg, 1000);
            break;
        case 't':
            s->teams = number(names[i].name, optarg, 100000000);
            break;
        case 'l':
            s->limit_ms = number(names[i].name, optarg, 3600000);
            break;
        case 'k':
            s->connections = number(names[i].name, optarg, CONNECTIONS_MAX);
            break;
        default:
            usage(stderr);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings s = {.host = "127.0.0.1",
                         .path = "/api/v2/alerts",
                         .file = "fsync.bench",
                         .alerts = 1000,
                         .teams = 50,
                         .batch = 64,
                         .connections = 4};

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    parse(&s, argc - 1, argv + 1);
    if (s.alerts < 1 || s.batch < 1 || s.connections < 1 || s.teams < 1)
        die("--alerts, --batch, --connections and --teams must be positive");
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(&s);
            return 0;
        }
    }
    usage(stderr);
    return 2;
}

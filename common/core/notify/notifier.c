#include "common/core/notify/notifier.h"

#include "common/base/map.h"
#include "common/core/integrations/notice.h"
#include "common/core/metrics/metrics.h"
#include "common/core/notify/retry.h"

#include <assert.h>
#include <errno.h>

/* Alertmanager's reasons of a final failure. */
static const char *const failure_reasons[] = {
    "other",     "clientError", "serverError", "contextCanceled", "contextDeadlineExceeded",
    "authError", "rateLimited"};
#define REASON_DEADLINE 4

struct integration_counters {
    uint64_t notifications, requests, requests_failed;
    uint64_t failed[ARRAY_SIZE(failure_reasons)];
};

struct job;

/* One integration of a receiver being told: waiting for the answer to an attempt, or for the next
 * one. Its node in the heap stands at the flush's deadline in the first case, at the time of the
 * next attempt (or the deadline, if that is earlier) in the second. */
struct telling {
    UT_hash_handle hh; /* by send_id, while under way */
    struct heap_node timer;
    struct job *job;
    const struct receiver_integration *to;
    struct engine_send send; /* texts in the job's arena */
    uint64_t send_id;        /* 0: none under way */
    int64_t began_mono_ms;
    unsigned attempts;
    struct str log_key, lane;
    enum notify_reason reason;
    const char *failure; /* reason of the last failed attempt; NULL: none came back */
    char last_error[200];
    const uint64_t *firing, *resolved; /* what the log will say */
    size_t firing_n, resolved_n;
};

/* One flush: lives until the last of its integrations is done. */
struct job {
    TAILQ_ENTRY(job) link;
    struct flush *flush;
    void *config;
    struct arena *arena;
    struct telling *v;
    size_t n, pending;
    bool failed;
};

struct notifier {
    struct notifier_options options;
    struct arena *arena;
    struct nflog *log;
    struct rand rand;
    TAILQ_HEAD(, job) jobs;
    struct telling *by_send;
    struct heap timers;
    const struct integration *const *integrations;
    size_t integrations_n;
    struct integration_counters *counters; /* in the order of integrations_all */
};

struct notifier *notifier_new(const struct notifier_options *options, struct nflog *log)
{
    struct notifier *n = xcalloc(1, sizeof(*n));

    n->arena = arena_new(1024);
    n->options = *options;
    n->options.external_url = arena_str(n->arena, options->external_url);
    n->options.version = arena_str(n->arena, options->version);
    n->log = log;
    rand_seed(&n->rand, options->seed);
    TAILQ_INIT(&n->jobs);
    heap_init(&n->timers);
    n->integrations = integrations_all(&n->integrations_n);
    n->counters = xcalloc(n->integrations_n + 1, sizeof(*n->counters));
    return n;
}

static struct integration_counters *counters_of(struct notifier *n, const struct telling *t)
{
    size_t i = 0;

    while (i < n->integrations_n && n->integrations[i] != t->to->integration)
        i++;
    return &n->counters[i]; /* the last one is for strangers, as in tests */
}

/* ---- jobs ---- */

static void under_way(struct notifier *n, struct telling *t, uint64_t send_id)
{
    t->send_id = send_id;
    HASH_ADD(hh, n->by_send, send_id, sizeof(t->send_id), t);
}

static void not_under_way(struct notifier *n, struct telling *t)
{
    if (t->send_id != 0)
        HASH_DELETE(hh, n->by_send, t);
    t->send_id = 0;
}

static void job_free(struct notifier *n, struct job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        heap_remove(&n->timers, &j->v[i].timer);
        not_under_way(n, &j->v[i]);
    }
    TAILQ_REMOVE(&n->jobs, j, link);
    n->options.config_unref(j->config);
    arena_free(j->arena);
    free(j);
}

void notifier_free(struct notifier *n)
{
    struct job *j;

    if (n == NULL)
        return;
    while ((j = TAILQ_FIRST(&n->jobs)) != NULL)
        job_free(n, j);
    heap_clear(&n->timers);
    free(n->counters);
    arena_free(n->arena);
    free(n);
}

static void finish_job(struct notifier *n, struct job *j, struct now now)
{
    struct flush *f = j->flush;
    bool success = !j->failed;

    job_free(n, j);
    f->job = NULL;
    n->options.on_done(f, success, now, n->options.arg);
}

/* Out of the running; the job ends with its last one. */
static void finish(struct notifier *n, struct telling *t, struct now now)
{
    struct job *j = t->job;

    heap_remove(&n->timers, &t->timer);
    not_under_way(n, t);
    assert(j->pending > 0);
    if (--j->pending == 0)
        finish_job(n, j, now);
}

static struct str target_of(const struct telling *t)
{
    return group_route(t->job->flush->group)->receiver->name;
}

static void write_log_entry(struct notifier *n, const struct telling *t, struct now now,
                            struct out *out)
{
    nflog_set(n->log, t->log_key, t->firing, t->firing_n, t->resolved, t->resolved_n,
              2 * group_route(t->job->flush->group)->repeat_interval_ms, now, out);
}

static void succeed(struct notifier *n, struct telling *t, struct now now, struct out *out)
{
    write_log_entry(n, t, now, out);
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_NOTIFIED,
                                         .target = t->lane,
                                         .what = group_key(t->job->flush->group),
                                         .cause = str_from(notify_reason_text(t->reason))});
    OUT_LOG(out, LOG_DEBUG, "notify", "notify success", KV("receiver", target_of(t)),
            KV("integration", t->lane), KV("attempts", t->attempts));
    finish(n, t, now);
}

static size_t failure_index(const char *reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(failure_reasons); i++) {
        if (reason != NULL && str_eq_c(str_from(failure_reasons[i]), reason))
            return i;
    }
    return reason == NULL ? REASON_DEADLINE : 0;
}

static void fail(struct notifier *n, struct telling *t, const char *msg, struct now now,
                 struct out *out)
{
    size_t reason = failure_index(t->failure);

    counters_of(n, t)->failed[reason]++;
    t->job->failed = true;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_NOTIFY_FAILED,
                                         .target = t->lane,
                                         .what = group_key(t->job->flush->group),
                                         .cause = str_from(failure_reasons[reason])});
    OUT_LOG(out, LOG_ERROR, "notify", msg, KV("integration", t->lane),
            KV("group_key", group_key(t->job->flush->group)), KV("attempts", t->attempts),
            KV("err", (const char *)t->last_error));
    finish(n, t, now);
}

/* ---- attempts ---- */

/* Texts go into the step's arena: the job may be gone before the send is carried out. */
static void attempt(struct notifier *n, struct telling *t, struct now now, struct out *out)
{
    struct engine_send s = t->send;
    struct arena *a = out_arena(out);
    int64_t left = t->job->flush->deadline_mono_ms - now.mono_ms;

    s.id = 0;
    s.way = SEND_RECEIVER;
    s.lane = arena_str(a, t->lane);
    s.url = arena_str(a, s.url);
    s.body = arena_str(a, s.body);
    for (size_t i = 0; i < ENGINE_SEND_HEADERS_MAX && s.headers[i].name != NULL; i++)
        s.headers[i].value = arena_str(a, s.headers[i].value);
    s.timeout_ms = s.timeout_ms > 0 ? min_i64(s.timeout_ms, left) : left;
    t->attempts++;
    t->began_mono_ms = now.mono_ms;
    counters_of(n, t)->requests++;
    under_way(n, t, out_send(out, &s));
    heap_set(&n->timers, &t->timer, t->job->flush->deadline_mono_ms);
}

static void set_error(struct telling *t, struct str text)
{
    (void)snprintf(t->last_error, sizeof(t->last_error), STR_FMT,
                   (int)min_i64((int64_t)text.n, 199), text.p);
}

static void try_later(struct notifier *n, struct telling *t, const char *failure, int64_t delay_ms,
                      struct now now, struct out *out)
{
    int64_t at = retry_at_ms(&n->rand, t->attempts, t->began_mono_ms, now.mono_ms, delay_ms);

    if (t->attempts == 1)
        OUT_LOG(out, LOG_WARN, "notify", "Notify attempt failed, will retry later",
                KV("integration", t->lane), KV("err", (const char *)t->last_error));
    t->failure = failure;
    heap_set(&n->timers, &t->timer, min_i64(at, t->job->flush->deadline_mono_ms));
}

static void answered(struct notifier *n, struct telling *t, const struct engine_delivery *d,
                     struct now now, struct out *out)
{
    struct judgement j = t->to->integration->judge(t->to->config, d);
    char text[64];

    if (j.verdict == VERDICT_SENT) {
        succeed(n, t, now, out);
        return;
    }
    counters_of(n, t)->requests_failed++;
    (void)snprintf(text, sizeof(text), "unexpected status code %d", d->status);
    set_error(t, str_from(text));
    if (j.verdict == VERDICT_RETRY) {
        try_later(n, t, j.reason, j.delay_ms, now, out);
    } else {
        t->failure = j.reason;
        fail(n, t, "notify retry canceled due to unrecoverable error", now, out);
    }
}

bool notifier_delivered(struct notifier *n, const struct engine_delivery *d, struct now now,
                        struct out *out)
{
    struct telling *t;

    HASH_FIND(hh, n->by_send, &d->send_id, sizeof(d->send_id), t);
    if (t == NULL)
        return false;
    not_under_way(n, t);
    if (d->outcome == SEND_ANSWERED) {
        answered(n, t, d, now, out);
        return true;
    }
    counters_of(n, t)->requests_failed++;
    set_error(t, d->error);
    try_later(n, t, "other", 0, now, out);
    return true;
}

void notifier_tick(struct notifier *n, struct now now, struct out *out)
{
    struct heap_node *first;

    while ((first = heap_first(&n->timers)) != NULL && first->at_ms <= now.mono_ms) {
        struct telling *t = CONTAINER_OF(first, struct telling, timer);

        if (now.mono_ms < t->job->flush->deadline_mono_ms) {
            attempt(n, t, now, out);
            continue;
        }
        if (t->send_id != 0)
            out_send(out, &(struct engine_send){.id = t->send_id, .cancel = true});
        fail(n, t, "notify retry canceled: the deadline has passed", now, out);
    }
}

int64_t notifier_next_ms(const struct notifier *n)
{
    return heap_next_ms(&n->timers);
}

/* ---- what is to be said ---- */

/* Everything about one flush that its integrations share. Texts are lent by the alerts. */
struct content {
    struct notice_alert *alerts; /* all of the flush */
    size_t n;
    struct notice_alert *firing; /* the firing ones only, in the same order */
    uint64_t *firing_hashes, *resolved_hashes;
    size_t firing_n, resolved_n;
};

static int compare_hash(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static void read_content(const struct flush *f, struct arena *a, struct content *c)
{
    *c = (struct content){.alerts = ARENA_ARRAY(a, struct notice_alert, f->n),
                          .firing = ARENA_ARRAY(a, struct notice_alert, f->n),
                          .firing_hashes = ARENA_ARRAY(a, uint64_t, f->n),
                          .resolved_hashes = ARENA_ARRAY(a, uint64_t, f->n)};
    for (size_t i = 0; i < f->n; i++) {
        const struct alert *alert = f->v[i].member->alert;
        bool resolved = f->v[i].resolved;
        struct notice_alert *m = &c->alerts[c->n++];
        uint64_t hash;

        *m = (struct notice_alert){.labels = alert_labels(alert, a),
                                   .annotations = alert_annotations(alert, a),
                                   .starts_wall_ms = alert->starts_wall_ms,
                                   .ends_wall_ms = resolved ? alert->ends_wall_ms : WALL_ABSENT,
                                   .resolved = resolved,
                                   .generator_url = alert_generator_url(alert),
                                   .fp = alert->fp};
        hash = labels_xxh64(m->labels);
        if (resolved) {
            c->resolved_hashes[c->resolved_n++] = hash;
        } else {
            c->firing[c->firing_n] = *m;
            c->firing_hashes[c->firing_n++] = hash;
        }
    }
    qsort(c->firing_hashes, c->firing_n, sizeof(uint64_t), compare_hash);
    qsort(c->resolved_hashes, c->resolved_n, sizeof(uint64_t), compare_hash);
}

static int build(struct notifier *n, struct telling *t, const struct content *c, struct err *err)
{
    const struct group *group = t->job->flush->group;
    struct arena *a = t->job->arena;
    struct notice notice = {.receiver = group_route(group)->receiver->name,
                            .group_key = group_key(group),
                            .group_labels = group_labels(group),
                            .alerts = t->to->send_resolved ? c->alerts : c->firing,
                            .alerts_n = t->to->send_resolved ? c->n : c->firing_n,
                            .resolved = c->firing_n == 0,
                            .external_url = n->options.external_url,
                            .reason = str_from(notify_reason_text(t->reason))};
    int r;

    notice.common_labels = notice_common_labels(notice.alerts, notice.alerts_n, a);
    notice.common_annotations = notice_common_annotations(notice.alerts, notice.alerts_n, a);
    r = integration_build(t->to->integration, t->to->config, &notice, a, &t->send, err);
    if (r == 0 && t->send.headers[ENGINE_SEND_HEADERS_MAX - 1].name == NULL) {
        size_t i = 0;

        while (t->send.headers[i].name != NULL)
            i++;
        t->send.headers[i] = (struct engine_header){
            .name = "User-Agent",
            .value = arena_fmt(a, "Alertmanager/" STR_FMT, STR_ARG(n->options.version))};
    }
    return r;
}

static void start_telling(struct notifier *n, struct telling *t, const struct content *c,
                          struct now now, struct out *out)
{
    struct err err = {0};

    t->firing = c->firing_hashes;
    t->firing_n = c->firing_n;
    t->resolved = c->resolved_hashes;
    t->resolved_n = c->resolved_n;
    t->reason = nflog_decide(nflog_find(n->log, t->log_key), t->firing, t->firing_n, t->resolved,
                             t->resolved_n, t->to->send_resolved,
                             group_route(t->job->flush->group)->repeat_interval_ms, now);
    if (t->reason == NOTIFY_NONE) {
        finish(n, t, now);
        return;
    }
    counters_of(n, t)->notifications++;
    if (!t->to->send_resolved && t->firing_n == 0) {
        write_log_entry(n, t, now, out);
        finish(n, t, now);
    } else if (build(n, t, c, &err) < 0) {
        set_error(t, str_from(err.text));
        t->failure = "other";
        fail(n, t, "notification could not be built", now, out);
    } else {
        attempt(n, t, now, out);
    }
}

static void prepare(struct telling *t, struct job *j, const struct receiver *r, size_t i)
{
    struct buf b;

    t->job = j;
    t->to = &r->v[i];
    t->lane = arena_fmt(j->arena, STR_FMT "/%s[%zu]", STR_ARG(r->name), t->to->integration->name,
                        t->to->index);
    buf_init(&b, 0);
    nflog_add_key(&b, group_key(j->flush->group), r->name, t->to->integration->name, t->to->index);
    t->log_key = arena_str(j->arena, buf_str(&b));
    buf_clear(&b);
}

void notifier_flush(struct notifier *n, struct flush *f, void *config, struct now now,
                    struct out *out)
{
    const struct receiver *r = group_route(f->group)->receiver;
    struct arena *arena = arena_new(0);
    struct job *j = xcalloc(1, sizeof(*j));
    struct content c;

    *j = (struct job){.flush = f,
                      .config = config,
                      .arena = arena,
                      .v = ARENA_ARRAY(arena, struct telling, r->n),
                      .n = r->n,
                      .pending = r->n + 1}; /* one for this function: the job outlives the loop */
    n->options.config_ref(config);
    TAILQ_INSERT_TAIL(&n->jobs, j, link);
    f->job = j;
    read_content(f, arena, &c);
    for (size_t i = 0; i < r->n; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): `pending` holds j until the loop is over */
        prepare(&j->v[i], j, r, i);
        start_telling(n, &j->v[i], &c, now, out);
    }
    if (--j->pending == 0) /* NOLINT(clang-analyzer-unix.Malloc): as above */
        finish_job(n, j, now);
}

void notifier_cancel(struct notifier *n, struct group *group, struct out *out)
{
    struct flush *f = group_flush(group);
    struct job *j = f != NULL ? f->job : NULL;

    if (j == NULL)
        return;
    for (size_t i = 0; i < j->n; i++) {
        if (j->v[i].send_id != 0)
            out_send(out, &(struct engine_send){.id = j->v[i].send_id, .cancel = true});
    }
    f->job = NULL;
    job_free(n, j);
}

/* ---- metrics, digest ---- */

static void family(const struct notifier *n, struct metrics *m, const char *name, const char *help,
                   size_t offset)
{
    metrics_family(m, name, "counter", help);
    for (size_t i = 0; i < n->integrations_n; i++) {
        uint64_t v;

        memcpy(&v, (const char *)&n->counters[i] + offset, sizeof(v));
        metrics_u64(m, name,
                    &(struct metric_label){"integration", str_from(n->integrations[i]->name)}, 1,
                    v);
    }
}

void notifier_metrics(const struct notifier *n, struct metrics *m)
{
    family(n, m, "alertmanager_notifications_total", "The total number of attempted notifications.",
           offsetof(struct integration_counters, notifications));
    family(n, m, "alertmanager_notification_requests_total",
           "The total number of attempted notification requests.",
           offsetof(struct integration_counters, requests));
    family(n, m, "alertmanager_notification_requests_failed_total",
           "The total number of failed notification requests.",
           offsetof(struct integration_counters, requests_failed));
    metrics_family(m, "alertmanager_notifications_failed_total", "counter",
                   "The total number of failed notifications.");
    for (size_t i = 0; i < n->integrations_n; i++) {
        for (size_t k = 0; k < ARRAY_SIZE(failure_reasons); k++) {
            struct metric_label labels[] = {{"integration", str_from(n->integrations[i]->name)},
                                            {"reason", str_from(failure_reasons[k])}};

            metrics_u64(m, "alertmanager_notifications_failed_total", labels, ARRAY_SIZE(labels),
                        n->counters[i].failed[k]);
        }
    }
}

uint64_t notifier_digest(const struct notifier *n)
{
    const struct job *j;
    uint64_t sum = 0;

    TAILQ_FOREACH (j, &n->jobs, link) {
        for (size_t i = 0; i < j->n; i++) {
            uint64_t h = fnv1a_64(FNV1A_64_BASIS, j->v[i].log_key.p, j->v[i].log_key.n);

            sum += hash_mix(h, (uint64_t)j->v[i].attempts << 1 | (j->v[i].send_id != 0));
        }
    }
    return sum;
}

/* tocsin-edge: options, files, and the edge's engine in a daemon. */
#include "common/daemon/cluster_options.h"
#include "common/daemon/daemon.h"
#include "common/io/clock.h"
#include "common/io/log_out.h"
#include "common/io/store.h"
#include "common/io/zoneinfo.h"
#include "edge/core/edge.h"
#include "edge/io/import_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_COMPONENT "edge"

/* Whose API, metrics and messages these are: clients compare it. */
#define ALERTMANAGER_VERSION "0.34.0"

struct settings {
    struct daemon_settings daemon;
    struct cluster_settings cluster;
    struct cluster_self self;
    int cluster_fd; /* keeps the cluster's port; -1: none */
    const char *config_file, *federation_file, *features;
    int64_t retention_ms, maintenance_ms, gc_ms, alerts_max, alertname_limit;
    int64_t silences_max, silence_bytes_max, dispatch_maintenance_ms, start_delay_ms;
    double memory_ratio;
    bool keep_muted_resolved, log_silences, auto_memory, alert_names;
    enum matcher_mode matchers;
    struct zoneinfo *zones;
    char node[IDENTITY_NAME_MAX + 1];
};

/* Alertmanager's features, and which of them are in force here. */
static const struct {
    const char *name, *without; /* without: what is said of one that has no effect */
} features[] = {
    {"classic-mode", NULL},
    {"utf8-strict-mode", NULL},
    {"alert-names-in-metrics", NULL},
    {"receiver-name-in-metrics", "metrics have no receiver_name"},
    {"group-key-in-metrics", "metrics have no group_key"},
    {"auto-gomemlimit", NULL},
    {"event-recorder", "there is no event recorder"},
};

static void warn_of_features(const struct settings *s)
{
    struct str rest = str_from(s->features), word;

    while (rest.n > 0 && str_split(&rest, ',', &word)) {
        for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
            if (str_eq_c(word, features[i].name) && features[i].without != NULL)
                log_warn("a feature has no effect", KV("feature", features[i].name),
                         KV("reason", features[i].without));
        }
    }
}

static void on_tls_reload(const struct err *err, void *arg)
{
    (void)arg;
    if (err == NULL)
        log_info("certificates reloaded");
    else
        log_error("certificates not reloaded, the old ones stay", KV("err", err->text));
}

/* Who we are comes from the certificate; it must be of the site that the file names. */
static int open_uplink(struct daemon *d, struct settings *s, const struct federation_config *f,
                       struct err *err)
{
    struct arena *a = arena_new(0);
    const char *trust_domain = arena_fmt(a, STR_FMT, STR_ARG(f->uplink.trust_domain)).p;
    struct tls_client_files files = {
        .trust_domain = trust_domain,
        .cert_file = daemon_path_beside(a, s->federation_file, f->uplink.cert_file),
        .key_file = daemon_path_beside(a, s->federation_file, f->uplink.key_file),
        .ca_file = daemon_path_beside(a, s->federation_file, f->uplink.ca_file),
        .crl_file = f->uplink.crl_file.n > 0
                        ? daemon_path_beside(a, s->federation_file, f->uplink.crl_file)
                        : NULL};
    struct tls_client *tls = NULL;
    struct identity id;
    int r = daemon_read_identity(files.cert_file, trust_domain, &id, err);

    if (r == 0 && (id.kind != IDENTITY_EDGE || !str_eq_c(f->site, id.site)))
        r = err_set(err, -EINVAL,
                    "%s: site is " STR_FMT ", but %s is not an edge's certificate of that site",
                    s->federation_file, STR_ARG(f->site), files.cert_file);
    if (r == 0)
        r = tls_client_new(daemon_loop(d), &files, &tls, err, on_tls_reload, NULL);
    if (r == 0) {
        (void)snprintf(s->node, sizeof(s->node), "%s", id.node);
        daemon_set_uplink_tls(d, tls, trust_domain);
        log_info("federation", KV("site", (const char *)id.site),
                 KV("node", (const char *)id.node));
    }
    arena_free(a);
    return r;
}

/* What is done once, when the log is there to tell of it. */
static int settle_start(struct settings *s, struct err *err)
{
    warn_of_features(s);
    return cluster_self_settle(&s->cluster, &s->self, &s->cluster_fd, err);
}

/* Of several the log names each. */
static void first_mistake(const char *file, const struct mistakes *m, int r, struct err *err)
{
    if (m->n == 0)
        err_set(err, r, "%s cannot be used", file);
    else if (m->n == 1)
        err_set(err, r, "%s:%d: %s", file, m->v[0].line, m->v[0].text);
    else
        err_set(err, r, "%s:%d: %s (and %zu more mistakes)", file, m->v[0].line, m->v[0].text,
                m->n - 1);
}

static int configure(struct daemon *d, bool first, struct engine_input *ret, struct err *err,
                     void *arg)
{
    struct settings *s = arg;
    struct arena *a = arena_new(0);
    struct config_report am, federation;
    struct str text, federation_text;
    bool federated = s->federation_file[0] != '\0';
    struct edge_config *config = NULL;
    int r = daemon_read_file(s->config_file, a, &text, err);

    if (r == 0 && federated)
        r = daemon_read_file(s->federation_file, a, &federation_text, err);
    if (r == 0) {
        config_report_init(&am, str_from(s->config_file));
        config_report_init(&federation, str_from(s->federation_file));
        r = edge_config_parse(text, federated ? &federation_text : NULL, s->matchers, &config, &am,
                              federated ? &federation : NULL);
        zoneinfo_forget(s->zones);
        if (r == 0)
            r = am_config_check_locations(config->am, &am, zoneinfo_known, s->zones);
        daemon_log_report(&am);
        daemon_log_report(&federation);
        if (r < 0)
            first_mistake(am.mistakes.n > 0 ? s->config_file : s->federation_file,
                          am.mistakes.n > 0 ? &am.mistakes : &federation.mistakes, r, err);
        config_report_clear(&am);
        config_report_clear(&federation);
    }
    if (r == 0 && first)
        r = settle_start(s, err);
    if (r == 0 && first && config->federation != NULL)
        r = open_uplink(d, s, config->federation, err);
    if (r == 0)
        ret->edge_config = config;
    else
        edge_config_unref(config);
    arena_free(a);
    return r;
}

static struct engine *make_engine(struct daemon *d, void *arg)
{
    struct settings *s = arg;
    char host[64] = "edge";
    struct edge_options o = {.external_url = str_from(daemon_external_url(d)),
                             .version = STR(ALERTMANAGER_VERSION),
                             .program_version = STR(TOCSIN_VERSION),
                             .retention_ms = s->retention_ms,
                             .maintenance_ms = s->maintenance_ms,
                             .alerts_gc_ms = s->gc_ms,
                             .alerts_max = (size_t)s->alerts_max,
                             .store_queue_bytes = STORE_QUEUE_BYTES_DEFAULT,
                             .cluster_name = str_from(s->self.name),
                             .cluster_address = str_from(s->self.address),
                             .cors_allow_writes = s->daemon.cors_allow_writes,
                             .start_delay_ms = max_i64(s->start_delay_ms, 0),
                             .alertname_limit = s->alertname_limit,
                             .alert_names_in_metrics = s->alert_names,
                             .keep_muted_resolved = s->keep_muted_resolved,
                             .log_silences = s->log_silences,
                             .silences_max = (size_t)max_i64(s->silences_max, 0),
                             .silence_bytes_max = (size_t)max_i64(s->silence_bytes_max, 0),
                             .matchers = s->matchers,
                             .zones = {.offset_s = zoneinfo_offset_s, .arg = s->zones},
                             .seed = entropy_seed()};

    (void)gethostname(host, sizeof(host) - 1);
    o.node = str_from(s->node[0] != '\0' ? s->node : host);
    return edge_new(&o);
}

static void before_start(struct daemon *d, struct engine *e, void *arg)
{
    const struct settings *s = arg;

    import_files(d, e, s->daemon.storage_path);
}

/* ---- the command line ---- */

static int usage_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
static int usage_error(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "tocsin-edge: error: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, ", try --help\n");
    return -EINVAL;
}

static int read_feature(struct settings *s, struct str word)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(features) && !str_eq_c(word, features[i].name))
        i++;
    if (i == ARRAY_SIZE(features))
        return usage_error("unknown option '" STR_FMT "' for --enable-feature", STR_ARG(word));
    if (str_eq_c(word, "auto-gomemlimit"))
        s->auto_memory = true;
    if (str_eq_c(word, "alert-names-in-metrics"))
        s->alert_names = true;
    if (!str_eq_c(word, "classic-mode") && !str_eq_c(word, "utf8-strict-mode"))
        return 0;
    if (s->matchers != MATCHER_FALLBACK)
        return usage_error(
            "--enable-feature: classic-mode and utf8-strict-mode exclude each other");
    s->matchers = str_eq_c(word, "classic-mode") ? MATCHER_CLASSIC : MATCHER_UTF8;
    return 0;
}

static int read_features(struct settings *s)
{
    struct str rest = str_from(s->features), word;

    while (rest.n > 0 && str_split(&rest, ',', &word)) {
        if (read_feature(s, word) < 0)
            return -EINVAL;
    }
    if (s->auto_memory && !(s->memory_ratio > 0 && s->memory_ratio <= 1))
        return usage_error("--auto-gomemlimit.ratio must be greater than 0 and less than or equal "
                           "to 1");
    return 0;
}

static int check_bounds(const struct settings *s)
{
    const struct {
        const char *flag;
        int64_t value;
    } positive[] = {
        {"data.retention", s->retention_ms},
        {"data.maintenance-interval", s->maintenance_ms},
        {"alerts.gc-interval", s->gc_ms},
        {"alerts.max", s->alerts_max},
        {"dispatch.maintenance-interval", s->dispatch_maintenance_ms},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(positive); i++) {
        if (positive[i].value <= 0)
            return usage_error("--%s must be positive", positive[i].flag);
    }
    if (cluster_settings_check(&s->cluster, &err) < 0)
        return usage_error("%s", err.text);
    return 0;
}

/* What the options point at lives as long as the process. */
static struct settings settings;

static const struct option_row rows[] = {
    {"config.file", OPTION_TEXT, &settings.config_file, "alertmanager.yml",
     "Alertmanager's configuration file."},
    {"federation.config", OPTION_TEXT, &settings.federation_file, "",
     "The federation's configuration file; without it this is a plain Alertmanager."},
    DAEMON_OPTIONS(&settings.daemon, ":9093"),
    {"web.systemd-socket", OPTION_BOOL, &settings.daemon.systemd_socket, NULL,
     "Serve the sockets that systemd hands over, instead of --web.listen-address."},
    {"web.get-concurrency", OPTION_NUMBER, &settings.daemon.get_concurrency, "0",
     "GET requests served at a time; zero or less: as many as processors, at least 8."},
    {"web.timeout", OPTION_DURATION, &settings.daemon.web_timeout_ms, "0",
     "Time for a request to be answered; zero or less: no limit."},
    {"web.cors.allow-writes", OPTION_BOOL, &settings.daemon.cors_allow_writes, NULL,
     "Let pages of other sites change things, as Alertmanager does."},
    {"data.retention", OPTION_DURATION, &settings.retention_ms, "120h",
     "How long to keep notification log entries and ended silences."},
    {"data.maintenance-interval", OPTION_DURATION, &settings.maintenance_ms, "15m",
     "Interval between sweeps of expired data."},
    {"silences.max-silences", OPTION_NUMBER, &settings.silences_max, "0",
     "Silences kept at most, ended ones included; zero or less: no limit of its own."},
    {"silences.max-silence-size-bytes", OPTION_NUMBER, &settings.silence_bytes_max, "0",
     "Size of a silence at most; zero or less: no limit of its own."},
    {"log.silences", OPTION_BOOL, &settings.log_silences, NULL,
     "Log each silence that is created, changed or ended."},
    {"alerts.gc-interval", OPTION_DURATION, &settings.gc_ms, "30m",
     "Interval between sweeps of resolved alerts."},
    {"alerts.keep-muted-resolved", OPTION_BOOL, &settings.keep_muted_resolved, NULL,
     "Tell the end of an alert that was muted at that time once it is so no longer. "
     "Alertmanager forgets it."},
    {"alerts.per-alertname-limit", OPTION_NUMBER, &settings.alertname_limit, "0",
     "Alerts of one alertname kept at most; zero or less: no limit."},
    {"alerts.max", OPTION_NUMBER, &settings.alerts_max, "2000000",
     "Alerts kept at most; a request beyond is answered 503."},
    {"dispatch.maintenance-interval", OPTION_DURATION, &settings.dispatch_maintenance_ms, "30s",
     "Taken for compatibility: groups that are empty go at once."},
    {"dispatch.start-delay", OPTION_DURATION, &settings.start_delay_ms, "0s",
     "After the start, wait so long before the first notification."},
    {"auto-gomemlimit.ratio", OPTION_FLOAT, &settings.memory_ratio, "0.9",
     "Taken for compatibility: there is no garbage collector to be told."},
    CLUSTER_OPTIONS(&settings.cluster),
    {"enable-feature", OPTION_TEXT, &settings.features, "",
     "Comma-separated: alert-names-in-metrics, receiver-name-in-metrics, "
     "group-key-in-metrics, classic-mode, utf8-strict-mode, auto-gomemlimit, event-recorder."},
};

int main(int argc, char **argv)
{
    const struct option_program options = {.name = "tocsin-edge",
                                           .summary =
                                               "Alertmanager for one datacenter of a federation.",
                                           .rows = rows,
                                           .rows_n = ARRAY_SIZE(rows)};
    const struct daemon_program program = {.name = "tocsin-edge",
                                           .user_agent = "Alertmanager/" ALERTMANAGER_VERSION,
                                           .arg = &settings,
                                           .configure = configure,
                                           .make_engine = make_engine,
                                           .before_start = before_start,
                                           .puts_refused_again = true};
    enum options_result parsed = options_parse(&options, argc, argv);
    int status;

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? 0 : 1;
    if (read_features(&settings) < 0 || check_bounds(&settings) < 0)
        return 1;
    settings.cluster_fd = -1;
    settings.zones = zoneinfo_new(NULL);
    status = daemon_run(&settings.daemon, &program);
    zoneinfo_free(settings.zones);
    if (settings.cluster_fd >= 0)
        close(settings.cluster_fd);
    return status;
}

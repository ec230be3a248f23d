/* tocsin-edge: options, files, and the edge's engine in a daemon. */
#include "common/daemon/daemon.h"
#include "common/io/clock.h"
#include "common/io/log_out.h"
#include "edge/core/edge.h"

#include <unistd.h>

#define LOG_COMPONENT "edge"

struct settings {
    struct daemon_settings daemon;
    const char *config_file, *federation_file, *features;
    const char *cluster_address;
    int64_t retention_ms, maintenance_ms, gc_ms, alerts_max;
    int64_t silences_max, silence_bytes_max;
    enum matcher_mode matchers;
    char node[IDENTITY_NAME_MAX + 1];
};

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
        daemon_log_report(&am);
        daemon_log_report(&federation);
        config_report_clear(&am);
        config_report_clear(&federation);
        if (r < 0)
            err_set(err, r, "the configuration has mistakes; the log names each");
    }
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
                             .version = STR(TOCSIN_VERSION),
                             .retention_ms = s->retention_ms,
                             .maintenance_ms = s->maintenance_ms,
                             .alerts_gc_ms = s->gc_ms,
                             .alerts_max = (size_t)s->alerts_max,
                             .silences_max = (size_t)s->silences_max,
                             .silence_bytes_max = (size_t)s->silence_bytes_max,
                             .classic_names = s->matchers == MATCHER_CLASSIC,
                             .seed = entropy_seed()};

    (void)gethostname(host, sizeof(host) - 1);
    o.node = str_from(s->node[0] != '\0' ? s->node : host);
    return edge_new(&o);
}

static int read_features(struct settings *s)
{
    struct str rest = str_from(s->features), word;

    while (rest.n > 0 && str_split(&rest, ',', &word)) {
        if (str_eq_c(word, "classic-mode") && s->matchers != MATCHER_UTF8) {
            s->matchers = MATCHER_CLASSIC;
        } else if (str_eq_c(word, "utf8-strict-mode") && s->matchers != MATCHER_CLASSIC) {
            s->matchers = MATCHER_UTF8;
        } else {
            fprintf(stderr,
                    "tocsin-edge: error: unknown or conflicting option '" STR_FMT
                    "' for --enable-feature\n",
                    STR_ARG(word));
            return -EINVAL;
        }
    }
    return 0;
}

static bool bounds_hold(const struct settings *s)
{
    if (s->retention_ms > 0 && s->maintenance_ms > 0 && s->gc_ms > 0 && s->alerts_max > 0)
        return true;
    fprintf(stderr, "tocsin-edge: error: --data.retention, --data.maintenance-interval, "
                    "--alerts.gc-interval and "
                    "--alerts.max must be positive, try --help\n");
    return false;
}

int main(int argc, char **argv)
{
    static struct settings s; /* what the options point at lives as long as the process */
    const struct option_row rows[] = {
        {"config.file", OPTION_TEXT, &s.config_file, "alertmanager.yml",
         "Alertmanager's configuration file."},
        {"federation.config", OPTION_TEXT, &s.federation_file, "",
         "The federation's configuration file; without it this is a plain Alertmanager."},
        DAEMON_OPTIONS(&s.daemon, ":9093"),
        {"data.retention", OPTION_DURATION, &s.retention_ms, "120h",
         "How long to keep notification log entries and ended silences."},
        {"data.maintenance-interval", OPTION_DURATION, &s.maintenance_ms, "15m",
         "Interval between sweeps of expired data."},
        {"alerts.gc-interval", OPTION_DURATION, &s.gc_ms, "30m",
         "Interval between sweeps of resolved alerts."},
        {"alerts.max", OPTION_NUMBER, &s.alerts_max, "2000000",
         "Alerts kept at most; a request beyond is answered 503."},
        {"silences.max-silences", OPTION_NUMBER, &s.silences_max, "0",
         "Silences kept at most, ended ones included. 0: as many as there is room for."},
        {"silences.max-per-silence-bytes", OPTION_NUMBER, &s.silence_bytes_max, "0",
         "Size of a silence at most. 0: 1 MiB."},
        {"cluster.listen-address", OPTION_TEXT, &s.cluster_address, "",
         "Accepted for compatibility; there is no gossip yet."},
        {"enable-feature", OPTION_TEXT, &s.features, "",
         "Comma-separated: classic-mode or utf8-strict-mode."},
    };
    const struct option_program options = {.name = "tocsin-edge",
                                           .summary =
                                               "Alertmanager for one datacenter of a federation.",
                                           .rows = rows,
                                           .rows_n = ARRAY_SIZE(rows)};
    const struct daemon_program program = {.name = "tocsin-edge",
                                           .user_agent = "Alertmanager/0.34.0",
                                           .arg = &s,
                                           .configure = configure,
                                           .make_engine = make_engine};
    enum options_result parsed = options_parse(&options, argc, argv);

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? 0 : 1;
    if (read_features(&s) < 0 || !bounds_hold(&s))
        return 1;
    return daemon_run(&s.daemon, &program);
}

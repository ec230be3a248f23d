/* tocsin-global: options, files, and the global engine in a daemon. */
#include "common/daemon/daemon.h"
#include "common/io/log_out.h"
#include "global/core/global.h"
#include "global/core/global_config.h"

#define LOG_COMPONENT "global"

struct settings {
    struct daemon_settings daemon;
    const char *config_file;
    const char *federation_address, *trust_domain;
    const char *cert_file, *key_file, *ca_file, *crl_file;
    char node[IDENTITY_NAME_MAX + 1];
};

static int read_secret(struct settings *s, struct global_config *config, struct arena *a,
                       struct err *err)
{
    struct str secret;

    if (config->secret_file.n == 0)
        return 0;
    if (daemon_read_file(daemon_path_beside(a, s->config_file, config->secret_file), a, &secret,
                         err) < 0 ||
        global_config_set_secret(config, secret, err) < 0)
        return err_wrap(err, "cluster.secret_file");
    return 0;
}

/* With several nodes each must be in the list, or nobody could be sent to it. */
static int check_node(const struct settings *s, const struct global_config *config, struct err *err)
{
    if (config->nodes_n == 0 || global_config_find_node(config, str_from(s->node)) != NULL)
        return 0;
    return err_set(err, -EINVAL, "%s: `globals` does not list this node, whose certificate says %s",
                   s->config_file, s->node);
}

static int configure(struct daemon *d, bool first, struct engine_input *ret, struct err *err,
                     void *arg)
{
    struct settings *s = arg;
    struct arena *a = arena_new(0);
    struct global_config *config = NULL;
    struct config_report report;
    struct str text;
    int r = daemon_read_file(s->config_file, a, &text, err);

    (void)d;
    (void)first;
    if (r == 0) {
        config_report_init(&report, str_from(s->config_file));
        r = global_config_parse(text, MATCHER_FALLBACK, &config, &report);
        daemon_log_report(&report);
        config_report_clear(&report);
        if (r < 0)
            err_set(err, r, "the configuration has mistakes; the log names each");
    }
    if (r == 0)
        r = read_secret(s, config, a, err);
    if (r == 0)
        r = check_node(s, config, err);
    if (r == 0)
        ret->global_config = config;
    else
        global_config_unref(config);
    arena_free(a);
    return r;
}

static struct engine *make_engine(struct daemon *d, void *arg)
{
    struct settings *s = arg;
    struct global_options o = {
        .node = s->node, .external_url = daemon_external_url(d), .version = TOCSIN_VERSION};

    return global_new(&o);
}

static int settle_node(struct settings *s)
{
    struct identity id;
    struct err err;

    if (s->cert_file[0] == '\0' || s->key_file[0] == '\0' || s->ca_file[0] == '\0' ||
        s->trust_domain[0] == '\0') {
        fprintf(stderr,
                "tocsin-global: error: --federation.trust-domain, --federation.cert-file, "
                "--federation.key-file "
                "and --federation.ca-file are needed (tocsinctl pki makes them), try --help\n");
        return -EINVAL;
    }
    if (daemon_read_identity(s->cert_file, s->trust_domain, &id, &err) < 0) {
        fprintf(stderr, "tocsin-global: error: --federation.cert-file: %s\n", err.text);
        return -EINVAL;
    }
    if (id.kind != IDENTITY_GLOBAL) {
        fprintf(stderr, "tocsin-global: error: %s is not a global node's certificate\n",
                s->cert_file);
        return -EINVAL;
    }
    (void)snprintf(s->node, sizeof(s->node), "%s", id.node);
    return 0;
}

int main(int argc, char **argv)
{
    static struct settings s; /* what the options point at lives as long as the process */
    const struct option_row rows[] = {
        {"config.file", OPTION_TEXT, &s.config_file, "global.yml",
         "Teams, escalation policies, rules, receivers."},
        DAEMON_OPTIONS(&s.daemon, ":9193"),
        {"federation.listen-address", OPTION_TEXT, &s.federation_address, ":9195",
         "Where edges report, by mutual TLS."},
        {"federation.trust-domain", OPTION_TEXT, &s.trust_domain, "",
         "Trust domain of all certificates."},
        {"federation.cert-file", OPTION_TEXT, &s.cert_file, "",
         "This node's certificate (PEM); it names the node."},
        {"federation.key-file", OPTION_TEXT, &s.key_file, "", "Its key (PEM)."},
        {"federation.ca-file", OPTION_TEXT, &s.ca_file, "", "The private CA of all nodes (PEM)."},
        {"federation.crl-file", OPTION_TEXT, &s.crl_file, "",
         "Its CRL (PEM); empty: revocation is not checked."},
    };
    const struct option_program options = {.name = "tocsin-global",
                                           .summary =
                                               "Incidents and escalation over all datacenters.",
                                           .rows = rows,
                                           .rows_n = ARRAY_SIZE(rows)};
    struct daemon_program program = {.name = "tocsin-global",
                                     .user_agent = "tocsin-global/" TOCSIN_VERSION,
                                     .arg = &s,
                                     .configure = configure,
                                     .make_engine = make_engine,
                                     .open_health = true};
    enum options_result parsed = options_parse(&options, argc, argv);

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? 0 : 1;
    if (settle_node(&s) < 0)
        return 1;
    program.federation_address = s.federation_address;
    program.federation_tls =
        (struct tls_server_options){.trust_domain = s.trust_domain,
                                    .cert_file = s.cert_file,
                                    .key_file = s.key_file,
                                    .ca_file = s.ca_file,
                                    .crl_file = s.crl_file[0] != '\0' ? s.crl_file : NULL};
    return daemon_run(&s.daemon, &program);
}

/* What both daemons are around their engine: loop, store, listeners, client, signals. It gathers
 * inputs, calls engine_step, carries out the output, and decides nothing.
 *
 * Start: lock and load the store -> configuration -> rows into the engine -> listeners ->
 * ENGINE_START. Stop (SIGTERM, SIGINT): ENGINE_STOP -> listeners close, requests and notifications
 * in flight finish (≤ DAEMON_STOP_MS, DAEMON_STOP_SENDS_MS) -> store closed. SIGHUP and POST
 * /-/reload: configuration and certificates again; a bad file leaves the running ones in force. */
#pragma once

#include "common/core/config/report.h"
#include "common/core/engine.h"
#include "common/daemon/options.h"
#include "common/io/client.h"
#include "common/io/loop.h"
#include "common/io/tls_client.h"
#include "common/io/tls_server.h"

#define DAEMON_STOP_MS 5000        /* for HTTP requests being answered */
#define DAEMON_STOP_SENDS_MS 10000 /* for notifications being sent */
#define DAEMON_HEALTH_MS (60 * MS_PER_S)
#define DAEMON_STORE_HANGS_MS \
    (30 * MS_PER_S) /* a commit under way for so long counts as failing \
                     */

/* What the command line settles for both daemons. */
struct daemon_settings {
    const char *storage_path;
    struct option_list web_addresses;
    const char *web_config_file;
    const char *external_url; /* "": http://<host>:<port of the first listener>/ */
    const char *route_prefix; /* "": the path of external_url */
    const char *log_level, *log_format;

    /* Zero is a good value for what follows: not every daemon has a flag for it. */
    bool systemd_socket;     /* the listeners are those that systemd hands over */
    int64_t get_concurrency; /* GET requests at the same time; ≤ 0: processors, at least 8 */
    int64_t web_timeout_ms;  /* of a request; ≤ 0: none */
    bool cors_allow_writes;  /* as Alertmanager: other sites' scripts may change things */
};

/* The rows of those settings for a daemon's table of options. */
#define DAEMON_OPTIONS(s, default_web_address) \
    {"storage.path", OPTION_TEXT, &(s)->storage_path, "data/", \
     "Directory for the durable state; made when absent."}, \
        {"web.listen-address", OPTION_LIST, &(s)->web_addresses, default_web_address, \
         "Address of the API and UI; port 0 takes any free one."}, \
        {"web.config.file", OPTION_TEXT, &(s)->web_config_file, "", \
         "TLS, users and headers of the web listener (Prometheus' web configuration)."}, \
        {"web.external-url", OPTION_TEXT, &(s)->external_url, "", \
         "URL under which people reach this daemon; used in messages."}, \
        {"web.route-prefix", OPTION_TEXT, &(s)->route_prefix, "", \
         "Prefix of all paths served; default: the path of --web.external-url."}, \
        {"log.level", OPTION_TEXT, &(s)->log_level, "info", \
         "Least level to log: debug, info, warn, error."}, \
    { \
        "log.format", OPTION_TEXT, &(s)->log_format, "logfmt", \
            "Format of the log on stderr: logfmt, json." \
    }

struct daemon;

/* What differs between the daemons. */
struct daemon_program {
    const char *name;       /* tocsin-edge */
    const char *user_agent; /* of requests to receivers */
    void *arg;

    /* Reads and checks the configuration and makes the ENGINE_CONFIG input. Logs every mistake
     * itself. At the first call *ret_tls may be set to the uplink's TLS (owned by the daemon from
     * then on); later calls leave it. */
    int (*configure)(struct daemon *d, bool first, struct engine_input *ret, struct err *err,
                     void *arg);

    /* Makes the engine; called once, after the first configure and after the listeners know their
     * addresses. */
    struct engine *(*make_engine)(struct daemon *d, void *arg);

    /* The rows of the store are in the engine, ENGINE_START comes next: what else it is to know
     * before is given by daemon_give. May be NULL. */
    void (*before_start)(struct daemon *d, struct engine *e, void *arg);

    /* The engine puts rows that the store has refused again by itself. */
    bool puts_refused_again;

    bool open_health;               /* /-/healthy and /-/ready need no credentials */
    const char *federation_address; /* "": no federation listener */
    struct tls_server_options federation_tls;
};

/* Runs until stopped; the process's exit status. */
int daemon_run(const struct daemon_settings *settings, const struct daemon_program *program);

/* For the program's callbacks. */
struct loop *daemon_loop(struct daemon *d);
const char *daemon_external_url(struct daemon *d);
/* Whether rows are known to be lost: what the engine owes for that comes first. */
bool daemon_store_regressed(const struct daemon *d);
/* Gives the engine an input, and waits (not for long) until its rows are on disk. */
void daemon_give(struct daemon *d, struct engine_input *in);
void daemon_set_uplink_tls(struct daemon *d, struct tls_client *tls,
                           const char *trust_domain); /* takes */
void daemon_log_mistakes(const char *file, const struct mistakes *m);
/* Reads a configuration file into the arena; logs and returns a negative errno on failure. */
MUST_CHECK int daemon_read_file(const char *path, struct arena *a, struct str *ret,
                                struct err *err);
/* A file named in a configuration file: relative names are relative to that file's folder.
 * NUL-terminated, in the arena. */
const char *daemon_path_beside(struct arena *a, const char *config_file, struct str name);
/* Logs mistakes as errors and warnings as warnings. */
void daemon_log_report(const struct config_report *r);
/* The one identity of a certificate file, for settling who we are at start. */
MUST_CHECK int daemon_read_identity(const char *cert_file, const char *trust_domain,
                                    struct identity *ret, struct err *err);

/* web.config.file, as Prometheus' exporter-toolkit and thus Alertmanager read it: TLS of the web
 * listener, basic authentication, response headers. Used through struct http_guard.
 *
 *     tls_server_config: {cert_file, key_file, client_ca_file | cert, key, client_ca (PEM),
 *                         client_auth_type, client_allowed_sans, min_version, max_version,
 *                         cipher_suites, curve_preferences, prefer_server_cipher_suites}
 *     http_server_config: {http2, headers}    http2 is accepted and has no effect
 *     basic_auth_users: {user: bcrypt hash}
 *     rate_limit: {interval, burst}           of requests, all listeners together
 *
 * Users and headers follow the file within TLS_SERVER_POLL_MS, certificates follow theirs; whether
 * TLS is on is settled at start. A file that became bad answers every request with 500, as there.
 * Passwords are compared by bcrypt on a worker; unknown users cost the same; results are kept,
 * keyed by a SHA-256 that a random value per process starts. When too many wait: 429. */
#pragma once

#include "common/io/http_server.h"
#include "common/io/tls_server.h"
#include "common/io/worker.h"

#define WEB_CONFIG_QUEUE_MAX 16 /* logins waiting for a worker */

struct web_config;

/* path NULL or "": no TLS, nobody is asked. The file must be good at start: mistakes has all that
 * is wrong with it, and err the first. */
MUST_CHECK int web_config_new(struct loop *loop, const char *path, struct web_config **ret,
                              struct mistakes *mistakes, struct err *err);
void web_config_free(struct web_config *w); /* after the http_server */

/* Both lend and live as long as the web_config. */
struct tls_server *web_config_tls(struct web_config *w); /* NULL: plain */
const struct http_guard *web_config_guard(struct web_config *w);

/* Whether everybody has to prove who they are: users, or client certificates that are verified. */
bool web_config_authenticates(const struct web_config *w);

/* GET and HEAD of this exact path, a constant, need no credentials (global's health). Alertmanager
 * has none such. Eight at most. */
void web_config_open_path(struct web_config *w, const char *path);

/* Reads the file and the certificates again whether or not they changed (SIGHUP). */
MUST_CHECK int web_config_reload(struct web_config *w, struct err *err);

struct web_config_stats {
    uint64_t reloads, reloads_failed;
    uint64_t logins, cache_hits, refused, queue_full, rate_limited;
};
void web_config_stats_get(const struct web_config *w, struct web_config_stats *ret);

/* Checks the text alone; for `check-config`. */
MUST_CHECK int web_config_check(struct str text, struct mistakes *mistakes);

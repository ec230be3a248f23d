/* The uplink's TLS: who is let in, and what a change of the files does. */
#include "common/io/tls_client.h"

#include "common/io/client.h"
#include "common/io/files.h"
#include "common/io/loop.h"
#include "common/io/pki.h"
#include "tests/lib/folder.h"
#include "tests/lib/raw_server.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <time.h>

#define DOMAIN "example.org"
#define G1 "spiffe://example.org/global/g1"
#define PATIENCE_MS 30000

struct fixture {
    char *dir;
    struct loop *loop;
    struct raw_server *server;
    struct client *client;
    struct tls_client *tls;
    bool done;
    enum client_outcome outcome;
    int status;
    char error[256];
};

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * MS_PER_S;
}

static struct pki_term days(int64_t from, int64_t until)
{
    return (struct pki_term){now_ms() + from * MS_PER_DAY, now_ms() + until * MS_PER_DAY};
}

/* --- Certificates, by tocsin's own CA --- */

static void make_ca(const char *dir)
{
    struct pki_term term = days(-30, 3650);
    struct err err;

    if (pki_init(dir, STR(DOMAIN), &term, now_ms() + 30 * MS_PER_DAY, now_ms(), true, &err) < 0)
        fail_msg("%s", err.text);
}

static void issue(struct fixture *f, struct identity identity, struct pki_term term,
                  const char *name)
{
    struct pki_request r = {.identity = identity, .term = term};
    char *prefix = folder_file(f->dir, name);
    struct pki_entry e;
    struct err err;

    r.out_prefix = prefix;
    if (pki_issue(f->dir, &r, &e, &err) < 0)
        fail_msg("%s", err.text);
    free(e.file);
    free(prefix);
}

static struct identity global(const char *node)
{
    struct identity id = {.kind = IDENTITY_GLOBAL};

    snprintf(id.node, sizeof(id.node), "%s", node);
    return id;
}

static struct identity edge(const char *node)
{
    struct identity id = {.kind = IDENTITY_EDGE, .site = "fra1", .group = "main"};

    snprintf(id.node, sizeof(id.node), "%s", node);
    return id;
}

/* A CRL that ends so many days from now. */
static void make_crl(struct fixture *f, int64_t end_days)
{
    struct err err;

    /* Made as if long ago, so that it can have ended. */
    assert_int_equal(
        pki_crl(f->dir, now_ms() - 30 * MS_PER_DAY, now_ms() + end_days * MS_PER_DAY, &err), 0);
}

/* --- The two ends --- */

static void load(SSL_CTX *ctx, const char *dir, const char *cert, const char *key)
{
    char *cert_file = folder_file(dir, cert), *key_file = folder_file(dir, key);

    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, cert_file), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM), 1);
    free(cert_file);
    free(key_file);
}

/* A server with the folder's server.pem, which asks for a certificate of the folder's CA. */
static void serve(struct fixture *f, int version_max)
{
    char *ca_file = folder_file(f->dir, "ca.pem");
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    load(ctx, f->dir, "server.pem", "server.key");
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version_max), 1);
    assert_int_equal(SSL_CTX_load_verify_file(ctx, ca_file), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    free(ca_file);
    raw_server_free(f->server);
    f->server = raw_server_new(loop_base(f->loop), ctx);
}

static int make_tls(struct fixture *f, const char *ca_dir, bool crl, struct err *err)
{
    char *cert = folder_file(f->dir, "edge.pem"), *key = folder_file(f->dir, "edge.key"),
         *ca = folder_file(ca_dir, "ca.pem"), *crl_file = folder_file(f->dir, "ca.crl");
    struct tls_client_files files = {.trust_domain = DOMAIN,
                                     .cert_file = cert,
                                     .key_file = key,
                                     .ca_file = ca,
                                     .crl_file = crl ? crl_file : NULL};
    int rc;

    tls_client_free(f->tls);
    f->tls = NULL;
    rc = tls_client_new(f->loop, &files, &f->tls, err, NULL, NULL);
    free(cert);
    free(key);
    free(ca);
    free(crl_file);
    return rc;
}

static void on_done(const struct client_result *r, void *arg)
{
    struct fixture *f = arg;

    f->done = true;
    f->outcome = r->outcome;
    f->status = r->status;
    snprintf(f->error, sizeof(f->error), "%s", r->error);
}

static void ask_with(struct fixture *f, const char *peer, struct tls_client *tls)
{
    struct client_request r = {
        .id = 1, .body = STR("x"), .timeout_ms = PATIENCE_MS, .tls = tls, .peer = str_from(peer)};
    struct err err;
    char url[64];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u/ok", raw_server_port(f->server));
    r.url = str_from(url);
    f->done = false;
    loop_enter(f->loop);
    if (client_send(f->client, &r, &err) < 0)
        fail_msg("%s", err.text);
    while (!f->done) /* ends by the request's time-out at the latest */
        loop_step(f->loop);
}

static void assert_refused(struct fixture *f, const char *peer, const char *why)
{
    ask_with(f, peer, f->tls);
    if (f->outcome != CLIENT_TLS || strstr(f->error, why) == NULL)
        fail_msg("outcome %s, error \"%s\", expected \"%s\"", client_outcome_name(f->outcome),
                 f->error, why);
    assert_int_equal(raw_server_requests(f->server), 0);
}

static void assert_served(struct fixture *f, const char *peer)
{
    ask_with(f, peer, f->tls);
    if (f->outcome != CLIENT_OK)
        fail_msg("outcome %s, error \"%s\"", client_outcome_name(f->outcome), f->error);
    assert_int_equal(f->status, 200);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err err;

    f->dir = folder_new();
    make_ca(f->dir);
    issue(f, edge("e1"), days(-1, 30), "edge");
    issue(f, global("g1"), days(-1, 30), "server");
    assert_int_equal(loop_new(&f->loop), 0);
    loop_enter(f->loop);
    serve(f, TLS1_3_VERSION);
    assert_int_equal(client_new(f->loop, NULL, &f->client, &err, on_done, f), 0);
    if (make_tls(f, f->dir, true, &err) < 0)
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_free(f->client);
    tls_client_free(f->tls);
    raw_server_free(f->server);
    loop_free(f->loop);
    folder_remove(f->dir);
    free(f);
    return 0;
}

/* --- Who is let in --- */

static void the_right_identity_is_served(void **state)
{
    struct fixture *f = *state;

    assert_served(f, G1);
    assert_served(f, G1);
    assert_int_equal(raw_server_connections(f->server), 1);
}

static void a_foreign_identity_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "spiffe://example.org/global/g2",
                   "expected is spiffe://example.org/global/g2");
    assert_refused(f, "spiffe://other.org/global/g1", "trust domain");
    assert_refused(f, "spiffe://example.org/site/fra1/edge/g1", "expected is");
}

static void a_connection_checked_for_one_peer_serves_no_other(void **state)
{
    struct fixture *f = *state;

    assert_served(f, G1);
    ask_with(f, "spiffe://example.org/global/g2", f->tls);
    assert_int_equal(f->outcome, CLIENT_TLS);
    ask_with(f, "", NULL); /* without a profile the system's CAs decide */
    assert_int_equal(f->outcome, CLIENT_TLS);
    assert_int_equal(raw_server_requests(f->server), 1);
}

static void an_identity_is_never_left_unchecked(void **state)
{
    struct fixture *f = *state;
    struct client_request r = {
        .url = STR("http://127.0.0.1:1/"), .timeout_ms = 1, .tls = f->tls, .peer = STR(G1)};
    struct err err;

    assert_int_equal(client_send(f->client, &r, &err), -EINVAL); /* in clear text */
    r.url = STR("https://127.0.0.1:1/");
    r.peer = STR_EMPTY;
    assert_int_equal(client_send(f->client, &r, &err), -EINVAL);
    r.tls = NULL;
    r.peer = STR(G1);
    assert_int_equal(client_send(f->client, &r, &err), -EINVAL);
}

static void an_edges_certificate_is_no_servers(void **state)
{
    struct fixture *f = *state;

    issue(f, edge("e2"), days(-1, 30), "server");
    serve(f, TLS1_3_VERSION);
    assert_refused(f, "spiffe://example.org/site/fra1/edge/e2", "purpose");
}

static void an_expired_or_early_server_is_refused(void **state)
{
    struct fixture *f = *state;

    issue(f, global("g1"), days(-3, -2), "server");
    serve(f, TLS1_3_VERSION);
    assert_refused(f, G1, "expired");
    issue(f, global("g1"), days(2, 3), "server");
    serve(f, TLS1_3_VERSION);
    assert_refused(f, G1, "not yet valid");
}

static void another_cas_server_is_refused(void **state)
{
    struct fixture *f = *state;
    char *other = folder_new();
    struct err err;

    make_ca(other); /* of the same names */
    assert_int_equal(make_tls(f, other, false, &err), 0);
    assert_refused(f, G1, "certificate");
    folder_remove(other);
}

static void a_revoked_server_is_refused_once_the_crl_is_here(void **state)
{
    struct fixture *f = *state;
    struct err err;
    size_t n;

    assert_served(f, G1);
    assert_int_equal(
        pki_revoke(f->dir, STR("global/g1"), now_ms(), now_ms() + MS_PER_DAY, &n, &err), 0);
    assert_int_equal(tls_client_reload(f->tls, &err), 0);
    ask_with(f, G1, f->tls); /* not on the old connection either */
    assert_int_equal(f->outcome, CLIENT_TLS);
    assert_non_null(strstr(f->error, "revoked"));
    assert_int_equal(raw_server_requests(f->server), 1);
}

static void a_crl_past_its_time_counts_for_a_week(void **state)
{
    struct fixture *f = *state;
    struct tls_client_info info;
    struct err err;

    make_crl(f, -6);
    assert_int_equal(tls_client_reload(f->tls, &err), 0);
    assert_served(f, G1);
    tls_client_info_get(f->tls, &info);
    assert_true(info.crl_ends_wall_ms < now_ms());
    make_crl(f, -8);
    assert_int_equal(tls_client_reload(f->tls, &err), 0);
    ask_with(f, G1, f->tls);
    assert_int_equal(f->outcome, CLIENT_TLS);
    assert_non_null(strstr(f->error, "CRL has expired"));
}

static void an_older_tls_is_refused(void **state)
{
    struct fixture *f = *state;

    serve(f, TLS1_2_VERSION);
    ask_with(f, G1, f->tls);
    assert_int_equal(f->outcome, CLIENT_TLS);
    assert_int_equal(raw_server_requests(f->server), 0);
}

/* --- Files that change --- */

static void new_files_mean_new_connections(void **state)
{
    struct fixture *f = *state;
    struct tls_client_info info;
    struct err err;

    assert_served(f, G1);
    issue(f, edge("e9"), days(-1, 60), "edge");
    assert_int_equal(tls_client_reload(f->tls, &err), 0);
    tls_client_info_get(f->tls, &info);
    assert_int_equal(info.generation, 2);
    assert_string_equal(info.identity.node, "e9");
    assert_string_equal(info.identity.site, "fra1");
    assert_true(info.cert_ends_wall_ms > now_ms() + 59 * MS_PER_DAY);
    assert_true(info.ca_ends_wall_ms > now_ms() + 3600 * MS_PER_DAY);
    assert_served(f, G1);
    assert_int_equal(raw_server_connections(f->server), 2);
}

static void write_file(struct fixture *f, const char *name, struct str content)
{
    char *path = folder_file(f->dir, name);
    struct err err;

    assert_int_equal(file_write_atomic(path, content, 0600, &err), 0);
    free(path);
}

static void a_bad_set_leaves_the_old_one_in_force(void **state)
{
    struct fixture *f = *state;
    struct tls_client_info info;
    struct err err;

    issue(f, edge("e2"), days(-1, 30), "other");
    for (int i = 0; i < 4; i++) {
        static const char *const files[] = {"edge.pem", "edge.key", "ca.pem", "ca.crl"};
        struct buf before;
        char *path = folder_file(f->dir, files[i]);

        buf_init(&before, 0);
        assert_int_equal(file_read(path, MIB(1), &before, &err), 0);
        write_file(f, files[i],
                   STR("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n"));
        assert_true(tls_client_reload(f->tls, &err) < 0);
        assert_non_null(strstr(err.text, files[i]));
        write_file(f, files[i], str_sub(buf_str(&before), 0, before.n / 2));
        assert_true(tls_client_reload(f->tls, &err) < 0);
        write_file(f, files[i], buf_str(&before));
        buf_clear(&before);
        free(path);
    }
    issue(f, edge("e2"), days(-3, -2), "edge"); /* whole, but expired */
    assert_int_equal(tls_client_reload(f->tls, &err), -EKEYEXPIRED);
    tls_client_info_get(f->tls, &info);
    assert_int_equal(info.generation, 1);
    assert_int_equal(info.reloads_failed, 9);
    assert_string_equal(info.identity.node, "e1");
    assert_served(f, G1);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf key;
    struct err err;
    char *path;

    issue(f, edge("e2"), days(-1, 30), "other");
    path = folder_file(f->dir, "other.key");
    buf_init(&key, 0);
    assert_int_equal(file_read(path, MIB(1), &key, &err), 0);
    write_file(f, "edge.key", buf_str(&key));
    assert_true(tls_client_reload(f->tls, &err) < 0);
    assert_non_null(strstr(err.text, "edge.key"));
    buf_clear(&key);
    free(path);
}

static void the_poll_tries_each_change_once(void **state)
{
    struct fixture *f = *state;
    struct tls_client_info info;
    struct err err;

    assert_int_equal(tls_client_poll(f->tls, &err), 0);
    issue(f, edge("e2"), days(-1, 30), "edge");
    assert_int_equal(tls_client_poll(f->tls, &err), 1);
    assert_int_equal(tls_client_poll(f->tls, &err), 0);
    write_file(f, "edge.key", STR("broken"));
    assert_true(tls_client_poll(f->tls, &err) < 0);
    assert_int_equal(tls_client_poll(f->tls, &err), 0);
    tls_client_info_get(f->tls, &info);
    assert_int_equal(info.reloads, 1);
    assert_int_equal(info.reloads_failed, 1);
}

static void a_daemon_starts_with_an_expired_certificate(void **state)
{
    struct fixture *f = *state;
    struct tls_client_info info;
    struct err err;

    issue(f, edge("e1"), days(-3, -2), "edge");
    assert_int_equal(make_tls(f, f->dir, true, &err), 0);
    tls_client_info_get(f->tls, &info);
    assert_true(info.cert_ends_wall_ms < now_ms());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_right_identity_is_served),
        TEST(a_foreign_identity_is_refused),
        TEST(a_connection_checked_for_one_peer_serves_no_other),
        TEST(an_identity_is_never_left_unchecked),
        TEST(an_edges_certificate_is_no_servers),
        TEST(an_expired_or_early_server_is_refused),
        TEST(another_cas_server_is_refused),
        TEST(a_revoked_server_is_refused_once_the_crl_is_here),
        TEST(a_crl_past_its_time_counts_for_a_week),
        TEST(an_older_tls_is_refused),
        TEST(new_files_mean_new_connections),
        TEST(a_bad_set_leaves_the_old_one_in_force),
        TEST(a_key_of_another_certificate_is_refused),
        TEST(the_poll_tries_each_change_once),
        TEST(a_daemon_starts_with_an_expired_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Both ends of the uplink as they ship: io/client with tls_client, io/http_server with tls_server.
 */
#include "common/io/client.h"
#include "common/io/http_server.h"
#include "common/io/loop.h"
#include "common/io/pki.h"
#include "common/io/tls_client.h"
#include "common/io/tls_server.h"
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <time.h>

#define DOMAIN "example.org"
#define G1 "spiffe://example.org/global/g1"
#define PATIENCE_MS 30000

struct fixture {
    char *dir;
    struct loop *loop;
    struct tls_server *server_tls;
    struct http_server *server;
    uint16_t port;
    struct tls_client *tls;
    struct client *client;
    bool done;
    enum client_outcome outcome;
    int status;
    struct identity seen; /* whom the server saw */
    unsigned requests;
};

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * MS_PER_S;
}

static void issue(struct fixture *f, struct identity identity, int64_t days, const char *name)
{
    struct pki_request r = {.identity = identity,
                            .term = {now_ms() - 3 * MS_PER_DAY, now_ms() + days * MS_PER_DAY}};
    char *prefix = folder_file(f->dir, name);
    struct pki_entry e;
    struct err err;

    r.out_prefix = prefix;
    if (pki_issue(f->dir, &r, &e, &err) < 0)
        fail_msg("%s", err.text);
    free(e.file);
    free(prefix);
}

static void on_request(const struct http_request *req, void *arg)
{
    struct fixture *f = arg;

    f->requests++;
    assert_non_null(req->peer.cert);
    f->seen = req->peer.cert->identity;
    http_reply_text(req->server, req->id, 200, STR("hello"));
}

static void on_done(const struct client_result *r, void *arg)
{
    struct fixture *f = arg;

    f->done = true;
    f->outcome = r->outcome;
    f->status = r->status;
}

static void ask(struct fixture *f)
{
    struct client_request r = {
        .id = 1, .body = STR("x"), .timeout_ms = PATIENCE_MS, .tls = f->tls, .peer = STR(G1)};
    struct err err;
    char url[64];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u/federation/v1/batches", f->port);
    r.url = str_from(url);
    f->done = false;
    loop_enter(f->loop);
    if (client_send(f->client, &r, &err) < 0)
        fail_msg("%s", err.text);
    while (!f->done)
        loop_step(f->loop);
}

static void start(struct fixture *f)
{
    char *server_cert = folder_file(f->dir, "server.pem"),
         *server_key = folder_file(f->dir, "server.key"), *cert = folder_file(f->dir, "edge.pem"),
         *key = folder_file(f->dir, "edge.key"), *ca = folder_file(f->dir, "ca.pem"),
         *crl = folder_file(f->dir, "ca.crl");
    struct tls_server_options server_options = {.trust_domain = DOMAIN,
                                                .cert_file = server_cert,
                                                .key_file = server_key,
                                                .ca_file = ca,
                                                .crl_file = crl};
    struct tls_client_files files = {
        .trust_domain = DOMAIN, .cert_file = cert, .key_file = key, .ca_file = ca, .crl_file = crl};
    struct http_server_options http_options = {0};
    struct http_listener_options listener = {
        .address = "127.0.0.1:0", .on_request = on_request, .arg = f};
    struct err err;

    if (tls_server_new(f->loop, &server_options, &f->server_tls, &err) < 0 ||
        tls_client_new(f->loop, &files, &f->tls, &err, NULL, NULL) < 0 ||
        client_new(f->loop, NULL, &f->client, &err, on_done, f) < 0)
        fail_msg("%s", err.text);
    listener.tls = f->server_tls;
    f->server = http_server_new(f->loop, &http_options);
    if (http_server_listen(f->server, &listener, &f->port, &err) < 0)
        fail_msg("%s", err.text);
    free(server_cert);
    free(server_key);
    free(cert);
    free(key);
    free(ca);
    free(crl);
}

static int setup(void **state)
{
    struct pki_term term = {now_ms() - 30 * MS_PER_DAY, now_ms() + 3650 * MS_PER_DAY};
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err err;

    f->dir = folder_new();
    assert_int_equal(loop_new(&f->loop), 0);
    loop_enter(f->loop);
    if (pki_init(f->dir, STR(DOMAIN), &term, now_ms() + MS_PER_DAY, now_ms(), false, &err) < 0)
        fail_msg("%s", err.text);
    issue(f, (struct identity){IDENTITY_GLOBAL, .node = "g1"}, 30, "server");
    issue(f, (struct identity){IDENTITY_EDGE, "fra1", "main", "e1"}, 30, "edge");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_free(f->client);
    tls_client_free(f->tls);
    http_server_free(f->server);
    tls_server_free(f->server_tls);
    loop_free(f->loop);
    folder_remove(f->dir);
    free(f);
    return 0;
}

static void the_server_sees_whom_the_client_is(void **state)
{
    struct fixture *f = *state;

    start(f);
    ask(f);
    assert_int_equal(f->outcome, CLIENT_OK);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->seen.kind, IDENTITY_EDGE);
    assert_string_equal(f->seen.site, "fra1");
    assert_string_equal(f->seen.node, "e1");
}

static void an_expired_client_is_not_heard(void **state)
{
    struct fixture *f = *state;

    issue(f, (struct identity){IDENTITY_EDGE, "fra1", "main", "e1"}, -1, "edge");
    start(f);
    ask(f);
    assert_int_not_equal(f->outcome, CLIENT_OK);
    assert_int_equal(f->requests, 0);
}

/* On the connection that it has, and on a new one. */
static void a_revoked_client_is_not_heard_any_more(void **state)
{
    struct fixture *f = *state;
    struct err err;
    size_t n;

    start(f);
    ask(f);
    assert_int_equal(f->outcome, CLIENT_OK);
    assert_int_equal(pki_revoke(f->dir, STR("fra1/e1"), now_ms(), now_ms() + MS_PER_DAY, &n, &err),
                     0);
    assert_int_equal(tls_server_reload(f->server_tls, &err), 0);
    for (int i = 0; i < 2; i++) {
        ask(f);
        assert_false(f->outcome == CLIENT_OK && f->status == 200);
        assert_int_equal(f->requests, 1);
    }
    /* A new certificate under the same name is taken at once. */
    issue(f, (struct identity){IDENTITY_EDGE, "fra1", "main", "e1"}, 30, "edge");
    assert_int_equal(tls_client_reload(f->tls, &err), 0);
    ask(f);
    assert_int_equal(f->outcome, CLIENT_OK);
    assert_int_equal(f->requests, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_server_sees_whom_the_client_is),
        TEST(an_expired_client_is_not_heard),
        TEST(a_revoked_client_is_not_heard_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

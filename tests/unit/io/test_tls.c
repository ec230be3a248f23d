/* The listener's TLS, by handshakes in memory and over the HTTP server. */
#include "common/io/clock.h"
#include "common/io/http_server.h"
#include "common/io/identity.h"
#include "common/io/tls_server.h"

#include "tests/lib/certs.h"
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOMAIN "example.org"
#define EDGE "URI:spiffe://example.org/site/fra1/edge/e1"
#define DAY_S 86400L

struct fixture {
    char *dir;
    char *cert_file, *key_file, *ca_file, *crl_file;
    struct test_cert ca, own;
    struct tls_server_options options;
    struct tls_server *tls;
    SSL *server, *client; /* of the last handshake */
    struct err err;       /* of the last refusal */
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->dir = folder_new();
    f->cert_file = folder_file(f->dir, "own.pem");
    f->key_file = folder_file(f->dir, "own.key");
    f->ca_file = folder_file(f->dir, "ca.pem");
    f->crl_file = folder_file(f->dir, "ca.crl");
    test_cert_make(&(struct test_cert_options){.common_name = "ca", .ca = true}, NULL, &f->ca);
    test_cert_make(
        &(struct test_cert_options){.san = "URI:spiffe://example.org/global/g1", .serial = 2},
        &f->ca, &f->own);
    test_cert_write(f->cert_file, &f->own);
    test_key_write(f->key_file, &f->own);
    test_cert_write(f->ca_file, &f->ca);
    test_crl_write(f->crl_file, &f->ca, NULL, 0, -DAY_S, DAY_S);
    f->options = (struct tls_server_options){.trust_domain = DOMAIN,
                                             .cert_file = f->cert_file,
                                             .key_file = f->key_file,
                                             .ca_file = f->ca_file,
                                             .crl_file = f->crl_file};
    *state = f;
    return 0;
}

static void handshake_forget(struct fixture *f)
{
    SSL_free(f->server);
    SSL_free(f->client);
    f->server = f->client = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    handshake_forget(f);
    tls_server_free(f->tls);
    test_cert_clear(&f->ca);
    test_cert_clear(&f->own);
    free(f->cert_file);
    free(f->key_file);
    free(f->ca_file);
    free(f->crl_file);
    folder_remove(f->dir);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    if (tls_server_new(NULL, &f->options, &f->tls, &f->err) < 0)
        fail_msg("%s", f->err.text);
}

static SSL_CTX *client_ctx(const struct test_cert *c)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    assert_non_null(ctx);
    if (c != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(ctx, c->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, c->key), 1);
    }
    return ctx;
}

/* Both ends in turn until neither moves. True when the server's end is done. */
static bool handshake_ctx(struct fixture *f, SSL_CTX *ctx, SSL_SESSION *session)
{
    BIO *a, *b;
    char c;

    handshake_forget(f);
    f->client = SSL_new(ctx);
    f->server = tls_server_accept(f->tls);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(f->client, a, a);
    SSL_set_bio(f->server, b, b);
    SSL_set_connect_state(f->client);
    if (session != NULL)
        SSL_set_session(f->client, session);
    for (int i = 0; i < 20; i++) {
        (void)SSL_do_handshake(f->client);
        (void)SSL_do_handshake(f->server);
    }
    if (SSL_is_init_finished(f->server))
        assert_int_equal(SSL_write(f->server, "x", 1), 1);
    (void)SSL_read(f->client, &c, 1); /* takes tickets, if there were any */
    ERR_clear_error();
    return SSL_is_init_finished(f->server);
}

static bool handshake(struct fixture *f, const struct test_cert *c)
{
    SSL_CTX *ctx = client_ctx(c);
    bool done = handshake_ctx(f, ctx, NULL);

    SSL_CTX_free(ctx);
    return done;
}

/* Handshake and tls_peer_new: whether this client is let in, and as whom. */
static struct tls_peer *let_in(struct fixture *f, const struct test_cert *c)
{
    struct tls_peer *peer = NULL;

    f->err.text[0] = '\0';
    if (handshake(f, c) && tls_peer_new(f->tls, f->server, clock_wall_ms(), &peer, &f->err) < 0)
        assert_true(f->err.text[0] != '\0');
    return peer;
}

static struct test_cert cert(const struct fixture *f, struct test_cert_options o)
{
    struct test_cert c;

    test_cert_make(&o, &f->ca, &c);
    return c;
}

static void refused(struct fixture *f, struct test_cert c, const char *reason)
{
    struct tls_peer *peer = let_in(f, &c);

    if (peer != NULL || strstr(f->err.text, reason) == NULL)
        fail_msg("peer %p, \"%s\", wanted \"%s\"", (void *)peer, f->err.text, reason);
    test_cert_clear(&c);
}

static void a_good_client_is_let_in_as_its_identity(void **state)
{
    struct fixture *f = *state;
    struct test_cert c =
        cert(f, (struct test_cert_options){.common_name = "Edge", .san = EDGE, .serial = 0x1234});
    struct tls_peer *peer;

    start(f);
    peer = let_in(f, &c);
    assert_non_null(peer);
    assert_true(peer->verified);
    assert_int_equal(peer->identity.kind, IDENTITY_EDGE);
    assert_string_equal(peer->identity.site, "fra1");
    assert_string_equal(peer->identity.node, "e1");
    assert_string_equal(peer->common_name, "Edge");
    assert_string_equal(peer->uri_san, "spiffe://example.org/site/fra1/edge/e1");
    assert_string_equal(peer->serial, "1234");
    assert_int_equal(SSL_version(f->server), TLS1_3_VERSION);
    assert_int_equal(tls_peer_check(f->tls, peer, clock_wall_ms(), &f->err), 0);
    assert_true(tls_peer_check(f->tls, peer, clock_wall_ms() + 2 * MS_PER_DAY, &f->err) < 0);
    tls_peer_free(peer);
    test_cert_clear(&c);
}

static void who_is_not_one_edge_is_refused(void **state)
{
    struct fixture *f = *state;
    struct test_cert other_ca, c;

    start(f);
    assert_null(let_in(f, NULL));
    test_cert_make(&(struct test_cert_options){.common_name = "ca", .ca = true}, NULL, &other_ca);
    test_cert_make(&(struct test_cert_options){.san = EDGE}, &other_ca, &c);
    refused(f, c, "");
    test_cert_clear(&other_ca);
    refused(f, cert(f, (struct test_cert_options){.san = EDGE, .from_s = -20, .until_s = -10}), "");
    refused(f, cert(f, (struct test_cert_options){.san = EDGE, .from_s = 100, .until_s = 200}), "");
    refused(f, cert(f, (struct test_cert_options){0}), "no URI SAN");
    refused(f, cert(f, (struct test_cert_options){.san = "DNS:e1.example.org"}), "no URI SAN");
    refused(f, cert(f, (struct test_cert_options){.san = EDGE ",URI:spiffe://example.org/x"}),
            "more than one");
    refused(f, cert(f, (struct test_cert_options){.san = EDGE "," EDGE}), "more than one");
    refused(f, cert(f, (struct test_cert_options){.san = "URI:spiffe://evil.org/global/g1"}),
            "trust domain");
    refused(f, cert(f, (struct test_cert_options){.san = "URI:spiffe://example.org/x/y"}), "path");
    refused(f, cert(f, (struct test_cert_options){.san = EDGE, .ca = true}), "CA");
    refused(f,
            cert(f, (struct test_cert_options){.san = EDGE,
                                               .key_usage = "digitalSignature,keyCertSign"}),
            "may sign");
    refused(f, cert(f, (struct test_cert_options){.san = EDGE, .extended = "serverAuth"}), "");
}

/* Two CAs at once, then one: what a change of CA looks like. */
static void a_ca_can_be_replaced(void **state)
{
    struct fixture *f = *state;
    struct test_cert next_ca, old, next;
    struct tls_peer *old_peer, *next_peer;
    char *both = folder_file(f->dir, "both.pem"), command[8192];

    test_cert_make(&(struct test_cert_options){.common_name = "next", .ca = true}, NULL, &next_ca);
    test_cert_make(&(struct test_cert_options){.san = EDGE}, &next_ca, &next);
    old = cert(f, (struct test_cert_options){.san = EDGE});
    f->options.crl_file = NULL;
    start(f);
    assert_null(let_in(f, &next));
    test_cert_write(both, &next_ca);
    (void)snprintf(command, sizeof(command), "cat '%s' >> '%s'", both, f->ca_file);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): names are ours */
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    old_peer = let_in(f, &old);
    next_peer = let_in(f, &next);
    assert_true(old_peer != NULL && next_peer != NULL);
    test_cert_write(f->ca_file, &next_ca);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_true(tls_peer_check(f->tls, old_peer, clock_wall_ms(), &f->err) < 0);
    assert_int_equal(tls_peer_check(f->tls, next_peer, clock_wall_ms(), &f->err), 0);
    tls_peer_free(old_peer);
    tls_peer_free(next_peer);
    test_cert_clear(&next_ca);
    test_cert_clear(&old);
    test_cert_clear(&next);
    free(both);
}

static void the_federation_speaks_tls_1_3_only(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE});
    SSL_CTX *ctx = client_ctx(&c);

    start(f);
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    assert_false(handshake_ctx(f, ctx, NULL));
    SSL_CTX_free(ctx);
    test_cert_clear(&c);
}

static void the_revoked_are_refused_and_put_out(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE, .serial = 77}),
                     other = cert(f, (struct test_cert_options){.san = EDGE, .serial = 78});
    struct tls_peer *peer, *other_peer;
    struct tls_server_info info;
    const long serials[] = {77};

    start(f);
    peer = let_in(f, &c);
    other_peer = let_in(f, &other);
    assert_true(peer != NULL && other_peer != NULL);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 0);
    test_crl_write(f->crl_file, &f->ca, serials, 1, -DAY_S, DAY_S);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_true(tls_peer_check(f->tls, peer, clock_wall_ms(), &f->err) < 0);
    assert_non_null(strstr(f->err.text, "revoked"));
    assert_int_equal(tls_peer_check(f->tls, other_peer, clock_wall_ms(), &f->err), 0);
    assert_null(let_in(f, &c));
    tls_server_info_get(f->tls, &info);
    assert_int_equal(info.generation, 2);
    assert_int_equal(info.reloads_failed, 0);
    tls_peer_free(peer);
    tls_peer_free(other_peer);
    test_cert_clear(&c);
    test_cert_clear(&other);
}

static void a_stale_crl_counts_for_a_week(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE, .serial = 77});
    struct tls_peer *peer;
    const long serials[] = {77};

    test_crl_write(f->crl_file, &f->ca, NULL, 0, -9 * DAY_S, -6 * DAY_S);
    start(f);
    peer = let_in(f, &c);
    assert_non_null(peer);
    tls_peer_free(peer);
    test_crl_write(f->crl_file, &f->ca, serials, 1, -9 * DAY_S, -6 * DAY_S);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_null(let_in(f, &c)); /* stale, but it still revokes */
    test_crl_write(f->crl_file, &f->ca, NULL, 0, -20 * DAY_S, -8 * DAY_S);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_null(let_in(f, &c));
    test_cert_clear(&c);
}

static void sessions_are_not_resumed(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE, .serial = 77});
    SSL_CTX *ctx = client_ctx(&c);
    SSL_SESSION *session;
    const long serials[] = {77};

    start(f);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    assert_true(handshake_ctx(f, ctx, NULL));
    session = SSL_get1_session(f->client);
    assert_false(SSL_SESSION_has_ticket(session));
    assert_true(handshake_ctx(f, ctx, session));
    assert_false(SSL_session_reused(f->server));
    test_crl_write(f->crl_file, &f->ca, serials, 1, -DAY_S, DAY_S);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_false(handshake_ctx(f, ctx, session));
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    test_cert_clear(&c);
}

static void a_new_certificate_is_used_at_once(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE});
    struct test_cert next =
        cert(f, (struct test_cert_options){.san = "URI:spiffe://example.org/global/g1",
                                           .common_name = "next",
                                           .serial = 9,
                                           .until_s = 10 * DAY_S});
    struct tls_server_info info;
    X509 *shown;

    start(f);
    test_cert_write(f->cert_file, &next); /* the key is still the old one's */
    assert_true(tls_server_poll(f->tls, &f->err) < 0);
    assert_true(handshake(f, &c));
    test_key_write(f->key_file, &next);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    assert_true(handshake(f, &c));
    shown = SSL_get1_peer_certificate(f->client);
    assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(shown)), 9);
    X509_free(shown);
    tls_server_info_get(f->tls, &info);
    assert_in_range(info.cert_ends_wall_ms, clock_wall_ms() + 9 * MS_PER_DAY,
                    clock_wall_ms() + 10 * MS_PER_DAY);
    assert_in_range(info.crl_ends_wall_ms, clock_wall_ms(), clock_wall_ms() + MS_PER_DAY);
    assert_in_range(info.ca_ends_wall_ms, clock_wall_ms(), clock_wall_ms() + MS_PER_DAY);
    test_cert_clear(&c);
    test_cert_clear(&next);
}

static void file_put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_bad_set_leaves_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE}), bad;
    struct tls_server_info info;
    uint64_t failed = 0;

    start(f);
#define STILL_WORKS() \
    do { \
        assert_true(tls_server_reload(f->tls, &f->err) < 0); \
        assert_true(handshake(f, &c)); \
        tls_server_info_get(f->tls, &info); \
        assert_int_equal(info.reloads_failed, ++failed); \
        assert_int_equal(info.generation, 1); \
    } while (0)
    file_put(f->ca_file, "");
    STILL_WORKS();
    file_put(f->ca_file, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
    STILL_WORKS();
    unlink(f->ca_file);
    STILL_WORKS();
    test_cert_write(f->ca_file, &f->ca);
    file_put(f->crl_file, "-----BEGIN X509 CRL-----\n");
    STILL_WORKS();
    test_crl_write(f->crl_file, &f->ca, NULL, 0, -DAY_S, DAY_S);
    bad = cert(f, (struct test_cert_options){
                      .san = "URI:spiffe://example.org/global/g1", .from_s = -20, .until_s = -10});
    test_cert_write(f->cert_file, &bad);
    test_key_write(f->key_file, &bad);
    STILL_WORKS(); /* expired */
    test_cert_clear(&bad);
    bad = cert(f, (struct test_cert_options){.san = "DNS:g1"});
    test_cert_write(f->cert_file, &bad);
    test_key_write(f->key_file, &bad);
    STILL_WORKS(); /* no identity */
    test_cert_clear(&bad);
    test_cert_write(f->cert_file, &f->own);
    test_key_write(f->key_file, &f->own);
    assert_int_equal(tls_server_reload(f->tls, &f->err), 0);
    test_cert_clear(&c);
}

static void a_server_starts_with_an_expired_certificate_only(void **state)
{
    struct fixture *f = *state;
    struct test_cert old =
        cert(f, (struct test_cert_options){
                    .san = "URI:spiffe://example.org/global/g1", .from_s = -20, .until_s = -10});

    test_cert_write(f->cert_file, &old);
    assert_true(tls_server_new(NULL, &f->options, &f->tls, &f->err) < 0);
    assert_non_null(strstr(f->err.text, "do not fit"));
    test_key_write(f->key_file, &old);
    start(f);
    test_cert_clear(&old);
}

static void web_listeners_follow_client_auth(void **state)
{
    static const struct {
        enum tls_client_auth auth;
        bool without, foreign, own;
    } cases[] = {
        {TLS_NO_CLIENT_CERT, true, true, true},
        {TLS_REQUEST_CLIENT_CERT, true, true, true},
        {TLS_REQUIRE_ANY_CLIENT_CERT, false, true, true},
        {TLS_VERIFY_CLIENT_CERT_IF_GIVEN, true, false, true},
        {TLS_REQUIRE_AND_VERIFY_CLIENT_CERT, false, false, true},
    };
    struct fixture *f = *state;
    struct test_cert own = cert(f, (struct test_cert_options){.common_name = "ann"}), foreign;

    test_cert_make(&(struct test_cert_options){.common_name = "eve"}, NULL, &foreign);
    f->options.trust_domain = NULL;
    f->options.crl_file = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tls_peer *peer;

        f->options.client_auth = cases[i].auth;
        start(f);
        assert_int_equal(handshake(f, NULL), cases[i].without);
        assert_int_equal(handshake(f, &foreign), cases[i].foreign);
        peer = let_in(f, &own);
        assert_int_equal(SSL_is_init_finished(f->server), cases[i].own);
        if (cases[i].auth == TLS_NO_CLIENT_CERT) {
            assert_null(peer);
        } else {
            assert_string_equal(peer->common_name, "ann");
            assert_int_equal(peer->verified, cases[i].auth >= TLS_VERIFY_CLIENT_CERT_IF_GIVEN);
        }
        tls_peer_free(peer);
        tls_server_free(f->tls);
        f->tls = NULL;
    }
    test_cert_clear(&own);
    test_cert_clear(&foreign);
}

static void allowed_sans_are_asked_for(void **state)
{
    struct fixture *f = *state;
    static const char *const sans[] = {"b.example.org", "10.0.0.1"};
    struct test_cert good = cert(f, (struct test_cert_options){.san = "DNS:a,DNS:b.example.org"}),
                     ip = cert(f, (struct test_cert_options){.san = "IP:10.0.0.1"});
    struct tls_peer *peer;

    f->options.trust_domain = NULL;
    f->options.client_auth = TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;
    f->options.allowed_sans = sans;
    f->options.allowed_sans_n = 2;
    start(f);
    peer = let_in(f, &good);
    assert_non_null(peer);
    tls_peer_free(peer);
    peer = let_in(f, &ip);
    assert_non_null(peer);
    tls_peer_free(peer);
    refused(f, cert(f, (struct test_cert_options){.san = "DNS:a,IP:10.0.0.2"}), "allowed SANs");
    refused(f, cert(f, (struct test_cert_options){0}), "allowed SANs");
    test_cert_clear(&good);
    test_cert_clear(&ip);
}

/* Over the HTTP server */

struct web {
    struct loop *loop;
    struct http_server *server;
    int fd;
    SSL *ssl;
    unsigned requests, closes;
    uint64_t held;
    char site[64];
};

static void on_request(const struct http_request *req, void *arg)
{
    struct web *w = arg;

    w->requests++;
    (void)snprintf(w->site, sizeof(w->site), "%s", req->peer.cert->identity.site);
    if (str_eq_c(req->path, "/hold"))
        w->held = req->id;
    else
        http_reply_text(req->server, req->id, 200, req->body);
}

static void on_close(struct http_server *server UNUSED, uint64_t id, void *arg)
{
    struct web *w = arg;

    assert_int_equal(id, w->held);
    w->closes++;
}

static void on_tick(void *arg UNUSED)
{
}

static void pump(struct web *w)
{
    struct loop_timer tick;

    loop_timer_init(&tick, w->loop, on_tick, w);
    loop_timer_set(&tick, loop_enter(w->loop).mono_ms + 1);
    loop_step(w->loop);
    loop_timer_cancel(&tick);
}

static void web_start(struct web *w, struct fixture *f, SSL_CTX *ctx)
{
    struct http_listener_options o = {.address = "127.0.0.1:0",
                                      .on_request = on_request,
                                      .on_close = on_close,
                                      .arg = w,
                                      .tls = f->tls};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t port;

    assert_int_equal(loop_new(&w->loop), 0);
    w->server = http_server_new(w->loop, NULL);
    assert_int_equal(http_server_listen(w->server, &o, &port, &f->err), 0);
    to.sin_port = htons(port);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(w->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(fcntl(w->fd, F_SETFL, O_NONBLOCK) >= 0);
    w->ssl = SSL_new(ctx);
    SSL_set_fd(w->ssl, w->fd);
    while (SSL_connect(w->ssl) != 1)
        pump(w);
}

static void web_stop(struct web *w)
{
    SSL_free(w->ssl);
    close(w->fd);
    http_server_free(w->server);
    loop_free(w->loop);
}

static void web_put(struct web *w, const char *p, size_t n)
{
    SSL_set_mode(w->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    while (n > 0) {
        int sent = SSL_write(w->ssl, p, (int)n);

        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else {
            pump(w);
        }
    }
}

static size_t web_hear(struct web *w, size_t at_least, char *ret, size_t room)
{
    int64_t until_ms = loop_enter(w->loop).mono_ms + 10000;
    size_t n = 0;

    while (n < at_least) {
        int got = SSL_read(w->ssl, ret + n, (int)(room - n));

        if (got > 0)
            n += (size_t)got;
        else if (SSL_get_error(w->ssl, got) != SSL_ERROR_WANT_READ)
            break;
        else
            pump(w);
        assert_true(loop_now(w->loop).mono_ms < until_ms);
    }
    return n;
}

static void large_bodies_travel_both_ways(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE});
    SSL_CTX *ctx = client_ctx(&c);
    struct web w = {0};
    size_t n = 500000;
    char *body = xmalloc(n), *answer = xmalloc(n + 4096);

    start(f);
    web_start(&w, f, ctx);
    memset(body, 'b', n);
    for (int i = 0; i < 2; i++) {
        static const char head[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n";

        web_put(&w, head, sizeof(head) - 1);
        web_put(&w, body, n);
        assert_true(web_hear(&w, n + 100, answer, n + 4096) > n);
        assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
        while (web_hear(&w, 0, answer, 1) > 0)
            ;
        pump(&w);
        while (SSL_read(w.ssl, answer, 4096) > 0)
            ;
    }
    assert_int_equal(w.requests, 2);
    assert_string_equal(w.site, "fra1");
    web_stop(&w);
    free(body);
    free(answer);
    SSL_CTX_free(ctx);
    test_cert_clear(&c);
}

static void a_connection_ends_at_the_request_after_revocation(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = EDGE, .serial = 77});
    SSL_CTX *ctx = client_ctx(&c);
    struct web w = {0};
    static const char get[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
    const long serials[] = {77};
    char answer[4096];

    start(f);
    web_start(&w, f, ctx);
    web_put(&w, get, sizeof(get) - 1);
    assert_true(web_hear(&w, 30, answer, sizeof(answer)) >= 30);
    test_crl_write(f->crl_file, &f->ca, serials, 1, -DAY_S, DAY_S);
    assert_int_equal(tls_server_poll(f->tls, &f->err), 1);
    web_put(&w, get, sizeof(get) - 1);
    assert_int_equal(web_hear(&w, 1, answer, sizeof(answer)), 0);
    assert_int_equal(w.requests, 1);
    assert_int_equal(http_server_stats(w.server)->refused_revoked, 1);
    web_stop(&w);
    SSL_CTX_free(ctx);
    test_cert_clear(&c);
}

static void who_fails_the_handshake_never_asks(void **state)
{
    struct fixture *f = *state;
    struct test_cert c = cert(f, (struct test_cert_options){.san = "DNS:nobody"});
    SSL_CTX *ctx = client_ctx(&c);
    struct web w = {0};
    static const char get[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
    char answer[4096];

    start(f);
    web_start(&w, f, ctx); /* in TLS 1.3 the client's end is done before the server has looked */
    (void)SSL_write(w.ssl, get, sizeof(get) - 1);
    assert_int_equal(web_hear(&w, 1, answer, sizeof(answer)), 0);
    assert_int_equal(w.requests, 0);
    assert_int_equal(http_server_stats(w.server)->handshake_failures, 1);
    web_stop(&w);
    SSL_CTX_free(ctx);
    test_cert_clear(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_client_is_let_in_as_its_identity),
        TEST(who_is_not_one_edge_is_refused),
        TEST(a_ca_can_be_replaced),
        TEST(the_federation_speaks_tls_1_3_only),
        TEST(the_revoked_are_refused_and_put_out),
        TEST(a_stale_crl_counts_for_a_week),
        TEST(sessions_are_not_resumed),
        TEST(a_new_certificate_is_used_at_once),
        TEST(a_bad_set_leaves_the_old_one),
        TEST(a_server_starts_with_an_expired_certificate_only),
        TEST(web_listeners_follow_client_auth),
        TEST(allowed_sans_are_asked_for),
        TEST(large_bodies_travel_both_ways),
        TEST(a_connection_ends_at_the_request_after_revocation),
        TEST(who_fails_the_handshake_never_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

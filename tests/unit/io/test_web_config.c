/* web.config.file: what is accepted, and who is let in, over the HTTP server. */
#include "common/io/web_config.h"
#include "common/io/web_file.h"

#include "tests/lib/certs.h"
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* bcrypt, cost 4, of "secret" */
#define SECRET "$2b$04$HBGfGmVgz4o7cZt61MSLVOtoxPy/dndhWel9yVOWFL/dNQ3MYxaxG"
#define ANN_SECRET "YW5uOnNlY3JldA==" /* ann:secret */
#define ANN_WRONG "YW5uOndyb25n"      /* ann:wrong */
#define EVE_SECRET "ZXZlOnNlY3JldA==" /* eve:secret */
#define USERS "basic_auth_users:\n  ann: " SECRET "\n"

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct web_config *web;
    char *dir, *path;
    uint16_t port;
    unsigned requests;
    struct err err;
};

static void put_file(const char *path, const char *text)
{
    char temporary[4096];
    FILE *file;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    file = fopen(temporary, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, path), 0);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->dir = folder_new();
    f->path = folder_file(f->dir, "web.yml");
    *state = f;
    return loop_new(&f->loop);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    http_server_free(f->server);
    web_config_free(f->web);
    loop_free(f->loop);
    free(f->path);
    folder_remove(f->dir);
    free(f);
    return 0;
}

static void on_request(const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    char text[300];

    f->requests++;
    (void)snprintf(text, sizeof(text), "user=" STR_FMT ";", STR_ARG(req->user));
    http_reply_text(req->server, req->id, 200, str_from(text));
}

static void start(struct fixture *f, const char *text)
{
    struct http_listener_options o = {.address = "127.0.0.1:0", .on_request = on_request, .arg = f};
    struct mistakes m;

    mistakes_init(&m);
    if (text != NULL)
        put_file(f->path, text);
    if (web_config_new(f->loop, text != NULL ? f->path : NULL, &f->web, &m, &f->err) < 0)
        fail_msg("%s", f->err.text);
    mistakes_clear(&m);
    web_config_open_path(f->web, "/open");
    o.tls = web_config_tls(f->web);
    o.guard = web_config_guard(f->web);
    f->server = http_server_new(f->loop, NULL);
    assert_int_equal(http_server_listen(f->server, &o, &f->port, &f->err), 0);
}

static void on_tick(void *arg UNUSED)
{
}

static void pump(struct fixture *f)
{
    struct loop_timer tick;

    loop_timer_init(&tick, f->loop, on_tick, f);
    loop_timer_set(&tick, loop_enter(f->loop).mono_ms + 1);
    loop_step(f->loop);
    loop_timer_cancel(&tick);
}

static int dial(struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) >= 0);
    return fd;
}

static int begin(struct fixture *f, const char *path, const char *authorization)
{
    const char *value = authorization != NULL ? authorization : "";
    int fd = dial(f), n;
    char text[4096];

    n = snprintf(
        text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s%s%s\r\n", path,
        authorization != NULL ? "Authorization: " : "", value, authorization != NULL ? "\r\n" : "");
    assert_int_equal(send(fd, text, (size_t)n, 0), n);
    return fd;
}

static const char *end(struct fixture *f, int fd)
{
    static char text[8192];
    size_t n = 0;

    for (int rounds = 0; rounds < 20000; rounds++) {
        ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

        if (got > 0)
            n += (size_t)got;
        else if (got == 0)
            break;
        else
            pump(f);
    }
    close(fd);
    text[n] = '\0';
    return text;
}

static void asks(struct fixture *f, const char *path, const char *authorization, const char *want)
{
    const char *got = end(f, begin(f, path, authorization));

    if (strstr(got, want) == NULL)
        fail_msg("%s gave \"%s\", wanted \"%s\"", authorization, got, want);
}

static void without_a_file_nobody_is_asked(void **state)
{
    struct fixture *f = *state;

    start(f, NULL);
    asks(f, "/", NULL, "user=;");
    assert_null(web_config_tls(f->web));
    assert_false(web_config_authenticates(f->web));
}

static void users_show_their_password(void **state)
{
    struct fixture *f = *state;
    struct web_config_stats stats;

    start(f, USERS);
    assert_true(web_config_authenticates(f->web));
    asks(f, "/", NULL, "HTTP/1.1 401 Unauthorized\r\n");
    asks(f, "/", NULL, "\r\nWWW-Authenticate: Basic\r\n");
    asks(f, "/", NULL, "\r\n\r\nUnauthorized\n");
    asks(f, "/", "Basic " ANN_WRONG, " 401 ");
    asks(f, "/", "Basic " EVE_SECRET, " 401 "); /* though the hash fits */
    assert_int_equal(f->requests, 0);
    asks(f, "/", "Basic " ANN_SECRET, "user=ann;");
    asks(f, "/", "basic " ANN_SECRET, "user=ann;");
    asks(f, "/", "Basic " ANN_WRONG, " 401 ");
    asks(f, "/", "Basic " EVE_SECRET, " 401 ");
    web_config_stats_get(f->web, &stats);
    assert_int_equal(stats.logins, 6);
    assert_int_equal(stats.cache_hits, 3);
    asks(f, "/open", NULL, "user=;");
    asks(f, "/open/", NULL, " 401 ");
}

static void odd_credentials_are_nobodys(void **state)
{
    struct fixture *f = *state;
    static const char *const odd[] = {
        "",
        "Basic",
        "Basic ",
        "Bearer YW5uOnNlY3JldA==",
        "Basic YW5uOnNlY3JldA",    /* padding is missing */
        "Basic YW5uOnNlY3JldA===", /* too much of it */
        "Basic YW5u=nNlY3JldA==",  /* in the middle */
        "Basic YW5uOnNlY3JldA==,x",
        "Basic YW5uc2VjcmV0",     /* no colon */
        "Basic YW5uOnNlY3JldAA=", /* ann:secret\0 */
        "Basic Og==",             /* : */
        "Basic YW5uOg==",         /* ann: */
    };

    start(f, USERS);
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        asks(f, "/", odd[i], " 401 ");
    assert_int_equal(f->requests, 0);
}

static void too_many_logins_at_once_are_put_off(void **state)
{
    struct fixture *f = *state;
    struct web_config_stats stats;
    int fds[64];
    unsigned busy = 0, wrong = 0;

    start(f, "basic_auth_users:\n" /* cost 10: slower than the loop */
             "  ann: $2b$10$HBGfGmVgz4o7cZt61MSLVOtoxPy/dndhWel9yVOWFL/dNQ3MYxaxG\n");
    for (int i = 0; i < 64; i++) {
        char text[64];

        /* ann:aaa plus two letters, each another password */
        (void)snprintf(text, sizeof(text), "Basic YW5uOmFhYW%c%c", 'A' + i % 8 * 2, 'a' + i / 8);
        fds[i] = begin(f, "/", text);
    }
    for (int i = 0; i < 64; i++) {
        const char *got = end(f, fds[i]);

        busy += strstr(got, "HTTP/1.1 429 Too Many Requests\r\n") != NULL;
        wrong += strstr(got, "HTTP/1.1 401 ") != NULL;
    }
    web_config_stats_get(f->web, &stats);
    assert_int_equal(busy + wrong, 64);
    assert_true(wrong >= WEB_CONFIG_QUEUE_MAX);
    assert_int_equal(stats.queue_full, busy);
    assert_true(busy > 0);
}

static void a_client_may_leave_during_its_login(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, USERS);
    fd = begin(f, "/", "Basic " ANN_SECRET);
    while (http_server_stats(f->server)->requests == 0)
        pump(f);
    close(fd);
    http_server_free(f->server); /* and the server too */
    f->server = NULL;
    for (int i = 0; i < 20; i++)
        pump(f);
    assert_int_equal(f->requests, 0);
}

static void the_file_is_followed(void **state)
{
    struct fixture *f = *state;

    start(f, USERS);
    asks(f, "/", "Basic " ANN_SECRET, "user=ann;");
    put_file(f->path, "basic_auth_users:\n  eve: " SECRET "\n");
    assert_int_equal(web_config_reload(f->web, &f->err), 0);
    asks(f, "/", "Basic " ANN_SECRET, " 401 ");
    asks(f, "/", "Basic " EVE_SECRET, "user=eve;");
    put_file(f->path, "basic_auth_users: [x]\n");
    assert_true(web_config_reload(f->web, &f->err) < 0);
    asks(f, "/", "Basic " EVE_SECRET, "HTTP/1.1 500 Internal Server Error\r\n");
    unlink(f->path);
    assert_true(web_config_reload(f->web, &f->err) < 0);
    asks(f, "/", NULL, " 500 "); /* a lost file lets nobody in */
    put_file(f->path, USERS);
    assert_int_equal(web_config_reload(f->web, &f->err), 0);
    asks(f, "/", "Basic " ANN_SECRET, "user=ann;");
}

static void headers_are_added_to_every_answer(void **state)
{
    struct fixture *f = *state;

    start(f,
          USERS "http_server_config:\n  http2: false\n  headers:\n"
                "    X-Frame-Options: deny\n    Content-Security-Policy: \"default-src 'none'\"\n"
                "    Strict-Transport-Security: ''\n");
    asks(f, "/", NULL, "\r\nX-Frame-Options: deny\r\n");
    asks(f, "/", "Basic " ANN_SECRET, "\r\nContent-Security-Policy: default-src 'none'\r\n");
    assert_null(strstr(end(f, begin(f, "/", NULL)), "Strict-Transport"));
}

static void requests_are_rationed(void **state)
{
    struct fixture *f = *state;
    unsigned good = 0;

    start(f, "rate_limit: {interval: 1h, burst: 3}\n");
    for (int i = 0; i < 10; i++)
        good += strstr(end(f, begin(f, "/", NULL)), "user=;") != NULL;
    assert_int_equal(good, 3);
    asks(f, "/", NULL, "HTTP/1.1 429 Too Many Requests\r\n");
}

static void tls_files_lie_beside_the_config(void **state)
{
    struct fixture *f = *state;
    struct test_cert own;
    struct mistakes m;
    char *cert = folder_file(f->dir, "c.pem"), *key = folder_file(f->dir, "c.key");

    mistakes_init(&m);
    put_file(f->path, "tls_server_config: {cert_file: c.pem, key_file: c.key}\n");
    assert_true(web_config_new(f->loop, f->path, &f->web, &m, &f->err) < 0); /* not there yet */
    test_cert_make(&(struct test_cert_options){.san = "DNS:localhost"}, NULL, &own);
    test_cert_write(cert, &own);
    test_key_write(key, &own);
    assert_int_equal(web_config_new(f->loop, f->path, &f->web, &m, &f->err), 0);
    assert_non_null(web_config_tls(f->web));
    assert_int_equal(m.n, 0);
    test_cert_clear(&own);
    mistakes_clear(&m);
    free(cert);
    free(key);
}

/* A verified client certificate names the user. */
static void client_certificates_name_users(void **state)
{
    struct fixture *f = *state;
    struct test_cert ca, own, ann;
    char *files[] = {folder_file(f->dir, "c.pem"), folder_file(f->dir, "c.key"),
                     folder_file(f->dir, "ca.pem")};
    static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char got[4096] = "";
    size_t n = 0;
    SSL *ssl;
    int fd, r = 0;

    test_cert_make(&(struct test_cert_options){.common_name = "ca", .ca = true}, NULL, &ca);
    test_cert_make(&(struct test_cert_options){.san = "DNS:localhost"}, &ca, &own);
    test_cert_make(&(struct test_cert_options){.common_name = "ann"}, &ca, &ann);
    test_cert_write(files[0], &own);
    test_key_write(files[1], &own);
    test_cert_write(files[2], &ca);
    start(f, "tls_server_config: {cert_file: c.pem, key_file: c.key, client_ca_file: ca.pem,\n"
             "  client_auth_type: RequireAndVerifyClientCert}\n");
    assert_true(web_config_authenticates(f->web));
    SSL_CTX_use_certificate(ctx, ann.cert);
    SSL_CTX_use_PrivateKey(ctx, ann.key);
    fd = dial(f);
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    while (SSL_connect(ssl) != 1)
        pump(f);
    assert_int_equal(SSL_write(ssl, get, sizeof(get) - 1), sizeof(get) - 1);
    while ((r = SSL_read(ssl, got + n, (int)(sizeof(got) - 1 - n))) > 0 ||
           SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ) {
        n += r > 0 ? (size_t)r : 0;
        pump(f);
    }
    assert_non_null(strstr(got, "user=ann;"));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    test_cert_clear(&ca);
    test_cert_clear(&own);
    test_cert_clear(&ann);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        free(files[i]);
}

#define T "tls_server_config:\n  cert_file: c\n  key_file: k\n"

static void the_whole_format_is_read(void **state UNUSED)
{
    static const char text[] =
        T "  client_ca_file: /abs/ca\n  client_auth_type: RequireAndVerifyClientCert\n"
          "  client_allowed_sans: [a.example.org]\n  min_version: TLS10\n  max_version: TLS13\n"
          "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
          "  curve_preferences: [CurveP256, X25519]\n  prefer_server_cipher_suites: false\n"
          "http_server_config: {http2: true, headers: {X-Content-Type-Options: nosniff}}\n"
          "basic_auth_users: {ann: " SECRET "}\n"
          "rate_limit: {interval: 1s, burst: 20}\n";
    struct arena *a = arena_new(0);
    struct mistakes m;
    struct web_file file;

    mistakes_init(&m);
    if (web_file_parse(str_from(text), STR("/etc/x"), a, &file, &m) < 0)
        fail_msg("%d: %s", m.v[0].line, m.v[0].text);
    assert_true(file.has_tls);
    assert_string_equal(file.tls.cert_file, "/etc/x/c");
    assert_string_equal(file.tls.ca_file, "/abs/ca");
    assert_int_equal(file.tls.client_auth, TLS_REQUIRE_AND_VERIFY_CLIENT_CERT);
    assert_int_equal(file.tls.version_min, TLS1_2_VERSION);
    assert_int_equal(file.tls.version_max, TLS1_3_VERSION);
    assert_string_equal(file.tls.ciphers, "ECDHE-RSA-AES128-GCM-SHA256");
    assert_string_equal(file.tls.groups, "P-256:X25519");
    assert_string_equal(file.tls.allowed_sans[0], "a.example.org");
    assert_int_equal(file.users_n, 1);
    assert_int_equal(file.rate_interval_us, 1000000);
    assert_int_equal(file.rate_burst, 20);
    assert_str_eq(file.headers, "X-Content-Type-Options: nosniff\r\n");
    mistakes_clear(&m);
    arena_free(a);
}

static void mistakes_are_refused(void **state UNUSED)
{
    static const char *const bad[] = {
        "x: 1\n",
        "[1]\n",
        "tls_server_config: {cert_file: c}\n",
        "tls_server_config: {key_file: c}\n",
        "tls_server_config: {client_ca_file: c}\n",
        "tls_server_config: x\n",
        T "  cert: x\n",
        T "  nope: x\n",
        T "  client_auth_type: Sometimes\n",
        T "  client_ca_file: x\n",
        T "  client_auth_type: RequireAndVerifyClientCert\n",
        T "  client_allowed_sans: [x]\n",
        T "  min_version: SSL30\n",
        T "  cipher_suites: [NONE]\n",
        T "  curve_preferences: [P-256]\n",
        "basic_auth_users: {ann: secret}\n",
        "basic_auth_users: {ann: $1$x$y}\n",
        "basic_auth_users: {ann: }\n",
        "basic_auth_users: [ann]\n",
        "basic_auth_users: {ann: $2b$04$HBGfGmVgz4o7cZt61MSLVOtoxPy/dndhWel9yVOWFL}\n",
        "http_server_config: {headers: {X-Powered-By: x}}\n",
        "http_server_config: {headers: {X-Frame-Options: maybe}}\n",
        "http_server_config: {headers: {Content-Security-Policy: \"a\\r\\nSet-Cookie: b\"}}\n",
        "http_server_config: {headers: [x]}\n",
        "rate_limit: {interval: often}\n",
        "rate_limit: {burst: -1}\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct mistakes m;

        mistakes_init(&m);
        if (web_config_check(str_from(bad[i]), &m) >= 0 || m.n == 0)
            fail_msg("accepted: %s", bad[i]);
        for (size_t k = 0; k < m.n; k++)
            assert_null(strstr(m.v[k].text, "secret"));
        mistakes_clear(&m);
    }
}

static void an_empty_file_is_fine(void **state UNUSED)
{
    struct mistakes m;

    mistakes_init(&m);
    assert_int_equal(web_config_check(STR(""), &m), 0);
    assert_int_equal(web_config_check(STR("tls_server_config: {}\nbasic_auth_users: {}\n"), &m), 0);
    mistakes_clear(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_nobody_is_asked),       TEST(users_show_their_password),
        TEST(odd_credentials_are_nobodys),          TEST(too_many_logins_at_once_are_put_off),
        TEST(a_client_may_leave_during_its_login),  TEST(the_file_is_followed),
        TEST(headers_are_added_to_every_answer),    TEST(requests_are_rationed),
        TEST(tls_files_lie_beside_the_config),      TEST(client_certificates_name_users),
        cmocka_unit_test(the_whole_format_is_read), cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(an_empty_file_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

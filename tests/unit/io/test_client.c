/* The HTTP client against a server on loopback that misbehaves on demand. */
#include "common/io/client.h"

#include "common/base/now.h"
#include "common/io/loop.h"
#include "tests/lib/raw_server.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>

#define RESULTS_MAX 256
#define PATIENCE_MS 30000

struct result {
    uint64_t id;
    enum client_outcome outcome;
    bool timed_out;
    int status;
    int64_t retry_after_ms, took_ms;
    char body[2048], type[64], error[256];
};

struct fixture {
    struct loop *loop;
    struct raw_server *server;
    struct client *client;
    struct result results[RESULTS_MAX];
    size_t n;
    uint64_t then_send; /* from on_done */
};

static void send_path(struct fixture *f, uint64_t id, const char *path, struct client_request r)
{
    struct buf url;
    struct err err;

    buf_init(&url, 0);
    if (r.url.n == 0)
        buf_add_fmt(&url, "http://127.0.0.1:%u%s", raw_server_port(f->server), path);
    else
        buf_add_str(&url, r.url);
    r.id = id;
    r.url = buf_str(&url);
    if (r.timeout_ms == 0)
        r.timeout_ms = PATIENCE_MS;
    if (client_send(f->client, &r, &err) < 0)
        fail_msg("%s", err.text);
    buf_clear(&url); /* and everything else: it was copied */
}

static void copy(char *to, size_t size, struct str s)
{
    snprintf(to, size, STR_FMT, STR_ARG(s));
}

static void on_done(const struct client_result *r, void *arg)
{
    struct fixture *f = arg;
    struct result *to = &f->results[f->n++];

    assert_true(f->n <= RESULTS_MAX);
    to->id = r->id;
    to->outcome = r->outcome;
    to->timed_out = r->timed_out;
    to->status = r->status;
    to->retry_after_ms = r->retry_after_ms;
    to->took_ms = r->took_ms;
    copy(to->body, sizeof(to->body), r->body);
    copy(to->type, sizeof(to->type), r->content_type);
    copy(to->error, sizeof(to->error), str_from(r->error));
    if (f->then_send != 0) {
        uint64_t id = f->then_send;

        f->then_send = 0;
        send_path(f, id, "/ok", (struct client_request){0});
    }
}

static void wait_for(struct fixture *f, size_t n)
{
    int64_t start = loop_enter(f->loop).mono_ms;

    while (f->n < n) {
        loop_step(f->loop);
        assert_true(loop_enter(f->loop).mono_ms - start < PATIENCE_MS);
    }
    assert_int_equal(f->n, n);
}

static int start(void **state, const struct client_options *opt)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err err;

    assert_int_equal(loop_new(&f->loop), 0);
    loop_enter(f->loop);
    f->server = raw_server_new(loop_base(f->loop), NULL);
    assert_int_equal(client_new(f->loop, opt, &f->client, &err, on_done, f), 0);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return start(state, NULL);
}

static int setup_narrow(void **state)
{
    static const struct client_options opt = {
        .user_agent = "Alertmanager/0.34.0", .lane_connections = 1, .queue_max = 4};

    return start(state, &opt);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_free(f->client);
    raw_server_free(f->server);
    loop_free(f->loop);
    free(f);
    return 0;
}

static struct result *ask(struct fixture *f, const char *path, struct client_request r)
{
    f->n = 0;
    send_path(f, 1, path, r);
    assert_int_equal(f->n, 0); /* never from within client_send */
    wait_for(f, 1);
    assert_int_equal(f->results[0].id, 1);
    return &f->results[0];
}

static void an_answer_is_ok_whatever_its_status(void **state)
{
    struct fixture *f = *state;
    struct result *r = ask(f, "/ok", (struct client_request){.body = STR("x")});

    assert_int_equal(r->outcome, CLIENT_OK);
    assert_int_equal(r->status, 200);
    assert_string_equal(r->body, "hello");
    assert_string_equal(r->type, "text/plain");
    assert_string_equal(r->error, "");
    assert_int_equal(r->retry_after_ms, 0);
    r = ask(f, "/500", (struct client_request){.body = STR("x")});
    assert_int_equal(r->outcome, CLIENT_OK);
    assert_int_equal(r->status, 500);
    assert_string_equal(r->body, "broken");
    r = ask(f, "/429", (struct client_request){.body = STR("x")});
    assert_int_equal(r->status, 429);
    assert_int_equal(r->retry_after_ms, 7000);
}

static void a_request_carries_what_was_asked_for_and_no_more(void **state)
{
    static const struct client_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("application/json")},
        {STR_INIT("X-Empty"), STR_INIT("")},
    };
    struct fixture *f = *state;
    struct result *r =
        ask(f, "/head",
            (struct client_request){.headers = headers, .headers_n = 2, .body = STR("{\"a\":1}")});

    assert_non_null(strstr(r->body, "POST /head HTTP/1.1\r\n"));
    assert_non_null(strstr(r->body, "User-Agent: Alertmanager/0.34.0\r\n"));
    assert_non_null(strstr(r->body, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(r->body, "X-Empty:\r\n"));
    assert_non_null(strstr(r->body, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(r->body, "Expect"));
    r = ask(f, "/head", (struct client_request){.body = STR("x"), .method = "PUT"});
    assert_non_null(strstr(r->body, "PUT /head HTTP/1.1\r\n"));
    assert_null(strstr(r->body, "Content-Type")); /* nor anything else of the request before */
    assert_null(strstr(r->body, "X-Empty"));
    r = ask(f, "/head", (struct client_request){0});
    assert_non_null(strstr(r->body, "GET /head HTTP/1.1\r\n"));
    assert_null(strstr(r->body, "Content-Length"));
    r = ask(f, "/head", (struct client_request){.method = "DELETE"});
    assert_non_null(strstr(r->body, "DELETE /head HTTP/1.1\r\n"));
    r = ask(f, "/ok", (struct client_request){.method = "HEAD"});
    assert_int_equal(r->status, 200);
    assert_string_equal(r->body, "");
    r = ask(f, "/head", (struct client_request){.method = "POST"});
    assert_non_null(strstr(r->body, "Content-Length: 0\r\n"));
    r = ask(f, "/head", (struct client_request){0});
    assert_non_null(strstr(r->body, "GET /head HTTP/1.1\r\n"));
}

static void the_environments_proxy_is_not_asked(void **state)
{
    struct fixture *f = *state;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(ask(f, "/ok", (struct client_request){0})->outcome, CLIENT_OK);
    unsetenv("http_proxy");
}

static void connections_are_reused(void **state)
{
    struct fixture *f = *state;
    struct client_stats stats;

    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(f, "/ok", (struct client_request){.body = STR("x")})->outcome,
                         CLIENT_OK);
    assert_int_equal(raw_server_connections(f->server), 1);
    client_stats_get(f->client, &stats);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.accepted, 50);
    assert_int_equal(stats.done[CLIENT_OK], 50);
}

static void nothing_sent_is_told_from_perhaps_delivered(void **state)
{
    static const struct {
        const char *path, *url, *method;
        enum client_outcome want;
        int status;
        bool timed_out;
    } cases[] = {
        {NULL, "http://127.0.0.1:1/", "POST", CLIENT_CONNECT, 0, false},
        {NULL, "http://name.invalid/", "POST", CLIENT_CONNECT, 0, false},
        {"/hang", NULL, "POST", CLIENT_SENT_UNKNOWN, 0, true},
        {"/close", NULL, "POST", CLIENT_SENT_UNKNOWN, 0, false},
        {"/partial", NULL, "POST", CLIENT_SENT_UNKNOWN, 200, false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client_request r = {.url = str_from(cases[i].url),
                                   .method = cases[i].method,
                                   .body = STR("x"),
                                   .timeout_ms = cases[i].timed_out ? 50 : 20000};
        struct result *got = ask(f, cases[i].path, r);

        assert_int_equal(got->outcome, cases[i].want);
        assert_int_equal(got->status, cases[i].status);
        assert_int_equal(got->timed_out, cases[i].timed_out);
        assert_string_not_equal(got->error, "");
    }
}

static void a_handshake_that_hangs_times_out_unsent(void **state)
{
    struct fixture *f = *state;
    struct client_request r = {.timeout_ms = 50, .body = STR("x")};
    struct result *got;
    char url[64];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u/hang", raw_server_port(f->server));
    r.url = str_from(url); /* the server waits for a request line that never ends */
    got = ask(f, NULL, r);
    assert_int_equal(got->outcome, CLIENT_TIMEOUT);
    assert_true(got->timed_out);
}

static void a_long_answer_is_an_error_not_a_cut(void **state)
{
    struct fixture *f = *state;
    struct result *r = ask(f, "/big", (struct client_request){0});

    assert_int_equal(r->outcome, CLIENT_TOO_LARGE);
    assert_int_equal(r->status, 200);
    r = ask(f, "/big", (struct client_request){.response_bytes_max = KIB(100)});
    assert_int_equal(r->outcome, CLIENT_OK);
    r = ask(f, "/big", (struct client_request){.response_bytes_max = KIB(100) - 1});
    assert_int_equal(r->outcome, CLIENT_TOO_LARGE);
}

static void a_post_is_never_sent_twice_in_silence(void **state)
{
    struct fixture *f = *state;
    struct result *r;

    assert_int_equal(ask(f, "/once", (struct client_request){.body = STR("x")})->outcome,
                     CLIENT_OK);
    r = ask(f, "/once", (struct client_request){.body = STR("x")});
    assert_int_equal(r->outcome, CLIENT_SENT_UNKNOWN);
    assert_int_equal(raw_server_requests(f->server), 2);
    /* What is idempotent may be. */
    assert_int_equal(ask(f, "/once", (struct client_request){0})->outcome, CLIENT_OK);
    assert_int_equal(ask(f, "/once", (struct client_request){0})->outcome, CLIENT_OK);
    assert_int_equal(raw_server_requests(f->server), 5);
}

static void a_hung_receiver_delays_no_other_lane(void **state)
{
    struct client_request r = {.body = STR("x"), .lane = STR("slow"), .timeout_ms = 300};
    struct fixture *f = *state;

    for (uint64_t id = 1; id <= 3; id++) /* one in flight, two wait */
        send_path(f, id, "/hang", r);
    send_path(f, 9, "/ok", (struct client_request){.lane = STR("quick")});
    wait_for(f, 1);
    assert_int_equal(f->results[0].id, 9);
    assert_int_equal(f->results[0].outcome, CLIENT_OK);
    wait_for(f, 4);
    for (size_t i = 1; i < 4; i++) { /* the deadline counts from client_send, queue included */
        assert_true(f->results[i].timed_out);
        assert_true(f->results[i].took_ms >= 300);
        assert_int_equal(f->results[i].outcome,
                         f->results[i].id == 1 ? CLIENT_SENT_UNKNOWN : CLIENT_TIMEOUT);
    }
    assert_int_equal(raw_server_requests(f->server), 2);
}

static void a_full_queue_refuses_but_not_what_need_not_wait(void **state)
{
    struct client_request r = {.id = 4, .url = STR("http://127.0.0.1:1/"), .timeout_ms = 1000};
    struct client_request slow = {.lane = STR("slow")};
    struct fixture *f = *state;
    struct client_stats stats;
    struct buf url;
    struct err err;

    for (uint64_t id = 1; id <= 3; id++) /* queue_max is 4, so a lane may have 2 waiting */
        send_path(f, id, "/hang", slow);
    buf_init(&url, 0);
    buf_add_fmt(&url, "http://127.0.0.1:%u/hang", raw_server_port(f->server));
    r.url = buf_str(&url);
    r.lane = STR("slow");
    assert_int_equal(client_send(f->client, &r, &err), -ENOSPC);
    buf_clear(&url);
    slow.lane = STR("slow as well");
    for (uint64_t id = 11; id <= 13; id++)
        send_path(f, id, "/hang", slow);
    client_stats_get(f->client, &stats);
    assert_int_equal(stats.queued, 4);
    assert_int_equal(stats.in_flight, 2);
    assert_int_equal(stats.refused_full, 1);
    send_path(f, 20, "/ok", (struct client_request){0});
    wait_for(f, 1);
    assert_int_equal(f->results[0].id, 20);
}

static int setup_small(void **state)
{
    static const struct client_options opt = {.lane_connections = 1, .queue_bytes_max = KIB(64)};

    return start(state, &opt);
}

static void the_queues_bytes_are_bounded(void **state)
{
    static char body[KIB(20)];
    struct client_request r = {.body = {.p = body, .n = sizeof(body)}};
    struct fixture *f = *state;
    struct client_stats stats;
    struct err err;
    char url[64];

    memset(body, 'x', sizeof(body));
    send_path(f, 1, "/hang", r); /* in flight */
    send_path(f, 2, "/hang", r);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hang", raw_server_port(f->server));
    r.id = 3;
    r.url = str_from(url);
    r.timeout_ms = 1000;
    assert_int_equal(client_send(f->client, &r, &err), -ENOSPC); /* more than a lane's half */
    assert_true(client_cancel(f->client, 2));
    client_stats_get(f->client, &stats);
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(client_send(f->client, &r, &err), 0);
}

static void a_cancelled_request_is_not_heard_of_again(void **state)
{
    struct fixture *f = *state;
    struct client_stats stats;

    send_path(f, 1, "/hang", (struct client_request){0});
    send_path(f, 2, "/ok", (struct client_request){0}); /* waits behind 1 */
    send_path(f, 3, "/ok", (struct client_request){0});
    while (raw_server_requests(f->server) == 0)
        loop_step(f->loop);
    assert_true(client_cancel(f->client, 2));
    assert_false(client_cancel(f->client, 2));
    assert_true(client_cancel(f->client, 1));
    wait_for(f, 1);
    assert_int_equal(f->results[0].id, 3);
    assert_false(client_cancel(f->client, 3));
    client_stats_get(f->client, &stats);
    assert_int_equal(stats.cancelled, 2);
    assert_int_equal(stats.in_flight + stats.queued, 0);
}

static void on_done_may_send(void **state)
{
    struct fixture *f = *state;

    f->then_send = 2;
    send_path(f, 1, "/ok", (struct client_request){0});
    wait_for(f, 2);
    assert_int_equal(f->results[1].id, 2);
    assert_int_equal(f->results[1].outcome, CLIENT_OK);
}

static void bad_requests_are_refused_at_once(void **state)
{
    static const struct client_header split = {STR_INIT("X"), STR_INIT("a\r\nY: b")};
    static const struct client_header name = {STR_INIT("X Y"), STR_INIT("a")};
    static const struct client_header ours = {STR_INIT("content-length"), STR_INIT("1")};
    static const struct client_request cases[] = {
        {.url = STR_INIT("ftp://a/"), .timeout_ms = 1},
        {.url = STR_INIT("file:///etc/passwd"), .timeout_ms = 1},
        {.url = STR_INIT("http://"), .timeout_ms = 1},
        {.url = STR_INIT("http://user@/"), .timeout_ms = 1},
        {.url = STR_INIT("http://a/ b"), .timeout_ms = 1},
        {.url = STR_INIT("http://a/\r\nX: y"), .timeout_ms = 1},
        {.url = STR_INIT(""), .timeout_ms = 1},
        {.url = STR_INIT("http://a/"), .timeout_ms = 0},
        {.url = STR_INIT("https://a/"), .timeout_ms = 1, .peer = STR_INIT("spiffe://a/global/g")},
        {.url = STR_INIT("http://a/"), .timeout_ms = 1, .method = "GE T"},
        {.url = STR_INIT("http://a/"), .timeout_ms = 1, .headers = &split, .headers_n = 1},
        {.url = STR_INIT("http://a/"), .timeout_ms = 1, .headers = &name, .headers_n = 1},
        {.url = STR_INIT("http://a/"), .timeout_ms = 1, .headers = &ours, .headers_n = 1},
    };
    struct client_request twice = {.id = 7, .url = STR("http://127.0.0.1:1/"), .timeout_ms = 1000};
    struct fixture *f = *state;
    struct client_stats stats;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(client_send(f->client, &cases[i], &err), -EINVAL);
    assert_int_equal(client_send(f->client, &twice, &err), 0);
    assert_int_equal(client_send(f->client, &twice, &err), -EINVAL);
    client_stats_get(f->client, &stats);
    assert_int_equal(stats.accepted, 1);
}

static void freeing_drops_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    size_t before;

    for (uint64_t id = 1; id <= 3; id++)
        send_path(f, id, "/hang", (struct client_request){0});
    send_path(f, 4, NULL, (struct client_request){.url = STR("http://name.invalid/")});
    while (raw_server_requests(f->server) == 0)
        loop_step(f->loop);
    before = f->n; /* the name may have been refused by now; the others hang */
    assert_true(before == 0 || (before == 1 && f->results[0].id == 4));
    client_free(f->client);
    f->client = NULL;
    assert_int_equal(f->n, before);
}

static void many_requests_at_once_all_end(void **state)
{
    struct fixture *f = *state;

    for (uint64_t id = 1; id <= 200; id++)
        send_path(f, id, id % 10 == 0 ? "/close" : "/ok",
                  (struct client_request){.body = STR("x")});
    wait_for(f, 200);
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(f->results[i].outcome,
                         f->results[i].id % 10 == 0 ? CLIENT_SENT_UNKNOWN : CLIENT_OK);
    assert_int_equal(raw_server_requests(f->server), 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define NARROW(f) cmocka_unit_test_setup_teardown(f, setup_narrow, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_ok_whatever_its_status),
        NARROW(a_request_carries_what_was_asked_for_and_no_more),
        TEST(the_environments_proxy_is_not_asked),
        TEST(connections_are_reused),
        TEST(nothing_sent_is_told_from_perhaps_delivered),
        TEST(a_handshake_that_hangs_times_out_unsent),
        TEST(a_long_answer_is_an_error_not_a_cut),
        NARROW(a_post_is_never_sent_twice_in_silence),
        NARROW(a_hung_receiver_delays_no_other_lane),
        NARROW(a_full_queue_refuses_but_not_what_need_not_wait),
        cmocka_unit_test_setup_teardown(the_queues_bytes_are_bounded, setup_small, teardown),
        NARROW(a_cancelled_request_is_not_heard_of_again),
        TEST(on_done_may_send),
        TEST(bad_requests_are_refused_at_once),
        NARROW(freeing_drops_what_is_under_way),
        TEST(many_requests_at_once_all_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common/io/http_server.h"

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_MS (10 * MS_PER_S)
#define CLIENTS_MAX 64
#define LARGE 20000000

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_guard guard;
    uint16_t port;
    int clients[CLIENTS_MAX];
    size_t clients_n;
    uint64_t held; /* the id of a GET /hold */
    uint64_t closed;
    unsigned requests, closes, drains;
    size_t slices_left, slice_bytes;
    bool stopped, pause;
};

static void on_request(const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    static const struct http_header extra = {STR_INIT("X-Extra"), STR_INIT("yes")};
    static const struct http_header evil = {STR_INIT("X-Evil"), STR_INIT("a\r\nX-Injected: 1")};
    struct http_header headers[2];

    f->requests++;
    if (str_eq_c(req->path, "/hold")) {
        f->held = req->id;
    } else if (str_eq_c(req->path, "/slices")) {
        http_reply(req->server, req->id,
                   &(struct http_reply){.status = 200,
                                        .content_type = STR("text/plain"),
                                        .body = STR("begin\n"),
                                        .more = true});
    } else if (str_eq_c(req->path, "/large") || str_eq_c(req->path, "/pause")) {
        char *large = xcalloc(1, LARGE);

        f->held = req->id;
        f->pause = str_eq_c(req->path, "/pause");
        memset(large, 'l', LARGE);
        http_reply(req->server, req->id,
                   &(struct http_reply){
                       .status = 200, .body = (struct str){large, LARGE}, .more = f->pause});
        free(large);
    } else if (str_eq_c(req->path, "/abort")) {
        http_abort(req->server, req->id);
    } else if (str_eq_c(req->path, "/empty")) {
        http_reply(req->server, req->id, &(struct http_reply){.status = 204, .body = STR("x")});
    } else if (str_eq_c(req->path, "/extra")) {
        headers[0] = evil;
        headers[1] = extra;
        http_reply(req->server, req->id,
                   &(struct http_reply){.status = 200, .headers = headers, .headers_n = 2});
    } else {
        char text[256];
        struct str user = req->user;

        (void)snprintf(text, sizeof(text),
                       STR_FMT " " STR_FMT " q=" STR_FMT " n=%zu user=" STR_FMT " from=" STR_FMT,
                       STR_ARG(req->method), STR_ARG(req->path), STR_ARG(req->query), req->body.n,
                       STR_ARG(user), STR_ARG(req->peer.address));
        http_reply_text(req->server, req->id, 200, str_from(text));
    }
}

static void on_close(struct http_server *server UNUSED, uint64_t id, void *arg)
{
    struct fixture *f = arg;

    f->closed = id;
    f->closes++;
}

static void on_drain(struct http_server *server, uint64_t id, void *arg)
{
    struct fixture *f = arg;
    static char slice[100000];

    f->drains++;
    if (f->pause)
        return;
    memset(slice, 'x', sizeof(slice));
    if (f->slices_left > 0)
        f->slices_left--;
    http_reply_part(server, id, (struct str){slice, f->slice_bytes}, f->slices_left > 0);
}

static void start(struct fixture *f, const struct http_server_options *options,
                  struct http_listener_options listener)
{
    struct err err;

    f->server = http_server_new(f->loop, options);
    if (listener.address == NULL)
        listener.address = "127.0.0.1:0";
    listener.on_request = on_request;
    listener.on_close = on_close;
    listener.on_drain = on_drain;
    listener.arg = f;
    if (http_server_listen(f->server, &listener, &f->port, &err) < 0)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->slice_bytes = 1000;
    *state = f;
    return loop_new(&f->loop);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->clients_n; i++)
        close(f->clients[i]);
    http_server_free(f->server);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void on_tick(void *arg UNUSED)
{
}

/* One round of the loop, a millisecond long at most. */
static void pump(struct fixture *f)
{
    struct loop_timer tick;

    loop_timer_init(&tick, f->loop, on_tick, f);
    loop_timer_set(&tick, loop_enter(f->loop).mono_ms + 1);
    loop_step(f->loop);
    loop_timer_cancel(&tick);
}

#define WAIT_UNTIL(f, condition) \
    do { \
        int64_t until_ = loop_enter((f)->loop).mono_ms + PATIENCE_MS; \
        while (!(condition)) { \
            if (loop_now((f)->loop).mono_ms > until_) \
                fail_msg("waited in vain for %s", #condition); \
            pump(f); \
        } \
    } while (0)

static int client(struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && f->clients_n < CLIENTS_MAX);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) >= 0);
    f->clients[f->clients_n++] = fd;
    return fd;
}

static void put(struct fixture *f, int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else {
            assert_int_equal(errno, EAGAIN);
            pump(f);
        }
    }
}

static void say(struct fixture *f, int fd, const char *text)
{
    put(f, fd, text, strlen(text));
}

/* Reads until the text ends with `end`, or to the end of the connection when end is NULL. */
static char *hear(struct fixture *f, int fd, const char *end)
{
    int64_t until_ms = loop_enter(f->loop).mono_ms + PATIENCE_MS;
    struct buf b;

    buf_init(&b, 0);
    for (;;) {
        char text[65536];
        ssize_t n = recv(fd, text, sizeof(text), 0);

        if (n > 0)
            buf_add(&b, text, (size_t)n);
        if (end != NULL && str_ends(buf_str(&b), str_from(end)))
            break;
        if (n == 0 || (n < 0 && errno == ECONNRESET)) {
            if (end != NULL)
                fail_msg("closed after \"%s\", wanted \"%s\"", b.p, end);
            break;
        }
        if (loop_now(f->loop).mono_ms > until_ms)
            fail_msg("heard \"%.2000s\", wanted \"%s\"", b.p, end != NULL ? end : "end");
        if (n < 0)
            pump(f);
    }
    if (b.cap == 0)
        buf_add_char(&b, '\0');
    return b.p;
}

static void expect(struct fixture *f, int fd, const char *begin, const char *end)
{
    char *got = hear(f, fd, end);

    if (!str_starts(str_from(got), str_from(begin)))
        fail_msg("got \"%.2000s\", wanted \"%s\"", got, begin);
    free(got);
}

static const struct http_server_stats *stats(const struct fixture *f)
{
    return http_server_stats(f->server);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK_BEGIN "HTTP/1.1 200 OK\r\nDate: "

static void keeps_the_connection_alive(void **state)
{
    struct fixture *f = *state;
    int fd;
    char *got;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/a%20b?x=%20"));
    got = hear(f, fd, "from=127.0.0.1");
    assert_non_null(strstr(got, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(got, "\r\nContent-Length: 41\r\n"));
    assert_non_null(strstr(got, "\r\n\r\nGET /a b q=x=%20 n=0 user= from=127.0.0.1"));
    assert_null(strstr(got, "Connection:"));
    free(got);
    say(f, fd, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    expect(f, fd, OK_BEGIN, "POST /p q= n=5 user= from=127.0.0.1");
    assert_int_equal(stats(f)->connections_accepted, 1);
    assert_int_equal(stats(f)->requests, 2);
    assert_int_equal(stats(f)->body_bytes, 0);
}

static void connection_close_and_http_1_0_are_honoured(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n");
    got = hear(f, fd, NULL);
    assert_non_null(strstr(got, "\r\nConnection: close\r\n"));
    free(got);
    fd = client(f);
    say(f, fd, "GET /x HTTP/1.0\r\n\r\n");
    expect(f, fd, OK_BEGIN, NULL);
    fd = client(f);
    say(f, fd, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    got = hear(f, fd, "from=127.0.0.1");
    assert_non_null(strstr(got, "\r\nConnection: keep-alive\r\n"));
    free(got);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/1") GET("/hold") GET("/3"));
    expect(f, fd, OK_BEGIN, "GET /1 q= n=0 user= from=127.0.0.1");
    WAIT_UNTIL(f, f->held != 0);
    for (int i = 0; i < 5; i++)
        pump(f);
    assert_int_equal(f->requests, 2); /* the third waits for the second's answer */
    http_reply_text(f->server, f->held, 200, STR("second "));
    got = hear(f, fd, "GET /3 q= n=0 user= from=127.0.0.1");
    assert_true(strstr(got, "second ") < strstr(got, "GET /3"));
    free(got);
}

static void head_has_the_length_but_no_body(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
    got = hear(f, fd, "\r\n\r\n");
    assert_non_null(strstr(got, "\r\nContent-Length: 35\r\n"));
    free(got);
    f->slices_left = 3;
    say(f, fd, "HEAD /slices HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(f, fd, OK_BEGIN, "\r\n\r\n");
    WAIT_UNTIL(f, f->slices_left == 0);
    say(f, fd, GET("/empty"));
    got = hear(f, fd, "\r\n\r\n");
    assert_true(str_starts(str_from(got), STR("HTTP/1.1 204 No Content\r\n")));
    assert_null(strstr(got, "Content-Length"));
    free(got);
}

static void headers_of_a_reply_cannot_be_split(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/extra"));
    got = hear(f, fd, "\r\n\r\n");
    assert_non_null(strstr(got, "\r\nX-Extra: yes\r\n"));
    assert_null(strstr(got, "Injected"));
    free(got);
}

static void chunked_bodies_and_100_continue_work(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd,
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "Expect: 100-continue\r\n\r\n");
    expect(f, fd, "HTTP/1.1 100 Continue\r\n\r\n", "\r\n\r\n");
    say(f, fd, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    expect(f, fd, OK_BEGIN, "POST /c q= n=11 user= from=127.0.0.1");
    say(f, fd,
        "POST /d HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    expect(f, fd, OK_BEGIN, "POST /d q= n=2 user= from=127.0.0.1"); /* the body was there */
}

static void large_bodies_arrive_whole(void **state)
{
    struct fixture *f = *state;
    size_t n = 3000000;
    char *body = xmalloc(n);
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    memset(body, 'b', n);
    fd = client(f);
    for (int i = 0; i < 2; i++) {
        say(f, fd, "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
        put(f, fd, body, n);
        expect(f, fd, OK_BEGIN, "POST /l q= n=3000000 user= from=127.0.0.1");
    }
    free(body);
}

static void too_large_a_body_is_refused_and_the_answer_gets_through(void **state)
{
    struct fixture *f = *state;
    char body[200000] = {0};
    int fd;

    start(f, NULL, (struct http_listener_options){.body_bytes_max = 1000});
    fd = client(f);
    say(f, fd, "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
    put(f, fd, body, sizeof(body));
    expect(f, fd, "HTTP/1.1 413 Content Too Large\r\n", NULL);
    fd = client(f);
    say(f, fd, "POST /l HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    expect(f, fd, "HTTP/1.1 413 Content Too Large\r\n", NULL);
    assert_int_equal(stats(f)->bad_requests, 2);
    assert_int_equal(f->requests, 0);
}

static void the_memory_of_all_bodies_is_bounded(void **state)
{
    struct fixture *f = *state;
    static char body[300000];
    int first, second;

    start(f, &(struct http_server_options){.body_total_bytes_max = 400000},
          (struct http_listener_options){0});
    first = client(f);
    second = client(f);
    say(f, first, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 300001\r\n\r\n");
    put(f, first, body, sizeof(body));
    WAIT_UNTIL(f, stats(f)->body_bytes >= 300000);
    say(f, second, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 300001\r\n\r\n");
    put(f, second, body, sizeof(body));
    expect(f, second, "HTTP/1.1 503 Service Unavailable\r\n", NULL);
    assert_int_equal(stats(f)->refused_body_memory, 1);
    say(f, first, "x");
    expect(f, first, OK_BEGIN, "n=300001 user= from=127.0.0.1");
    assert_int_equal(stats(f)->body_bytes, 0);
}

static void long_answers_come_in_slices(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    f->slices_left = 100;
    f->slice_bytes = 100000;
    fd = client(f);
    say(f, fd, GET("/slices"));
    got = hear(f, fd, "\r\n0\r\n\r\n");
    assert_non_null(
        strstr(got, "\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nbegin\n\r\n186a0\r\nx"));
    assert_true(strlen(got) > 10000000);
    assert_int_equal(f->drains, 100);
    free(got);
    say(f, fd, GET("/x")); /* and the connection goes on */
    expect(f, fd, OK_BEGIN, "from=127.0.0.1");
    f->slices_left = 2;
    f->slice_bytes = 10;
    say(f, fd, "GET /slices HTTP/1.0\r\n\r\n");
    got = hear(f, fd, NULL);
    assert_non_null(strstr(got, "\r\n\r\nbegin\nxxxxxxxxxxxxxxxxxxxx"));
    assert_null(strstr(got, "chunked"));
    free(got);
}

static void a_client_that_leaves_is_reported_once(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/hold"));
    WAIT_UNTIL(f, f->held != 0);
    shutdown(fd, SHUT_RDWR);
    WAIT_UNTIL(f, f->closes == 1);
    assert_int_equal(f->closed, f->held);
    http_reply_text(f->server, f->held, 200, STR("too late")); /* a no-op */
    WAIT_UNTIL(f, stats(f)->connections_open == 0);
    assert_int_equal(f->closes, 1);
    assert_int_equal(stats(f)->clients_gone, 1);
}

static void a_half_closed_client_still_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/x"));
    shutdown(fd, SHUT_WR);
    expect(f, fd, OK_BEGIN, NULL);
    fd = client(f);
    say(f, fd, GET("/large")); /* more than the socket takes at once */
    WAIT_UNTIL(f, f->requests == 2);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 5; i++)
        pump(f);
    got = hear(f, fd, NULL);
    assert_true(strlen(got) > LARGE);
    free(got);
    assert_int_equal(f->closes, 0);
}

static void an_aborted_reply_ends_the_connection_silently(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/abort") GET("/x"));
    expect(f, fd, "", NULL);
    WAIT_UNTIL(f, stats(f)->connections_open == 0);
    assert_int_equal(f->requests, 1);
    assert_int_equal(f->closes, 0);
}

/* Bytes that keep coming do not move the deadline. */
static void trickling_heads_and_bodies_meet_absolute_deadlines(void **state)
{
    struct fixture *f = *state;
    struct http_server_options o = {
        .head_ms = 60, .body_ms = 60, .body_bytes_s = MIB(1), .idle_ms = 40};
    int head, body, silent, idle;

    start(f, &o, (struct http_listener_options){0});
    head = client(f);
    body = client(f);
    silent = client(f);
    idle = client(f);
    say(f, idle, GET("/x"));
    say(f, body, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    while (stats(f)->timeouts_head == 0 || stats(f)->timeouts_body == 0) {
        (void)send(head, "G", stats(f)->timeouts_head == 0 ? 1 : 0, MSG_NOSIGNAL);
        (void)send(body, "b", stats(f)->timeouts_body == 0 ? 1 : 0, MSG_NOSIGNAL);
        pump(f);
    }
    expect(f, head, "HTTP/1.1 408 Request Timeout\r\n", NULL);
    expect(f, body, "HTTP/1.1 408 Request Timeout\r\n", NULL);
    expect(f, silent, "", NULL);
    expect(f, idle, OK_BEGIN, NULL);
    assert_int_equal(stats(f)->timeouts_idle, 2);
    assert_int_equal(f->requests, 1);
}

static void a_client_that_does_not_read_is_put_out(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, &(struct http_server_options){.drain_ms = 30, .body_bytes_s = MIB(100)},
          (struct http_listener_options){0});
    f->slices_left = 1000;
    f->slice_bytes = 100000;
    fd = client(f);
    say(f, fd, GET("/slices"));
    WAIT_UNTIL(f, f->closes == 1);
    assert_int_equal(stats(f)->timeouts_drain, 1);
    assert_true(f->slices_left > 0);
}

static void the_application_may_take_its_time(void **state)
{
    struct fixture *f = *state;
    int64_t until_ms;
    int fd;

    start(f,
          &(struct http_server_options){
              .head_ms = 10, .body_ms = 10, .drain_ms = 10, .idle_ms = 10, .age_ms = 10},
          (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/hold"));
    WAIT_UNTIL(f, f->held != 0);
    until_ms = loop_enter(f->loop).mono_ms + 50;
    WAIT_UNTIL(f, loop_now(f->loop).mono_ms > until_ms);
    http_reply_text(f->server, f->held, 200, STR("late"));
    expect(f, fd, OK_BEGIN, NULL); /* the age closes it afterwards */
    assert_int_equal(stats(f)->closed_age, 1);
    assert_int_equal(f->closes, 0);
}

static void between_slices_too(void **state)
{
    struct fixture *f = *state;
    int64_t until_ms;
    int fd;

    start(f, &(struct http_server_options){.drain_ms = 1500, .body_bytes_s = MIB(1000)},
          (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, GET("/pause"));
    expect(f, fd, OK_BEGIN, "lll\r\n");
    WAIT_UNTIL(f, f->drains == 1);
    until_ms = loop_enter(f->loop).mono_ms + 1600;
    WAIT_UNTIL(f, loop_now(f->loop).mono_ms > until_ms);
    http_reply_part(f->server, f->held, STR("end"), false);
    expect(f, fd, "3\r\nend\r\n0\r\n\r\n", "\r\n0\r\n\r\n");
    assert_int_equal(f->closes, 0);
}

static void bad_framing_closes_the_connection(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    start(f, NULL, (struct http_listener_options){0});
    fd = client(f);
    say(f, fd, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello" GET("/smuggled"));
    got = hear(f, fd, NULL);
    assert_true(str_starts(str_from(got), STR("HTTP/1.1 400 Bad Request\r\n")));
    assert_non_null(strstr(got, "\r\nConnection: close\r\n"));
    free(got);
    assert_int_equal(f->requests, 0);
    assert_int_equal(stats(f)->bad_requests, 1);
}

static void the_number_of_connections_is_capped(void **state)
{
    struct fixture *f = *state;
    int a, b, c;

    start(f, &(struct http_server_options){.connections_max = 2},
          (struct http_listener_options){0});
    a = client(f);
    say(f, a, GET("/hold"));
    b = client(f);
    say(f, b, GET("/x"));
    expect(f, b, OK_BEGIN, "from=127.0.0.1");
    c = client(f);
    say(f, c, GET("/hold"));
    expect(f, b, "", NULL); /* b was idle: it makes room for c */
    WAIT_UNTIL(f, f->requests == 3);
    b = client(f);
    expect(f, b, "", NULL);
    assert_int_equal(stats(f)->refused_total_cap, 1);
    assert_int_equal(stats(f)->connections_open, 2);
}

static void running_out_of_descriptors_pauses_accepting(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, low;
    int held[32], held_n = 0, fd, spare;

    start(f, &(struct http_server_options){.accept_pause_ms = 5},
          (struct http_listener_options){0});
    fd = client(f); /* before the limit; it sits in the backlog until accepted */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    spare = dup(fd);
    assert_true(spare >= 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)spare + 1, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (held_n < 32 && (held[held_n] = dup(fd)) >= 0)
        held_n++;
    say(f, fd, GET("/x"));
    WAIT_UNTIL(f, stats(f)->accept_pauses >= 2);
    assert_int_equal(stats(f)->connections_accepted, 0);
    close(spare);
    expect(f, fd, OK_BEGIN, "from=127.0.0.1");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    while (held_n > 0)
        close(held[--held_n]);
}

static void on_stopped(void *arg)
{
    struct fixture *f = arg;

    f->stopped = true;
}

static void stopping_lets_requests_finish(void **state)
{
    struct fixture *f = *state;
    int busy, idle, stuck;

    start(f, NULL, (struct http_listener_options){0});
    idle = client(f);
    busy = client(f);
    stuck = client(f);
    say(f, idle, GET("/x"));
    expect(f, idle, OK_BEGIN, "from=127.0.0.1");
    say(f, stuck, "GET /never-e");
    say(f, busy, GET("/hold"));
    WAIT_UNTIL(f, f->held != 0);
    http_server_stop(f->server, loop_enter(f->loop).mono_ms + 100, on_stopped, f);
    expect(f, idle, "", NULL);
    assert_false(f->stopped);
    http_reply_text(f->server, f->held, 200, STR("bye"));
    expect(f, busy, OK_BEGIN, NULL);
    expect(f, stuck, "", NULL); /* put out at the deadline */
    WAIT_UNTIL(f, f->stopped);
    assert_int_equal(f->closes, 0);
}

static void guard_ask(const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    struct str who = http_request_header(req, "authorization");

    if (str_eq_c(who, "later"))
        f->held = req->id;
    else if (str_eq_c(who, "ann"))
        http_admit(req->server, req->id, who);
    else
        http_reply_text(req->server, req->id, 401, STR("Unauthorized\n"));
}

static struct str guard_headers(void *arg UNUSED)
{
    return STR("X-Frame-Options: deny\r\n");
}

static void a_guard_decides_before_the_application(void **state)
{
    struct fixture *f = *state;
    char *got;
    int fd;

    f->guard = (struct http_guard){.authenticate = guard_ask, .headers = guard_headers, .arg = f};
    start(f, NULL, (struct http_listener_options){.guard = &f->guard});
    fd = client(f);
    say(f, fd, GET("/x"));
    got = hear(f, fd, "Unauthorized\n");
    assert_true(str_starts(str_from(got), STR("HTTP/1.1 401 Unauthorized\r\n")));
    assert_non_null(strstr(got, "\r\nX-Frame-Options: deny\r\n"));
    free(got);
    say(f, fd, "GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: ann\r\n\r\n");
    expect(f, fd, OK_BEGIN, "user=ann from=127.0.0.1");
    say(f, fd, "GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: later\r\n\r\n");
    WAIT_UNTIL(f, f->held != 0);
    assert_int_equal(f->requests, 1);
    http_admit(f->server, f->held, STR("bob"));
    expect(f, fd, OK_BEGIN, "user=bob from=127.0.0.1");
    f->held = 0;
    say(f, fd, "GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: later\r\n\r\n");
    WAIT_UNTIL(f, f->held != 0);
    shutdown(fd, SHUT_RDWR);
    WAIT_UNTIL(f, stats(f)->connections_open == 0);
    http_admit(f->server, f->held, STR("bob"));
    assert_int_equal(f->requests, 2);
    assert_int_equal(f->closes, 0); /* the application never heard of it */
}

static void listens_where_told(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",
                                      "x",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "::1:80",
                                      "[::1]",
                                      "127.0.0.1:99999",
                                      "127.0.0.1:http",
                                      "no.such.invalid:0"};
    struct err err;

    start(f, NULL, (struct http_listener_options){.address = ":0"});
    assert_true(f->port != 0);
    assert_true(str_starts(http_listener_address(f->server, 0), STR("[::]:")) ||
                str_starts(http_listener_address(f->server, 0), STR("0.0.0.0:")));
    expect(f, (say(f, client(f), GET("/x")), f->clients[0]), OK_BEGIN, "from=127.0.0.1");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct http_listener_options o = {.address = bad[i], .on_request = on_request};

        err.text[0] = '\0';
        assert_true(http_server_listen(f->server, &o, NULL, &err) < 0);
        assert_true(err.text[0] != '\0');
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_the_connection_alive),
        TEST(connection_close_and_http_1_0_are_honoured),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(head_has_the_length_but_no_body),
        TEST(headers_of_a_reply_cannot_be_split),
        TEST(chunked_bodies_and_100_continue_work),
        TEST(large_bodies_arrive_whole),
        TEST(too_large_a_body_is_refused_and_the_answer_gets_through),
        TEST(the_memory_of_all_bodies_is_bounded),
        TEST(long_answers_come_in_slices),
        TEST(a_client_that_leaves_is_reported_once),
        TEST(a_half_closed_client_still_gets_its_answer),
        TEST(an_aborted_reply_ends_the_connection_silently),
        TEST(trickling_heads_and_bodies_meet_absolute_deadlines),
        TEST(a_client_that_does_not_read_is_put_out),
        TEST(the_application_may_take_its_time),
        TEST(between_slices_too),
        TEST(bad_framing_closes_the_connection),
        TEST(the_number_of_connections_is_capped),
        TEST(running_out_of_descriptors_pauses_accepting),
        TEST(stopping_lets_requests_finish),
        TEST(a_guard_decides_before_the_application),
        TEST(listens_where_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Framing: what is one request, what is refused, and that neither depends on how the bytes were cut
 * into reads. The second table holds what libevent's evhttp 2.1.12 lets through. */
#include "common/io/http_reader.h"

#include "tests/lib/test.h"

#include <stdio.h>

#define H "Host: h\r\n"
#define G "GET / HTTP/1.1\r\n"
#define P "POST / HTTP/1.1\r\n" H

static const struct http_reader_limits limits = {
    .line_bytes_max = 100, .head_bytes_max = 200, .headers_max = 8, .body_bytes_max = 20};

/* Feeds in pieces of `step` bytes. Returns how many were taken. */
static size_t feed(struct http_reader *r, const char *p, size_t n, size_t step)
{
    size_t at = 0;

    while (at < n && r->state != HTTP_READER_DONE && r->state != HTTP_READER_ERROR) {
        size_t piece = n - at < step ? n - at : step, used = http_reader_feed(r, p + at, piece);

        assert_true(used <= piece);
        assert_true(used > 0 || r->state == HTTP_READER_ERROR);
        at += used;
    }
    return at;
}

static const struct good {
    const char *text;
    const char *method, *path, *query, *body; /* query NULL: none */
    bool close, expect;
} good[] = {
    {G H "\r\n", "GET", "/", NULL, "", false, false},
    {"HEAD /x HTTP/1.1\r\n" H "\r\n", "HEAD", "/x", NULL, "", false, false},
    {"DELETE /api/v2/silence/1 HTTP/1.1\r\n" H "\r\n", "DELETE", "/api/v2/silence/1", NULL, "",
     false, false},
    {"OPTIONS / HTTP/1.1\r\n" H "\r\n", "OPTIONS", "/", NULL, "", false, false},
    {"GET /a?b=c&d HTTP/1.1\r\n" H "\r\n", "GET", "/a", "b=c&d", "", false, false},
    {"GET /? HTTP/1.1\r\n" H "\r\n", "GET", "/", "", "", false, false},
    {"GET /?a?b=../%2f%00 HTTP/1.1\r\n" H "\r\n", "GET", "/", "a?b=../%2f%00", "", false, false},
    {"GET /a%20b%41%25 HTTP/1.1\r\n" H "\r\n", "GET", "/a bA%", NULL, "", false, false},
    {"GET /a%252f HTTP/1.1\r\n" H "\r\n", "GET", "/a%2f", NULL, "", false, false}, /* once */
    {"GET /..a/.b/c.. HTTP/1.1\r\n" H "\r\n", "GET", "/..a/.b/c..", NULL, "", false, false},
    {"GET //x HTTP/1.1\r\n" H "\r\n", "GET", "//x", NULL, "", false, false},
    {G "host:h\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G "Host: \t h:80 \t\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G "Host:\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G "Host: [::1]:9093\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G H "X-Empty:\r\nX-Utf8: \xc3\xa4\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G H "X: a\tb\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G H "Content-Length: 0\r\n\r\n", "GET", "/", NULL, "", false, false},
    {G H "Connection: close\r\n\r\n", "GET", "/", NULL, "", true, false},
    {G H "Connection: te, CLOSE ,x\r\n\r\n", "GET", "/", NULL, "", true, false},
    {G H "Connection: keep-alive\r\nConnection: close\r\n\r\n", "GET", "/", NULL, "", true, false},
    {"GET / HTTP/1.0\r\n\r\n", "GET", "/", NULL, "", true, false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", NULL, "", false, false},
    {P "Content-Length: 5\r\n\r\nhello", "POST", "/", NULL, "hello", false, false},
    {P "Content-Length: 020\r\n\r\n12345678901234567890", "POST", "/", NULL, "12345678901234567890",
     false, false},
    {P "Content-Length: 0\r\n\r\n", "POST", "/", NULL, "", false, false},
    {P "\r\n", "POST", "/", NULL, "", false, false},
    {P "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi", "POST", "/", NULL, "hi", false, true},
    {P "Expect: 100-continue\r\n\r\n", "POST", "/", NULL, "", false, false}, /* no body */
    {P "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "POST", "/", NULL, "hello",
     false, false},
    {P "transfer-encoding:Chunked\r\n\r\n1\r\na\r\nA\r\n0123456789\r\n0000\r\n\r\n", "POST", "/",
     NULL, "a0123456789", false, false},
    {P "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST", "/", NULL, "", false, false},
    {"DELETE / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", "DELETE", "/", NULL, "x", false,
     false},
};

static void reads_requests_however_they_are_cut(void **state UNUSED)
{
    static const size_t steps[] = {1, 2, 3, 7, 1000};

    for (size_t i = 0; i < ARRAY_SIZE(good) * ARRAY_SIZE(steps); i++) {
        const struct good *want = &good[i / ARRAY_SIZE(steps)];
        size_t n = strlen(want->text), step = steps[i % ARRAY_SIZE(steps)];
        struct http_reader r;
        char next[512];

        /* Behind it stands the next request, which must be left alone. */
        (void)snprintf(next, sizeof(next), "%sGET /next HTTP/1.1\r\n\r\n", want->text);
        http_reader_init(&r, &limits);
        if (feed(&r, next, strlen(next), step) != n || r.state != HTTP_READER_DONE)
            fail_msg("%s: state %d %s", want->text, (int)r.state, r.reason != NULL ? r.reason : "");
        assert_str_eq(r.method, want->method);
        assert_str_eq(r.path, want->path);
        assert_str_eq(buf_str(&r.body), want->body);
        assert_int_equal(r.query.p != NULL, want->query != NULL);
        if (r.query.p != NULL)
            assert_str_eq(r.query, want->query);
        assert_int_equal(!r.keep_alive, want->close);
        assert_int_equal(r.expect_continue, want->expect);
        http_reader_clear(&r);
    }
}

struct bad {
    const char *text;
    size_t n; /* 0: strlen */
    int status;
};

#define BYTES(s) s, sizeof(s) - 1

/* evhttp 2.1.12 answers all of these with 200 but the last ones. */
static const struct bad evhttp_accepts[] = {
    {P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, 400},
    {P "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 0, 400},
    {P "Content-Length : 5\r\n\r\nhello", 0, 400},
    {P "Content-Length: +5\r\n\r\nhello", 0, 400},
    {G "Host: h\n\r\n", 0, 400},
    {"GET / HTTP/1.1\n" H "\r\n", 0, 400},
    {G H "\n", 0, 400},
    {G H "X: a\r\n folded\r\n\r\n", 0, 400},
    {G H "X: a\r\n\tfolded\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 0, 400},
    {BYTES(G H "X: a\0b\r\n\r\n"), 400},
    {BYTES(G H "X\0: a\r\n\r\n"), 400},
    {BYTES("GET /\0 HTTP/1.1\r\n" H "\r\n"), 400},
    {G "\r\n", 0, 400},
    {G H "Host: i\r\n\r\n", 0, 400},
    {G H H "\r\n", 0, 400},
    {P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", 0, 400},
    {P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Content-Length: -1\r\n\r\n", 0, 400},
    {P "Content-Length: 0x5\r\n\r\nhello", 0, 400},
    {P "Content-Length: 5,5\r\n\r\nhello", 0, 400},
    {"GET / HTTP/9.9\r\n" H "\r\n", 0, 505},
    {"TRACE / HTTP/1.1\r\n" H "\r\n", 0, 501},
};

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct bad bad[] = {
    /* the request line */
    {"\r\n" G H "\r\n", 0, 400},
    {"\n" G H "\r\n", 0, 400},
    {" GET / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET  / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /  HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 0, 400},
    {"GET /\r\n\r\n", 0, 400},
    {"GET\r\n\r\n", 0, 400},
    {"GET\t/\tHTTP/1.1\r\n" H "\r\n", 0, 400},
    {"G(T / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"get / HTTP/1.1\r\n" H "\r\n", 0, 501},
    {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", 0, 501},
    {"GET / http/1.1\r\n" H "\r\n", 0, 400},
    {"GET / HTTP/1.10\r\n" H "\r\n", 0, 400},
    {"GET / HTTP/1,1\r\n" H "\r\n", 0, 400},
    {"GET / HTTP/1.2\r\n" H "\r\n", 0, 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 501},
    {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", 0, 400}, /* TLS to the plain port */
    {"GET / HTTP/1.1\r\r\n" H "\r\n", 0, 400},
    /* the target */
    {"GET * HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET http://h/ HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET x HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%2fb HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%2Fb HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%00 HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%0d%0ax HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%7f HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%zz HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a%4 HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a% HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /../x HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a/.. HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a/./b HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /%2e%2E/x HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a#b HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /a b HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /?a\x01 HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"GET /" A50 A50 " HTTP/1.1\r\n" H "\r\n", 0, 414},
    {"GET /" A50 A50 A50 A50 A50 A50 A50 A50, 0, 414},
    /* headers */
    {G H ": x\r\n\r\n", 0, 400},
    {G H "X\r\n\r\n", 0, 400},
    {G H "X : y\r\n\r\n", 0, 400},
    {G H " X: y\r\n\r\n", 0, 400},
    {G " Host: h\r\n\r\n", 0, 400},
    {G H "X(: y\r\n\r\n", 0, 400},
    {G H "X\xc3: y\r\n\r\n", 0, 400},
    {G H "X: a\x01\r\n\r\n", 0, 400},
    {G H "X: a\x7f\r\n\r\n", 0, 400},
    {G H "X: a\rb\r\n\r\n", 0, 400},
    {G H "X: a\r\n\r\r\n", 0, 400},
    {G "Host: a b\r\n\r\n", 0, 400},
    {G "Host: h/x\r\n\r\n", 0, 400},
    {G "Host: u@h\r\n\r\n", 0, 400},
    {"GET / HTTP/1.0\r\n" H H "\r\n", 0, 400},
    {G H "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\nA: 8\r\n\r\n", 0, 431},
    {G H "X: " A50 A50 A50 A50 "\r\n\r\n", 0, 431},
    {G H "X: " A50 A50 A50 A50 A50 A50, 0, 431},
    {P "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 0, 417},
    /* bodies */
    {P "Content-Length:\r\n\r\n", 0, 400},
    {P "Content-Length: 5 5\r\n\r\nhello", 0, 400},
    {P "Content-Length: 5.0\r\n\r\nhello", 0, 400},
    {P "Content-Length: 1e1\r\n\r\nhello", 0, 400},
    {P "Content-Length: 21\r\n\r\n", 0, 413},
    {P "Content-Length: 18446744073709551616\r\n\r\n", 0, 413},
    {P "Content-Length: 18446744073709551621\r\n\r\nhello", 0, 413},
    {G H "Content-Length: 1\r\n\r\nx", 0, 400},
    {G H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {"HEAD / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", 0, 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: identity\r\n\r\n", 0, 400},
    {P "Transfer-Encoding:\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\ng\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n0\r\n\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n0\r\n\rx", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n000000000\r\n\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n100000005\r\nhello\r\n", 0, 400},
    {P "Transfer-Encoding: chunked\r\n\r\n15\r\n", 0, 413},
    {P "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 0, 413},
    {P "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n5\r\n", 0, 413},
};

static void check_refused(const struct bad *b)
{
    static const size_t steps[] = {1, 2, 5, 1000};
    size_t n = b->n != 0 ? b->n : strlen(b->text);

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct http_reader r;

        http_reader_init(&r, &limits);
        feed(&r, b->text, n, steps[i]);
        if (r.state != HTTP_READER_ERROR || r.status != b->status)
            fail_msg("%s (%zu a time): state %d, status %d, %s", b->text, steps[i], (int)r.state,
                     r.status, r.reason != NULL ? r.reason : "");
        assert_non_null(r.reason);
        assert_int_equal(http_reader_feed(&r, "x", 1), 0);
        http_reader_clear(&r);
    }
}

static void refuses_what_evhttp_lets_through(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(evhttp_accepts); i++)
        check_refused(&evhttp_accepts[i]);
}

static void refuses_what_parsers_disagree_about(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        check_refused(&bad[i]);
}

static void headers_are_found_whatever_their_case(void **state UNUSED)
{
    struct http_reader r;
    static const char text[] = G H "X-One: 1\r\nx-one: 2\r\n\r\n";

    http_reader_init(&r, &limits);
    feed(&r, text, sizeof(text) - 1, 4);
    assert_int_equal(r.headers_n, 3);
    assert_str_eq(http_reader_header(&r, "X-ONE"), "1");
    assert_null(http_reader_header(&r, "x-on").p);
    http_reader_clear(&r);
}

static void stops_after_the_head_so_that_it_can_be_judged(void **state UNUSED)
{
    static const char text[] = P "Content-Length: 5\r\n\r\nhelloGET";
    struct http_reader r;
    size_t head;

    http_reader_init(&r, &limits);
    head = http_reader_feed(&r, text, sizeof(text) - 1);
    assert_int_equal(head, sizeof(text) - 1 - 8);
    assert_int_equal(r.state, HTTP_READER_BODY);
    assert_int_equal(http_reader_feed(&r, text + head, 8), 5);
    assert_int_equal(r.state, HTTP_READER_DONE);
    http_reader_clear(&r);
}

static void a_body_is_read_without_a_copy(void **state UNUSED)
{
    static const char head[] = P "Content-Length: 1000001\r\n\r\n";
    struct http_reader_limits large = limits;
    struct http_reader r;
    size_t total = 0;

    large.body_bytes_max = 2000000;
    http_reader_init(&r, &large);
    feed(&r, head, sizeof(head) - 1, sizeof(head));
    assert_int_equal(r.body.cap, 0); /* allocated as it comes, not as announced */
    assert_int_equal(http_reader_feed(&r, "abc", 3), 3);
    total = 3;
    while (r.state == HTTP_READER_BODY) {
        size_t room;
        char *p = http_reader_space(&r, &room);

        assert_true(room > 0 && total + room <= 1000001);
        room = room > 777 ? 777 : room;
        memset(p, 'x', room);
        http_reader_filled(&r, room);
        total += room;
    }
    assert_int_equal(r.state, HTTP_READER_DONE);
    assert_int_equal(r.body.n, 1000001);
    assert_true(r.body.cap < 2000000);
    http_reader_reset(&r);
    assert_int_equal(r.body.cap + r.head.cap, 0);
    assert_false(http_reader_started(&r));
    http_reader_clear(&r);
}

static void one_reader_serves_many_requests(void **state UNUSED)
{
    static const char text[] = P "Content-Length: 2\r\n\r\nhi" G H "\r\n" P
                                 "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                                 "GET / HTTP/1.0\r\n\r\n";
    struct http_reader r;
    size_t at = 0, n = 0;

    http_reader_init(&r, &limits);
    while (at < sizeof(text) - 1) {
        at += feed(&r, text + at, sizeof(text) - 1 - at, 3);
        assert_int_equal(r.state, HTTP_READER_DONE);
        n++;
        http_reader_reset(&r);
    }
    assert_int_equal(n, 4);
    http_reader_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_requests_however_they_are_cut),
        cmocka_unit_test(refuses_what_evhttp_lets_through),
        cmocka_unit_test(refuses_what_parsers_disagree_about),
        cmocka_unit_test(headers_are_found_whatever_their_case),
        cmocka_unit_test(stops_after_the_head_so_that_it_can_be_judged),
        cmocka_unit_test(a_body_is_read_without_a_copy),
        cmocka_unit_test(one_reader_serves_many_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

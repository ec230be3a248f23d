#include "common/io/http_conn.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

/* Writing */

static size_t output_left(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
}

#define PARTS_MAX 3

/* What sendmsg took straight away. */
static size_t send_now(struct conn *c, const struct str parts[PARTS_MAX])
{
    struct iovec iov[PARTS_MAX];
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = PARTS_MAX};
    ssize_t n;

    for (size_t i = 0; i < PARTS_MAX; i++) {
        union {
            const char *from;
            void *to;
        } p = {parts[i].p}; /* sending does not change what iovec fails to call const */

        iov[i] = (struct iovec){.iov_base = p.to, .iov_len = parts[i].n};
    }
    n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0; /* errors: libevent meets them again */
}

/* Straight to the socket when nothing waits before it: most answers fit there, and the detour by
 * libevent's buffer costs a copy and two changes of what epoll watches. */
static void conn_write(struct conn *c, struct str head, struct str body, struct str tail)
{
    const struct str parts[PARTS_MAX] = {head, body, tail};
    size_t sent = !c->tls && output_left(c) == 0 ? send_now(c, parts) : 0;

    for (size_t i = 0; i < PARTS_MAX; i++) {
        size_t skip = sent < parts[i].n ? sent : parts[i].n;

        sent -= skip;
        if (skip < parts[i].n)
            bufferevent_write(c->bev, parts[i].p + skip, parts[i].n - skip);
    }
}

void conn_continue(struct conn *c)
{
    conn_write(c, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR_EMPTY, STR_EMPTY);
}

/* The deadline of a part: the client must take it in time. While all is taken and the application
 * owes the next one, there is none. */
static void part_deadline(struct conn *c)
{
    const struct http_server *s = c->server;
    size_t left = output_left(c);

    loop_timer_set(&c->deadline, left == 0 ? TIME_NEVER
                                           : loop_now(s->loop).mono_ms + s->o.drain_ms +
                                                 (int64_t)left * MS_PER_S / s->o.body_bytes_s);
}

static void conn_next_or_close(struct conn *c)
{
    if (c->keep_alive && !c->input_ended && !c->server->stopping) {
        conn_enter(c, CONN_IDLE);
        http_reader_reset(&c->reader);
        conn_process(c);
    } else if (c->input_ended) {
        conn_close(c);
    } else {
        conn_enter(c, CONN_LINGER);
        if (c->tls)
            (void)SSL_shutdown(bufferevent_openssl_get_ssl(c->bev)); /* sends close_notify */
        shutdown(c->fd, SHUT_WR);
        conn_process(c);
    }
}

void conn_written(struct conn *c)
{
    if (output_left(c) > 0)
        return;
    if (c->state == CONN_DRAIN) {
        conn_next_or_close(c);
    } else if (c->state == CONN_REPLY) {
        part_deadline(c);
        c->drained = true;
        server_later(c);
    }
}

static void reply_complete(struct conn *c)
{
    conn_request_forget(c);
    conn_enter(c, CONN_DRAIN);
    if (output_left(c) == 0)
        conn_next_or_close(c);
}

/* Heads */

static const char *date_text(struct http_server *s)
{
    int64_t now_s = loop_now(s->loop).wall_ms / MS_PER_S;
    time_t t = (time_t)now_s;
    struct tm tm;

    if (s->date[0] == '\0' || now_s != s->date_s) {
        static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

        gmtime_r(&t, &tm);
        (void)snprintf(s->date, sizeof(s->date), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                       days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
        s->date_s = now_s;
    }
    return s->date;
}

static bool is_plain(struct str s) /* nothing that would end the line */
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return false;
    return true;
}

static void head_add(struct buf *b, const char *name, struct str value)
{
    buf_add_str(b, str_from(name));
    buf_add_str(b, STR(": "));
    buf_add_str(b, value);
    buf_add_str(b, STR("\r\n"));
}

static bool status_has_body(int status)
{
    return status != 204 && status != 304;
}

static void head_build(struct conn *c, const struct http_reply *reply, struct buf *b)
{
    const struct http_guard *guard = c->listener->o.guard;

    buf_add_str(b, STR("HTTP/1.1 "));
    buf_add_u64(b, (uint64_t)reply->status);
    buf_add_char(b, ' ');
    buf_add_str(b, str_from(http_status_text(reply->status)));
    buf_add_str(b, STR("\r\n"));
    head_add(b, "Date", str_from(date_text(c->server)));
    if (reply->content_type.n > 0 && is_plain(reply->content_type))
        head_add(b, "Content-Type", reply->content_type);
    for (size_t i = 0; i < reply->headers_n; i++) {
        const struct http_header *h = &reply->headers[i];

        if (!is_plain(h->name) || !is_plain(h->value))
            continue; /* what came from outside must not become a header of its own */
        buf_add_str(b, h->name);
        buf_add_str(b, STR(": "));
        buf_add_str(b, h->value);
        buf_add_str(b, STR("\r\n"));
    }
    if (guard != NULL && guard->headers != NULL)
        buf_add_str(b, guard->headers(guard->arg));
    if (c->chunked) {
        buf_add_str(b, STR("Transfer-Encoding: chunked\r\n"));
    } else if (!reply->more && status_has_body(reply->status)) {
        buf_add_str(b, STR("Content-Length: "));
        buf_add_u64(b, reply->body.n);
        buf_add_str(b, STR("\r\n"));
    }
    if (!c->keep_alive)
        buf_add_str(b, STR("Connection: close\r\n"));
    else if (c->reader.minor == 0)
        buf_add_str(b, STR("Connection: keep-alive\r\n"));
    buf_add_str(b, STR("\r\n"));
}

static void part_write(struct conn *c, struct buf *head, struct str body, bool more)
{
    struct str tail = STR_EMPTY;

    if (c->no_body) {
        body = STR_EMPTY;
    } else if (c->chunked) {
        if (body.n > 0)
            buf_add_fmt(head, "%zx\r\n", body.n);
        if (!more)
            tail = body.n > 0 ? STR("\r\n0\r\n\r\n") : STR("0\r\n\r\n");
        else if (body.n > 0)
            tail = STR("\r\n");
    }
    conn_write(c, buf_str(head), body, tail);
}

static void part_sent(struct conn *c, bool more)
{
    if (!more) {
        reply_complete(c);
        return;
    }
    if (c->state != CONN_REPLY)
        conn_enter(c, CONN_REPLY);
    part_deadline(c);
    if (output_left(c) == 0)
        conn_written(c);
}

static void conn_reply(struct conn *c, const struct http_reply *reply)
{
    struct http_server *s = c->server;
    bool more = reply->more && status_has_body(reply->status);
    struct http_reply r = *reply;

    assert(reply->status >= 200 && reply->status <= 999);
    r.more = more;
    if (!status_has_body(r.status))
        r.body = STR_EMPTY;
    c->chunked = more && c->reader.minor == 1;
    c->keep_alive = c->keep_alive && !r.close && !s->stopping && c->requests < s->o.requests_max &&
                    (!more || c->chunked);
    if (loop_now(s->loop).mono_ms >= c->accepted_ms + c->age_ms) {
        s->stats.closed_age += c->keep_alive;
        c->keep_alive = false;
    }
    buf_reset(&s->scratch);
    head_build(c, &r, &s->scratch);
    part_write(c, &s->scratch, r.body, more);
    part_sent(c, more);
}

void http_reply(struct http_server *server, uint64_t id, const struct http_reply *reply)
{
    struct conn *c;

    HASH_FIND(hh, server->by_id, &id, sizeof(id), c);
    if (c == NULL)
        return;
    assert(c->state != CONN_REPLY);
    if (c->state == CONN_GUARD)
        server->stats.unauthorized++;
    conn_reply(c, reply);
}

void http_reply_part(struct http_server *server, uint64_t id, struct str body, bool more)
{
    struct conn *c;

    HASH_FIND(hh, server->by_id, &id, sizeof(id), c);
    if (c == NULL)
        return;
    assert(c->state == CONN_REPLY);
    c->drained = false;
    buf_reset(&server->scratch);
    part_write(c, &server->scratch, body, more);
    part_sent(c, more);
}

void http_reply_text(struct http_server *server, uint64_t id, int status, struct str text)
{
    http_reply(server, id,
               &(struct http_reply){.status = status,
                                    .content_type = STR("text/plain; charset=utf-8"),
                                    .body = text});
}

void http_abort(struct http_server *server, uint64_t id)
{
    struct conn *c;

    HASH_FIND(hh, server->by_id, &id, sizeof(id), c);
    if (c == NULL)
        return;
    conn_request_forget(c);
    conn_enter(c, CONN_DRAIN); /* so that nobody is told */
    conn_close(c);
}

void conn_fail(struct conn *c, int status, const char *reason)
{
    static const struct http_header retry = {STR_INIT("Retry-After"), STR_INIT("1")};
    struct http_reply reply = {.status = status,
                               .content_type = STR("text/plain; charset=utf-8"),
                               .body = str_from(reason),
                               .close = true};
    if (status == 503) {
        reply.headers = &retry;
        reply.headers_n = 1;
    }
    c->no_body = false;
    c->keep_alive = false;
    conn_reply(c, &reply);
}

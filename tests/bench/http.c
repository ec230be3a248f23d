#include "tests/bench/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES KIB(256)
#define ANSWER_WAIT_S 600 /* an answer that takes longer is a hang */

void die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "loadgen: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

int64_t clock_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct sockaddr_in loopback(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die("%s is no IPv4 address", host);
    return a;
}

void conn_open(struct conn *c, const char *host, int port)
{
    struct sockaddr_in a = loopback(host, port);
    struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    int on = 1;

    *c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    buf_init(&c->in, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
        die("connect to %s:%d: %s", host, port, strerror(errno));
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

void conn_close(struct conn *c)
{
    (void)close(c->fd);
    buf_clear(&c->in);
}

void conn_send(struct conn *c, struct str request)
{
    while (request.n > 0) {
        ssize_t n = send(c->fd, request.p, request.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("send: %s", strerror(errno));
        request = str_sub(request, (size_t)n, request.n);
    }
}

static void more(struct conn *c)
{
    ssize_t n;

    buf_reserve(&c->in, READ_BYTES);
    do
        n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        die("receive: %s", strerror(errno));
    if (n == 0)
        die("the server closed the connection in the middle of an answer");
    c->in.n += (size_t)n;
    c->in.p[c->in.n] = '\0';
}

static void take(struct conn *c, size_t n)
{
    buf_drop_front(&c->in, n);
}

static void take_body(struct conn *c, size_t n)
{
    while (n > 0) {
        size_t here;

        if (c->in.n == 0)
            more(c);
        here = n < c->in.n ? n : c->in.n;
        if (c->keep != NULL)
            buf_add(c->keep, c->in.p, here);
        take(c, here);
        c->body_n += here;
        n -= here;
    }
}

/* The line at the front, without its end; stays in the buffer. */
static struct str line(struct conn *c)
{
    const char *end;

    while ((end = memmem(c->in.p, c->in.n, "\r\n", 2)) == NULL)
        more(c);
    return (struct str){.p = c->in.p, .n = (size_t)(end - c->in.p)};
}

static void take_chunks(struct conn *c)
{
    for (;;) {
        struct str size = line(c);
        size_t n = strtoul(size.p, NULL, 16);

        take(c, size.n + 2);
        take_body(c, n);
        if (line(c).n != 0)
            die("a chunk does not end where it says");
        take(c, 2);
        if (n == 0)
            return;
    }
}

void conn_answer(struct conn *c)
{
    size_t length = 0;
    bool chunked = false;
    struct str l = line(c);

    c->status = l.n > 12 ? (int)strtol(l.p + 9, NULL, 10) : 0;
    c->body_n = 0;
    for (take(c, l.n + 2); (l = line(c)).n > 0; take(c, l.n + 2)) {
        if (str_eq_nocase(str_sub(l, 0, 15), STR("content-length:")))
            length = strtoul(l.p + 15, NULL, 10);
        else if (str_eq_nocase(l, STR("transfer-encoding: chunked")))
            chunked = true;
    }
    take(c, 2);
    if (chunked)
        take_chunks(c);
    else
        take_body(c, length);
}

int listen_on(int port)
{
    struct sockaddr_in a = loopback("127.0.0.1", port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 512) < 0)
        die("listen on port %d: %s", port, strerror(errno));
    return fd;
}

bool request_whole(const struct buf *b, size_t *ret_n)
{
    const char *end = memmem(b->p, b->n, "\r\n\r\n", 4), *length;
    size_t head;

    if (end == NULL)
        return false;
    head = (size_t)(end - b->p) + 4;
    length = strcasestr(b->p, "\r\ncontent-length:");
    if (length == NULL || length > end)
        die("a request to the sink has no Content-Length");
    *ret_n = head + strtoul(length + sizeof("\r\ncontent-length:") - 1, NULL, 10);
    return b->n >= *ret_n;
}

/* As little HTTP/1.1 over loopback as a load generator needs: blocking, keep-alive, bodies by
 * Content-Length or in chunks. A failure ends the program with a message: a figure measured over
 * failures is worth nothing. */
#pragma once

#include "common/base/buf.h"

struct conn {
    int fd;
    struct buf in;    /* received and not yet taken */
    int status;       /* of the last answer */
    size_t body_n;    /* bytes of the last answer's body */
    struct buf *keep; /* when set, the body goes there */
};

void die(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
int64_t clock_ns(void); /* monotonic */

void conn_open(struct conn *c, const char *host, int port);
void conn_close(struct conn *c);
void conn_send(struct conn *c, struct str request);
void conn_answer(struct conn *c); /* reads one answer to its end */

int listen_on(int port); /* loopback */

/* True once b begins with a whole request with a Content-Length; its length in *ret_n. */
bool request_whole(const struct buf *b, size_t *ret_n);

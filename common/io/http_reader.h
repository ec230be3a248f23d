/* HTTP/1.1 requests from bytes, strictly (RFC 9110, RFC 9112): anything ambiguous is refused, since
 * two parsers that read one byte stream differently are how requests get smuggled. No sockets, no
 * clock: bytes in, a request or an error status out. docs/decisions/own-http-reader.md says why. */
#pragma once

#include "common/base/buf.h"

struct http_header {
    struct str name, value; /* value without white space at its ends */
};

struct http_reader_limits {
    size_t line_bytes_max; /* the request line; beyond: 414 */
    size_t head_bytes_max; /* all header lines; beyond: 431 */
    size_t headers_max;    /* beyond: 431 */
    size_t body_bytes_max; /* beyond: 413 */
};

#define HTTP_LINE_BYTES_DEFAULT KIB(8)
#define HTTP_HEAD_BYTES_DEFAULT KIB(8)
#define HTTP_HEADERS_DEFAULT 64
#define HTTP_BODY_BYTES_DEFAULT MIB(32)
#define HTTP_HEADERS_LIMIT 128 /* no setting goes beyond */

enum http_reader_state {
    HTTP_READER_HEAD,  /* waiting for, or in the middle of, request line and headers */
    HTTP_READER_BODY,  /* the head is complete and valid, the body is not */
    HTTP_READER_DONE,  /* a whole request; http_reader_reset before the next one */
    HTTP_READER_ERROR, /* `status` and `reason` say what was wrong; the connection must close */
};

/* Open for reading. Views point into head and path_text; they live until reset or clear. */
struct http_reader {
    enum http_reader_state state;
    int status;         /* HTTP_READER_ERROR: 400, 413, 414, 417, 431, 501 or 505 */
    const char *reason; /* HTTP_READER_ERROR: a constant phrase */

    /* From HTTP_READER_BODY on: */
    struct str method, target; /* target as sent */
    struct str path;           /* percent-decoded once; starts with '/'; no NUL, no dot segment */
    struct str query;          /* as sent, without '?'; p is NULL when there was no '?' */
    const struct http_header *headers;
    size_t headers_n;
    int minor;            /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;      /* what version and Connection ask for */
    bool expect_continue; /* send 100 before reading the body */
    bool chunked;
    uint64_t content_length; /* 0 when chunked or absent */
    struct buf body;

    /* The reader's own affair: */
    struct http_reader_limits limits;
    struct buf head, path_text;
    struct http_header *header_table;
    size_t scanned;     /* bytes of head that have been looked at */
    size_t line_start;  /* of the line being looked at */
    size_t line_end;    /* of the request line; 0: not complete yet */
    uint64_t body_left; /* of the body, or of the current chunk */
    int chunk_state;
    unsigned chunk_digits;
};

void http_reader_init(struct http_reader *r, const struct http_reader_limits *limits);
void http_reader_clear(struct http_reader *r);
/* Ready for the next request. Frees head and body, so that idle connections hold no memory. */
void http_reader_reset(struct http_reader *r);

/* Takes bytes until the state changes or p is used up; returns how many it took. Takes nothing in
 * DONE and ERROR. At the change from HEAD to BODY it returns too, so that the caller can decide on
 * the head (100 Continue, deadlines) first; a request without a body goes to DONE directly. */
size_t http_reader_feed(struct http_reader *r, const char *p, size_t n);

/* For reading from a socket without a copy: room for the rest of a Content-Length body (as much of
 * it as is allocated at once), and what was put there. n is 0 when this does not apply. */
char *http_reader_space(struct http_reader *r, size_t *ret_n);
void http_reader_filled(struct http_reader *r, size_t n);

bool http_reader_started(const struct http_reader *r); /* a byte of this request came */
struct str http_reader_header(const struct http_reader *r, const char *name); /* first; or p NULL */

#include "common/io/http_reader.h"

#include <assert.h>

/* A body is allocated as it comes, not as it is announced. */
#define BODY_STEP KIB(64)
#define CHUNK_DIGITS_MAX 8

enum chunk_state {
    CHUNK_SIZE,    /* hexadecimal digits */
    CHUNK_SIZE_LF, /* the CR after them was seen */
    CHUNK_DATA,    /* body_left bytes of it are to come */
    CHUNK_DATA_CR, /* the CRLF after the data */
    CHUNK_DATA_LF,
    CHUNK_END_CR, /* after the last chunk: no trailers, the empty line */
    CHUNK_END_LF,
};

static void refuse(struct http_reader *r, int status, const char *reason)
{
    r->state = HTTP_READER_ERROR;
    r->status = status;
    r->reason = reason;
}

void http_reader_init(struct http_reader *r, const struct http_reader_limits *limits)
{
    *r = (struct http_reader){.limits = *limits};
    if (r->limits.headers_max > HTTP_HEADERS_LIMIT)
        r->limits.headers_max = HTTP_HEADERS_LIMIT;
    buf_init(&r->head, 0);
    buf_init(&r->path_text, 0);
    buf_init(&r->body, 0);
}

void http_reader_clear(struct http_reader *r)
{
    buf_clear(&r->head);
    buf_clear(&r->path_text);
    buf_clear(&r->body);
    free(r->header_table);
    r->header_table = NULL;
}

void http_reader_reset(struct http_reader *r)
{
    http_reader_clear(r);
    r->state = HTTP_READER_HEAD;
    r->status = 0;
    r->reason = NULL;
    r->method = r->target = r->path = r->query = (struct str){0};
    r->headers = NULL;
    r->headers_n = 0;
    r->minor = 0;
    r->keep_alive = r->expect_continue = r->chunked = false;
    r->content_length = r->body_left = 0;
    r->scanned = r->line_start = r->line_end = 0;
    r->chunk_state = CHUNK_SIZE;
    r->chunk_digits = 0;
}

bool http_reader_started(const struct http_reader *r)
{
    return r->head.n > 0;
}

struct str http_reader_header(const struct http_reader *r, const char *name)
{
    struct str want = str_from(name);

    for (size_t i = 0; i < r->headers_n; i++)
        if (str_eq_nocase(r->header_table[i].name, want))
            return r->header_table[i].value;
    return (struct str){0};
}

/* RFC 9110 5.6.2 */
static bool is_token_char(unsigned char c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(others, c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The request line */

static bool method_parse(struct http_reader *r)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    if (!is_token(r->method)) {
        refuse(r, 400, "bad method");
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq_c(r->method, known[i]))
            return true;
    refuse(r, 501, "unknown method");
    return false;
}

static bool version_parse(struct http_reader *r, struct str v)
{
    if (v.n != 8 || !str_starts(v, STR("HTTP/")) || v.p[5] < '0' || v.p[5] > '9' || v.p[6] != '.' ||
        v.p[7] < '0' || v.p[7] > '9') {
        refuse(r, 400, "bad protocol version");
        return false;
    }
    if (v.p[5] != '1' || v.p[7] > '1') {
        refuse(r, 505, "protocol version is not 1.0 or 1.1");
        return false;
    }
    r->minor = v.p[7] - '0';
    return true;
}

/* What decoding could smuggle past those who look at the path: NUL, other controls, a slash. */
static bool path_decode(struct http_reader *r, struct str raw)
{
    buf_reserve(&r->path_text, raw.n);
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char c = (unsigned char)raw.p[i];

        if (c == '%') {
            int high = i + 1 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (unsigned char)(high << 4 | low);
            if (c < 0x20 || c == 0x7f || c == '/')
                return false;
            i += 2;
        }
        buf_add_char(&r->path_text, (char)c);
    }
    r->path = buf_str(&r->path_text);
    return true;
}

static bool has_dot_segment(struct str path)
{
    struct str rest = path, segment;

    while (str_split(&rest, '/', &segment))
        if (str_eq_c(segment, ".") || str_eq_c(segment, ".."))
            return true;
    return false;
}

static bool target_parse(struct http_reader *r)
{
    size_t question;

    if (r->target.n == 0 || r->target.p[0] != '/') {
        refuse(r, 400, "target is not an absolute path");
        return false;
    }
    for (size_t i = 0; i < r->target.n; i++) {
        unsigned char c = (unsigned char)r->target.p[i];

        if (c <= 0x20 || c >= 0x7f || c == '#') {
            refuse(r, 400, "bad character in target");
            return false;
        }
    }
    question = str_find_char(r->target, '?');
    if (question < r->target.n)
        r->query = str_sub(r->target, question + 1, r->target.n);
    if (!path_decode(r, str_sub(r->target, 0, question)) || has_dot_segment(r->path)) {
        refuse(r, 400, "bad path");
        return false;
    }
    return true;
}

static bool request_line_parse(struct http_reader *r)
{
    struct str line = str_sub(buf_str(&r->head), 0, r->line_end);
    size_t first = str_find_char(line, ' '), last = line.n;

    while (last > first && line.p[last - 1] != ' ')
        last--;
    if (first == line.n || last <= first + 1) {
        refuse(r, 400, "request line has not three parts");
        return false;
    }
    r->method = str_sub(line, 0, first);
    r->target = str_sub(line, first + 1, last - 1);
    return method_parse(r) && version_parse(r, str_sub(line, last, line.n)) && target_parse(r);
}

/* Headers */

static bool header_parse(struct http_reader *r, struct str line)
{
    size_t colon = str_find_char(line, ':');
    struct str name = str_sub(line, 0, colon), value;

    if (colon == line.n || !is_token(name)) { /* obs-fold and a space before the colon too */
        refuse(r, 400, "bad header name");
        return false;
    }
    if (r->headers_n == r->limits.headers_max) {
        refuse(r, 431, "too many headers");
        return false;
    }
    value = str_sub(line, colon + 1, line.n);
    while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t'))
        value = str_sub(value, 1, value.n);
    while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
        value.n--;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            refuse(r, 400, "control character in header");
            return false;
        }
    }
    r->header_table[r->headers_n++] = (struct http_header){name, value};
    return true;
}

/* How often the header is there; *ret is the first one's value. */
static size_t header_count(const struct http_reader *r, const char *name, struct str *ret)
{
    struct str want = str_from(name);
    size_t count = 0;

    for (size_t i = 0; i < r->headers_n; i++) {
        if (!str_eq_nocase(r->header_table[i].name, want))
            continue;
        if (count++ == 0)
            *ret = r->header_table[i].value;
    }
    return count;
}

static bool host_valid(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        unsigned char c = (unsigned char)host.p[i];

        if (c <= 0x20 || c >= 0x7f || strchr("/\\@?#,\"<>", c) != NULL)
            return false;
    }
    return host.n <= 255;
}

static bool host_check(struct http_reader *r)
{
    struct str host = STR_EMPTY;
    size_t count = header_count(r, "Host", &host);

    if (count > 1 || (count == 0 && r->minor == 1) || !host_valid(host)) {
        refuse(r, 400, "there must be one valid Host");
        return false;
    }
    return true;
}

static bool length_parse(struct http_reader *r, struct str text)
{
    if (text.n == 0) {
        refuse(r, 400, "bad Content-Length");
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            refuse(r, 400, "bad Content-Length");
            return false;
        }
    }
    if (!str_to_u64(text, &r->content_length) || r->content_length > r->limits.body_bytes_max) {
        refuse(r, 413, "body is too large");
        return false;
    }
    return true;
}

/* RFC 9112 6.3, without what it lets a recipient guess. */
static bool framing_parse(struct http_reader *r)
{
    struct str length = STR_EMPTY, coding = STR_EMPTY;
    size_t lengths = header_count(r, "Content-Length", &length);
    size_t codings = header_count(r, "Transfer-Encoding", &coding);

    if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0)) {
        refuse(r, 400, "ambiguous body length");
        return false;
    }
    if (codings > 0) {
        if (r->minor == 0 || !str_eq_nocase(coding, STR("chunked"))) {
            refuse(r, 400, "Transfer-Encoding is not exactly chunked");
            return false;
        }
        r->chunked = true;
    } else if (lengths > 0 && !length_parse(r, length)) {
        return false;
    }
    if ((r->chunked || r->content_length > 0) &&
        (str_eq_c(r->method, "GET") || str_eq_c(r->method, "HEAD"))) {
        refuse(r, 400, "GET and HEAD have no body");
        return false;
    }
    return true;
}

static bool list_has(struct str list, const char *token)
{
    struct str item;

    while (str_split(&list, ',', &item))
        if (str_eq_nocase(str_trim(item), str_from(token)))
            return true;
    return false;
}

static bool expect_parse(struct http_reader *r)
{
    struct str expect = {0};

    if (header_count(r, "Expect", &expect) == 0 || r->minor == 0)
        return true;
    if (!str_eq_nocase(expect, STR("100-continue"))) {
        refuse(r, 417, "unknown expectation");
        return false;
    }
    r->expect_continue = r->chunked || r->content_length > 0;
    return true;
}

static void connection_parse(struct http_reader *r)
{
    bool close = false, keep = false;

    for (size_t i = 0; i < r->headers_n; i++) {
        if (!str_eq_nocase(r->header_table[i].name, STR("Connection")))
            continue;
        close = close || list_has(r->header_table[i].value, "close");
        keep = keep || list_has(r->header_table[i].value, "keep-alive");
    }
    r->keep_alive = !close && (r->minor == 1 || keep);
}

static void head_complete(struct http_reader *r)
{
    r->headers = r->header_table;
    if (!host_check(r) || !framing_parse(r) || !expect_parse(r))
        return;
    connection_parse(r);
    r->body.max = r->limits.body_bytes_max + 1; /* a limit of zero would mean none */
    r->body_left = r->chunked ? 0 : r->content_length;
    r->state = r->chunked || r->body_left > 0 ? HTTP_READER_BODY : HTTP_READER_DONE;
}

/* The views made while lines come in point into head, which is therefore allocated once, for the
 * greatest head allowed. */
static void head_reserve(struct http_reader *r)
{
    size_t most = r->limits.line_bytes_max + r->limits.head_bytes_max + 4;

    if (r->header_table != NULL)
        return;
    buf_reserve(&r->head, most);
    r->header_table = xcalloc(r->limits.headers_max, sizeof(r->header_table[0]));
}

static bool head_fits(struct http_reader *r)
{
    if (r->line_end == 0) {
        if (r->head.n - r->line_start <= r->limits.line_bytes_max + 2)
            return true;
        refuse(r, 414, "request line is too long");
        return false;
    }
    if (r->head.n - (r->line_end + 2) <= r->limits.head_bytes_max + 2)
        return true;
    refuse(r, 431, "headers are too long");
    return false;
}

static void head_line(struct http_reader *r, size_t end)
{
    struct str line = str_sub(buf_str(&r->head), r->line_start, end);

    if (r->line_end == 0 && line.n > r->limits.line_bytes_max) {
        refuse(r, 414, "request line is too long");
        return;
    }
    if (r->line_end != 0 && line.n > 0 && end - r->line_end > r->limits.head_bytes_max) {
        refuse(r, 431, "headers are too long");
        return;
    }
    if (r->line_end == 0) {
        r->line_end = end;
        if (!request_line_parse(r))
            return;
    } else if (line.n == 0) {
        head_complete(r);
    } else if (!header_parse(r, line)) {
        return;
    }
    r->line_start = end + 2;
}

/* Looks at what was added since the last call, line by line. Returns how many bytes of head belong
 * to this request: less than head.n when the body or the next request has begun. */
static size_t head_scan(struct http_reader *r)
{
    while (r->state == HTTP_READER_HEAD && r->scanned < r->head.n) {
        const char *p = r->head.p;
        const char *lf = memchr(p + r->scanned, '\n', r->head.n - r->scanned);
        size_t end = lf != NULL ? (size_t)(lf - p) : r->head.n;

        if (memchr(p + r->scanned, '\0', end - r->scanned) != NULL) {
            refuse(r, 400, "NUL in head");
            break;
        }
        r->scanned = end;
        if (lf == NULL)
            break;
        if (end == r->line_start || p[end - 1] != '\r') {
            refuse(r, 400, "line ends without CR");
            break;
        }
        if (r->line_end == 0 && end - 1 == 0) {
            refuse(r, 400, "empty request line");
            break;
        }
        r->scanned = end + 1;
        head_line(r, end - 1);
    }
    return r->scanned;
}

static size_t head_feed(struct http_reader *r, const char *p, size_t n)
{
    size_t before = r->head.n, room, used;

    head_reserve(r);
    room = r->limits.line_bytes_max + r->limits.head_bytes_max + 4 - before;
    if (n > room)
        n = room;
    buf_add(&r->head, p, n);
    used = head_scan(r);
    if (r->state == HTTP_READER_HEAD) {
        used = r->head.n;
        head_fits(r);
        if (room == 0 && r->state == HTTP_READER_HEAD)
            refuse(r, 431, "headers are too long");
        return used - before;
    }
    if (r->state == HTTP_READER_ERROR)
        return used > before ? used - before : n;
    r->head.n = used;
    r->head.p[used] = '\0';
    return used - before;
}

/* Bodies */

static void body_grow(struct http_reader *r, size_t more)
{
    size_t want = r->body.n + more, doubled = 2 * r->body.cap;
    size_t most = r->chunked ? r->limits.body_bytes_max : (size_t)r->content_length;

    if (want < r->body.cap)
        return;
    if (want < doubled)
        want = doubled;
    if (want < BODY_STEP)
        want = BODY_STEP;
    if (want > most && most >= r->body.n + more)
        want = most;
    buf_reserve(&r->body, want - r->body.n);
}

static void body_took(struct http_reader *r, size_t n)
{
    r->body_left -= n;
    if (r->body_left == 0 && !r->chunked)
        r->state = HTTP_READER_DONE;
}

static size_t data_feed(struct http_reader *r, const char *p, size_t n)
{
    if (n > r->body_left)
        n = (size_t)r->body_left;
    body_grow(r, n);
    buf_add(&r->body, p, n);
    body_took(r, n);
    return n;
}

char *http_reader_space(struct http_reader *r, size_t *ret_n)
{
    size_t room;

    *ret_n = 0;
    if (r->state != HTTP_READER_BODY || r->chunked)
        return NULL;
    if (r->body.cap <= r->body.n + 1)
        body_grow(r, r->body_left < BODY_STEP ? (size_t)r->body_left : BODY_STEP);
    room = r->body.cap - r->body.n - 1; /* a buf ends with NUL */
    *ret_n = room < r->body_left ? room : (size_t)r->body_left;
    return r->body.p + r->body.n;
}

void http_reader_filled(struct http_reader *r, size_t n)
{
    assert(n <= r->body_left && r->body.n + n < r->body.cap);
    r->body.n += n;
    r->body.p[r->body.n] = '\0';
    body_took(r, n);
}

static void chunk_size_end(struct http_reader *r)
{
    r->chunk_digits = 0;
    if (r->body_left == 0)
        r->chunk_state = CHUNK_END_CR;
    else if (r->body_left > r->limits.body_bytes_max - r->body.n)
        refuse(r, 413, "body is too large");
    else
        r->chunk_state = CHUNK_DATA;
}

/* Chunk extensions are refused: nobody sends them, and they are a way to smuggle. */
static void chunk_size_digit(struct http_reader *r, char c)
{
    int digit = hex_digit(c);

    if (c == '\r' && r->chunk_digits > 0)
        r->chunk_state = CHUNK_SIZE_LF;
    else if (digit < 0 || ++r->chunk_digits > CHUNK_DIGITS_MAX)
        refuse(r, 400, "bad chunk size");
    else
        r->body_left = r->body_left << 4 | (unsigned)digit;
}

static void expect_char(struct http_reader *r, char c, char want, enum chunk_state next)
{
    if (c != want)
        refuse(r, 400, "bad chunk");
    else
        r->chunk_state = (int)next;
}

static size_t chunked_feed(struct http_reader *r, const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && r->state == HTTP_READER_BODY) {
        switch ((enum chunk_state)r->chunk_state) {
        case CHUNK_SIZE:
            chunk_size_digit(r, p[i++]);
            break;
        case CHUNK_SIZE_LF:
            if (p[i++] == '\n')
                chunk_size_end(r);
            else
                refuse(r, 400, "bad chunk size");
            break;
        case CHUNK_DATA:
            i += data_feed(r, p + i, n - i);
            if (r->body_left == 0)
                r->chunk_state = CHUNK_DATA_CR;
            break;
        case CHUNK_DATA_CR:
            expect_char(r, p[i++], '\r', CHUNK_DATA_LF);
            break;
        case CHUNK_DATA_LF:
            expect_char(r, p[i++], '\n', CHUNK_SIZE);
            break;
        case CHUNK_END_CR:
            expect_char(r, p[i++], '\r', CHUNK_END_LF);
            break;
        case CHUNK_END_LF:
            if (p[i++] == '\n')
                r->state = HTTP_READER_DONE;
            else
                refuse(r, 400, "bad chunk");
            break;
        }
    }
    return i;
}

size_t http_reader_feed(struct http_reader *r, const char *p, size_t n)
{
    if (n == 0)
        return 0;
    switch (r->state) {
    case HTTP_READER_HEAD:
        return head_feed(r, p, n);
    case HTTP_READER_BODY:
        return r->chunked ? chunked_feed(r, p, n) : data_feed(r, p, n);
    case HTTP_READER_DONE:
    case HTTP_READER_ERROR:
        break;
    }
    return 0;
}

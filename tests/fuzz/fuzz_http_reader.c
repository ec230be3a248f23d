/* A connection's bytes, cut in three ways: the requests that come out must be the same, and
 * whatever is accepted must be unambiguous. */
#include "tests/fuzz/fuzz.h"

#include "common/base/hash.h"
#include "common/io/http_reader.h"

static const struct http_reader_limits limits = {
    .line_bytes_max = 256, .head_bytes_max = 512, .headers_max = 16, .body_bytes_max = 1024};

static uint64_t mix(uint64_t h, struct str s)
{
    return hash_mix(fnv1a_64(h, s.p, s.n), s.n);
}

static void check_request(const struct http_reader *r)
{
    unsigned hosts = 0, lengths = 0, codings = 0;

    assert(r->path.n > 0 && r->path.p[0] == '/');
    assert(memchr(r->path.p, '\0', r->path.n) == NULL);
    assert(!str_contains(r->path, STR("/../")) && !str_ends(r->path, STR("/..")));
    assert(r->headers_n <= limits.headers_max && r->body.n <= limits.body_bytes_max);
    for (size_t i = 0; i < r->headers_n; i++) {
        struct str name = r->headers[i].name, value = r->headers[i].value;

        assert(name.n > 0 && memchr(name.p, ' ', name.n) == NULL);
        assert(memchr(value.p, '\0', value.n) == NULL && memchr(value.p, '\r', value.n) == NULL &&
               memchr(value.p, '\n', value.n) == NULL);
        hosts += str_eq_nocase(name, STR("host"));
        lengths += str_eq_nocase(name, STR("content-length"));
        codings += str_eq_nocase(name, STR("transfer-encoding"));
    }
    assert(hosts <= 1 && (hosts == 1 || r->minor == 0));
    assert(lengths + codings <= 1 && r->chunked == (codings == 1));
    assert(r->chunked || r->body.n == r->content_length);
}

/* A digest of all that was read. step 0: bodies go past feed where they can. */
static uint64_t run(const char *p, size_t n, size_t step)
{
    uint64_t h = FNV1A_64_BASIS;
    struct http_reader r;
    size_t at = 0;

    http_reader_init(&r, &limits);
    while (at < n && r.state != HTTP_READER_ERROR) {
        size_t piece = step == 0 || n - at < step ? n - at : step, used, room = 0;
        char *space = step == 0 ? http_reader_space(&r, &room) : NULL;

        if (room > 0) {
            used = room < piece ? room : piece;
            memcpy(space, p + at, used);
            http_reader_filled(&r, used);
        } else {
            used = http_reader_feed(&r, p + at, piece);
            assert(used > 0 && used <= piece);
        }
        at += used;
        if (r.state != HTTP_READER_DONE)
            continue;
        check_request(&r);
        h = mix(mix(mix(mix(h, r.method), r.path), r.query), buf_str(&r.body));
        h = hash_mix(h, (uint64_t)r.keep_alive << 1 | r.expect_continue);
        http_reader_reset(&r);
    }
    /* Which of two faults is named first may depend on the cut; that there is one may not. */
    h = hash_mix(h, r.state == HTTP_READER_ERROR);
    http_reader_clear(&r);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);
    uint64_t whole = run(text.p, text.n, 0);

    assert(run(text.p, text.n, 1) == whole);
    assert(run(text.p, text.n, 7) == whole);
    return 0;
}

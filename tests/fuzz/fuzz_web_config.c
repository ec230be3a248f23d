/* The text of a web.config.file. */
#include "tests/fuzz/fuzz.h"

#include "common/io/web_file.h"

static void check(const struct web_file *f)
{
    struct str rest = f->headers;

    for (size_t i = 0; i < f->users_n; i++)
        assert(f->users[i].hash.n == 60 && f->users[i].hash.p[60] == '\0');
    if (f->has_tls)
        assert((f->tls.cert_file != NULL) != (f->tls.cert_pem != NULL));
    while (rest.n > 0) { /* whole lines, no header within a header */
        size_t end = str_find_char(rest, '\r');

        assert(end > 0 && end + 1 < rest.n && rest.p[end + 1] == '\n');
        assert(str_find_char(str_sub(rest, 0, end), ':') < end);
        assert(str_find_char(str_sub(rest, 0, end), '\n') == end);
        rest = str_sub(rest, end + 2, rest.n);
    }
    assert(f->rate_interval_us >= 0 && f->rate_burst >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    struct web_file file;
    struct mistakes m;

    mistakes_init(&m);
    if (web_file_parse(fuzz_text(data, size), STR("/etc"), a, &file, &m) == 0) {
        assert(m.n == 0);
        check(&file);
    } else {
        assert(m.n > 0);
    }
    mistakes_clear(&m);
    arena_free(a);
    return 0;
}

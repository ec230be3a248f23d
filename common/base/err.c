#include "common/base/err.h"

#include "common/base/utf8.h"
#include "common/base/vec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* The length without a rune that has lost its end. */
static size_t whole_runes(struct str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        uint8_t lead = (uint8_t)s.p[s.n - back];

        if (lead >= 0xC0)
            return back < (lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U) ? s.n - back : s.n;
        if (lead < 0x80)
            break;
    }
    return s.n;
}

/* Texts quote what users sent: a rune cut at the end goes, other bytes that are no UTF-8 become
 * '?', so that the text can stand in any answer or log. */
static void make_utf8(char *text, size_t size, size_t wanted)
{
    struct str s = {.p = text, .n = strlen(text)};
    size_t length;

    if (wanted >= size)
        text[s.n = whole_runes(s)] = '\0';
    for (size_t i = 0; i < s.n; i += length) {
        uint32_t rune;

        length = utf8_decode(str_sub(s, i, s.n), &rune);
        if (rune == 0xFFFD && length == 1)
            text[i] = '?';
    }
}

PRINTF_LIKE(3, 0) static void format(char *text, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(text, size, fmt, ap);

    make_utf8(text, size, n > 0 ? (size_t)n : 0);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(ap, fmt);
    format(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char old[sizeof(err->text)];
    va_list ap;
    int n;

    if (err == NULL)
        return -EINVAL;
    memcpy(old, err->text, sizeof(old));
    va_start(ap, fmt);
    n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->text))
        n += snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
    make_utf8(err->text, sizeof(err->text), n > 0 ? (size_t)n : 0);
    return err->code;
}

void mistakes_init(struct mistakes *m)
{
    *m = (struct mistakes){0};
}

void mistakes_clear(struct mistakes *m)
{
    VEC_CLEAR(m);
    m->left_out = 0;
}

void mistakes_add(struct mistakes *m, int line, const char *fmt, ...)
{
    struct mistake *mistake;
    va_list ap;

    if (m->n >= MISTAKES_MAX) {
        m->left_out++;
        return;
    }
    mistake = VEC_PUSH(m);
    mistake->line = line;
    va_start(ap, fmt);
    format(mistake->text, sizeof(mistake->text), fmt, ap);
    va_end(ap);
}

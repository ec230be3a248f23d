#include "common/core/template/format.h"

#include "common/base/float_text.h"
#include "common/base/json.h"
#include "common/base/utf8.h"
#include "common/core/template/data.h"

#include <math.h>

#define NUMBER_MAX 1000000 /* Go's limit for width and precision */
#define JSON_NESTING_MAX 50
#define VALUE_DEPTH_MAX 200

struct verb {
    bool minus, plus, sharp, space, zero;
    int64_t width, precision; /* -1: none */
    uint32_t rune;
};

static void add_verb(struct buf *b, const struct verb *f, struct tv v, unsigned depth);

static const struct verb plain = {.width = -1, .precision = -1, .rune = 'v'};

/* --- numbers --- */

static void add_exponent(struct buf *b, char letter, int e)
{
    buf_add_fmt(b, "%c%c%02d", letter, e < 0 ? '-' : '+', abs(e));
}

static bool add_special(struct buf *b, double v, bool plus)
{
    if (isnan(v))
        buf_add_str(b, plus ? STR("+NaN") : STR("NaN"));
    else if (isinf(v))
        buf_add_str(b, v < 0 ? STR("-Inf") : STR("+Inf"));
    else
        return false;
    return true;
}

static void add_decimal(struct buf *b, const char *digits, size_t n, int point)
{
    if (point <= 0) {
        buf_add_str(b, STR("0."));
        for (int i = point; i < 0; i++)
            buf_add_char(b, '0');
        buf_add(b, digits, n);
        return;
    }
    for (size_t i = 0; i < n || i < (size_t)point; i++) {
        if (i == (size_t)point)
            buf_add_char(b, '.');
        buf_add_char(b, i < n ? digits[i] : '0');
    }
}

/* Go's 'g' with the fewest digits: with an exponent below 1e-4 and from 1e6 on. */
static void add_shortest(struct buf *b, double v, char letter)
{
    char digits[32];
    int point;
    size_t n;

    if (add_special(b, v, false))
        return;
    n = float_digits(v, digits, &point);
    if (signbit(v))
        buf_add_char(b, '-');
    if (point - 1 >= -4 && point - 1 < 6) {
        add_decimal(b, digits, n, point);
        return;
    }
    buf_add(b, digits, 1);
    if (n > 1) {
        buf_add_char(b, '.');
        buf_add(b, digits + 1, n - 1);
    }
    add_exponent(b, letter, point - 1);
}

void format_float(struct buf *b, double v)
{
    add_shortest(b, v, 'e');
}

static void add_json_float(struct buf *b, double v)
{
    double size = v < 0 ? -v : v;
    char digits[32];
    int point;
    size_t n = float_digits(v, digits, &point);

    if (signbit(v))
        buf_add_char(b, '-');
    if (size == 0 || (size >= 1e-6 && size < 1e21)) {
        add_decimal(b, digits, n, point);
        return;
    }
    buf_add(b, digits, 1);
    if (n > 1) {
        buf_add_char(b, '.');
        buf_add(b, digits + 1, n - 1);
    }
    buf_add_fmt(b, "e%c%d", point - 1 < 0 ? '-' : '+', abs(point - 1)); /* e-9, not e-09 */
}

/* --- padding --- */

static size_t count_runes(struct str s)
{
    size_t n = 0;
    uint32_t rune;

    for (; s.n > 0; n++)
        s = str_sub(s, utf8_decode(s, &rune), s.n);
    return n;
}

static void add_padded(struct buf *b, const struct verb *f, struct str s)
{
    size_t n = count_runes(s), pad = f->width > (int64_t)n ? (size_t)f->width - n : 0;

    if (f->minus)
        buf_add_str(b, s);
    for (size_t i = 0; i < pad; i++)
        buf_add_char(b, f->zero && !f->minus ? '0' : ' ');
    if (!f->minus)
        buf_add_str(b, s);
}

/* A number: zeros go behind the sign. */
static void add_number(struct buf *b, const struct verb *f, struct str s, bool zero)
{
    struct verb inner = *f;
    bool sign = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+' || s.p[0] == ' ');

    inner.zero = zero && f->zero && !f->minus;
    if (inner.zero && sign) {
        buf_add(b, s.p, 1);
        s = str_sub(s, 1, s.n);
        inner.width--;
    }
    add_padded(b, &inner, s);
}

static void add_bad_verb(struct buf *b, const struct verb *f, struct tv v, unsigned depth)
{
    buf_add_str(b, STR("%!"));
    utf8_encode(b, f->rune);
    buf_add_char(b, '(');
    if (tv_kind(v) == TV_NONE || tv_kind(v) == TV_NIL) {
        buf_add_str(b, STR("<nil>"));
    } else {
        buf_add_fmt(b, "%s=", tv_type_name(v));
        add_verb(b, &plain, v, depth + 1);
    }
    buf_add_char(b, ')');
}

static void add_digits(struct buf *b, uint64_t u, unsigned base, bool upper)
{
    char text[72];
    size_t n = sizeof(text);

    do {
        text[--n] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[u % base];
        u /= base;
    } while (u > 0);
    buf_add(b, text + n, sizeof(text) - n);
}

static void add_int_text(struct buf *b, const struct verb *f, int64_t i)
{
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    uint32_t r = f->rune;
    unsigned base = r == 'b' ? 2 : r == 'o' || r == 'O' ? 8 : r == 'x' || r == 'X' ? 16 : 10;
    struct buf digits;

    buf_init(&digits, 0);
    add_digits(&digits, u, base, r == 'X');
    if (i < 0)
        buf_add_char(b, '-');
    else if (f->plus)
        buf_add_char(b, '+');
    else if (f->space)
        buf_add_char(b, ' ');
    if (f->sharp && base == 16)
        buf_add_str(b, r == 'X' ? STR("0X") : STR("0x"));
    else if (f->sharp && base == 2)
        buf_add_str(b, STR("0b"));
    else if (r == 'O')
        buf_add_str(b, STR("0o"));
    else if (f->sharp && base == 8)
        buf_add_char(b, '0');
    for (int64_t n = (int64_t)digits.n; n < f->precision; n++)
        buf_add_char(b, '0');
    if (!(f->precision == 0 && i == 0))
        buf_add_str(b, buf_str(&digits));
    buf_clear(&digits);
}

static void add_rune_quoted(struct buf *b, uint32_t rune)
{
    struct buf one, quoted;

    buf_init(&one, 0);
    buf_init(&quoted, 0);
    utf8_encode(&one, rune);
    if (rune == '\'') {
        buf_add_str(b, STR("'\\''"));
    } else if (rune == '"') {
        buf_add_str(b, STR("'\"'"));
    } else {
        go_quote(&quoted, buf_str(&one));
        buf_add_char(b, '\'');
        buf_add_str(b, str_sub(buf_str(&quoted), 1, quoted.n - 1));
        buf_add_char(b, '\'');
    }
    buf_clear(&one);
    buf_clear(&quoted);
}

static void add_int(struct buf *b, const struct verb *f, struct tv v, unsigned depth)
{
    uint32_t rune = v.i < 0 || v.i > 0x10ffff ? 0xfffd : (uint32_t)v.i;
    struct buf text;

    buf_init(&text, 0);
    if (strchr("vdboOxX", (int)f->rune) != NULL && f->rune != 0) {
        add_int_text(&text, f, v.i);
        add_number(b, f, buf_str(&text), f->precision < 0);
    } else if (f->rune == 'c') {
        utf8_encode(&text, rune);
        add_padded(b, f, buf_str(&text));
    } else if (f->rune == 'q') {
        add_rune_quoted(&text, rune);
        add_padded(b, f, buf_str(&text));
    } else if (f->rune == 'U') {
        buf_add_fmt(&text, "U+%04llX", (unsigned long long)v.i);
        if (f->sharp && utf8_printable(rune)) {
            buf_add_str(&text, STR(" '"));
            utf8_encode(&text, rune);
            buf_add_char(&text, '\'');
        }
        add_padded(b, f, buf_str(&text));
    } else {
        add_bad_verb(b, f, v, depth);
    }
    buf_clear(&text);
}

static void add_float_text(struct buf *b, const struct verb *f, double v)
{
    char format[16], text[512];
    bool shortest = f->precision < 0;
    int n;

    if (add_special(b, v, false))
        return;
    if ((f->rune == 'v' || f->rune == 'g' || f->rune == 'G') && shortest) {
        add_shortest(b, v, f->rune == 'G' ? 'E' : 'e');
        return;
    }
    /* C's conversions with a precision are Go's, down to two digits of the exponent. */
    (void)snprintf(format, sizeof(format), "%%.*%c",
                   f->rune == 'v'   ? 'g'
                   : f->rune == 'F' ? 'f'
                                    : (int)f->rune);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    n = snprintf(text, sizeof(text), format, shortest ? 6 : (int)min_i64(f->precision, 100), v);
#pragma GCC diagnostic pop
    buf_add(b, text, n < 0 ? 0 : n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void add_float(struct buf *b, const struct verb *f, struct tv v, unsigned depth)
{
    struct buf text;

    if (f->rune == 0 || f->rune > 0x7f || strchr("vgGeEfF", (int)f->rune) == NULL) {
        add_bad_verb(b, f, v, depth);
        return;
    }
    buf_init(&text, 0);
    if (!signbit(v.f) && !isinf(v.f) && (f->plus || f->space))
        buf_add_char(&text, f->plus ? '+' : ' ');
    add_float_text(&text, f, v.f);
    add_number(b, f, buf_str(&text), isfinite(v.f));
    buf_clear(&text);
}

/* --- strings --- */

static struct str first_runes(struct str s, int64_t n)
{
    struct str rest = s;
    uint32_t rune;

    while (n-- > 0 && rest.n > 0)
        rest = str_sub(rest, utf8_decode(rest, &rune), rest.n);
    return str_sub(s, 0, s.n - rest.n);
}

static void add_hex(struct buf *b, const struct verb *f, struct str s)
{
    if (f->precision >= 0)
        s = str_sub(s, 0, (size_t)f->precision);
    for (size_t i = 0; i < s.n; i++) {
        if (f->space && i > 0)
            buf_add_char(b, ' ');
        if (f->sharp && (i == 0 || f->space))
            buf_add_str(b, f->rune == 'X' ? STR("0X") : STR("0x"));
        buf_add_fmt(b, f->rune == 'X' ? "%02X" : "%02x", (unsigned char)s.p[i]);
    }
}

static bool can_backquote(struct str s)
{
    uint32_t rune;

    for (; s.n > 0;) {
        size_t n = utf8_decode(s, &rune);

        if ((rune == 0xfffd && n == 1) || rune == 0xfeff || rune == '`' || rune == 0x7f ||
            (rune < ' ' && rune != '\t'))
            return false;
        s = str_sub(s, n, s.n);
    }
    return true;
}

static void add_ascii_quoted(struct buf *b, struct str s)
{
    struct buf quoted;
    struct str q;

    buf_init(&quoted, 0);
    go_quote(&quoted, s);
    for (q = buf_str(&quoted); q.n > 0;) {
        uint32_t rune;
        size_t n = utf8_decode(q, &rune);

        if (rune < 0x80)
            buf_add_char(b, (char)rune);
        else
            buf_add_fmt(b, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
        q = str_sub(q, n, q.n);
    }
    buf_clear(&quoted);
}

static void add_string(struct buf *b, const struct verb *f, struct tv v, struct str s,
                       unsigned depth)
{
    struct buf text;

    buf_init(&text, b->max);
    switch (f->rune) {
    case 'v':
        if (f->sharp) {
            go_quote(&text, s);
            break;
        }
        __attribute__((fallthrough));
    case 's':
        buf_add_str(&text, f->precision >= 0 ? first_runes(s, f->precision) : s);
        break;
    case 'q':
        s = f->precision >= 0 ? first_runes(s, f->precision) : s;
        if (f->sharp && can_backquote(s))
            buf_add_fmt(&text, "`" STR_FMT "`", STR_ARG(s));
        else if (f->plus)
            add_ascii_quoted(&text, s);
        else
            go_quote(&text, s);
        break;
    case 'x':
    case 'X':
        add_hex(&text, f, s);
        break;
    default:
        add_bad_verb(b, f, v, depth);
        buf_clear(&text);
        return;
    }
    add_padded(b, f, buf_str(&text));
    buf_clear(&text);
}

/* --- composites --- */

/* Types with a String method of their own. */
static bool stringer(struct buf *b, struct tv v)
{
    switch (v.type) {
    case TVT_TIME:
        go_time_string(b, *v.time);
        return true;
    case TVT_DURATION:
        go_duration_string(b, v.i);
        return true;
    case TVT_MONTH:
        if (go_month(v.i) == NULL)
            buf_add_fmt(b, "%%!Month(%lld)", (long long)v.i);
        else
            buf_add_fmt(b, "%s", go_month(v.i));
        return true;
    case TVT_WEEKDAY:
        if (go_weekday(v.i) == NULL)
            buf_add_fmt(b, "%%!Weekday(%lld)", (long long)v.i);
        else
            buf_add_fmt(b, "%s", go_weekday(v.i));
        return true;
    case TVT_KV:
    case TVT_PAIRS:
        data_string(b, v);
        return true;
    default:
        return false;
    }
}

static void add_composite(struct buf *b, const struct verb *f, struct tv v, unsigned depth)
{
    const char *const *fields = tv_row(v.type)->fields;
    bool names = f->plus || f->sharp;

    switch (tv_kind(v)) {
    case TV_LIST:
        buf_add_char(b, '[');
        for (size_t i = 0; i < v.list.n && !b->overflow; i++) {
            if (i > 0)
                buf_add_char(b, ' ');
            add_verb(b, f, v.list.v[i], depth + 1);
        }
        buf_add_char(b, ']');
        break;
    case TV_MAP:
        buf_add_str(b, STR("map["));
        for (size_t i = 0; i < v.map.n && !b->overflow; i++) {
            if (i > 0)
                buf_add_char(b, ' ');
            add_verb(b, f, tv_str(v.map.v[i].key), depth + 1);
            buf_add_char(b, ':');
            add_verb(b, f, v.map.v[i].value, depth + 1);
        }
        buf_add_char(b, ']');
        break;
    default:
        if (v.type == TVT_DATA)
            buf_add_char(b, '&');
        buf_add_char(b, '{');
        for (size_t i = 0; fields != NULL && fields[i] != NULL && !b->overflow; i++) {
            if (i > 0)
                buf_add_char(b, ' ');
            if (names)
                buf_add_fmt(b, "%s:", fields[i]);
            add_verb(b, f, v.fields[i], depth + 1);
        }
        if (v.type == TVT_DATA) /* Alertmanager's internal flag, true in notifications */
            buf_add_fmt(b, names ? " limitLabels:true" : " true");
        buf_add_char(b, '}');
        break;
    }
}

static void add_verb(struct buf *b, const struct verb *f, struct tv v, unsigned depth)
{
    struct buf text;

    if (b->overflow || depth > VALUE_DEPTH_MAX)
        return;
    if (f->rune == 'T') {
        add_padded(b, f, str_from(tv_kind(v) == TV_NIL ? "<nil>" : tv_type_name(v)));
        return;
    }
    if (f->rune < 0x80 && f->rune != 0 && strchr("vsqxX", (int)f->rune) != NULL &&
        !(f->rune == 'v' && f->sharp)) {
        bool is;

        buf_init(&text, b->max);
        is = stringer(&text, v);
        if (is)
            add_string(b, f, v, buf_str(&text), depth);
        buf_clear(&text);
        if (is)
            return;
    }
    switch (tv_kind(v)) {
    case TV_NONE:
    case TV_NIL:
        if (f->rune == 'v')
            add_padded(b, f, STR("<nil>"));
        else
            add_bad_verb(b, f, v, depth);
        break;
    case TV_BOOL:
        if (f->rune == 'v' || f->rune == 't')
            add_padded(b, f, v.b ? STR("true") : STR("false"));
        else
            add_bad_verb(b, f, v, depth);
        break;
    case TV_INT:
        if (f->rune < 0x80)
            add_int(b, f, v, depth);
        else
            add_bad_verb(b, f, v, depth);
        break;
    case TV_FLOAT:
        add_float(b, f, v, depth);
        break;
    case TV_STRING:
        add_string(b, f, v, v.s, depth);
        break;
    case TV_TIME:
        add_bad_verb(b, f, v, depth + VALUE_DEPTH_MAX);
        break;
    case TV_LIST:
    case TV_MAP:
    case TV_STRUCT:
        add_composite(b, f, v, depth);
        break;
    }
}

void format_value(struct buf *b, struct tv v)
{
    add_verb(b, &plain, v, 0);
}

void format_printed(struct buf *b, struct tv v)
{
    struct buf text;

    if (tv_kind(v) == TV_NONE || tv_kind(v) == TV_NIL) {
        buf_add_str(b, STR("<no value>"));
        return;
    }
    if (v.type != TVT_DATA) {
        format_value(b, v);
        return;
    }
    buf_init(&text, b->max); /* the pointer is looked through */
    format_value(&text, v);
    buf_add_str(b, str_sub(buf_str(&text), 1, text.n));
    buf_clear(&text);
}

void format_print(struct buf *b, const struct tv *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && tv_kind(v[i]) != TV_STRING && tv_kind(v[i - 1]) != TV_STRING)
            buf_add_char(b, ' ');
        format_value(b, v[i]);
    }
}

void format_println(struct buf *b, const struct tv *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(b, ' ');
        format_value(b, v[i]);
    }
    buf_add_char(b, '\n');
}

/* --- printf --- */

struct printing {
    struct buf *b;
    struct str format;
    const struct tv *v;
    size_t n, at;
    bool reordered, good_index;
};

static bool take_number(struct str *s, int64_t *ret)
{
    int64_t v = 0;
    size_t n = 0;

    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        v = v * 10 + (s->p[n] - '0');
        if (v > NUMBER_MAX)
            return false;
    }
    if (n == 0)
        return false;
    *s = str_sub(*s, n, s->n);
    *ret = v;
    return true;
}

/* [n]: which argument comes next. */
static void take_index(struct printing *p)
{
    struct str inside;
    size_t end;
    int64_t index = 0;

    if (p->format.n == 0 || p->format.p[0] != '[')
        return;
    p->reordered = true;
    end = str_find_char(p->format, ']');
    if (end == p->format.n) {
        p->good_index = false;
        p->format = str_sub(p->format, 1, p->format.n);
        return;
    }
    inside = str_sub(p->format, 1, end);
    p->format = str_sub(p->format, end + 1, p->format.n);
    if (!take_number(&inside, &index) || inside.n > 0 || index < 1 || index > (int64_t)p->n)
        p->good_index = false;
    else
        p->at = (size_t)index - 1;
}

/* A width or precision: digits, or * for an argument. False when the argument is unfit. */
static bool take_measure(struct printing *p, int64_t *ret, bool *ret_star)
{
    take_index(p);
    *ret_star = p->format.n > 0 && p->format.p[0] == '*';
    if (!*ret_star) {
        (void)take_number(&p->format, ret);
        return true;
    }
    p->format = str_sub(p->format, 1, p->format.n);
    if (p->at >= p->n || tv_kind(p->v[p->at]) != TV_INT || p->v[p->at].i > NUMBER_MAX ||
        p->v[p->at].i < -NUMBER_MAX) {
        p->at += p->at < p->n;
        return false;
    }
    *ret = p->v[p->at++].i;
    return true;
}

static void take_flags(struct printing *p, struct verb *f)
{
    for (; p->format.n > 0; p->format = str_sub(p->format, 1, p->format.n)) {
        switch (p->format.p[0]) {
        case '#':
            f->sharp = true;
            continue;
        case '0':
            f->zero = true;
            continue;
        case '+':
            f->plus = true;
            continue;
        case '-':
            f->minus = true;
            continue;
        case ' ':
            f->space = true;
            continue;
        default:
            return;
        }
    }
}

static void add_problem(struct buf *b, const char *kind, uint32_t rune)
{
    buf_add_str(b, STR("%!"));
    utf8_encode(b, rune);
    buf_add_fmt(b, "(%s)", kind);
}

static void one_verb(struct printing *p)
{
    struct verb f = {.width = -1, .precision = -1};
    bool star;

    p->good_index = true;
    take_flags(p, &f);
    if (!take_measure(p, &f.width, &star)) {
        buf_add_str(p->b, STR("%!(BADWIDTH)"));
        f.width = -1;
    } else if (star && f.width < 0) {
        f.width = -f.width;
        f.minus = true;
    }
    if (p->format.n > 0 && p->format.p[0] == '.') {
        p->format = str_sub(p->format, 1, p->format.n);
        f.precision = 0;
        if (!take_measure(p, &f.precision, &star) || f.precision < 0) {
            buf_add_str(p->b, STR("%!(BADPREC)"));
            f.precision = -1;
        }
    }
    take_index(p);
    if (p->format.n == 0) {
        buf_add_str(p->b, STR("%!(NOVERB)"));
        return;
    }
    p->format = str_sub(p->format, utf8_decode(p->format, &f.rune), p->format.n);
    if (f.rune == '%')
        buf_add_char(p->b, '%');
    else if (!p->good_index)
        add_problem(p->b, "BADINDEX", f.rune);
    else if (p->at >= p->n)
        add_problem(p->b, "MISSING", f.rune);
    else
        add_verb(p->b, &f, p->v[p->at++], 0);
}

void format_printf(struct buf *b, struct str format, const struct tv *v, size_t n)
{
    struct printing p = {.b = b, .format = format, .v = v, .n = n};

    while (p.format.n > 0 && !b->overflow) {
        size_t percent = str_find_char(p.format, '%');

        buf_add_str(b, str_sub(p.format, 0, percent));
        if (percent == p.format.n)
            break;
        p.format = str_sub(p.format, percent + 1, p.format.n);
        one_verb(&p);
    }
    if (p.reordered || p.at >= n)
        return;
    buf_add_str(b, STR("%!(EXTRA "));
    for (size_t i = p.at; i < n; i++) {
        if (i > p.at)
            buf_add_str(b, STR(", "));
        if (tv_kind(v[i]) == TV_NONE) {
            buf_add_str(b, STR("<nil>"));
            continue;
        }
        buf_add_fmt(b, "%s=", tv_type_name(v[i]));
        format_value(b, v[i]);
    }
    buf_add_char(b, ')');
}

/* --- JSON --- */

static bool json_value(struct json_writer *w, struct tv v, unsigned depth);

static bool json_scalar(struct json_writer *w, struct tv v)
{
    struct buf text;
    bool good = true;

    buf_init(&text, 0);
    if (tv_kind(v) == TV_TIME) {
        go_time_rfc3339(&text, *v.time);
        json_add_str(w, buf_str(&text));
    } else if (!isfinite(v.f)) {
        good = false;
    } else {
        add_json_float(&text, v.f);
        json_add_raw(w, buf_str(&text));
    }
    buf_clear(&text);
    return good;
}

static bool json_composite(struct json_writer *w, struct tv v, unsigned depth)
{
    const char *const *names = tv_row(v.type)->json;
    bool good = depth < JSON_NESTING_MAX;

    if (!good)
        return false;
    if (tv_kind(v) == TV_LIST) {
        json_open_array(w);
        for (size_t i = 0; good && i < v.list.n; i++)
            good = json_value(w, v.list.v[i], depth + 1);
        json_close_array(w);
        return good;
    }
    json_open_object(w);
    for (size_t i = 0; good && tv_kind(v) == TV_MAP && i < v.map.n; i++) {
        json_key_str(w, v.map.v[i].key);
        good = json_value(w, v.map.v[i].value, depth + 1);
    }
    for (size_t i = 0; good && tv_kind(v) == TV_STRUCT && names[i] != NULL; i++) {
        json_key(w, names[i]);
        good = json_value(w, v.fields[i], depth + 1);
    }
    json_close_object(w);
    return good;
}

static bool json_value(struct json_writer *w, struct tv v, unsigned depth)
{
    switch (tv_kind(v)) {
    case TV_NONE:
    case TV_NIL:
        json_add_null(w);
        return true;
    case TV_BOOL:
        json_add_bool(w, v.b);
        return true;
    case TV_INT:
        json_add_i64(w, v.i);
        return true;
    case TV_STRING:
        json_add_str(w, v.s);
        return true;
    case TV_FLOAT:
    case TV_TIME:
        return json_scalar(w, v);
    default:
        return json_composite(w, v, depth);
    }
}

bool format_json(struct buf *b, struct tv v)
{
    struct json_writer w;

    json_writer_init(&w, b);
    return json_value(&w, v, 0);
}

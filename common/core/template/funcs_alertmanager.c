/* Alertmanager's own template functions. */
#include "common/base/float_text.h"
#include "common/base/regex.h"
#include "common/base/utf8.h"
#include "common/core/template/exec.h"
#include "common/core/template/format.h"
#include "common/core/template/funcs.h"
#include "common/core/template/unicode.h"

#include <math.h>

static void call_buf(struct tv_call *c, struct buf *b)
{
    buf_init(b, c->x->limits.output_bytes);
}

static int map_runes(struct tv_call *c, uint32_t (*map)(uint32_t rune))
{
    struct str s = c->args[0].s;
    struct buf b;

    call_buf(c, &b);
    while (s.n > 0) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        utf8_encode(&b, map(rune));
        s = str_sub(s, n, s.n);
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_to_upper(struct tv_call *c)
{
    return map_runes(c, unicode_upper);
}

static int fn_to_lower(struct tv_call *c)
{
    return map_runes(c, unicode_lower);
}

static bool cased(uint32_t rune)
{
    return unicode_upper(rune) != rune || unicode_lower(rune) != rune ||
           unicode_title(rune) != rune;
}

static bool mid_word(uint32_t rune) /* no break between two letters (UAX #29 WB6, WB7) */
{
    return rune == '\'' || rune == '.' || rune == ':' || rune == 0xb7 || rune == 0x2018 ||
           rune == 0x2019 || rune == 0x2024 || rune == 0x2027;
}

static int fn_title(struct tv_call *c)
{
    struct str s = c->args[0].s;
    bool begun = false, letter_before = false; /* begun: the word has its capital */
    struct buf b;

    call_buf(c, &b);
    while (s.n > 0) {
        uint32_t rune, next = 0;
        size_t n = utf8_decode(s, &rune);

        s = str_sub(s, n, s.n);
        if (s.n > 0)
            (void)utf8_decode(s, &next);
        if (unicode_letter(rune) || cased(rune)) {
            utf8_encode(&b, begun ? unicode_lower(rune) : unicode_title(rune));
            begun = begun || cased(rune);
            letter_before = true;
            continue;
        }
        utf8_encode(&b, rune);
        if (unicode_mark(rune))
            continue;
        if (!(mid_word(rune) && letter_before && unicode_letter(next)) && rune != '_' &&
            !unicode_digit(rune))
            begun = false;
        letter_before = false;
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_trim_space(struct tv_call *c)
{
    struct str s = c->args[0].s, rest = s;
    size_t start = s.n, end = s.n;
    uint32_t rune;

    while (rest.n > 0) {
        size_t at = (size_t)(rest.p - s.p), n = utf8_decode(rest, &rune);

        if (!unicode_space(rune)) {
            start = start == s.n ? at : start;
            end = at + n;
        }
        rest = str_sub(rest, n, rest.n);
    }
    c->ret = tv_str(start == s.n ? STR_EMPTY : str_sub(s, start, end));
    return 0;
}

static int join(struct tv_call *c, struct str separator, struct tv list)
{
    struct buf b;

    call_buf(c, &b);
    for (size_t i = 0; i < list.list.n; i++) {
        if (i > 0)
            buf_add_str(&b, separator);
        buf_add_str(&b, list.list.v[i].s);
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_join(struct tv_call *c)
{
    return join(c, c->args[0].s, c->args[1]);
}

static int method_join(struct tv_call *c)
{
    return join(c, c->args[0].s, c->self);
}

static int fn_match(struct tv_call *c)
{
    struct regex *r;
    struct err err = {0};

    if (regex_new_search(c->args[0].s, &r, &err) < 0)
        return tv_fail(c, "error parsing regexp: %s", err.text);
    c->ret = tv_bool(regex_match(r, c->args[1].s));
    regex_free(r);
    return 0;
}

static int fn_re_replace_all(struct tv_call *c)
{
    struct regex *r;
    struct err err = {0};
    struct buf b;

    if (regex_new_search(c->args[0].s, &r, &err) < 0)
        return tv_fail(c, "regexp: Compile(`" STR_FMT "`): error parsing regexp: %s",
                       STR_ARG(str_sub(c->args[0].s, 0, 200)), err.text);
    call_buf(c, &b);
    regex_replace_all(r, c->args[2].s, c->args[1].s, &b);
    regex_free(r);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_safe_html(struct tv_call *c)
{
    c->ret = tv_str_as(TVT_HTML, c->args[0].s);
    return 0;
}

static int fn_safe_url(struct tv_call *c)
{
    c->ret = tv_str_as(TVT_URL, c->args[0].s);
    return 0;
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
        return (ch | 0x20) - 'a' + 10;
    return -1;
}

static int fn_url_unescape(struct tv_call *c)
{
    struct str s = c->args[0].s;
    struct buf b;

    call_buf(c, &b);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '+') {
            buf_add_char(&b, ' ');
        } else if (s.p[i] != '%') {
            buf_add_char(&b, s.p[i]);
        } else if (i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0) {
            buf_add_char(&b, (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2])));
            i += 2;
        } else {
            buf_clear(&b);
            return tv_fail(c, "invalid URL escape \"" STR_FMT "\"", STR_ARG(str_sub(s, i, i + 3)));
        }
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_string_slice(struct tv_call *c)
{
    c->ret = tv_list(TVT_STRING_LIST, c->args, c->n);
    return 0;
}

static int fn_route_labels(struct tv_call *c)
{
    struct str text = STR_EMPTY;
    int rc = exec_route_label(c, c->args[0].s, &text);

    c->ret = tv_str(text);
    return rc;
}

static int fn_date(struct tv_call *c)
{
    struct buf b;

    call_buf(c, &b);
    go_time_format(&b, c->args[0].s, *c->args[1].time);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_tz(struct tv_call *c)
{
    struct go_time t = *c->args[1].time;
    int rc = exec_locate(c, c->args[0].s, &t);

    c->ret = tv_time(c->arena, t);
    return rc;
}

static int fn_now(struct tv_call *c)
{
    struct go_time t = go_time_from_ms(c->x->env->now.wall_ms);
    int rc = exec_locate(c, STR("Local"), &t);

    c->ret = tv_time(c->arena, t);
    return rc;
}

static int fn_since(struct tv_call *c)
{
    struct go_time now = go_time_from_ms(c->x->env->now.wall_ms);

    c->ret = tv_int_as(TVT_DURATION, go_time_sub(now, *c->args[0].time));
    return 0;
}

static int fn_to_date(struct tv_call *c)
{
    struct go_time t;

    if (go_time_parse(&t, c->args[0].s, c->args[1].s, NULL) < 0)
        t = go_time_zero();
    c->ret = tv_time(c->arena, t);
    return 0;
}

static int fn_must_to_date(struct tv_call *c)
{
    struct err err = {0};
    struct go_time t;

    if (go_time_parse(&t, c->args[0].s, c->args[1].s, &err) < 0)
        return tv_fail(c, "%s", err.text);
    c->ret = tv_time(c->arena, t);
    return 0;
}

static int to_float(struct tv_call *c, struct tv v, double *ret)
{
    switch (tv_kind(v)) {
    case TV_FLOAT:
        *ret = v.f;
        return 0;
    case TV_INT:
        *ret = v.type == TVT_DURATION ? (double)v.i / 1e9 : (double)v.i;
        return 0;
    case TV_STRING:
        if (v.type == TVT_STRING && float_parse(v.s, ret))
            return 0;
        if (v.type == TVT_STRING)
            return tv_fail(c, "strconv.ParseFloat: parsing \"" STR_FMT "\": invalid syntax",
                           STR_ARG(v.s));
        break;
    default:
        break;
    }
    return tv_fail(c, "can't convert %s to float", tv_type_name(v));
}

/* C's %.4g is Go's. */
static void add_short(struct buf *b, double v, const char *unit)
{
    buf_add_fmt(b, "%.4g%s", v, unit);
}

static void humanize(struct buf *b, double v)
{
    static const char *const small[] = {"m", "u", "n", "p", "f", "a", "z", "y"};
    double size = v < 0 ? -v : v;
    const char *prefix = "";
    uint64_t s;

    if (isnan(v) || isinf(v)) {
        format_float(b, v);
        return;
    }
    if (size == 0) {
        buf_add_str(b, STR("0s"));
        return;
    }
    if (size < 1) {
        for (size_t i = 0; i < ARRAY_SIZE(small) && size < 1; i++) {
            prefix = small[i];
            size *= 1000;
        }
        add_short(b, v < 0 ? -size : size, prefix);
        buf_add_char(b, 's');
        return;
    }
    if (size < 60) {
        add_short(b, v, "s");
        return;
    }
    s = size < 9e18 ? (uint64_t)size : UINT64_C(9000000000000000000);
    if (v < 0)
        buf_add_char(b, '-');
    if (s >= 86400)
        buf_add_fmt(b, "%llud ", (unsigned long long)(s / 86400));
    if (s >= 3600)
        buf_add_fmt(b, "%lluh ", (unsigned long long)(s / 3600 % 24));
    buf_add_fmt(b, "%llum %llus", (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
}

static int fn_humanize_duration(struct tv_call *c)
{
    struct buf b;
    double v = 0;
    int rc = to_float(c, c->args[0], &v);

    if (rc < 0)
        return rc;
    call_buf(c, &b);
    humanize(&b, v);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_to_json(struct tv_call *c)
{
    struct buf b;

    call_buf(c, &b);
    if (!format_json(&b, c->args[0])) {
        buf_clear(&b);
        return tv_fail(c, "json: unsupported value");
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int fn_base64_encode(struct tv_call *c)
{
    struct str s = c->args[0].s;
    struct buf b;

    call_buf(c, &b);
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = 0;

        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (i + j < s.n ? (unsigned char)s.p[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(&b, i + j > s.n ? '=' : base64_letters[v >> (18 - 6 * j) & 63]);
    }
    return exec_take_buf(c, &b, TVT_STRING);
}

/* Go's decoder: line ends are skipped anywhere, padding is demanded, stray bits are not checked. */
static int fn_base64_decode(struct tv_call *c)
{
    struct str s = c->args[0].s;
    uint32_t v = 0;
    size_t quad = 0, pads = 0, i;
    struct buf b;

    call_buf(c, &b);
    for (i = 0; i < s.n; i++) {
        const char *at = s.p[i] != '\0' ? strchr(base64_letters, s.p[i]) : NULL;

        if (s.p[i] == '\n' || s.p[i] == '\r')
            continue;
        if (s.p[i] == '=' && (quad == 3 || (quad == 2 && pads <= 1))) {
            pads++;
            if (quad + pads == 4)
                break;
            continue;
        }
        if (at == NULL || pads > 0)
            goto corrupt;
        v = v << 6 | (uint32_t)(at - base64_letters);
        if (++quad == 4) {
            for (int shift = 16; shift >= 0; shift -= 8)
                buf_add_char(&b, (char)(v >> shift));
            quad = 0;
            v = 0;
        }
    }
    for (size_t j = i + 1; j < s.n; j++) {
        if (s.p[j] != '\n' && s.p[j] != '\r') {
            i = j;
            goto corrupt;
        }
    }
    if (quad + pads != 0 && quad + pads != 4)
        goto corrupt;
    if (quad >= 2)
        buf_add_char(&b, (char)(v >> (quad == 2 ? 4 : 10)));
    if (quad == 3)
        buf_add_char(&b, (char)(v >> 2));
    return exec_take_buf(c, &b, TVT_STRING);

corrupt:
    buf_clear(&b);
    return tv_fail(c, "illegal base64 data at input byte %zu", i);
}

static int fn_list(struct tv_call *c)
{
    c->ret = tv_list(TVT_LIST, c->args, c->n);
    return 0;
}

static int fn_append(struct tv_call *c)
{
    size_t n = c->args[0].list.n;
    struct tv *v = ARENA_ARRAY(c->arena, struct tv, n + c->n - 1);

    for (size_t i = 0; i < n; i++)
        v[i] = c->args[0].list.v[i];
    for (size_t i = 1; i < c->n; i++)
        v[n + i - 1] = c->args[i];
    c->ret = tv_list(TVT_LIST, v, n + c->n - 1);
    return 0;
}

static int fn_dict(struct tv_call *c)
{
    struct tv_entry *v = ARENA_ARRAY(c->arena, struct tv_entry, c->n / 2);

    if (c->n % 2 != 0)
        return tv_fail(c, "dict requires an even number of arguments");
    for (size_t i = 0; i < c->n / 2; i++) {
        if (c->args[2 * i].type != TVT_STRING)
            return tv_fail(c, "dict keys must be strings");
        v[i] = (struct tv_entry){.key = c->args[2 * i].s, .value = c->args[2 * i + 1]};
    }
    c->ret = (struct tv){.type = TVT_DICT, .map = {.v = v, .n = tv_map_sort(v, c->n / 2)}};
    return 0;
}

#define S PARAM_STRING

const struct tv_func funcs_alertmanager[] = {
    {"toUpper", {S}, 1, false, fn_to_upper},
    {"toLower", {S}, 1, false, fn_to_lower},
    {"title", {S}, 1, false, fn_title},
    {"trimSpace", {S}, 1, false, fn_trim_space},
    {"join", {S, PARAM_STRINGS}, 2, false, fn_join},
    {"match", {S, S}, 2, false, fn_match},
    {"reReplaceAll", {S, S, S}, 3, false, fn_re_replace_all},
    {"safeHtml", {S}, 1, false, fn_safe_html},
    {"safeUrl", {S}, 1, false, fn_safe_url},
    {"urlUnescape", {S}, 1, false, fn_url_unescape},
    {"stringSlice", {S}, 1, true, fn_string_slice},
    {"routeLabels", {S}, 1, false, fn_route_labels},
    {"date", {S, PARAM_TIME}, 2, false, fn_date},
    {"tz", {S, PARAM_TIME}, 2, false, fn_tz},
    {"now", {0}, 0, false, fn_now},
    {"since", {PARAM_TIME}, 1, false, fn_since},
    {"humanizeDuration", {PARAM_ANY}, 1, false, fn_humanize_duration},
    {"toDate", {S, S}, 2, false, fn_to_date},
    {"mustToDate", {S, S}, 2, false, fn_must_to_date},
    {"toJson", {PARAM_ANY}, 1, false, fn_to_json},
    {"base64encode", {S}, 1, false, fn_base64_encode},
    {"base64decode", {S}, 1, false, fn_base64_decode},
    {"list", {PARAM_ANY}, 1, true, fn_list},
    {"append", {PARAM_LIST, PARAM_ANY}, 2, true, fn_append},
    {"dict", {PARAM_ANY}, 1, true, fn_dict},
    {0},
};

const struct tv_func methods_strings[] = {{"Join", {S}, 1, false, method_join}, {0}};

#include "common/core/config/scalar.h"

#include "common/base/float_text.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <math.h>

#define SHOWN_BYTES_MAX 60 /* of a value in a mistake */

static struct str shown(struct str s)
{
    return str_sub(s, 0, utf8_cut(s, SHOWN_BYTES_MAX));
}

/* ---- numbers ---- */

bool scalar_to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    unsigned base = 10, digits = 0;
    uint64_t v = 0;

    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    if (s.n > 1 && s.p[0] == '0') {
        base = s.p[1] == 'x' ? 16 : s.p[1] == 'b' ? 2 : 8;
        s = str_sub(s, s.p[1] == 'x' || s.p[1] == 'b' || s.p[1] == 'o' ? 2 : 1, s.n);
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 99;

        if (c == '_')
            continue;
        if (d >= base || v > (uint64_t)(INT64_MAX - d) / base)
            return false;
        v = v * base + d;
        digits++;
    }
    if (digits == 0)
        return false;
    *ret = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_special_float(struct str s, double *ret)
{
    struct str bare = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-') ? str_sub(s, 1, s.n) : s;

    if (str_eq_c(s, ".nan") || str_eq_c(s, ".NaN") || str_eq_c(s, ".NAN"))
        *ret = NAN;
    else if (str_eq_c(bare, ".inf") || str_eq_c(bare, ".Inf") || str_eq_c(bare, ".INF"))
        *ret = s.p[0] == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool scalar_to_float(struct str s, double *ret)
{
    char digits[64];
    size_t n = 0;

    if (is_special_float(s, ret))
        return true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool fits = is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';

        if (c == '_')
            continue;
        if (!fits || n == sizeof(digits))
            return false;
        digits[n++] = c;
    }
    return n > 0 && float_parse((struct str){.p = digits, .n = n}, ret);
}

bool scalar_to_whole(struct str s, int64_t *ret)
{
    double v;

    if (scalar_to_i64(s, ret))
        return true;
    if (!scalar_to_float(s, &v) || !(v > -9.2e18 && v < 9.2e18))
        return false;
    *ret = (int64_t)v;
    return true;
}

/* ---- URLs ---- */

static bool hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *check_url_bytes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return "invalid control character in URL";
        if (s.p[i] == '%' && (i + 2 >= s.n || !hex_digit(s.p[i + 1]) || !hex_digit(s.p[i + 2])))
            return "invalid URL escape";
    }
    return NULL;
}

static const char *check_authority(struct str authority, struct str *ret_host)
{
    struct str host = authority;
    size_t at = host.n;

    for (size_t i = 0; i < host.n; i++)
        at = host.p[i] == '@' ? i : at;
    if (at < host.n)
        host = str_sub(host, at + 1, host.n);

    size_t bracket = host.n > 0 && host.p[0] == '[' ? str_find_char(host, ']') : 0;

    if (bracket > 0 && bracket == host.n)
        return "missing ']' in host";

    struct str tail = str_sub(host, bracket, host.n);
    size_t colon = str_find_char(tail, ':');

    for (size_t i = colon + 1; i < tail.n; i++) {
        if (tail.p[i] < '0' || tail.p[i] > '9')
            return "invalid port after host";
    }
    *ret_host = str_sub(host, 0, bracket + colon);
    for (size_t i = 0; i < ret_host->n; i++) {
        if (strchr(" <>\"\\^`{|}", ret_host->p[i]) != NULL)
            return "invalid character in host name";
    }
    return NULL;
}

int config_check_url(struct str url, struct err *err)
{
    const char *wrong = check_url_bytes(url);
    size_t colon = str_find_char(url, ':');
    struct str scheme = str_sub(url, 0, colon < url.n ? colon : 0);
    struct str rest = str_sub(url, colon + 1, url.n), host = STR_EMPTY;

    if (wrong == NULL && url.n == 0)
        return err_set(err, -EINVAL, "unsupported scheme \"\" for URL");
    if (wrong == NULL && !str_eq_nocase(scheme, STR("http")) &&
        !str_eq_nocase(scheme, STR("https")))
        return err_set(err, -EINVAL, "unsupported scheme \"" STR_FMT "\" for URL",
                       STR_ARG(shown(scheme)));
    if (wrong == NULL && str_starts(rest, STR("//"))) {
        size_t end = 2;

        while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
            end++;
        wrong = check_authority(str_sub(rest, 2, end), &host);
    }
    if (wrong != NULL) /* without the URL: it may hold a secret */
        return err_set(err, -EINVAL, "parse URL: %s", wrong);
    if (host.n == 0)
        return err_set(err, -EINVAL, "missing host for URL");
    return 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where the scheme ends, 0 when there is none. */
static const char *find_scheme(struct str url, size_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < url.n; i++) {
        char c = url.p[i];

        if (is_letter(c))
            continue;
        if (is_digit(c) || c == '+' || c == '-' || c == '.') {
            if (i == 0)
                return NULL;
            continue;
        }
        if (c == ':' && i == 0)
            return "missing protocol scheme";
        if (c == ':')
            *ret = i;
        return NULL;
    }
    return NULL;
}

int config_check_proxy_url(struct str url, struct err *err)
{
    const char *wrong = check_url_bytes(url);
    size_t scheme = 0, end = 0;
    struct str rest = url, host;

    if (wrong == NULL)
        wrong = find_scheme(url, &scheme);
    if (scheme > 0)
        rest = str_sub(url, scheme + 1, url.n);
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    if (wrong == NULL && scheme == 0 && str_find_char(str_sub(rest, 0, end), ':') < end)
        wrong = "first path segment in URL cannot contain colon";
    if (wrong == NULL && str_starts(rest, STR("//"))) {
        for (end = 2; end < rest.n && rest.p[end] != '/' && rest.p[end] != '?'; end++)
            ;
        wrong = check_authority(str_sub(rest, 2, end), &host);
    }
    if (wrong != NULL)
        return err_set(err, -EINVAL, "parse URL: %s", wrong);
    return 0;
}

struct str url_with_slash(struct arena *a, struct str url)
{
    size_t path_end = 0;

    while (path_end < url.n && url.p[path_end] != '?' && url.p[path_end] != '#')
        path_end++;
    if (url.n == 0 || str_eq_c(url, "<secret>") || (path_end > 0 && url.p[path_end - 1] == '/'))
        return url;
    return arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(str_sub(url, 0, path_end)),
                     STR_ARG(str_sub(url, path_end, url.n)));
}

/* ---- addresses ---- */

int config_check_hostport(struct str address, struct err *err)
{
    struct str tail;
    size_t bracket = 0, colon;

    if (address.n > 0 && address.p[0] == '[') {
        bracket = str_find_char(address, ']');
        if (bracket == address.n)
            return err_set(err, -EINVAL, "address " STR_FMT ": missing ']' in address",
                           STR_ARG(shown(address)));
        bracket++;
    }
    tail = str_sub(address, bracket, address.n);
    colon = str_find_char(tail, ':');
    if (colon == tail.n || (bracket > 0 && colon > 0))
        return err_set(err, -EINVAL, "address " STR_FMT ": missing port in address",
                       STR_ARG(shown(address)));
    if (str_find_char(str_sub(tail, colon + 1, tail.n), ':') < tail.n - colon - 1)
        return err_set(err, -EINVAL, "address " STR_FMT ": too many colons in address",
                       STR_ARG(shown(address)));
    if (str_find_char(str_sub(tail, 0, colon), '[') < colon ||
        str_find_char(str_sub(tail, 0, colon), ']') < colon)
        return err_set(err, -EINVAL, "address " STR_FMT ": unexpected bracket in address",
                       STR_ARG(shown(address)));
    if (colon + 1 == tail.n)
        return err_set(err, -EINVAL, "address \"" STR_FMT "\": port cannot be empty",
                       STR_ARG(shown(address)));
    return 0;
}

/* ---- headers ---- */

static bool is_header_char(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

struct str header_canonical(struct arena *a, struct str name)
{
    char *p = arena_alloc(a, name.n + 1);
    bool first = true;

    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!is_header_char(c))
            return arena_str(a, name);
        if (first && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (!first && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        p[i] = c;
        first = c == '-';
    }
    return (struct str){.p = p, .n = name.n};
}

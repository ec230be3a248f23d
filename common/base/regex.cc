extern "C" {
#include "common/base/regex.h"
}

#include <cerrno>
#include <cstdlib>
#include <new>
#include <re2/re2.h>
#include <string>

/* Memory of one program and its lazily built automaton together. */
static const int64_t MEMORY_MAX = 8 << 20;

struct regex {
    re2::RE2 re;

    regex(const std::string &pattern, const re2::RE2::Options &options) : re(pattern, options)
    {
    }
};

/* The text between ^(?: and )$, as Alertmanager puts it: even what closes the group early means the
 * same. Go took `(?<name>` in 1.22, RE2 only later than Debian's; both know `(?P<name>`. Classes,
 * escapes and \Q…\E are left alone. False when \C (a single byte, which splits runes) is asked for.
 */
static bool translate(struct str pattern, std::string &out)
{
    bool in_class = false, quoted = false;

    out.reserve(pattern.n + 16);
    out += "^(?:";
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i], next = i + 1 < pattern.n ? pattern.p[i + 1] : '\0';

        if (quoted) {
            quoted = !(c == '\\' && next == 'E');
            out += c;
            if (!quoted)
                out += pattern.p[++i];
        } else if (c == '\\' && i + 1 < pattern.n) {
            if (next == 'C')
                return false;
            quoted = next == 'Q' && !in_class;
            out += c;
            out += pattern.p[++i];
        } else if (in_class && c == '[' && next == ':') {
            size_t end = i + 2;

            while (end < pattern.n && pattern.p[end] >= 'a' && pattern.p[end] <= 'z')
                end++;
            if (end + 1 >= pattern.n || pattern.p[end] != ':' || pattern.p[end + 1] != ']')
                end = i - 1; /* no [:name:] after all, just a member */
            out.append(pattern.p + i, end + 2 - i);
            i = end + 1;
        } else if (in_class) {
            in_class = c != ']';
            out += c;
        } else if (c == '[') {
            in_class = true;
            out += c;
            if (next == '^')
                out += pattern.p[++i];
            if (i + 1 < pattern.n && pattern.p[i + 1] == ']')
                out += pattern.p[++i]; /* the first ] of a class is a member */
        } else if (c == '(' && pattern.n - i >= 4 && next == '?' && pattern.p[i + 2] == '<' &&
                   pattern.p[i + 3] != '=' && pattern.p[i + 3] != '!') {
            out += "(?P<";
            i += 2;
        } else {
            out += c;
        }
    }
    if (quoted)
        out += "\\E";
    out += ")$";
    return true;
}

extern "C" int regex_new(struct str pattern, struct regex **ret, struct err *err)
{
    re2::RE2::Options options;
    std::string text;
    struct regex *r;

    if (pattern.n > REGEX_BYTES_MAX)
        return err_set(err, -EFBIG, "regular expression of %zu bytes is longer than %zu", pattern.n,
                       (size_t)REGEX_BYTES_MAX);
    options.set_log_errors(false);
    options.set_max_mem(MEMORY_MAX);
    options.set_dot_nl(false);
    if (!translate(pattern, text))
        return err_set(err, -EINVAL, "regular expression: \\C is not supported");
    r = new (std::nothrow) struct regex(text, options);
    if (r == nullptr)
        abort();
    if (!r->re.ok()) {
        int code = err_set(err, -EINVAL, "regular expression: %s", r->re.error().c_str());

        delete r;
        return code;
    }
    *ret = r;
    return 0;
}

extern "C" void regex_free(struct regex *r)
{
    delete r;
}

extern "C" bool regex_match(const struct regex *r, struct str text)
{
    return re2::RE2::PartialMatch(re2::StringPiece(text.p, text.n), r->re);
}

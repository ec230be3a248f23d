extern "C" {
#include "common/base/regex.h"
#include "common/base/utf8.h"
}

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <new>
#include <re2/re2.h>
#include <re2/set.h>
#include <string>
#include <vector>

/* Memory of one program and its lazily built automaton together. */
static const int64_t MEMORY_MAX = 8 << 20;

struct regex {
    re2::RE2 re;
    bool anchored; /* at its begin, in every alternative */

    regex(const std::string &pattern, const re2::RE2::Options &options, bool whole)
        : re(pattern, options), anchored(whole)
    {
    }
};

/* The text, when anchored between ^(?: and )$, as Alertmanager puts it: even what closes the group
 * early means the same. Go took `(?<name>` in 1.22, RE2 only later than Debian's; both know
 * `(?P<name>`. Classes, escapes and \Q…\E are left alone. False when \C (a single byte, which
 * splits runes) is asked for. *whole: nothing closes the group early.
 */
static bool translate(struct str pattern, bool anchored, std::string &out, bool *whole)
{
    bool in_class = false, quoted = false;
    size_t depth = 0;

    *whole = anchored;

    out.reserve(pattern.n + 16);
    if (anchored)
        out += "^(?:";
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i], next = i + 1 < pattern.n ? pattern.p[i + 1] : '\0';

        if (!quoted && !in_class && c == '(')
            depth++;
        if (!quoted && !in_class && c == ')' && depth-- == 0)
            *whole = false;
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
    if (anchored)
        out += ")$";
    return true;
}

static int compile(struct str pattern, bool anchored, struct regex **ret, struct err *err)
{
    re2::RE2::Options options;
    std::string text;
    struct regex *r;
    bool whole;

    if (pattern.n > REGEX_BYTES_MAX)
        return err_set(err, -EFBIG, "regular expression of %zu bytes is longer than %zu", pattern.n,
                       (size_t)REGEX_BYTES_MAX);
    options.set_log_errors(false);
    options.set_max_mem(MEMORY_MAX);
    options.set_dot_nl(false);
    if (!translate(pattern, anchored, text, &whole))
        return err_set(err, -EINVAL, "regular expression: \\C is not supported");
    r = new (std::nothrow) struct regex(text, options, whole);
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

extern "C" int regex_new(struct str pattern, struct regex **ret, struct err *err)
{
    return compile(pattern, true, ret, err);
}

extern "C" int regex_new_search(struct str pattern, struct regex **ret, struct err *err)
{
    return compile(pattern, false, ret, err);
}

extern "C" void regex_free(struct regex *r)
{
    delete r;
}

extern "C" bool regex_match(const struct regex *r, struct str text)
{
    return re2::RE2::PartialMatch(re2::StringPiece(text.p, text.n), r->re);
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* The group a reference names; -1 when there is none such. */
static int group_of(const re2::RE2 &re, const std::string &name)
{
    const std::map<std::string, int> &names = re.NamedCapturingGroups();
    std::map<std::string, int>::const_iterator it;
    int number = 0;

    for (char c : name) {
        if (c < '0' || c > '9' || number > 10000) {
            it = names.find(name);
            return it == names.end() ? -1 : it->second;
        }
        number = number * 10 + (c - '0');
    }
    return number;
}

/* What a $ at t[i] stands for; the length of the reference, 0 when it is none (a plain dollar). */
static size_t reference(struct str t, size_t i, std::string &name)
{
    bool brace = i + 1 < t.n && t.p[i + 1] == '{';
    size_t from = i + (brace ? 2 : 1), end = from;

    while (end < t.n && is_name(t.p[end]))
        end++;
    if (end == from || (brace && (end == t.n || t.p[end] != '}')))
        return 0;
    name.assign(t.p + from, end - from);
    return end - i + (brace ? 1 : 0);
}

static void expand(const re2::RE2 &re, struct str t, const std::vector<re2::StringPiece> &groups,
                   struct buf *b)
{
    for (size_t i = 0; i < t.n;) {
        std::string name;
        size_t n;
        int group;

        if (t.p[i] != '$' || i + 1 == t.n) {
            buf_add(b, t.p + i++, 1);
            continue;
        }
        if (t.p[i + 1] == '$') {
            buf_add(b, "$", 1);
            i += 2;
            continue;
        }
        n = reference(t, i, name);
        if (n == 0) {
            buf_add(b, t.p + i++, 1);
            continue;
        }
        group = group_of(re, name);
        if (group >= 0 && (size_t)group < groups.size() && groups[(size_t)group].data() != nullptr)
            buf_add(b, groups[(size_t)group].data(), groups[(size_t)group].size());
        i += n;
    }
}

extern "C" void regex_replace_all(const struct regex *r, struct str text, struct str replacement,
                                  struct buf *b)
{
    re2::StringPiece whole(text.n > 0 ? text.p : "", text.n);
    std::vector<re2::StringPiece> groups((size_t)r->re.NumberOfCapturingGroups() + 1);
    size_t at = 0, copied = 0;
    bool after_match = false; /* a match ended at `copied` */

    while (
        at <= text.n && !b->overflow &&
        r->re.Match(whole, at, text.n, re2::RE2::UNANCHORED, groups.data(), (int)groups.size())) {
        size_t from = (size_t)(groups[0].data() - whole.data()), n = groups[0].size();
        uint32_t rune;

        if (n > 0 || from > copied || !after_match) {
            buf_add(b, whole.data() + copied, from - copied);
            expand(r->re, replacement, groups, b);
            copied = from + n;
            after_match = true;
        }
        at = from + n;
        if (n == 0)
            at += at < text.n ? utf8_decode(str_sub(text, at, text.n), &rune) : 1;
    }
    buf_add(b, whole.data() + copied, text.n - copied);
}

/* ---- sets ---- */

struct regex_set {
    const struct regex *const *all;
    re2::RE2::Set *automaton; /* NULL: there is none */
    std::vector<size_t> together, singly;
};

/* What an automaton of n patterns may take. The more patterns, the larger are its states. */
static int64_t set_memory(size_t n)
{
    return std::min((int64_t)32 << 20, ((int64_t)256 << 10) + (int64_t)n * 4096);
}

static re2::RE2::Set *automaton_new(const struct regex_set *s)
{
    re2::RE2::Options options;
    re2::RE2::Set *set;

    options.set_log_errors(false);
    options.set_max_mem(set_memory(s->together.size()));
    options.set_dot_nl(false);
    set = new (std::nothrow) re2::RE2::Set(options, re2::RE2::ANCHOR_START);
    if (set == nullptr)
        abort();
    for (size_t i : s->together) {
        if (set->Add(s->all[i]->re.pattern(), nullptr) < 0) {
            delete set;
            return nullptr;
        }
    }
    if (set->Compile())
        return set;
    delete set;
    return nullptr;
}

extern "C" struct regex_set *regex_set_new(const struct regex *const *v, size_t n)
{
    struct regex_set *s = new (std::nothrow) struct regex_set;

    if (s == nullptr)
        abort();
    s->all = v;
    s->automaton = nullptr;
    for (size_t i = 0; i < n; i++)
        (v[i]->anchored ? s->together : s->singly).push_back(i);
    if (s->together.size() > 1)
        s->automaton = automaton_new(s);
    return s;
}

extern "C" void regex_set_free(struct regex_set *s)
{
    if (s == nullptr)
        return;
    delete s->automaton;
    delete s;
}

static void match_singly(const struct regex_set *s, const std::vector<size_t> &which,
                         struct str text, std::vector<size_t> &out)
{
    for (size_t i : which) {
        if (regex_match(s->all[i], text))
            out.push_back(i);
    }
}

extern "C" size_t regex_set_match(const struct regex_set *s, struct str text, struct arena *a,
                                  size_t **ret)
{
    re2::StringPiece piece(text.n > 0 ? text.p : "", text.n);
    re2::RE2::Set::ErrorInfo error = {re2::RE2::Set::kNoError};
    std::vector<size_t> found;
    std::vector<int> hits;

    if (s->automaton != nullptr &&
        (s->automaton->Match(piece, &hits, &error) || error.kind == re2::RE2::Set::kNoError)) {
        for (int hit : hits)
            found.push_back(s->together[(size_t)hit]);
    } else {
        match_singly(s, s->together, text, found);
    }
    match_singly(s, s->singly, text, found);
    std::sort(found.begin(), found.end());
    *ret = (size_t *)arena_alloc_array(a, found.size(), sizeof(**ret));
    std::copy(found.begin(), found.end(), *ret);
    return found.size();
}

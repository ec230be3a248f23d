#include "common/core/template/lex.h"

#include "common/base/utf8.h"
#include "common/base/vec.h"
#include "common/core/template/unicode.h"

#define TRIM_MARK 2 /* the minus and one white space */

struct lexer {
    struct str in;
    size_t pos;
    unsigned parens;
    struct toks *out;
    struct arena *arena;
};

static const struct {
    const char *text;
    enum tok_kind kind;
} keywords[] = {
    {"nil", TOK_NIL},           {"block", TOK_BLOCK},   {"break", TOK_BREAK},
    {"continue", TOK_CONTINUE}, {"define", TOK_DEFINE}, {"else", TOK_ELSE},
    {"end", TOK_END},           {"if", TOK_IF},         {"range", TOK_RANGE},
    {"template", TOK_TEMPLATE}, {"with", TOK_WITH},     {"true", TOK_BOOL},
    {"false", TOK_BOOL},
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int at(const struct lexer *l, size_t i) /* -1 at the end */
{
    return i < l->in.n ? (unsigned char)l->in.p[i] : -1;
}

static bool looking_at(const struct lexer *l, size_t i, const char *text)
{
    return str_starts(str_sub(l->in, i, l->in.n), str_from(text));
}

static void emit(struct lexer *l, enum tok_kind kind, size_t from, size_t to)
{
    *VEC_PUSH(l->out) = (struct tok){.kind = kind, .pos = from, .text = str_sub(l->in, from, to)};
}

static bool fail(struct lexer *l, size_t pos, struct str text)
{
    *VEC_PUSH(l->out) = (struct tok){.kind = TOK_ERROR, .pos = pos, .text = text};
    return false;
}

static uint32_t rune_at(const struct lexer *l, size_t i, size_t *ret_n)
{
    uint32_t rune = 0;

    *ret_n = i < l->in.n ? utf8_decode(str_sub(l->in, i, l->in.n), &rune) : 0;
    return rune;
}

static bool word_rune(uint32_t rune)
{
    return rune == '_' || unicode_letter(rune) || unicode_digit(rune);
}

static size_t word_end(const struct lexer *l, size_t i)
{
    size_t n;

    for (;;) {
        uint32_t rune = rune_at(l, i, &n);

        if (n == 0 || !word_rune(rune))
            return i;
        i += n;
    }
}

static bool right_trim_at(const struct lexer *l, size_t i)
{
    return at(l, i) >= 0 && is_space(l->in.p[i]) && looking_at(l, i + 1, "-}}");
}

static struct str rune_text(struct lexer *l, size_t i) /* as Go's %#U: U+0040 '@' */
{
    size_t n;
    uint32_t rune = rune_at(l, i, &n);

    if (utf8_printable(rune))
        return arena_fmt(l->arena, "U+%04X '" STR_FMT "'", rune,
                         STR_ARG(rune == 0xfffd ? STR("\xef\xbf\xbd") : str_sub(l->in, i, i + n)));
    return arena_fmt(l->arena, "U+%04X", rune);
}

static bool at_terminator(const struct lexer *l)
{
    int c = at(l, l->pos);

    return c < 0 || is_space((char)c) || strchr(".,|:)(", c) != NULL || looking_at(l, l->pos, "}}");
}

static bool bad_character(struct lexer *l)
{
    struct str what = rune_text(l, l->pos);

    return fail(l, l->pos, arena_fmt(l->arena, "bad character " STR_FMT, STR_ARG(what)));
}

static bool lex_word(struct lexer *l)
{
    size_t from = l->pos, to = word_end(l, from);
    struct str word = str_sub(l->in, from, to);

    l->pos = to;
    if (!at_terminator(l))
        return bad_character(l);
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (str_eq_c(word, keywords[i].text)) {
            emit(l, keywords[i].kind, from, to);
            return true;
        }
    }
    emit(l, TOK_IDENT, from, to);
    return true;
}

static bool lex_dotted(struct lexer *l, enum tok_kind kind) /* at its . or $ */
{
    size_t from = l->pos++;

    if (at_terminator(l)) {
        emit(l, kind == TOK_FIELD ? TOK_DOT : TOK_VARIABLE, from, l->pos);
        return true;
    }
    l->pos = word_end(l, l->pos);
    if (!at_terminator(l))
        return bad_character(l);
    emit(l, kind, from, l->pos);
    return true;
}

static bool accept(struct lexer *l, const char *set)
{
    int c = at(l, l->pos);

    if (c <= 0 || strchr(set, c) == NULL)
        return false;
    l->pos++;
    return true;
}

static void accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

static bool scan_number(struct lexer *l)
{
    const char *digits = "0123456789_";
    bool decimal = true, hex = false;
    size_t n;

    (void)accept(l, "+-");
    if (accept(l, "0")) {
        if (accept(l, "xX")) {
            digits = "0123456789abcdefABCDEF_";
            hex = true;
            decimal = false;
        } else if (accept(l, "oO")) {
            digits = "01234567_";
            decimal = false;
        } else if (accept(l, "bB")) {
            digits = "01_";
            decimal = false;
        }
    }
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if ((decimal && accept(l, "eE")) || (hex && accept(l, "pP"))) {
        (void)accept(l, "+-");
        accept_run(l, "0123456789_");
    }
    (void)accept(l, "i");
    if (word_rune(rune_at(l, l->pos, &n)) && n > 0) {
        l->pos += n;
        return false;
    }
    return true;
}

static bool lex_number(struct lexer *l)
{
    size_t from = l->pos;
    bool good = scan_number(l);

    if (good && (at(l, l->pos) == '+' || at(l, l->pos) == '-')) /* complex: 1+2i */
        good = scan_number(l) && at(l, l->pos - 1) == 'i';
    if (!good)
        return fail(l, from,
                    arena_fmt(l->arena, "bad number syntax: \"" STR_FMT "\"",
                              STR_ARG(str_sub(l->in, from, l->pos))));
    emit(l, TOK_NUMBER, from, l->pos);
    return true;
}

static bool lex_quoted(struct lexer *l, char quote, enum tok_kind kind, struct str unterminated)
{
    size_t from = l->pos++;

    for (;; l->pos++) {
        int c = at(l, l->pos);

        if (c == '\\' && at(l, l->pos + 1) >= 0 && at(l, l->pos + 1) != '\n')
            l->pos++;
        else if (c < 0 || c == '\n' || c == '\\')
            return fail(l, from, unterminated);
        else if (c == quote)
            break;
    }
    emit(l, kind, from, ++l->pos);
    return true;
}

static bool lex_raw(struct lexer *l)
{
    size_t from = l->pos++;

    while (at(l, l->pos) != '`') {
        if (at(l, l->pos) < 0)
            return fail(l, from, STR("unterminated raw quoted string"));
        l->pos++;
    }
    emit(l, TOK_RAW, from, ++l->pos);
    return true;
}

static bool lex_punctuation(struct lexer *l, int c)
{
    size_t from = l->pos++;

    switch (c) {
    case '=':
        emit(l, TOK_ASSIGN, from, l->pos);
        return true;
    case ':':
        if (at(l, l->pos) != '=')
            return fail(l, from, STR("expected :="));
        emit(l, TOK_DECLARE, from, ++l->pos);
        return true;
    case '|':
        emit(l, TOK_PIPE, from, l->pos);
        return true;
    case '(':
        l->parens++;
        emit(l, TOK_LPAREN, from, l->pos);
        return true;
    case ')':
        if (l->parens == 0)
            return fail(l, from, STR("unexpected right paren"));
        l->parens--;
        emit(l, TOK_RPAREN, from, l->pos);
        return true;
    default:
        if (c > 0x20 && c < 0x7f) {
            emit(l, TOK_PUNCT, from, l->pos);
            return true;
        }
        return fail(l, from,
                    arena_fmt(l->arena, "unrecognized character in action: " STR_FMT,
                              STR_ARG(rune_text(l, from))));
    }
}

/* One token inside an action. */
static bool lex_token(struct lexer *l)
{
    int c = at(l, l->pos), next = at(l, l->pos + 1);
    size_t from = l->pos, n;

    if (is_space((char)c)) {
        while (at(l, l->pos) >= 0 && is_space(l->in.p[l->pos]) && !right_trim_at(l, l->pos))
            l->pos++;
        if (l->pos > from)
            emit(l, TOK_SPACE, from, l->pos);
        return true;
    }
    if (c == '"')
        return lex_quoted(l, '"', TOK_STRING, STR("unterminated quoted string"));
    if (c == '\'')
        return lex_quoted(l, '\'', TOK_CHAR, STR("unterminated character constant"));
    if (c == '`')
        return lex_raw(l);
    if (c == '$')
        return lex_dotted(l, TOK_VARIABLE);
    if (c == '.' && !(next >= '0' && next <= '9'))
        return lex_dotted(l, TOK_FIELD);
    if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9'))
        return lex_number(l);
    if (word_rune(rune_at(l, l->pos, &n)))
        return lex_word(l);
    return lex_punctuation(l, c);
}

static void skip_space(struct lexer *l)
{
    while (l->pos < l->in.n && is_space(l->in.p[l->pos]))
        l->pos++;
}

/* Up to behind the action's end; false on a mistake. */
static bool lex_action(struct lexer *l)
{
    l->parens = 0;
    for (;;) {
        bool trim = right_trim_at(l, l->pos);

        if (trim || looking_at(l, l->pos, "}}")) {
            if (l->parens > 0)
                return fail(l, l->pos, STR("unclosed left paren"));
            l->pos += trim ? TRIM_MARK : 0;
            emit(l, TOK_RIGHT, l->pos, l->pos + 2);
            l->pos += 2;
            if (trim)
                skip_space(l);
            return true;
        }
        if (l->pos >= l->in.n)
            return fail(l, l->pos, STR("unclosed action"));
        if (!lex_token(l))
            return false;
    }
}

static bool lex_comment(struct lexer *l) /* at its slash */
{
    size_t from = l->pos;
    bool trim;

    l->pos += 2;
    while (!looking_at(l, l->pos, "*/")) {
        if (l->pos >= l->in.n)
            return fail(l, from, STR("unclosed comment"));
        l->pos++;
    }
    l->pos += 2;
    trim = right_trim_at(l, l->pos);
    if (!trim && !looking_at(l, l->pos, "}}"))
        return fail(l, from, STR("comment ends before closing delimiter"));
    l->pos += trim ? TRIM_MARK + 2 : 2;
    if (trim)
        skip_space(l);
    return true;
}

static size_t find_left(const struct lexer *l)
{
    size_t i = l->pos;

    while (i < l->in.n) {
        const char *p = memchr(l->in.p + i, '{', l->in.n - i);

        if (p == NULL)
            return l->in.n;
        i = (size_t)(p - l->in.p);
        if (at(l, i + 1) == '{')
            return i;
        i++;
    }
    return l->in.n;
}

void lex(struct str source, struct toks *ret, struct arena *a)
{
    struct lexer l = {.in = source, .out = ret, .arena = a};

    *ret = (struct toks){0};
    for (;;) {
        size_t left = find_left(&l), end = left;
        bool trim = at(&l, left + 2) == '-' && at(&l, left + 3) >= 0 && is_space(l.in.p[left + 3]);

        while (left < l.in.n && trim && end > l.pos && is_space(l.in.p[end - 1]))
            end--;
        if (end > l.pos)
            emit(&l, TOK_TEXT, l.pos, end);
        if (left >= l.in.n)
            break;
        l.pos = left + 2 + (trim ? TRIM_MARK : 0);
        if (looking_at(&l, l.pos, "/*")) {
            if (!lex_comment(&l))
                return;
            continue;
        }
        emit(&l, TOK_LEFT, left, left + 2);
        if (!lex_action(&l))
            return;
    }
    emit(&l, TOK_EOF, l.in.n, l.in.n);
}

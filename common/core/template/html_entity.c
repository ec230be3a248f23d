#include "common/core/template/html_entity.h"

#include "common/base/utf8.h"

static const struct {
    const char *name;
    bool bare; /* known without the semicolon, too */
    uint32_t rune;
} entities[] = {
    {"AMP", true, '&'},
    {"Hat", false, '^'},
    {"GT", true, '>'},
    {"LT", true, '<'},
    {"NewLine", false, '\n'},
    {"QUOT", true, '"'},
    {"Tab", false, '\t'},
    {"UnderBar", false, '_'},
    {"VerticalLine", false, '|'},
    {"amp", true, '&'},
    {"apos", false, '\''},
    {"ast", false, '*'},
    {"bsol", false, '\\'},
    {"colon", false, ':'},
    {"comma", false, ','},
    {"commat", false, '@'},
    {"dollar", false, '$'},
    {"equals", false, '='},
    {"excl", false, '!'},
    {"grave", false, '`'},
    {"gt", true, '>'},
    {"lbrace", false, '{'},
    {"lbrack", false, '['},
    {"lcub", false, '{'},
    {"lowbar", false, '_'},
    {"lpar", false, '('},
    {"lsqb", false, '['},
    {"lt", true, '<'},
    {"midast", false, '*'},
    {"nbsp", true, 0xa0},
    {"num", false, '#'},
    {"percnt", false, '%'},
    {"period", false, '.'},
    {"plus", false, '+'},
    {"quest", false, '?'},
    {"quot", true, '"'},
    {"rbrace", false, '}'},
    {"rbrack", false, ']'},
    {"rcub", false, '}'},
    {"rpar", false, ')'},
    {"rsqb", false, ']'},
    {"semi", false, ';'},
    {"sol", false, '/'},
    {"verbar", false, '|'},
    {"vert", false, '|'},
    {"DiacriticalGrave", false, '`'},
};

static bool is_alnum(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
}

static int digit(char ch, uint32_t base)
{
    int v = ch >= '0' && ch <= '9'                     ? ch - '0'
            : (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f' ? (ch | 0x20) - 'a' + 10
                                                       : 99;

    return v < (int)base ? v : -1;
}

/* &#38; or &#x26; with or without the semicolon; the bytes taken, 0 for none. */
static size_t take_number(struct str s, uint32_t *ret)
{
    bool hex = s.n > 2 && (s.p[2] | 0x20) == 'x';
    uint32_t base = hex ? 16 : 10, v = 0;
    size_t start = hex ? 3 : 2, i = start;

    for (; i < s.n && digit(s.p[i], base) >= 0; i++)
        v = v > 0x10ffff ? v : v * base + (uint32_t)digit(s.p[i], base);
    if (i == start)
        return 0;
    if (v == 0 || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        v = 0xfffd;
    *ret = v;
    return i + (i < s.n && s.p[i] == ';');
}

/* The bytes taken, 0 when the name is not known. */
static size_t take_name(struct str s, size_t name_end, uint32_t *ret)
{
    bool semicolon = name_end < s.n && s.p[name_end] == ';';
    size_t best = 0;

    for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
        struct str name = str_from(entities[i].name);

        if (semicolon && str_eq(str_sub(s, 1, name_end), name)) {
            *ret = entities[i].rune;
            return name_end + 1;
        }
        if (entities[i].bare && str_starts(str_sub(s, 1, name_end), name) && name.n + 1 > best) {
            *ret = entities[i].rune;
            best = name.n + 1;
        }
    }
    return best;
}

bool html_unescape(struct buf *b, struct str s)
{
    bool known = true;

    while (s.n > 0) {
        size_t amp = str_find_char(s, '&'), n = 0, name_end = 1;
        uint32_t rune = 0;

        buf_add_str(b, str_sub(s, 0, amp));
        s = str_sub(s, amp, s.n);
        if (s.n == 0)
            break;
        while (name_end < s.n && is_alnum(s.p[name_end]))
            name_end++;
        if (s.n > 1 && s.p[1] == '#')
            n = take_number(s, &rune);
        else if (name_end > 1)
            n = take_name(s, name_end, &rune);
        if (n > 0) {
            utf8_encode(b, rune);
        } else {
            n = 1;
            buf_add_char(b, '&');
            known = known && !(name_end > 1 && name_end < s.n && s.p[name_end] == ';');
        }
        s = str_sub(s, n, s.n);
    }
    return known;
}

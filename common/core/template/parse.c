#include "common/core/template/tree.h"

#include "common/base/float_text.h"
#include "common/base/utf8.h"
#include "common/base/vec.h"
#include "common/core/template/funcs.h"
#include "common/core/template/lex.h"

#define NESTING_MAX 200 /* parentheses and blocks; our stack does not grow as Go's does */

struct parser {
    struct arena *arena;
    struct str file, source;
    struct toks toks;
    size_t at;
    struct err *err;
    struct {
        struct str *v;
        size_t n, cap;
    } vars;
    unsigned range_depth, nesting;
    size_t action_pos;
    bool in_action;
    bool builtins_only;
    struct tree *trees;
};

static int parse_list(struct parser *p, struct node_list **ret, struct node **ret_end);
static int parse_pipe(struct parser *p, const char *context, enum tok_kind end, struct node **ret);

void tree_place(struct str source, size_t pos, size_t *ret_line, size_t *ret_column)
{
    size_t line = 1, start = 0;

    for (size_t i = 0; i < pos && i < source.n; i++) {
        if (source.p[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    *ret_line = line;
    *ret_column = pos - start;
}

static int fail(struct parser *p, size_t pos, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct parser *p, size_t pos, const char *fmt, ...)
{
    char text[800];
    size_t line, column;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    tree_place(p->source, pos, &line, &column);
    return err_set(p->err, -EINVAL, "template: " STR_FMT ":%zu:%zu: %s", STR_ARG(p->file), line,
                   column, text);
}

/* An array in the arena: it doubles, and leaves the old one behind. */
static void *grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
    void *bigger;

    if (n < *cap)
        return v;
    *cap = *cap == 0 ? 4 : *cap * 2;
    bigger = arena_alloc_array(a, *cap, size);
    if (n > 0)
        memcpy(bigger, v, n * size);
    return bigger;
}

#define PUSH(p, v, n, cap) ((v) = grow((p)->arena, (v), (n), &(cap), sizeof(*(v))), &(v)[(n)++])

static const struct tok *peek(const struct parser *p)
{
    return &p->toks.v[p->at];
}

static const struct tok *take(struct parser *p) /* the last token stays */
{
    const struct tok *t = &p->toks.v[p->at];

    if (t->kind != TOK_EOF && t->kind != TOK_ERROR)
        p->at++;
    return t;
}

static const struct tok *peek_solid(struct parser *p)
{
    while (peek(p)->kind == TOK_SPACE)
        p->at++;
    return peek(p);
}

static const struct tok *take_solid(struct parser *p)
{
    (void)peek_solid(p);
    return take(p);
}

static struct str tok_text(struct parser *p, const struct tok *t)
{
    struct buf b;
    struct str s;

    if (t->kind == TOK_EOF)
        return STR("EOF");
    if (t->kind > TOK_KEYWORD || t->kind == TOK_NIL)
        return arena_fmt(p->arena, "<" STR_FMT ">", STR_ARG(t->text));
    buf_init(&b, 0);
    go_quote(&b, str_sub(t->text, 0, t->text.n > 10 ? utf8_cut(t->text, 10) : t->text.n));
    if (t->text.n > 10)
        buf_add_str(&b, STR("..."));
    s = arena_str(p->arena, buf_str(&b));
    buf_clear(&b);
    return s;
}

static int unexpected(struct parser *p, const struct tok *t, const char *context)
{
    if (t->kind == TOK_ERROR) {
        size_t from, now, column;

        tree_place(p->source, t->pos, &now, &column);
        tree_place(p->source, p->action_pos, &from, &column);
        if (p->in_action && from != now)
            return fail(p, t->pos, STR_FMT "%s started at " STR_FMT ":%zu", STR_ARG(t->text),
                        str_ends(t->text, STR(" action")) ? "" : " in action", STR_ARG(p->file),
                        from);
        return fail(p, t->pos, STR_FMT, STR_ARG(t->text));
    }
    return fail(p, t->pos, "unexpected " STR_FMT " in %s", STR_ARG(tok_text(p, t)), context);
}

static int expect(struct parser *p, enum tok_kind kind, const char *context)
{
    const struct tok *t = take_solid(p);

    return t->kind == kind ? 0 : unexpected(p, t, context);
}

static struct node *new_node(struct parser *p, enum node_kind kind, const struct tok *t)
{
    struct node *n = ARENA_NEW(p->arena, struct node);

    n->kind = kind;
    n->pos = t->pos;
    n->end = t->pos + t->text.n;
    n->text = t->text;
    return n;
}

static int nest(struct parser *p, size_t pos)
{
    if (p->nesting++ >= NESTING_MAX)
        return fail(p, pos, "max expression depth exceeded");
    return 0;
}

/* --- literals --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* One character of a quoted literal off *s: a byte (\x, octal) or a rune. */
static bool unquote_one(struct str *s, char quote, bool *ret_byte, uint32_t *ret)
{
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    const char *name;
    size_t n = 0;
    uint32_t v = 0;
    char c;

    *ret_byte = false;
    if (s->n == 0 || s->p[0] == quote)
        return false;
    if (s->p[0] != '\\') {
        n = utf8_decode(*s, ret);
        *s = str_sub(*s, n, s->n);
        return true;
    }
    if (s->n < 2)
        return false;
    c = s->p[1];
    *s = str_sub(*s, 2, s->n);
    name = c != '\0' ? strchr(names, c) : NULL;
    if (name != NULL || c == quote) {
        *ret = name != NULL ? (uint32_t)values[name - names] : (uint32_t)quote;
        return true;
    }
    if (c >= '0' && c <= '7') {
        if (s->n < 2 || s->p[0] < '0' || s->p[0] > '7' || s->p[1] < '0' || s->p[1] > '7')
            return false;
        v = (uint32_t)((c - '0') << 6 | (s->p[0] - '0') << 3 | (s->p[1] - '0'));
        *s = str_sub(*s, 2, s->n);
        *ret_byte = true;
        *ret = v;
        return v <= 0xff;
    }
    n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (n == 0 || s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int digit = hex_digit(s->p[i]);

        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    *s = str_sub(*s, n, s->n);
    *ret_byte = c == 'x';
    *ret = v;
    return c == 'x' || (v <= 0x10ffff && (v < 0xd800 || v > 0xdfff));
}

static int unquote(struct parser *p, const struct tok *t, struct str *ret)
{
    struct str s = str_sub(t->text, 1, t->text.n - 1);
    int rc = 0;
    struct buf b;

    buf_init(&b, 0);
    while (s.n > 0) {
        uint32_t rune = 0;
        bool byte;

        if (t->kind == TOK_RAW) {
            if (s.p[0] != '\r')
                buf_add(&b, s.p, 1);
            s = str_sub(s, 1, s.n);
            continue;
        }
        if (!unquote_one(&s, '"', &byte, &rune)) {
            rc = fail(p, t->pos, "invalid syntax");
            break;
        }
        if (byte)
            buf_add_char(&b, (char)rune);
        else
            utf8_encode(&b, rune);
    }
    if (rc == 0)
        *ret = arena_str(p->arena, buf_str(&b));
    buf_clear(&b);
    return rc;
}

/* Go's rule: an underscore stands between digits, or between the base's prefix and one. */
static bool underscores_good(struct str s, bool prefixed)
{
    char last = prefixed ? '0' : ' ';

    for (size_t i = prefixed ? 2 : 0; i < s.n; i++) {
        bool digit = hex_digit(s.p[i]) >= 0;

        if (s.p[i] == '_' ? last != '0' : last == '_' && !digit)
            return false;
        last = digit ? '0' : s.p[i];
    }
    return last != '_';
}

static bool parse_uint(struct str s, uint64_t *ret)
{
    uint64_t base = 10, v = 0;

    if (s.n == 0)
        return false;
    if (s.n > 1 && s.p[0] == '0') {
        char c = (char)(s.p[1] | 0x20);

        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        s = str_sub(s, c == 'x' || c == 'b' || c == 'o' ? 2 : 1, s.n);
        if (s.n == 0)
            return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        int digit = hex_digit(s.p[i]);

        if (digit < 0 || (uint64_t)digit >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit, &v))
            return false;
    }
    *ret = v;
    return true;
}

static int char_number(struct parser *p, const struct tok *t, struct node_number *ret)
{
    struct str s = str_sub(t->text, 1, t->text.n - 1);
    uint32_t rune = 0;
    bool byte;

    if (!unquote_one(&s, '\'', &byte, &rune) || s.n > 0)
        return fail(p, t->pos, "malformed character constant: " STR_FMT, STR_ARG(t->text));
    *ret = (struct node_number){.is_int = true, .i = rune, .is_float = true, .f = rune};
    return 0;
}

static struct str without(struct parser *p, struct str s, char c)
{
    char *copy = arena_alloc_raw(p->arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != c)
            copy[n++] = s.p[i];
    }
    return (struct str){.p = copy, .n = n};
}

static bool has_any(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr(set, s.p[i]) != NULL)
            return true;
    }
    return false;
}

static int parse_number(struct parser *p, const struct tok *t, struct node_number *ret)
{
    bool sign = t->text.p[0] == '-' || t->text.p[0] == '+', minus = t->text.p[0] == '-';
    struct str body = str_sub(t->text, sign ? 1 : 0, t->text.n), plain;
    bool prefixed = body.n > 1 && body.p[0] == '0' && strchr("xXoObB", body.p[1]) != NULL;
    bool hex = body.n > 1 && body.p[0] == '0' && (body.p[1] | 0x20) == 'x', is_uint;
    struct node_number n = {0};
    uint64_t u = 0;

    if (t->kind == TOK_CHAR)
        return char_number(p, t, ret);
    if (!underscores_good(body, prefixed))
        return fail(p, t->pos, "illegal number syntax: \"" STR_FMT "\"", STR_ARG(t->text));
    plain = without(p, body, '_');
    is_uint = parse_uint(plain, &u);
    if (is_uint && u <= (uint64_t)INT64_MAX + (minus ? 1 : 0)) {
        n.is_int = n.is_float = true;
        n.i = minus ? (int64_t)(0 - u) : (int64_t)u;
        n.f = (double)n.i;
    } else if (is_uint && !minus) {
        n.too_big = n.is_float = true;
        n.f = (double)u;
    } else if (float_parse(plain, &n.f) && !has_any(plain, "nN") &&
               !(hex && !has_any(plain, "pP"))) {
        if (!has_any(plain, hex ? ".pP" : ".eE"))
            return fail(p, t->pos, "integer overflow: \"" STR_FMT "\"", STR_ARG(t->text));
        n.f = minus ? -n.f : n.f;
        n.is_float = n.float_spelling = true;
        if (n.f >= -9.2e18 && n.f <= 9.2e18 && (double)(int64_t)n.f == n.f) {
            n.is_int = true;
            n.i = (int64_t)n.f;
        }
    } else {
        return fail(p, t->pos, "illegal number syntax: \"" STR_FMT "\"", STR_ARG(t->text));
    }
    *ret = n;
    return 0;
}

/* --- expressions --- */

static bool var_known(const struct parser *p, struct str name)
{
    for (size_t i = p->vars.n; i-- > 0;) {
        if (str_eq(p->vars.v[i], name))
            return true;
    }
    return false;
}

static int parse_ident(struct parser *p, const struct tok *t, struct node **ret)
{
    const struct tv_func *f = funcs_find(t->text);

    if (f == NULL || (p->builtins_only && !funcs_is_builtin(f)))
        return fail(p, t->pos, "function \"" STR_FMT "\" not defined", STR_ARG(t->text));
    *ret = new_node(p, NODE_IDENT, t);
    (*ret)->func = f;
    return 0;
}

static int parse_paren(struct parser *p, const struct tok *t, struct node **ret)
{
    int rc = nest(p, t->pos);

    if (rc == 0)
        rc = parse_pipe(p, "parenthesized pipeline", TOK_RPAREN, ret);
    p->nesting--;
    if (rc == 0) {
        (*ret)->pos = t->pos;
        (*ret)->end = p->toks.v[p->at - 1].pos + 1;
    }
    return rc;
}

/* *ret is NULL, and nothing taken, when no term stands here. */
static int parse_term(struct parser *p, struct node **ret)
{
    const struct tok *t = peek_solid(p);
    int rc = 0;

    *ret = NULL;
    if (t->kind < TOK_IDENT || t->kind > TOK_NIL)
        return 0;
    (void)take(p);
    switch (t->kind) {
    case TOK_IDENT:
        return parse_ident(p, t, ret);
    case TOK_DOT:
        *ret = new_node(p, NODE_DOT, t);
        return 0;
    case TOK_NIL:
        *ret = new_node(p, NODE_NIL, t);
        return 0;
    case TOK_VARIABLE:
        if (!var_known(p, t->text))
            return fail(p, t->pos, "undefined variable \"" STR_FMT "\"", STR_ARG(t->text));
        *ret = new_node(p, NODE_VARIABLE, t);
        return 0;
    case TOK_FIELD:
        *ret = new_node(p, NODE_FIELD, t);
        *PUSH(p, (*ret)->names, (*ret)->names_n, (*ret)->names_cap) =
            str_sub(t->text, 1, t->text.n);
        return 0;
    case TOK_BOOL:
        *ret = new_node(p, NODE_BOOL, t);
        (*ret)->truth = str_eq_c(t->text, "true");
        return 0;
    case TOK_NUMBER:
    case TOK_CHAR:
        *ret = new_node(p, NODE_NUMBER, t);
        return parse_number(p, t, &(*ret)->number);
    case TOK_STRING:
    case TOK_RAW:
        *ret = new_node(p, NODE_STRING, t);
        rc = unquote(p, t, &(*ret)->text);
        return rc;
    case TOK_LPAREN:
        return parse_paren(p, t, ret);
    default:
        p->at--;
        return 0;
    }
}

static int parse_operand(struct parser *p, struct node **ret)
{
    struct node *term;
    int rc = parse_term(p, &term);

    *ret = term;
    if (rc < 0 || term == NULL || peek(p)->kind != TOK_FIELD)
        return rc;
    if (term->kind == NODE_DOT || term->kind == NODE_NIL || term->kind == NODE_BOOL ||
        term->kind == NODE_NUMBER || term->kind == NODE_STRING)
        return fail(p, peek(p)->pos, "unexpected . after term \"" STR_FMT "\"",
                    STR_ARG(str_sub(p->source, term->pos, term->end)));
    if (term->kind != NODE_FIELD && term->kind != NODE_VARIABLE) {
        struct node *chain = ARENA_NEW(p->arena, struct node);

        chain->kind = NODE_CHAIN;
        chain->pos = term->pos;
        chain->inner = term;
        *ret = chain;
    }
    while (peek(p)->kind == TOK_FIELD) {
        const struct tok *t = take(p);

        *PUSH(p, (*ret)->names, (*ret)->names_n, (*ret)->names_cap) =
            str_sub(t->text, 1, t->text.n);
        (*ret)->end = t->pos + t->text.n;
    }
    return 0;
}

static int parse_command(struct parser *p, struct node_command *c)
{
    c->pos = peek_solid(p)->pos;
    for (;;) {
        const struct tok *t;
        struct node *operand;
        int rc = parse_operand(p, &operand);

        if (rc < 0)
            return rc;
        if (operand != NULL) {
            *PUSH(p, c->args, c->n, c->cap) = operand;
            c->end = operand->end;
        }
        t = take(p);
        if (t->kind == TOK_SPACE)
            continue;
        if (t->kind == TOK_RIGHT || t->kind == TOK_RPAREN)
            p->at--;
        else if (t->kind != TOK_PIPE)
            return unexpected(p, t, "operand");
        return c->n > 0 ? 0 : fail(p, c->pos, "empty command");
    }
}

static int parse_decls(struct parser *p, const char *context, struct node *pipe)
{
    while (peek_solid(p)->kind == TOK_VARIABLE) {
        size_t start = p->at;
        const struct tok *v = take(p), *next = peek_solid(p);
        bool comma = next->kind == TOK_PUNCT && str_eq_c(next->text, ",");

        if (next->kind == TOK_ERROR)
            return unexpected(p, next, context);
        if (next->kind != TOK_ASSIGN && next->kind != TOK_DECLARE && !comma) {
            p->at = start;
            return 0;
        }
        (void)take(p);
        if (pipe->decl_n == 2)
            return fail(p, v->pos, "too many declarations in %s", context);
        pipe->decl[pipe->decl_n++] = v->text;
        *VEC_PUSH(&p->vars) = v->text;
        if (!comma) {
            pipe->assign = next->kind == TOK_ASSIGN;
            (void)peek_solid(p);
            return 0;
        }
        if (strcmp(context, "range") != 0 || pipe->decl_n == 2)
            return fail(p, v->pos, "too many declarations in %s", context);
        if (peek_solid(p)->kind != TOK_VARIABLE)
            return fail(p, v->pos, "range can only initialize variables");
    }
    return 0;
}

static int check_pipe(struct parser *p, const char *context, const struct node *pipe, size_t pos)
{
    if (pipe->commands_n == 0)
        return fail(p, pos, "missing value for %s", context);
    for (size_t i = 1; i < pipe->commands_n; i++) {
        enum node_kind kind = pipe->commands[i].args[0]->kind;

        if (kind == NODE_BOOL || kind == NODE_DOT || kind == NODE_NIL || kind == NODE_NUMBER ||
            kind == NODE_STRING)
            return fail(p, pipe->commands[i].pos, "non executable command in pipeline stage %zu",
                        i + 1);
    }
    return 0;
}

static int parse_pipe(struct parser *p, const char *context, enum tok_kind end, struct node **ret)
{
    struct node *pipe = new_node(p, NODE_PIPE, peek_solid(p));
    int rc = parse_decls(p, context, pipe);

    while (rc == 0) {
        const struct tok *t = peek_solid(p);

        if (t->kind == end) {
            pipe->end = t->pos;
            (void)take(p);
            *ret = pipe;
            return check_pipe(p, context, pipe, t->pos);
        }
        if (t->kind < TOK_IDENT || t->kind > TOK_NIL || t->kind == TOK_ASSIGN ||
            t->kind == TOK_DECLARE || t->kind == TOK_PIPE || t->kind == TOK_RPAREN ||
            t->kind == TOK_PUNCT)
            return unexpected(p, take(p), context);
        rc = parse_command(p, PUSH(p, pipe->commands, pipe->commands_n, pipe->commands_cap));
    }
    return rc;
}

/* --- statements --- */

static bool list_empty(const struct node_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i]->kind != NODE_TEXT)
            return false;
        for (size_t j = 0; j < l->v[i]->text.n; j++) {
            if (strchr(" \t\r\n", l->v[i]->text.p[j]) == NULL || l->v[i]->text.p[j] == '\0')
                return false;
        }
    }
    return true;
}

static int add_tree(struct parser *p, struct str name, struct node_list *root, size_t pos)
{
    bool empty = list_empty(root);
    struct tree **end = &p->trees;

    for (; *end != NULL; end = &(*end)->next) {
        struct tree *t = *end;

        if (!str_eq(t->name, name))
            continue;
        if (!t->empty && !empty)
            return fail(p, pos, "template: multiple definition of template \"" STR_FMT "\"",
                        STR_ARG(name));
        if (t->empty) {
            t->root = root;
            t->empty = empty;
        }
        return 0;
    }
    *end = ARENA_NEW(p->arena, struct tree);
    **end = (struct tree){
        .name = name, .file = p->file, .source = p->source, .root = root, .empty = empty};
    return 0;
}

/* The body of a define or block up to its end: outer variables and ranges are out of sight. */
static int parse_body(struct parser *p, struct str name, const char *context, size_t pos)
{
    unsigned range_depth = p->range_depth;
    struct node_list *root;
    struct node *end;
    struct str *vars = p->vars.v;
    size_t hidden = p->vars.n, cap = p->vars.cap;
    int rc = nest(p, pos);

    p->vars.v = NULL;
    p->vars.n = p->vars.cap = 0;
    *VEC_PUSH(&p->vars) = STR("$");
    p->range_depth = 0;
    if (rc == 0)
        rc = parse_list(p, &root, &end);
    VEC_CLEAR(&p->vars);
    p->vars.v = vars;
    p->vars.n = hidden;
    p->vars.cap = cap;
    p->range_depth = range_depth;
    p->nesting--;
    if (rc < 0)
        return rc;
    if (end->kind != NODE_END)
        return fail(p, end->pos, "unexpected {{else}} in %s", context);
    return add_tree(p, name, root, pos);
}

static int parse_name(struct parser *p, const char *context, struct str *ret)
{
    const struct tok *t = take_solid(p);

    if (t->kind == TOK_RIGHT)
        return fail(p, t->pos, "missing value for %s", context);
    if (t->kind != TOK_STRING && t->kind != TOK_RAW)
        return unexpected(p, t, context);
    return unquote(p, t, ret);
}

static int parse_control(struct parser *p, const struct tok *t, enum node_kind kind,
                         const char *context, struct node **ret)
{
    struct node *n = new_node(p, kind, t), *end = NULL;
    size_t vars_n = p->vars.n;
    int rc = nest(p, t->pos);

    if (rc == 0)
        rc = parse_pipe(p, context, TOK_RIGHT, &n->pipe);
    if (kind == NODE_RANGE)
        p->range_depth++;
    if (rc == 0)
        rc = parse_list(p, &n->list, &end);
    if (kind == NODE_RANGE)
        p->range_depth--;
    if (rc == 0 && end->kind == NODE_ELSE) {
        const struct tok *next = peek_solid(p);
        bool chained = (kind == NODE_IF && next->kind == TOK_IF) ||
                       (kind == NODE_WITH && next->kind == TOK_WITH);

        if (chained) { /* {{else if}}: a nested one that shares our end */
            struct node *nested = NULL;

            (void)take(p);
            rc = parse_control(p, next, kind, context, &nested);
            n->other = ARENA_NEW(p->arena, struct node_list);
            if (rc == 0)
                *PUSH(p, n->other->v, n->other->n, n->other->cap) = nested;
        } else {
            rc = parse_list(p, &n->other, &end);
            if (rc == 0 && end->kind != NODE_END)
                rc = fail(p, end->pos, "expected end; found {{else}}");
        }
    }
    p->vars.n = vars_n;
    p->nesting--;
    *ret = n;
    return rc;
}

static int parse_call(struct parser *p, const struct tok *t,
                      struct node **ret) /* template, block */
{
    const char *context = t->kind == TOK_BLOCK ? "block clause" : "template clause";
    struct node *n = new_node(p, NODE_TEMPLATE, t);
    struct str name = STR_EMPTY;
    int rc = parse_name(p, context, &name);

    if (rc < 0)
        return rc;
    n->text = name;
    *ret = n;
    if (t->kind == TOK_TEMPLATE && peek_solid(p)->kind == TOK_RIGHT) {
        (void)take(p);
        return 0;
    }
    rc = parse_pipe(p, context, TOK_RIGHT, &n->pipe);
    if (rc == 0 && t->kind == TOK_BLOCK)
        rc = parse_body(p, name, context, t->pos);
    return rc;
}

static int parse_jump(struct parser *p, const struct tok *t, struct node **ret)
{
    bool brk = t->kind == TOK_BREAK;
    int rc = expect(p, TOK_RIGHT, brk ? "{{break}}" : "{{continue}}");

    if (rc < 0)
        return rc;
    if (p->range_depth == 0)
        return fail(p, t->pos, "{{" STR_FMT "}} outside {{range}}", STR_ARG(t->text));
    *ret = new_node(p, brk ? NODE_BREAK : NODE_CONTINUE, t);
    return 0;
}

static int parse_action(struct parser *p, struct node **ret)
{
    const struct tok *t = peek_solid(p);
    enum tok_kind next;

    switch (t->kind) {
    case TOK_IF:
        return parse_control(p, take(p), NODE_IF, "if", ret);
    case TOK_WITH:
        return parse_control(p, take(p), NODE_WITH, "with", ret);
    case TOK_RANGE:
        return parse_control(p, take(p), NODE_RANGE, "range", ret);
    case TOK_TEMPLATE:
    case TOK_BLOCK:
        return parse_call(p, take(p), ret);
    case TOK_BREAK:
    case TOK_CONTINUE:
        return parse_jump(p, take(p), ret);
    case TOK_END:
        *ret = new_node(p, NODE_END, take(p));
        return expect(p, TOK_RIGHT, "end");
    case TOK_ELSE:
        *ret = new_node(p, NODE_ELSE, take(p));
        next = peek_solid(p)->kind;
        return next == TOK_IF || next == TOK_WITH ? 0 : expect(p, TOK_RIGHT, "else");
    default:
        *ret = new_node(p, NODE_ACTION, t);
        return parse_pipe(p, "command", TOK_RIGHT, &(*ret)->pipe);
    }
}

static int parse_node(struct parser *p, struct node **ret)
{
    const struct tok *t = take_solid(p);
    int rc;

    if (t->kind == TOK_TEXT) {
        *ret = new_node(p, NODE_TEXT, t);
        return 0;
    }
    if (t->kind != TOK_LEFT)
        return unexpected(p, t, "input");
    p->action_pos = t->pos;
    p->in_action = true;
    rc = parse_action(p, ret);
    p->in_action = false;
    return rc;
}

/* Up to an {{end}} or {{else}}. */
static int parse_list(struct parser *p, struct node_list **ret, struct node **ret_end)
{
    struct node_list *l = ARENA_NEW(p->arena, struct node_list);

    while (peek_solid(p)->kind != TOK_EOF) {
        struct node *n = NULL;
        int rc = parse_node(p, &n);

        if (rc < 0)
            return rc;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            *ret = l;
            *ret_end = n;
            return 0;
        }
        *PUSH(p, l->v, l->n, l->cap) = n;
    }
    return fail(p, peek(p)->pos, "unexpected EOF");
}

static int parse_define(struct parser *p, size_t pos)
{
    struct str name = STR_EMPTY;
    int rc = parse_name(p, "define clause", &name);

    if (rc == 0)
        rc = expect(p, TOK_RIGHT, "define clause");
    return rc < 0 ? rc : parse_body(p, name, "define clause", pos);
}

static int parse_top(struct parser *p)
{
    struct node_list *root = ARENA_NEW(p->arena, struct node_list);
    struct tree *first = ARENA_NEW(p->arena, struct tree);
    int rc = 0;

    *VEC_PUSH(&p->vars) = STR("$");
    while (rc == 0 && peek(p)->kind != TOK_EOF) {
        size_t start = p->at;
        struct node *n = NULL;

        if (take(p)->kind == TOK_LEFT && take_solid(p)->kind == TOK_DEFINE) {
            p->action_pos = p->toks.v[start].pos;
            p->in_action = true;
            rc = parse_define(p, p->toks.v[start].pos);
            p->in_action = false;
            continue;
        }
        p->at = start;
        rc = parse_node(p, &n);
        if (rc == 0 && n->kind == NODE_END)
            rc = fail(p, n->pos, "unexpected {{end}}");
        else if (rc == 0 && n->kind == NODE_ELSE)
            rc = fail(p, n->pos, "unexpected {{else}}");
        else if (rc == 0)
            *PUSH(p, root->v, root->n, root->cap) = n;
    }
    if (rc < 0)
        return rc;
    *first = (struct tree){.name = p->file,
                           .file = p->file,
                           .source = p->source,
                           .root = root,
                           .empty = list_empty(root)};
    /* A define of the file's own name: the rule of all names. */
    for (struct tree **t = &p->trees; *t != NULL; t = &(*t)->next) {
        if (!str_eq((*t)->name, p->file))
            continue;
        if (!(*t)->empty && !first->empty)
            return fail(p, 0, "template: multiple definition of template \"" STR_FMT "\"",
                        STR_ARG(p->file));
        if (first->empty)
            first->root = (*t)->root, first->empty = (*t)->empty;
        *t = (*t)->next;
        break;
    }
    first->next = p->trees;
    p->trees = first;
    return 0;
}

int tree_parse(struct tree **ret, struct str file, struct str text, bool builtins_only,
               struct arena *a, struct err *err)
{
    struct parser p = {.arena = a,
                       .file = arena_str(a, file),
                       .source = arena_str(a, text),
                       .builtins_only = builtins_only,
                       .err = err};
    int rc;

    lex(p.source, &p.toks, a);
    rc = parse_top(&p);
    VEC_CLEAR(&p.toks);
    VEC_CLEAR(&p.vars);
    if (rc == 0)
        *ret = p.trees;
    return rc;
}

/* The words of a template. A text becomes an array of tokens, the last of which is TOK_EOF or
 * TOK_ERROR. Token texts are lent by the source, but for errors. */
#pragma once

#include "common/base/arena.h"

enum tok_kind {
    TOK_ERROR, /* text: what is wrong */
    TOK_EOF,
    TOK_TEXT,
    TOK_LEFT, /* {{ */
    TOK_RIGHT,
    TOK_SPACE,
    TOK_IDENT,
    TOK_FIELD, /* with its dot */
    TOK_VARIABLE,
    TOK_DOT,
    TOK_BOOL,
    TOK_NUMBER,
    TOK_CHAR,
    TOK_STRING,
    TOK_RAW,
    TOK_ASSIGN,
    TOK_DECLARE,
    TOK_PIPE,
    TOK_LPAREN,
    TOK_RPAREN,
    TOK_PUNCT, /* any other printable ASCII character */
    TOK_NIL,
    TOK_KEYWORD, /* from here on: keywords */
    TOK_BLOCK,
    TOK_BREAK,
    TOK_CONTINUE,
    TOK_DEFINE,
    TOK_ELSE,
    TOK_END,
    TOK_IF,
    TOK_RANGE,
    TOK_TEMPLATE,
    TOK_WITH,
};

struct tok {
    enum tok_kind kind;
    size_t pos; /* byte offset in the source */
    struct str text;
};

struct toks {
    struct tok *v; /* on the heap */
    size_t n, cap;
};

void lex(struct str source, struct toks *ret, struct arena *a); /* free ret->v by VEC_CLEAR */

/* The parsed template: a tree in an arena, immutable once made and shared by all who render it. */
#pragma once

#include "common/core/template/value.h"

enum node_kind {
    NODE_TEXT,
    NODE_ACTION, /* pipe */
    NODE_IF,     /* pipe, list, other */
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE, /* text: the name; pipe or NULL */
    NODE_BREAK,
    NODE_CONTINUE,
    /* what ends a list; never in a tree */
    NODE_ELSE,
    NODE_END,
    /* expressions */
    NODE_PIPE,
    NODE_IDENT,
    NODE_DOT,
    NODE_NIL,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_FIELD,    /* names */
    NODE_VARIABLE, /* text: its name with the $; names behind it */
    NODE_CHAIN,    /* inner, names */
};

struct tree;

struct node_list {
    struct node **v;
    size_t n, cap;
};

struct node_command {
    struct node **args;
    size_t n, cap;
    size_t pos, end;
};

struct node_number {
    bool is_int, is_float, float_spelling, too_big;
    int64_t i;
    double f;
};

struct node {
    enum node_kind kind;
    size_t pos, end; /* bytes of the source, for messages */
    struct str text; /* NODE_TEXT, NODE_STRING: the value; names; numbers as spelt */
    union {
        struct {
            struct node *pipe;
            struct node_list *list, *other; /* other: NULL without else */
            const struct tree *callee;      /* NODE_TEMPLATE; NULL: looked for by name when run */
        };
        struct { /* NODE_PIPE */
            struct str decl[2];
            size_t decl_n;
            bool assign;
            struct node_command *commands;
            size_t commands_n, commands_cap;
        };
        struct { /* fields */
            struct node *inner;
            struct str *names;
            size_t names_n, names_cap;
        };
        bool truth;
        struct node_number number;
        const struct tv_func *func; /* NODE_IDENT */
    };
};

/* One named body. */
struct tree {
    struct str name;   /* what {{template}} calls */
    struct str file;   /* whose text it stands in, for messages */
    struct str source; /* all of that text */
    struct node_list *root;
    bool empty; /* nothing but white space and comments */
    struct tree *next;
};

/* Parses a text. The tree named `file` itself comes first in the list, then the defines in order of
 * their ends; all of it, and a copy of the text, in the arena. With builtins_only Alertmanager's
 * functions are unknown. */
MUST_CHECK int tree_parse(struct tree **ret, struct str file, struct str text, bool builtins_only,
                          struct arena *a, struct err *err);

/* Where pos lies: the line from 1, and the bytes before it on its line. */
void tree_place(struct str source, size_t pos, size_t *ret_line, size_t *ret_column);

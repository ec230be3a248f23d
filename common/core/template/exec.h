/* A running template, as its functions see it. */
#pragma once

#include "common/core/template/template.h"
#include "common/core/template/tree.h"

struct template_set {
    struct arena *arena;
    struct {
        const struct tree **v;
        size_t n, cap;
    } trees;
};

struct template
{
    const struct template_set *set;
    struct arena *arena;
    struct tree *trees;      /* the text itself comes first */
    const struct tree *root; /* what is run: the text, or a copy of it that escapes for HTML */
};

/* By name: the template's own or the set's; NULL. */
const struct tree *template_find_tree(const struct template *t, struct str name);

/* One route label under way or done; see exec_route_label. */
struct route_memo {
    struct str name, text;
    bool done;
};

struct exec {
    const struct template *t;
    const struct template_env *env;
    struct arena *arena;
    size_t arena_start;
    struct tv data; /* of the outermost rendering */
    struct buf *out;
    struct template_limits limits;
    uint64_t steps;
    unsigned depth, frames;
    const struct tree *tree; /* the body being run */
    struct {
        struct exec_var {
            struct str name;
            struct tv value;
        } * v;
        size_t n, cap;
    } vars;
    struct {
        struct route_memo *v;
        size_t n, cap;
    } memo;            /* shared by nested renderings */
    char failure[900]; /* tv_fail's text */
    struct err *err;
};

/* Gives the bytes as a string value in the arena, and clears the buffer. Fails when it overflowed.
 */
MUST_CHECK int exec_take_buf(struct tv_call *c, struct buf *b, enum tv_type type);

/* Puts the time into a location of the tz database: its offset and abbreviation at that instant. */
MUST_CHECK int exec_locate(struct tv_call *c, struct str location, struct go_time *t);

/* The value of a route label, rendered first where values are templates; cycles are errors. */
MUST_CHECK int exec_route_label(struct tv_call *c, struct str name, struct str *ret);

/* The pieces of exec.c that eval.c shares. */
int exec_fail(struct exec *x, const struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
MUST_CHECK int exec_step(struct exec *x, const struct node *at);
MUST_CHECK int exec_pipe(struct exec *x, struct tv dot, const struct node *pipe, struct tv *ret);

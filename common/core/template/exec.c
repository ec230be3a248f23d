#include "common/core/template/exec.h"

#include "common/base/vec.h"
#include "common/core/template/format.h"
#include "common/core/template/funcs.h"

#include <assert.h>

#define FRAMES_MAX 6000 /* nested walks and pipelines of all template calls: our stack */

enum { WALK_BREAK = 1, WALK_CONTINUE = 2 }; /* beside 0 and negative errnos */

static int walk_list(struct exec *x, struct tv dot, const struct node_list *l);

int exec_fail(struct exec *x, const struct node *at, const char *fmt, ...)
{
    struct str name = x->tree->name, source = x->tree->source;
    struct str what = at != NULL ? str_sub(source, at->pos, at->end) : STR_EMPTY;
    char text[900];
    size_t line, column;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    tree_place(source, at != NULL ? at->pos : 0, &line, &column);
    return err_set(x->err, -EINVAL,
                   "template: " STR_FMT ":%zu:%zu: executing \"" STR_FMT "\" at <" STR_FMT
                   "%s>: %s",
                   STR_ARG(x->tree->file), line, column, STR_ARG(name),
                   STR_ARG(str_sub(what, 0, 20)), what.n > 20 ? "..." : "", text);
}

int exec_step(struct exec *x, const struct node *at)
{
    if (++x->steps > x->limits.steps)
        return exec_fail(x, at, "exceeded maximum of %llu steps",
                         (unsigned long long)x->limits.steps);
    if (arena_bytes(x->arena) - x->arena_start > x->limits.memory_bytes)
        return exec_fail(x, at, "exceeded maximum memory of %zu bytes", x->limits.memory_bytes);
    if (x->out->overflow)
        return exec_fail(x, at, "exceeded maximum output of %zu bytes", x->limits.output_bytes);
    return 0;
}

int exec_take_buf(struct tv_call *c, struct buf *b, enum tv_type type)
{
    bool overflow = b->overflow;

    if (!overflow)
        c->ret = tv_str_as(type, arena_str(c->arena, buf_str(b)));
    buf_clear(b);
    return overflow ? tv_fail(c, "result is too long") : 0;
}

static void push_var(struct exec *x, struct str name, struct tv value)
{
    *VEC_PUSH(&x->vars) = (struct exec_var){.name = name, .value = value};
}

static int walk_if(struct exec *x, struct tv dot, const struct node *n)
{
    size_t vars_n = x->vars.n;
    struct tv v;
    int rc = exec_pipe(x, dot, n->pipe, &v);

    if (rc == 0 && tv_truth(v))
        rc = walk_list(x, n->kind == NODE_WITH ? v : dot, n->list);
    else if (rc == 0 && n->other != NULL)
        rc = walk_list(x, dot, n->other);
    x->vars.n = vars_n;
    return rc;
}

/* The variables of the range's pipeline are at the end of those at `mark`. */
static int iterate(struct exec *x, const struct node *n, size_t mark, struct tv key,
                   struct tv element)
{
    const struct node *pipe = n->pipe;
    size_t count = pipe->decl_n;
    int rc = exec_step(x, n);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        struct tv v = count == 2 && i == 0 ? key : element;

        if (!pipe->assign) {
            x->vars.v[mark - count + i].value = v;
            continue;
        }
        for (size_t j = mark; j-- > 0;) {
            if (str_eq(x->vars.v[j].name, pipe->decl[i])) {
                x->vars.v[j].value = v;
                break;
            }
        }
    }
    rc = walk_list(x, element, n->list);
    x->vars.n = mark;
    return rc == WALK_CONTINUE ? 0 : rc;
}

static int64_t range_count(struct tv v) /* -1: cannot be iterated */
{
    switch (tv_kind(v)) {
    case TV_NONE:
    case TV_NIL:
        return 0;
    case TV_INT:
        return v.i < 0 ? 0 : v.i;
    case TV_LIST:
    case TV_MAP:
        return (int64_t)tv_len(v);
    default:
        return -1;
    }
}

static int walk_range(struct exec *x, struct tv dot, const struct node *n)
{
    size_t vars_n = x->vars.n, mark;
    struct tv v;
    int64_t count;
    int rc = exec_pipe(x, dot, n->pipe, &v);

    mark = x->vars.n;
    count = rc < 0 ? 0 : range_count(v);
    if (rc == 0 && count < 0) {
        struct buf b;

        buf_init(&b, 200);
        format_value(&b, v);
        rc = exec_fail(x, n->pipe, "range can't iterate over " STR_FMT, STR_ARG(buf_str(&b)));
        buf_clear(&b);
    } else if (rc == 0 && tv_kind(v) == TV_INT && n->pipe->decl_n == 2) {
        rc = exec_fail(x, n->pipe, "can't use %lld to iterate over more than one variable",
                       (long long)v.i);
    } else if (rc == 0 && count == 0 && n->other != NULL) {
        rc = walk_list(x, dot, n->other);
        count = 0;
    }
    for (int64_t i = 0; rc == 0 && i < count; i++) {
        struct tv key = tv_int(i), element = key;

        if (tv_kind(v) == TV_LIST) {
            element = v.list.v[i];
        } else if (tv_kind(v) == TV_MAP) {
            key = tv_str(v.map.v[i].key);
            element = v.map.v[i].value;
        }
        rc = iterate(x, n, mark, key, element);
        if (rc == WALK_BREAK) {
            rc = 0;
            break;
        }
    }
    x->vars.n = vars_n;
    return rc;
}

static int run_tree(struct exec *x, const struct tree *tree, struct tv data)
{
    const struct tree *outer = x->tree;
    struct exec_var *vars = x->vars.v;
    size_t n = x->vars.n, cap = x->vars.cap;
    int rc;

    x->vars.v = NULL;
    x->vars.n = x->vars.cap = 0;
    push_var(x, STR("$"), data);
    x->tree = tree;
    rc = walk_list(x, data, tree->root);
    x->tree = outer;
    VEC_CLEAR(&x->vars);
    x->vars.v = vars;
    x->vars.n = n;
    x->vars.cap = cap;
    assert(rc <= 0);
    return rc;
}

static int walk_template(struct exec *x, struct tv dot, const struct node *n)
{
    const struct tree *tree = n->callee != NULL ? n->callee : template_find_tree(x->t, n->text);
    struct tv v = {0};
    int rc;

    if (tree == NULL)
        return exec_fail(x, n, "template \"" STR_FMT "\" not defined", STR_ARG(n->text));
    if (x->depth >= x->limits.depth)
        return exec_fail(x, n, "exceeded maximum template depth (%u)", x->limits.depth);
    if (n->pipe != NULL) {
        rc = exec_pipe(x, dot, n->pipe, &v);
        if (rc < 0)
            return rc;
    }
    x->depth++;
    rc = run_tree(x, tree, v);
    x->depth--;
    return rc;
}

static int walk_action(struct exec *x, struct tv dot, const struct node *n)
{
    struct tv v;
    int rc = exec_pipe(x, dot, n->pipe, &v);

    if (rc < 0 || n->pipe->decl_n > 0)
        return rc;
    format_printed(x->out, v);
    return 0;
}

static int walk_node(struct exec *x, struct tv dot, const struct node *n)
{
    switch (n->kind) {
    case NODE_TEXT:
        buf_add_str(x->out, n->text);
        return 0;
    case NODE_ACTION:
        return walk_action(x, dot, n);
    case NODE_IF:
    case NODE_WITH:
        return walk_if(x, dot, n);
    case NODE_RANGE:
        return walk_range(x, dot, n);
    case NODE_TEMPLATE:
        return walk_template(x, dot, n);
    case NODE_BREAK:
        return WALK_BREAK;
    case NODE_CONTINUE:
        return WALK_CONTINUE;
    default:
        assert(false);
        return -EINVAL;
    }
}

static int walk_list(struct exec *x, struct tv dot, const struct node_list *l)
{
    int rc = 0;

    if (x->frames >= FRAMES_MAX)
        return exec_fail(x, l->n > 0 ? l->v[0] : NULL, "exceeded maximum template depth (%u)",
                         x->depth);
    x->frames++;
    for (size_t i = 0; rc == 0 && i < l->n; i++) {
        rc = exec_step(x, l->v[i]);
        if (rc == 0)
            rc = walk_node(x, dot, l->v[i]);
    }
    x->frames--;
    return rc;
}

/* Runs t with x's bounds and memo; the text goes to *ret even when it fails. */
static int run(struct exec *x, const struct template *t, struct str *ret)
{
    const struct template *outer = x->t;
    struct buf out, *outer_out = x->out;
    int rc;

    buf_init(&out, x->limits.output_bytes);
    x->t = t;
    x->out = &out;
    rc = run_tree(x, t->root, x->data);
    if (rc == 0 && out.overflow)
        rc = err_set(x->err, -EFBIG, "template: exceeded maximum output of %zu bytes",
                     x->limits.output_bytes);
    *ret = arena_str(x->arena, buf_str(&out));
    buf_clear(&out);
    x->out = outer_out;
    x->t = outer;
    return rc;
}

int template_render(const struct template *t, struct tv data, const struct template_env *env,
                    struct arena *a, struct str *ret, struct err *err)
{
    struct exec *x = xcalloc(1, sizeof(*x));
    struct err scratch = {0};
    int rc;

    x->env = env;
    x->arena = a;
    x->arena_start = arena_bytes(a);
    x->data = data;
    x->err = err != NULL ? err : &scratch;
    x->limits = env->limits;
    if (x->limits.output_bytes == 0)
        x->limits.output_bytes = MIB(16);
    if (x->limits.memory_bytes == 0)
        x->limits.memory_bytes = MIB(64);
    if (x->limits.steps == 0)
        x->limits.steps = 5000000;
    if (x->limits.depth == 0)
        x->limits.depth = 1000;
    rc = run(x, t, ret);
    VEC_CLEAR(&x->memo);
    free(x);
    return rc;
}

int template_execute(const struct template_set *s, enum template_mode mode, struct str text,
                     struct tv data, const struct template_env *env, struct arena *a,
                     struct str *ret, struct err *err)
{
    struct template *t = NULL;
    int rc;

    *ret = STR_EMPTY;
    if (text.n == 0)
        return 0;
    rc = mode == TEMPLATE_HTML ? template_parse_html(&t, s, text, err)
                               : template_parse(&t, s, text, err);
    if (rc == 0)
        rc = template_render(t, data, env, a, ret, err);
    template_free(t);
    return rc;
}

/* --- route labels --- */

static int cycle(struct tv_call *c, size_t from)
{
    struct buf b;
    int rc;

    buf_init(&b, 400);
    for (size_t i = from; i < c->x->memo.n; i++) {
        if (!c->x->memo.v[i].done)
            buf_add_fmt(&b, STR_FMT " -> ", STR_ARG(c->x->memo.v[i].name));
    }
    rc = tv_fail(c, "route label cycle detected: " STR_FMT STR_FMT, STR_ARG(buf_str(&b)),
                 STR_ARG(c->x->memo.v[from].name));
    buf_clear(&b);
    return rc;
}

int exec_route_label(struct tv_call *c, struct str name, struct str *ret)
{
    struct exec *x = c->x;
    const struct tv *raw =
        x->env->route_labels.type == TVT_KV ? tv_map_find(x->env->route_labels, name) : NULL;
    struct template *t = NULL;
    struct str text = STR_EMPTY;
    struct err err = {0}, *outer = x->err;
    size_t slot;
    int rc;

    if (raw == NULL || !x->env->raw_route_labels) {
        *ret = raw == NULL ? STR_EMPTY : raw->s;
        return 0;
    }
    for (size_t i = 0; i < x->memo.n; i++) {
        if (!str_eq(x->memo.v[i].name, name))
            continue;
        if (!x->memo.v[i].done)
            return cycle(c, i);
        *ret = x->memo.v[i].text;
        return 0;
    }
    slot = x->memo.n;
    *VEC_PUSH(&x->memo) = (struct route_memo){.name = name};
    if (x->depth >= 100) /* far above any real nesting, and each is a stack of its own */
        return tv_fail(c, "route labels are nested too deep");
    x->err = &err;
    rc = template_parse(&t, x->t->set, raw->s, &err);
    if (rc == 0) {
        x->depth++;
        rc = run(x, t, &text);
        x->depth--;
        template_free(t);
    }
    x->err = outer;
    if (rc < 0)
        return tv_fail(c, "%s", err.text);
    x->memo.v[slot].text = text;
    x->memo.v[slot].done = true;
    *ret = text;
    return 0;
}

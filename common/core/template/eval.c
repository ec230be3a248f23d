#include "common/core/template/exec.h"

#include "common/base/vec.h"
#include "common/core/template/funcs.h"

/* A command's arguments: those written, the first being what is called, and the piped one. */
struct words {
    struct node *const *args; /* NULL: none */
    size_t n;
    const struct tv *piped; /* NULL: none */
};

static const char *const param_names[] = {
    [PARAM_ANY] = "interface {}",       [PARAM_STRING] = "string",  [PARAM_INT] = "int",
    [PARAM_DURATION] = "time.Duration", [PARAM_TIME] = "time.Time", [PARAM_STRINGS] = "[]string",
    [PARAM_LIST] = "[]interface {}",
};

static int eval_arg(struct exec *x, struct tv dot, const struct node *n, struct tv *ret);

static struct str node_text(const struct exec *x, const struct node *n)
{
    return str_sub(x->tree->source, n->pos, n->end);
}

static bool fits(enum tv_param param, struct tv v)
{
    switch (param) {
    case PARAM_ANY:
        return true;
    case PARAM_STRING:
        return v.type == TVT_STRING;
    case PARAM_INT:
        return v.type == TVT_INT;
    case PARAM_DURATION:
        return v.type == TVT_DURATION;
    case PARAM_TIME:
        return v.type == TVT_TIME;
    case PARAM_STRINGS:
        return v.type == TVT_STRING_LIST || v.type == TVT_STRINGS;
    case PARAM_LIST:
        return v.type == TVT_LIST;
    }
    return false;
}

static struct tv nil_of(enum tv_param param)
{
    if (param == PARAM_STRINGS)
        return tv_list(TVT_STRING_LIST, NULL, 0);
    if (param == PARAM_LIST)
        return tv_list(TVT_LIST, NULL, 0);
    return (struct tv){0};
}

static int check_value(struct exec *x, const struct node *at, enum tv_param param, struct tv *v)
{
    if (tv_kind(*v) == TV_NONE) {
        if (param != PARAM_ANY && param != PARAM_STRINGS && param != PARAM_LIST)
            return exec_fail(x, at, "invalid value; expected %s", param_names[param]);
        *v = nil_of(param);
        return 0;
    }
    if (!fits(param, *v))
        return exec_fail(x, at, "wrong type for value; expected %s; got %s", param_names[param],
                         tv_type_name(*v));
    if (tv_kind(*v) == TV_NIL)
        *v = (struct tv){0};
    return 0;
}

static int number_value(struct exec *x, const struct node *n, struct tv *ret)
{
    if (n->number.float_spelling)
        *ret = tv_float(n->number.f);
    else if (n->number.is_int)
        *ret = tv_int(n->number.i);
    else
        return exec_fail(x, n, STR_FMT " overflows int", STR_ARG(n->text));
    return 0;
}

/* One argument for a parameter; literals are checked by what they are, values by their type. */
static int eval_param(struct exec *x, struct tv dot, enum tv_param param, const struct node *n,
                      struct tv *ret)
{
    struct str text = node_text(x, n);
    int rc;

    if (n->kind == NODE_NIL) {
        if (param != PARAM_ANY && param != PARAM_STRINGS && param != PARAM_LIST)
            return exec_fail(x, n, "cannot assign nil to %s", param_names[param]);
        *ret = nil_of(param);
        return 0;
    }
    if (n->kind != NODE_BOOL && n->kind != NODE_NUMBER && n->kind != NODE_STRING) {
        rc = eval_arg(x, dot, n, ret);
        return rc < 0 ? rc : check_value(x, n, param, ret);
    }
    switch (param) {
    case PARAM_ANY:
        return eval_arg(x, dot, n, ret);
    case PARAM_STRING:
        if (n->kind != NODE_STRING)
            return exec_fail(x, n, "expected string; found " STR_FMT, STR_ARG(text));
        *ret = tv_str(n->text);
        return 0;
    case PARAM_INT:
    case PARAM_DURATION:
        if (n->kind != NODE_NUMBER || !n->number.is_int)
            return exec_fail(x, n, "expected integer; found " STR_FMT, STR_ARG(text));
        *ret = tv_int_as(param == PARAM_INT ? TVT_INT : TVT_DURATION, n->number.i);
        return 0;
    default:
        return exec_fail(x, n, "can't handle " STR_FMT " for arg of type %s", STR_ARG(text),
                         param_names[param]);
    }
}

static int check_count(struct exec *x, const struct node *at, struct str name,
                       const struct tv_func *f, const struct words *w)
{
    size_t written = w->n > 0 ? w->n - 1 : 0, n = written + (w->piped != NULL);

    if (f->variadic && n < f->params_n - 1)
        return exec_fail(x, at, "wrong number of args for " STR_FMT ": want at least %zu got %zu",
                         STR_ARG(name), f->params_n - 1, written);
    if (!f->variadic && n != f->params_n)
        return exec_fail(x, at, "wrong number of args for " STR_FMT ": want %zu got %zu",
                         STR_ARG(name), f->params_n, n);
    return 0;
}

/* and, or: the first that decides, the rest unevaluated. */
static int call_logic(struct exec *x, struct tv dot, bool is_or, const struct words *w,
                      struct tv *ret)
{
    for (size_t i = 1; i < w->n; i++) {
        int rc = eval_param(x, dot, PARAM_ANY, w->args[i], ret);

        if (rc < 0)
            return rc;
        if (tv_truth(*ret) == is_or)
            return 0;
    }
    if (w->piped != NULL)
        *ret = *w->piped;
    return 0;
}

static int call(struct exec *x, struct tv dot, const struct node *at, struct str name,
                const struct tv_func *f, struct tv self, const struct words *w, struct tv *ret)
{
    size_t written = w->n > 0 ? w->n - 1 : 0, n = written + (w->piped != NULL);
    struct tv_call c = {.x = x, .arena = x->arena, .self = self, .n = n};
    struct tv *args;
    int rc = check_count(x, at, name, f, w);

    if (rc < 0)
        return rc;
    if (f->fn == NULL)
        return call_logic(x, dot, str_eq_c(name, "or"), w, ret);
    args = ARENA_ARRAY(x->arena, struct tv, n);
    for (size_t i = 0; i < n; i++) {
        enum tv_param param = f->params[i < f->params_n ? i : f->params_n - 1];

        if (i < written) {
            rc = eval_param(x, dot, param, w->args[i + 1], &args[i]);
        } else {
            args[i] = *w->piped;
            rc = check_value(x, at, param, &args[i]);
        }
        if (rc < 0)
            return rc;
    }
    c.args = args;
    x->failure[0] = '\0';
    rc = f->fn(&c);
    if (rc < 0)
        return exec_fail(x, at, "error calling " STR_FMT ": %s", STR_ARG(name), x->failure);
    *ret = c.ret;
    return 0;
}

static bool words_given(const struct words *w)
{
    return w->n > 1 || w->piped != NULL;
}

static int struct_field(struct exec *x, const struct node *at, struct str name, struct tv on,
                        const struct words *w, struct tv *ret)
{
    const char *const *fields = tv_row(on.type)->fields;

    for (size_t i = 0; fields[i] != NULL; i++) {
        if (!str_eq_c(name, fields[i]))
            continue;
        if (words_given(w))
            return exec_fail(x, at, STR_FMT " has arguments but cannot be invoked as function",
                             STR_ARG(name));
        *ret = on.fields[i];
        return 0;
    }
    return exec_fail(x, at, "can't evaluate field " STR_FMT " in type %s", STR_ARG(name),
                     tv_type_name(on));
}

/* .name on a value: method, field, map entry. */
static int eval_field(struct exec *x, struct tv dot, const struct node *at, struct str name,
                      struct tv on, const struct words *w, struct tv *ret)
{
    const struct tv_type_row *row = tv_row(on.type);
    const struct tv *entry;

    if (row->kind == TV_NONE) {
        *ret = on;
        return 0;
    }
    if (row->kind == TV_NIL)
        return exec_fail(x, at, "nil pointer evaluating interface {}." STR_FMT, STR_ARG(name));
    for (const struct tv_func *m = row->methods; m != NULL && m->name != NULL; m++) {
        if (str_eq_c(name, m->name))
            return call(x, dot, at, name, m, on, w, ret);
    }
    if (row->kind == TV_STRUCT)
        return struct_field(x, at, name, on, w, ret);
    if (row->kind != TV_MAP)
        return exec_fail(x, at, "can't evaluate field " STR_FMT " in type %s", STR_ARG(name),
                         row->name);
    if (words_given(w))
        return exec_fail(x, at, STR_FMT " is not a method but has arguments", STR_ARG(name));
    entry = tv_map_find(on, name);
    if (entry != NULL)
        *ret = tv_kind(*entry) == TV_NONE ? (struct tv){.type = TVT_NIL} : *entry;
    else
        *ret = on.type == TVT_KV ? tv_str(STR_EMPTY) : (struct tv){.type = TVT_NIL};
    return 0;
}

static int eval_chain(struct exec *x, struct tv dot, const struct node *n, struct tv on,
                      const struct words *w, struct tv *ret)
{
    static const struct words none;

    for (size_t i = 0; i < n->names_n; i++) {
        bool last = i + 1 == n->names_n;
        int rc = eval_field(x, dot, n, n->names[i], on, last ? w : &none, &on);

        if (rc < 0)
            return rc;
    }
    *ret = on;
    return 0;
}

static int find_var(struct exec *x, const struct node *n, struct str name, struct tv **ret)
{
    for (size_t i = x->vars.n; i-- > 0;) {
        if (str_eq(x->vars.v[i].name, name)) {
            *ret = &x->vars.v[i].value;
            return 0;
        }
    }
    return exec_fail(x, n, "undefined variable: " STR_FMT, STR_ARG(name));
}

static int not_a_function(struct exec *x, const struct node *n, const struct words *w)
{
    if (!words_given(w))
        return 0;
    return exec_fail(x, n, "can't give argument to non-function " STR_FMT,
                     STR_ARG(node_text(x, n)));
}

/* The value of a word, called with the others of its command if it can be. */
static int eval_word(struct exec *x, struct tv dot, const struct node *n, const struct words *w,
                     struct tv *ret)
{
    struct tv *var, inner;
    int rc;

    switch (n->kind) {
    case NODE_FIELD:
        return eval_chain(x, dot, n, dot, w, ret);
    case NODE_VARIABLE:
        rc = find_var(x, n, n->text, &var);
        if (rc < 0)
            return rc;
        if (n->names_n > 0)
            return eval_chain(x, dot, n, *var, w, ret);
        *ret = *var;
        return not_a_function(x, n, w);
    case NODE_CHAIN:
        rc = eval_arg(x, dot, n->inner, &inner);
        return rc < 0 ? rc : eval_chain(x, dot, n, inner, w, ret);
    case NODE_IDENT:
        return call(x, dot, n, n->text, n->func, (struct tv){0}, w, ret);
    default:
        break;
    }
    rc = not_a_function(x, n, w);
    if (rc < 0)
        return rc;
    switch (n->kind) {
    case NODE_PIPE:
        return exec_pipe(x, dot, n, ret);
    case NODE_DOT:
        *ret = dot;
        return 0;
    case NODE_BOOL:
        *ret = tv_bool(n->truth);
        return 0;
    case NODE_NUMBER:
        return number_value(x, n, ret);
    case NODE_STRING:
        *ret = tv_str(n->text);
        return 0;
    default:
        return exec_fail(x, n, "nil is not a command");
    }
}

static int eval_arg(struct exec *x, struct tv dot, const struct node *n, struct tv *ret)
{
    static const struct words none;

    return eval_word(x, dot, n, &none, ret);
}

int exec_pipe(struct exec *x, struct tv dot, const struct node *pipe, struct tv *ret)
{
    struct tv v = {0}, *var;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < pipe->commands_n; i++) {
        const struct node_command *c = &pipe->commands[i];
        struct tv piped = v;
        struct words w = {.args = c->args, .n = c->n, .piped = i > 0 ? &piped : NULL};

        rc = exec_step(x, pipe);
        if (rc == 0)
            rc = eval_word(x, dot, c->args[0], &w, &v);
        if (rc == 0 && tv_kind(v) == TV_NIL) /* one level of interface is looked through */
            v = (struct tv){0};
    }
    for (size_t i = 0; rc == 0 && i < pipe->decl_n; i++) {
        if (!pipe->assign) {
            *VEC_PUSH(&x->vars) = (struct exec_var){.name = pipe->decl[i], .value = v};
            continue;
        }
        rc = find_var(x, pipe, pipe->decl[i], &var);
        if (rc == 0)
            *var = v;
    }
    if (rc == 0)
        *ret = v;
    return rc;
}

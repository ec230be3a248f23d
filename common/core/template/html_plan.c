#include "common/core/template/exec.h"
#include "common/core/template/funcs.h"
#include "common/core/template/html.h"

#include "common/base/vec.h"

#include <assert.h>
#include <stdio.h>

#define FRAMES_MAX 1500  /* nested lists and calls: our stack */
#define STEPS_MAX 400000 /* nodes, and 64 bytes of text each; a mail has some hundreds */
#define PLANS_MAX 20000  /* a tree in one context each */
#define ESCAPERS_MAX 4   /* of one action */

/* One tree as called in one context. While it is being read its end is an assumption. */
struct plan {
    const struct tree *source;
    struct html_ctx start, end;
    struct tree *made;
    bool running, assumed;
};

struct loop {
    struct html_ctx jumps; /* where breaks and continues meet */
};

struct planner {
    const struct template *t;
    struct arena *arena;
    struct err *err;
    struct {
        struct plan *v;
        size_t n, cap;
    } plans;
    const struct tree *tree;
    struct loop *loop;
    unsigned frames;
    uint64_t steps;
};

static int plan_list(struct planner *p, const struct node_list *l, struct html_ctx *c,
                     struct node_list **ret);

static int fail(struct planner *p, size_t pos, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct planner *p, size_t pos, const char *fmt, ...)
{
    char text[700];
    size_t line, column;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    tree_place(p->tree->source, pos, &line, &column);
    return err_set(p->err, -EINVAL, "html/template:" STR_FMT ":%zu:%zu: %s", STR_ARG(p->tree->file),
                   line, column, text);
}

static int fail_contexts(struct planner *p, size_t pos, const char *what, const struct html_ctx *a,
                         const struct html_ctx *b)
{
    struct buf text;
    int rc;

    buf_init(&text, 0);
    html_ctx_describe(&text, a);
    if (b != NULL) {
        buf_add_str(&text, STR(", "));
        html_ctx_describe(&text, b);
    }
    rc = fail(p, pos, "%s: " STR_FMT, what, STR_ARG(buf_str(&text)));
    buf_clear(&text);
    return rc;
}

static int step(struct planner *p, size_t pos, size_t cost)
{
    p->steps += cost;
    return p->steps > STEPS_MAX ? fail(p, pos, "too large to be made safe for HTML") : 0;
}

/* --- text --- */

static int plan_text(struct planner *p, const struct node *n, struct html_ctx *c, struct node *copy)
{
    struct html_fault fault = {0};
    struct buf out;
    int rc = step(p, n->pos, n->text.n / 64);

    buf_init(&out, 0);
    if (rc == 0 && html_scan(c, n->text, &out, &fault) < 0)
        rc = fail(p, n->pos + fault.at, "%s", fault.what);
    else if (rc == 0 && !str_eq(buf_str(&out), n->text))
        copy->text = arena_str(p->arena, buf_str(&out));
    buf_clear(&out);
    return rc;
}

/* --- actions --- */

struct escapers {
    enum html_escaper v[ESCAPERS_MAX];
    size_t n;
};

static void append(struct escapers *e, enum html_escaper one)
{
    assert(e->n < ESCAPERS_MAX);
    e->v[e->n++] = one;
}

static int url_escapers(struct planner *p, const struct node *n, const struct html_ctx *c,
                        struct escapers *e)
{
    bool quoted_css = c->state == HTML_CSS_DQ || c->state == HTML_CSS_SQ;

    switch (c->part) {
    case PART_NONE:
        append(e, ESCAPE_URL_FILTER);
        append(e, quoted_css ? ESCAPE_CSS_STRING : ESCAPE_URL_NORMALIZE);
        return 0;
    case PART_PATH:
        append(e, quoted_css ? ESCAPE_CSS_STRING : ESCAPE_URL_NORMALIZE);
        return 0;
    case PART_QUERY:
        append(e, ESCAPE_URL);
        return 0;
    default:
        return fail(p, n->pos, STR_FMT " appears in an ambiguous context within a URL",
                    STR_ARG(str_sub(p->tree->source, n->pos, n->pipe->end)));
    }
}

/* What an action in c needs by the language it stands in; c moves behind it. */
static int language_escapers(struct planner *p, const struct node *n, struct html_ctx *c,
                             struct escapers *e)
{
    static const struct {
        bool present;
        enum html_escaper escaper;
    } rows[] = {
        [HTML_TEXT] = {true, ESCAPE_HTML},
        [HTML_RCDATA] = {true, ESCAPE_RCDATA},
        [HTML_SRCSET] = {true, ESCAPE_SRCSET},
        [HTML_META_URL] = {true, ESCAPE_URL_FILTER},
        [HTML_ATTR_NAME] = {true, ESCAPE_NAME},
        [HTML_JS] = {true, ESCAPE_JS_VALUE},
        [HTML_JS_DQ] = {true, ESCAPE_JS_STRING},
        [HTML_JS_SQ] = {true, ESCAPE_JS_STRING},
        [HTML_JS_TMPL] = {true, ESCAPE_JS_TMPL},
        [HTML_JS_REGEXP] = {true, ESCAPE_JS_REGEXP},
        [HTML_CSS] = {true, ESCAPE_CSS_VALUE},
        [HTML_COMMENT] = {true, ESCAPE_DROP},
        [HTML_JS_LINE] = {true, ESCAPE_DROP},
        [HTML_JS_BLOCK] = {true, ESCAPE_DROP},
        [HTML_CSS_LINE] = {true, ESCAPE_DROP},
        [HTML_CSS_BLOCK] = {true, ESCAPE_DROP},
        [HTML_DEAD] = {0},
    };

    switch (c->state) {
    case HTML_URL:
    case HTML_CSS_DQ:
    case HTML_CSS_SQ:
    case HTML_CSS_DQ_URL:
    case HTML_CSS_SQ_URL:
    case HTML_CSS_URL:
        return url_escapers(p, n, c, e);
    case HTML_ATTR:
    case HTML_META:
        if (c->attr == ATTR_SCRIPT_TYPE)
            return fail(p, n->pos, "the type of a script must be known beforehand");
        if (c->attr == ATTR_MIXED)
            return fail(p, n->pos, "the name of the attribute must be known beforehand");
        assert(c->delim != DELIM_NONE); /* the delimiter's escaper does it all */
        return 0;
    case HTML_TAG_NAME:
        if (c->element != ELEMENT_OTHER)
            return fail(p, n->pos, HTML_CUT_NAME);
        append(e, ESCAPE_NAME);
        return 0;
    default:
        if (!rows[c->state].present)
            return fail(p, n->pos, "an action cannot stand here");
        append(e, rows[c->state].escaper);
        if (c->state == HTML_JS)
            c->slash = SLASH_DIVISION;
        return 0;
    }
}

static bool is_function(const struct node_command *c, const char *name)
{
    return c->args[0]->kind == NODE_IDENT && str_eq_c(c->args[0]->text, name);
}

/* What the user's own html or urlquery at the end does as well. */
static bool same_as(enum html_escaper e, bool is_html)
{
    if (is_html)
        return e == ESCAPE_HTML || e == ESCAPE_RCDATA || e == ESCAPE_ATTR;
    return e == ESCAPE_URL || e == ESCAPE_URL_NORMALIZE;
}

/* What leaves nothing for the next to do. */
static bool makes_redundant(enum html_escaper e, enum html_escaper next)
{
    if (next == ESCAPE_ATTR || next == ESCAPE_HTML)
        return e == ESCAPE_DROP || ((e == ESCAPE_CSS_STRING || e == ESCAPE_JS_STRING ||
                                     e == ESCAPE_JS_TMPL || e == ESCAPE_JS_REGEXP) &&
                                    next == ESCAPE_ATTR);
    return e == ESCAPE_URL && next == ESCAPE_URL_NORMALIZE;
}

static void add_command(struct planner *p, struct node *pipe, const struct node *source,
                        const struct tv_func *f)
{
    struct node *word = ARENA_NEW(p->arena, struct node);
    struct node_command *c = &pipe->commands[pipe->commands_n++];

    *word = (struct node){
        .kind = NODE_IDENT, .pos = source->pos, .end = source->end, .text = str_from(f->name)};
    word->func = f;
    *c = (struct node_command){.n = 1, .cap = 1, .pos = source->pos, .end = source->end};
    c->args = ARENA_ARRAY(p->arena, struct node *, 1);
    c->args[0] = word;
}

/* {{ html a b }} alone becomes {{ printArguments a b | html }}, so that html is behind the text. */
static void split_call(struct planner *p, struct node *pipe)
{
    struct node_command *c = &pipe->commands[0];
    struct node **args = ARENA_ARRAY(p->arena, struct node *, c->n);
    struct node *word = ARENA_NEW(p->arena, struct node), *own = c->args[0];
    const struct tv_func *print = html_escaper(ESCAPE_PRINT);

    memcpy(args, c->args, c->n * sizeof(*args));
    *word = *own;
    word->func = print;
    word->text = str_from(print->name);
    args[0] = word;
    c->args = args;
    add_command(p, pipe, own, own->func);
}

/* The pipeline with the escapers behind it. The user's html or urlquery takes the place of the one
 * that is like it, so that nothing is escaped twice. */
static struct node *escaped_pipe(struct planner *p, const struct node *pipe,
                                 const struct escapers *e)
{
    struct node *copy = ARENA_NEW(p->arena, struct node);
    const struct tv_func *own = NULL;
    bool is_html, used = false;
    size_t n = pipe->commands_n;

    *copy = *pipe;
    copy->commands_cap = n + e->n + 2;
    copy->commands = ARENA_ARRAY(p->arena, struct node_command, copy->commands_cap);
    memcpy(copy->commands, pipe->commands, n * sizeof(*copy->commands));
    is_html = is_function(&copy->commands[n - 1], "html");
    if (is_html || is_function(&copy->commands[n - 1], "urlquery")) {
        if (n == 1 && copy->commands[0].n > 1)
            split_call(p, copy);
        n = copy->commands_n;
        own = copy->commands[n - 1].args[0]->func;
        for (size_t i = 0; i < e->n; i++)
            used = used || same_as(e->v[i], is_html);
        if (used)
            copy->commands_n--;
    }
    for (size_t i = 0; i < e->n; i++) {
        if (own != NULL && same_as(e->v[i], is_html))
            add_command(p, copy, pipe, own);
        else if (i == 0 || !makes_redundant(e->v[i - 1], e->v[i]))
            add_command(p, copy, pipe, html_escaper(e->v[i]));
    }
    return copy;
}

static int check_own_escapers(struct planner *p, const struct node *n, const struct html_ctx *c)
{
    const struct node *pipe = n->pipe;

    for (size_t i = 0; i < pipe->commands_n; i++) {
        const struct node_command *command = &pipe->commands[i];
        bool is_html = is_function(command, "html");

        if (!is_html && !is_function(command, "urlquery"))
            continue;
        if (i + 1 < pipe->commands_n ||
            (is_html && c->state == HTML_ATTR && c->delim == DELIM_SPACE))
            return fail(p, command->pos,
                        "predefined escaper \"" STR_FMT "\" disallowed in template",
                        STR_ARG(command->args[0]->text));
    }
    return 0;
}

static int plan_action(struct planner *p, const struct node *n, struct html_ctx *c,
                       struct node *copy)
{
    struct escapers e = {0};
    int rc;

    if (n->pipe->decl_n > 0)
        return 0;
    if (c->state == HTML_ATTR_NAME && c->attr != ATTR_INERT)
        c->attr = ATTR_MIXED;
    *c = html_ctx_nudge(*c);
    rc = check_own_escapers(p, n, c);
    if (rc == 0)
        rc = language_escapers(p, n, c, &e);
    if (rc < 0)
        return rc;
    if (c->delim != DELIM_NONE)
        append(&e, c->delim == DELIM_SPACE ? ESCAPE_NOSPACE : ESCAPE_ATTR);
    copy->pipe = escaped_pipe(p, n->pipe, &e);
    return 0;
}

/* --- control --- */

static const char *control_name(enum node_kind kind)
{
    return kind == NODE_IF ? "if" : kind == NODE_WITH ? "with" : "range";
}

static int join(struct planner *p, const struct node *n, struct html_ctx *c, struct html_ctx other)
{
    char what[100];

    if (html_ctx_join(*c, other, c))
        return 0;
    (void)snprintf(what, sizeof(what), "{{%s}} branches end in different contexts",
                   control_name(n->kind));
    return fail_contexts(p, n->pos, what, c, &other);
}

/* The body of a range, and once more from its own end, for it may run more than once. */
static int plan_body(struct planner *p, const struct node *n, struct html_ctx *c,
                     struct node_list **ret)
{
    struct loop loop = {.jumps.state = HTML_DEAD}, *outer = p->loop;
    struct html_ctx start = *c, again;
    struct node_list *unused;
    int rc;

    p->loop = &loop;
    rc = plan_list(p, n->list, c, ret);
    if (rc == 0 && !html_ctx_join(*c, loop.jumps, c))
        rc = fail_contexts(p, n->pos, "{{range}} branches end in different contexts", c,
                           &loop.jumps);
    again = *c;
    if (rc == 0 && !html_ctx_eq(&start, &again) && again.state != HTML_DEAD) {
        rc = plan_list(p, n->list, &again, &unused);
        if (rc == 0 && (!html_ctx_join(*c, again, c) || !html_ctx_join(*c, loop.jumps, c)))
            rc = fail_contexts(
                p, n->pos, "on range loop re-entry: {{range}} branches end in different contexts",
                c, &again);
    }
    p->loop = outer;
    return rc;
}

static int plan_control(struct planner *p, const struct node *n, struct html_ctx *c,
                        struct node *copy)
{
    struct html_ctx other = *c;
    int rc = n->kind == NODE_RANGE ? plan_body(p, n, c, &copy->list)
                                   : plan_list(p, n->list, c, &copy->list);

    if (rc == 0 && n->other != NULL)
        rc = plan_list(p, n->other, &other, &copy->other);
    return rc < 0 ? rc : join(p, n, c, other);
}

static int plan_jump(struct planner *p, const struct node *n, struct html_ctx *c)
{
    assert(p->loop != NULL);
    if (!html_ctx_join(p->loop->jumps, *c, &p->loop->jumps))
        return fail_contexts(p, n->pos, "at range loop break: contexts differ", &p->loop->jumps, c);
    *c = (struct html_ctx){.state = HTML_DEAD};
    return 0;
}

/* --- calls --- */

static struct plan *find_plan(struct planner *p, const struct tree *source,
                              const struct html_ctx *start)
{
    for (size_t i = p->plans.n; i-- > 0;) {
        if (p->plans.v[i].source == source && html_ctx_eq(&p->plans.v[i].start, start))
            return &p->plans.v[i];
    }
    return NULL;
}

/* Reads a tree whose plan stands at `at`, assuming where it ends; what was made meanwhile for
 * others under a wrong assumption goes. */
static int read_tree(struct planner *p, size_t at, struct html_ctx assumption,
                     struct html_ctx *ret_end)
{
    const struct tree *outer = p->tree, *source = p->plans.v[at].source;
    struct tree *made = p->plans.v[at].made;
    struct loop *loop = p->loop;
    int rc;

    *ret_end = p->plans.v[at].start;
    p->plans.v[at].running = true;
    p->plans.v[at].assumed = false;
    p->plans.v[at].end = assumption;
    p->plans.n = at + 1;
    p->tree = source;
    p->loop = NULL;
    rc = plan_list(p, source->root, ret_end, &made->root);
    p->loop = loop;
    p->tree = outer;
    return rc;
}

static int plan_tree(struct planner *p, const struct node *at, const struct tree *source,
                     struct html_ctx *c, const struct tree **ret)
{
    struct plan *known = find_plan(p, source, c);
    struct html_ctx end, found;
    size_t i = p->plans.n;
    int rc;

    if (known != NULL) {
        known->assumed = known->assumed || known->running;
        *ret = known->made;
        *c = known->end;
        return 0;
    }
    if (i >= PLANS_MAX)
        return fail(p, at != NULL ? at->pos : 0, "templates called in too many contexts");
    *VEC_PUSH(&p->plans) =
        (struct plan){.source = source, .start = *c, .made = ARENA_NEW(p->arena, struct tree)};
    *p->plans.v[i].made = *source;
    *ret = p->plans.v[i].made;
    rc = read_tree(p, i, *c, &found);
    if (rc == 0 && p->plans.v[i].assumed && !html_ctx_eq(&found, c)) {
        rc = read_tree(p, i, found, &end);
        if (rc < 0 || !html_ctx_eq(&end, &found))
            rc = fail(p, at != NULL ? at->pos : 0,
                      "cannot compute output context for template " STR_FMT, STR_ARG(source->name));
    }
    if (rc < 0)
        return rc;
    p->plans.v[i].running = false;
    p->plans.v[i].end = found;
    *c = found;
    return 0;
}

static int plan_call(struct planner *p, const struct node *n, struct html_ctx *c, struct node *copy)
{
    const struct tree *callee = template_find_tree(p->t, n->text);

    if (callee == NULL)
        return fail(p, n->pos, "no such template \"" STR_FMT "\"", STR_ARG(n->text));
    return plan_tree(p, n, callee, c, &copy->callee);
}

/* --- all --- */

static int plan_node(struct planner *p, const struct node *n, struct html_ctx *c, struct node *copy)
{
    switch (n->kind) {
    case NODE_TEXT:
        return plan_text(p, n, c, copy);
    case NODE_ACTION:
        return plan_action(p, n, c, copy);
    case NODE_IF:
    case NODE_WITH:
    case NODE_RANGE:
        return plan_control(p, n, c, copy);
    case NODE_TEMPLATE:
        return plan_call(p, n, c, copy);
    case NODE_BREAK:
    case NODE_CONTINUE:
        return plan_jump(p, n, c);
    default:
        assert(false);
        return -EINVAL;
    }
}

/* A copy of the list up to where nothing is reached any more. */
static int plan_list(struct planner *p, const struct node_list *l, struct html_ctx *c,
                     struct node_list **ret)
{
    struct node_list *copy = ARENA_NEW(p->arena, struct node_list);
    int rc = 0;

    copy->v = ARENA_ARRAY(p->arena, struct node *, l->n);
    copy->cap = l->n;
    *ret = copy;
    if (p->frames >= FRAMES_MAX)
        return fail(p, l->n > 0 ? l->v[0]->pos : 0, "exceeded maximum template depth");
    p->frames++;
    for (size_t i = 0; rc == 0 && i < l->n && c->state != HTML_DEAD; i++) {
        struct node *n = ARENA_NEW(p->arena, struct node);

        *n = *l->v[i];
        copy->v[copy->n++] = n;
        rc = step(p, n->pos, 1);
        if (rc == 0)
            rc = plan_node(p, l->v[i], c, n);
    }
    p->frames--;
    return rc;
}

int html_plan(const struct tree **ret, const struct template *t, struct arena *a, struct err *err)
{
    struct planner p = {.t = t, .arena = a, .err = err, .tree = t->trees};
    struct html_ctx c = {0};
    int rc = plan_tree(&p, NULL, t->trees, &c, ret);

    if (rc == 0 && c.state != HTML_TEXT)
        rc = fail_contexts(&p, t->trees->source.n, "ends in a non-text context", &c, NULL);
    VEC_CLEAR(&p.plans);
    return rc;
}

/* Sets of templates, and texts parsed against them. */
#include "common/base/vec.h"
#include "common/core/template/defaults.h"
#include "common/core/template/exec.h"
#include "common/core/template/html.h"

#include <assert.h>

const struct tree *template_find_tree(const struct template *t, struct str name)
{
    const struct tree *blank = NULL;

    for (const struct tree *own = t->trees; own != NULL; own = own->next) {
        if (!str_eq(own->name, name))
            continue;
        if (!own->empty)
            return own;
        blank = own;
        break;
    }
    for (size_t i = 0; t->set != NULL && i < t->set->trees.n; i++) {
        if (str_eq(t->set->trees.v[i]->name, name))
            return t->set->trees.v[i];
    }
    return blank;
}

struct template_set *template_set_new(void)
{
    struct template_set *s = xcalloc(1, sizeof(*s));

    s->arena = arena_new(0);
    return s;
}

void template_set_free(struct template_set *s)
{
    if (s == NULL)
        return;
    VEC_CLEAR(&s->trees);
    arena_free(s->arena);
    free(s);
}

static int text_parse(struct tree **ret, struct str name, struct str text, struct arena *a,
                      struct err *err)
{
    if (text.n > TEMPLATE_TEXT_BYTES_MAX)
        return err_set(err, -EFBIG, "template: " STR_FMT ": %zu bytes are more than %zu",
                       STR_ARG(name), text.n, (size_t)TEMPLATE_TEXT_BYTES_MAX);
    return tree_parse(ret, name, text, false, a, err);
}

int template_set_add(struct template_set *s, struct str name, struct str text, struct err *err)
{
    struct tree *trees;
    int rc = text_parse(&trees, name, text, s->arena, err);

    if (rc < 0)
        return rc;
    for (const struct tree *t = trees; t != NULL; t = t->next) {
        size_t i = 0;

        while (i < s->trees.n && !str_eq(s->trees.v[i]->name, t->name))
            i++;
        if (i == s->trees.n)
            *VEC_PUSH(&s->trees) = t;
        else if (!t->empty)
            s->trees.v[i] = t;
    }
    return 0;
}

void template_set_add_defaults(struct template_set *s)
{
    struct err err = {0};
    struct buf b;
    int rc;

    buf_init(&b, 0);
    defaults_add_source(&b);
    rc = template_set_add(s, STR(DEFAULTS_NAME), buf_str(&b), &err);
    assert(rc == 0);
    buf_clear(&b);
}

static struct str base_name(struct str path)
{
    size_t start = path.n;

    while (start > 0 && path.p[start - 1] != '/')
        start--;
    return str_sub(path, start, path.n);
}

struct template_set *template_set_load(const struct template_file *files, size_t n,
                                       struct mistakes *m)
{
    struct template_set *s = template_set_new();
    bool good = n <= TEMPLATE_FILES_MAX;

    template_set_add_defaults(s);
    if (!good)
        mistakes_add(m, 0, "%zu template files are more than %d", n, TEMPLATE_FILES_MAX);
    for (size_t i = 0; i < n && i < TEMPLATE_FILES_MAX; i++) {
        struct err err = {0};

        if (template_set_add(s, base_name(files[i].name), files[i].text, &err) == 0)
            continue;
        mistakes_add(m, 0, STR_FMT ": %s", STR_ARG(files[i].name), err.text);
        good = false;
    }
    if (good)
        return s;
    template_set_free(s);
    return NULL;
}

int template_parse(struct template **ret, const struct template_set *s, struct str text,
                   struct err *err)
{
    struct template *t = xcalloc(1, sizeof(*t));
    int rc;

    t->arena = arena_new(0);
    t->set = s;
    rc = text_parse(&t->trees, STR_EMPTY, text, t->arena, err);
    if (rc < 0) {
        template_free(t);
        return rc;
    }
    t->root = t->trees;
    *ret = t;
    return 0;
}

int template_parse_html(struct template **ret, const struct template_set *s, struct str text,
                        struct err *err)
{
    struct template *t;
    int rc = template_parse(&t, s, text, err);

    if (rc == 0)
        rc = html_plan(&t->root, t, t->arena, err);
    else
        t = NULL;
    if (rc < 0)
        template_free(t);
    else
        *ret = t;
    return rc;
}

int template_check(struct str text, enum template_functions functions, struct err *err)
{
    struct arena *a = arena_new(0);
    struct tree *trees;
    int rc;

    if (text.n > TEMPLATE_TEXT_BYTES_MAX)
        rc = err_set(err, -EFBIG, "template: : %zu bytes are more than %zu", text.n,
                     (size_t)TEMPLATE_TEXT_BYTES_MAX);
    else
        rc = tree_parse(&trees, STR_EMPTY, text, functions == TEMPLATE_BUILTINS, a, err);
    arena_free(a);
    return rc;
}

void template_free(struct template *t)
{
    if (t == NULL)
        return;
    arena_free(t->arena);
    free(t);
}

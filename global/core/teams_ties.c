/* Two teams of one depth must never own the same alert. That they do not must be seen from their
 * matchers: on some label what one takes the other cannot take. Equality, alternations of literals
 * and literal beginnings of regular expressions are understood; everything else counts as
 * "anything". */
#include "global/core/global_load.h"

/* One way in which a matcher's value may look. */
struct form {
    struct str text;
    bool exact; /* else only how it begins */
};

/* What a matcher takes; n == 0: anything (or all but something). */
struct forms {
    struct form *v;
    size_t n;
};

static bool is_meta(char c)
{
    return c != '\0' && strchr(".*+?()[]{}|^$", c) != NULL;
}

/* The whole pattern in one group, as (a|b) or (?:a|b), is what is in it. */
static struct str without_group(struct str s)
{
    if (s.n < 2 || s.p[0] != '(' || s.p[s.n - 1] != ')' || (s.n > 2 && s.p[s.n - 2] == '\\'))
        return s;

    struct str inside = str_sub(s, str_starts(s, STR("(?:")) ? 3 : 1, s.n - 1);

    for (size_t i = 0; i < inside.n; i++) {
        if (inside.p[i] == '(' || inside.p[i] == ')' || inside.p[i] == '?')
            return s;
    }
    return inside;
}

/* What is certain about one alternative. */
static struct form form_of(struct arena *a, struct str alternative)
{
    char *text = arena_alloc_raw(a, alternative.n + 1);
    size_t n = 0, i = 0, last = 0; /* last: where the last literal begins in text */

    while (i < alternative.n) {
        char c = alternative.p[i];

        if (c == '\\' && i + 1 < alternative.n &&
            strchr(".-_+*?|()[]{}^$\\/", alternative.p[i + 1]) != NULL &&
            alternative.p[i + 1] != '\0') {
            c = alternative.p[++i];
        } else if (c == '\\' || is_meta(c)) {
            bool optional = c == '*' || c == '?' || c == '{';

            return (struct form){.text = {text, optional ? last : n}, .exact = false};
        }
        if (((uint8_t)c & 0xC0) != 0x80)
            last = n;
        text[n++] = c;
        i++;
    }
    return (struct form){.text = {text, n}, .exact = true};
}

static struct forms forms_of(struct arena *a, const struct matcher *m)
{
    struct forms f = {0};
    struct str s = m->op == MATCH_RE ? without_group(m->value) : m->value;
    size_t bars = 0, start = 0;
    bool nested = false;

    if (m->op == MATCH_NE || m->op == MATCH_NRE)
        return f;
    if (m->op == MATCH_EQ) {
        f.v = ARENA_NEW(a, struct form);
        f.v[f.n++] = (struct form){.text = s, .exact = true};
        return f;
    }
    for (size_t i = 0; i < s.n; i++) {
        nested = nested || s.p[i] == '(' || s.p[i] == '[';
        bars += s.p[i] == '|';
        i += s.p[i] == '\\';
    }
    if (nested && bars > 0) /* alternatives inside something */
        return f;
    f.v = ARENA_ARRAY(a, struct form, bars + 1);
    for (size_t i = 0; i <= s.n; i++) {
        if (i == s.n || s.p[i] == '|') {
            f.v[f.n++] = form_of(a, str_sub(s, start, i));
            start = i + 1;
        } else if (s.p[i] == '\\' && i + 1 < s.n) {
            i++;
        }
    }
    return f;
}

static bool all_exact(const struct forms *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!f->v[i].exact)
            return false;
    }
    return f->n > 0;
}

static bool compatible(const struct form *a, const struct form *b)
{
    if (a->exact && b->exact)
        return str_eq(a->text, b->text);
    if (a->exact)
        return str_starts(a->text, b->text);
    return str_starts(b->text, a->text) || (!b->exact && str_starts(a->text, b->text));
}

static bool takes_one_of(const struct matcher *m, const struct forms *values)
{
    for (size_t i = 0; i < values->n; i++) {
        struct label label = {.name = m->name, .value = values->v[i].text};

        if (matcher_matches(m, (struct labels){.v = &label, .n = 1}))
            return true;
    }
    return false;
}

/* Both are about the same label. */
static bool contradict(const struct matcher *a, const struct forms *fa, const struct matcher *b,
                       const struct forms *fb)
{
    if (fa->n == 0 || fb->n == 0)
        return (all_exact(fa) && !takes_one_of(b, fa)) || (all_exact(fb) && !takes_one_of(a, fb));
    for (size_t i = 0; i < fa->n; i++) {
        for (size_t k = 0; k < fb->n; k++) {
            if (compatible(&fa->v[i], &fb->v[k]))
                /* Beginnings may agree where values do not. */
                return (all_exact(fa) && !takes_one_of(b, fa)) ||
                       (all_exact(fb) && !takes_one_of(a, fb));
        }
    }
    return true;
}

static bool apart(const struct team *a, const struct forms *fa, const struct team *b,
                  const struct forms *fb)
{
    for (size_t i = 0; i < a->owns.n; i++) {
        for (size_t k = 0; k < b->owns.n; k++) {
            if (str_eq(a->owns.v[i].name, b->owns.v[k].name) &&
                contradict(&a->owns.v[i], &fa[i], &b->owns.v[k], &fb[k]))
                return true;
        }
    }
    return false;
}

void teams_check_ties(struct global_loader *l)
{
    const struct team *const *teams = l->c->deepest_first;
    size_t n = l->c->teams_n;
    struct arena *scratch = arena_new(0);
    struct forms **forms = ARENA_ARRAY(scratch, struct forms *, n);

    for (size_t i = 0; i < n; i++) {
        forms[i] = ARENA_ARRAY(scratch, struct forms, teams[i]->owns.n);
        for (size_t k = 0; k < teams[i]->owns.n; k++)
            forms[i][k] = forms_of(scratch, &teams[i]->owns.v[k]);
    }
    for (size_t i = 0; i < n && l->base.mistakes->left_out == 0; i++) {
        for (size_t k = i + 1; k < n && teams[k]->depth == teams[i]->depth; k++) {
            if (teams[i]->owns.n > 0 && teams[k]->owns.n > 0 &&
                !apart(teams[i], forms[i], teams[k], forms[k]))
                config_mistake(&l->base, teams[k]->line,
                               "tie: teams \"" STR_FMT "\" and \"" STR_FMT
                               "\" are equally deep and both could own an alert; let them differ "
                               "in the values of one label",
                               STR_ARG(teams[i]->name), STR_ARG(teams[k]->name));
        }
    }
    arena_free(scratch);
}

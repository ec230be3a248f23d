#include "edge/core/edge_config.h"

#include "common/base/hash.h"
#include "edge/core/federation_load.h"

#include <assert.h>
#include <errno.h>

static void load_federation(struct edge_config *c, struct str text, enum matcher_mode mode,
                            struct config_report *report)
{
    struct config_loader l = {
        .arena = c->arena, .mistakes = &report->mistakes, .warnings = &report->warnings};
    struct arena *tree = arena_new(0);
    struct yaml_node *root;

    c->federation = ARENA_NEW(c->arena, struct federation_config);
    if (yaml_parse(text, tree, &root, &report->mistakes) == 0)
        federation_load(&l, root, c->am, mode, c->federation);
    arena_free(tree);
    config_report_sort(report);
}

int edge_config_parse(struct str am_text, const struct str *federation_text, enum matcher_mode mode,
                      struct edge_config **ret, struct config_report *am_report,
                      struct config_report *federation_report)
{
    struct arena *arena = arena_new(0);
    struct edge_config *c = ARENA_NEW(arena, struct edge_config);
    int rc;

    c->arena = arena;
    c->refs = 1;
    c->hash = xxh64(am_text.p, am_text.n, 0);
    c->am_md5 = md5_48(am_text.p, am_text.n);
    rc = am_config_parse(am_text, mode, &c->am, am_report);
    if (federation_text != NULL) {
        c->hash = hash_mix(c->hash, xxh64(federation_text->p, federation_text->n, 1));
        load_federation(c, *federation_text, mode, federation_report);
        if (federation_report->mistakes.n > 0)
            rc = -EINVAL;
    }
    if (rc < 0) {
        edge_config_unref(c);
        return rc;
    }
    *ret = c;
    return 0;
}

struct edge_config *edge_config_ref(struct edge_config *c)
{
    assert(c->refs > 0);
    c->refs++;
    return c;
}

void edge_config_unref(struct edge_config *c)
{
    if (c == NULL)
        return;
    assert(c->refs > 0);
    if (--c->refs > 0)
        return;
    if (c->federation != NULL)
        matchers_clear(&c->federation->forward);
    am_config_free(c->am);
    arena_free(c->arena);
}

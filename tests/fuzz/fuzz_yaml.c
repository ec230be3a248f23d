#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/base/yaml.h"

static size_t check_node(const struct yaml_node *n, size_t depth)
{
    size_t count = 1;

    assert(n->line >= 1 && depth <= YAML_DEPTH_MAX);
    if (n->kind == YAML_SCALAR || n->kind == YAML_NULL)
        assert(n->n == 0 && n->text.p[n->text.n] == '\0' && utf8_valid(n->text));
    for (size_t i = 0; i < n->n; i++) {
        if (n->kind == YAML_MAP) {
            assert(n->key_lines[i] >= 1);
            for (size_t k = 0; n->n < 100 && k < i; k++)
                assert(!str_eq(n->keys[i], n->keys[k]));
        }
        count += check_node(n->items[i], depth + 1);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    struct yaml_node *root = NULL;
    struct mistakes m;

    mistakes_init(&m);
    if (yaml_parse(fuzz_text(data, size), a, &root, &m) == 0) {
        assert(m.n == 0 && check_node(root, 0) <= YAML_NODES_MAX);
    } else {
        assert(root == NULL && m.n > 0);
        for (size_t i = 0; i < m.n; i++)
            assert(m.v[i].line >= 0 && m.v[i].text[0] != '\0' && utf8_valid(str_from(m.v[i].text)));
    }
    mistakes_clear(&m);
    arena_free(a);
    return 0;
}

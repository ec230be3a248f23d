/* YAML as a tree with line numbers, over libyaml's event API. The first document only; what follows
 * it is not looked at. libyaml is quadratic on hostile nesting, so the parse ends at the first
 * event that is too deep: libyaml looks ahead at most 1 KiB, so what it does beyond that depth is
 * bounded. A scan of the text beforehand could not know brackets in block scalars from flow
 * collections. Anchors and aliases are resolved by copying, within the bounds on nodes and depth.
 * Merge keys (<<) work in the order of the file, as in yaml.v2. Duplicate keys are a mistake, as in
 * Go's strict decoder. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"

#define YAML_BYTES_MAX MIB(4)
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 1000000

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line;                 /* 1-based */
    struct str text;          /* YAML_SCALAR and YAML_NULL: as written; NUL-terminated */
    bool quoted;              /* YAML_SCALAR: quoted, block style or !!str, hence always a string */
    struct yaml_node **items; /* YAML_LIST; YAML_MAP: the values */
    struct str *keys;         /* YAML_MAP: in file order */
    int *key_lines;
    size_t n;
};

/* The tree lies in the arena. All mistakes found are added to m; with any, -EINVAL. An empty
 * document is a YAML_NULL. */
MUST_CHECK int yaml_parse(struct str text, struct arena *a, struct yaml_node **ret,
                          struct mistakes *m);

/* NULL when absent or when `map` is no YAML_MAP. */
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);
bool yaml_is_true(const struct yaml_node *n); /* YAML 1.1's true yes on y, unquoted */
bool yaml_is_bool(const struct yaml_node *n);

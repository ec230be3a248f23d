/* Lists of a tier's nodes: [{name: g1, url: "https://g1:9195"}, …]. */
#pragma once

#include "common/core/config/schema.h"

#define CONFIG_NODES_MAX 16

struct config_node {
    struct str name; /* [a-z0-9-]{1,63}, unique */
    struct str url;  /* without a trailing slash */
};

struct config_nodes {
    const struct config_node *v;
    size_t n;
};

/* URLs are https and nothing behind host and port; with any_http also http and a path. */
void config_nodes_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                       bool any_http, struct config_nodes *ret);

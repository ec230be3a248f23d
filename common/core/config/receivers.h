/* The `receivers` of a configuration: names, and under each its integrations in Alertmanager's
 * order of construction. The same block serves alertmanager.yml and global.yml. */
#pragma once

#include "common/core/config/am_global.h"

struct integration;

struct receiver_integration {
    const struct integration *integration;
    const void *config; /* integration->config_size bytes, checked */
    bool send_resolved;
    size_t index; /* among this receiver's integrations of the same name: 0 in "webhook[0]" */
};

struct receiver {
    struct str name;
    size_t index; /* in struct receivers */
    int line;
    struct labels labels;                 /* as written, and name */
    const struct receiver_integration *v; /* may be empty: a receiver that says nothing */
    size_t n;
};

struct receivers {
    const struct receiver *v; /* in file order */
    size_t n;
    const struct receiver *const *by_name; /* n of them */
};

#define RECEIVERS_MAX 100000

/* node NULL gives none. What entries do not say comes from l->global; without that, from its
 * defaults. Everything lies in l's arena. */
void receivers_load(struct config_loader *l, const struct yaml_node *node, struct receivers *ret);
const struct receiver *receivers_find(const struct receivers *r, struct str name);

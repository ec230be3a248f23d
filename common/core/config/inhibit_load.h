/* The `inhibit_rules` of a configuration. */
#pragma once

#include "common/core/config/matchers_load.h"
#include "common/core/mute/inhibit.h"

#define INHIBIT_RULES_MAX 100000

/* A rule as the file has it. */
struct inhibit_written {
    struct str name;
    struct matchers_block source, target; /* .all is the rule's, moved there */
    struct str_list equal;
};

struct inhibit_rules {
    struct inhibit_rule *v; /* own their regexes; the rest lies in l's arena */
    const struct inhibit_written *written;
    const int *lines;
    size_t n;
};

/* A null in the list is taken and without effect, as in Alertmanager, with a warning. */
void inhibit_load(struct config_loader *l, const struct yaml_node *node, struct inhibit_rules *ret);
void inhibit_rules_clear(struct inhibit_rules *rules); /* frees the regexes */
/* The fields of a rule, of struct inhibit_written: for the reference page and the text. */
const struct config_field *inhibit_fields(size_t *ret_n);

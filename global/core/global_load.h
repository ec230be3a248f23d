/* The sections of global.yml, from tree to struct. For global_config.c. They are read in the order
 * below, since each looks up what those before it have made. */
#pragma once

#include "global/core/global_config.h"

struct global_loader {
    struct config_loader base; /* first: parsers get it and cast back */
    struct global_config *c;
    enum matcher_mode mode;
    struct policy *policies; /* c->policies, to write on */
    struct team *teams;      /* c->teams */
    struct rule *rules;      /* c->rules */
};

void policies_load(struct global_loader *l, const struct yaml_node *node);
void teams_load(struct global_loader *l, const struct yaml_node *node);
void rules_load(struct global_loader *l, const struct yaml_node *node);

/* Two teams of one depth that could own the same alert, each pair a mistake. */
void teams_check_ties(struct global_loader *l);

/* 1 to 63 of letters, digits, '.', '_' and '-', else a mistake. */
bool global_name_check(struct global_loader *l, int line, const char *what, struct str name);

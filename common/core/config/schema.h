/* Tables over code: one row a field drives parsing, defaults, checks, redaction and the generated
 * reference page. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/yaml.h"

enum config_kind {
    CONFIG_STR,        /* struct str */
    CONFIG_SECRET,     /* struct str, shown as <secret> */
    CONFIG_URL,        /* struct str, absolute http(s) URL */
    CONFIG_SECRET_URL, /* the same, shown as <secret> */
    CONFIG_BOOL,       /* bool */
    CONFIG_INT,        /* int64_t */
    CONFIG_DURATION,   /* int64_t milliseconds, Prometheus syntax */
    CONFIG_SIZE,       /* uint64_t bytes */
    CONFIG_STR_LIST,   /* struct str_list */
    CONFIG_CUSTOM,     /* `parse` is called with the node and the field's address */
    CONFIG_IGNORED     /* accepted and left to a later reader */
};

struct str_list {
    struct str *v;
    size_t n;
};

struct config_loader; /* where mistakes go and memory comes from */

struct config_field {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const char *fallback; /* default as text in the field's syntax; NULL: zero value */
    bool required;
    int64_t min, max; /* of INT, DURATION (ms) and SIZE (bytes), inclusive; both 0: unbounded, but
                         never negative */
    const char *doc;  /* one line for the reference page */
    void (*parse)(struct config_loader *l, const struct yaml_node *n, void *ret);
};

struct config_loader {
    struct arena *arena;
    struct mistakes *mistakes;
    struct mistakes *warnings; /* may be NULL: nobody asks */
};

/* Sets every field from its fallback, then from the map; unknown keys, wrong types and missing
 * required fields are mistakes with their lines ("what" names the block). node NULL or YAML_NULL
 * sets the fallbacks only. */
void config_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                 const struct config_field *fields, size_t fields_n, void *ret);

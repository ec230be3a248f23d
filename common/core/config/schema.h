/* Tables over code: one row a field drives parsing, defaults, checks, redaction and the generated
 * reference page. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/yaml.h"
#include "common/core/model/matcher.h"

enum config_kind {
    CONFIG_STR,         /* struct str */
    CONFIG_SECRET,      /* struct str, shown as <secret> */
    CONFIG_URL,         /* struct str, absolute http(s) URL */
    CONFIG_SECRET_URL,  /* the same, shown as <secret> */
    CONFIG_BOOL,        /* bool */
    CONFIG_INT,         /* int64_t */
    CONFIG_DURATION,    /* int64_t milliseconds, Prometheus syntax */
    CONFIG_GO_DURATION, /* int64_t milliseconds, Go syntax or a bare number of nanoseconds */
    CONFIG_SIZE,        /* uint64_t bytes */
    CONFIG_STR_LIST,    /* struct str_list */
    CONFIG_CUSTOM,      /* `parse` is called with the node and the field's address */
    CONFIG_IGNORED,     /* accepted and left to a later reader */
    CONFIG_NOT_YET      /* known, but refused: it must not be silently without effect */
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
    enum matcher_mode mode;    /* how matchers are read, and which label names are valid */
};

/* Sets every field from its fallback, then from the map; unknown keys, wrong types, values out of
 * bounds and missing required fields are mistakes with their lines ("what" names the block). node
 * NULL or YAML_NULL sets the fallbacks only. A null value means the zero value, as in
 * Alertmanager. Texts are copied into the loader's arena: the tree may go afterwards. */
void config_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                 const struct config_field *fields, size_t fields_n, void *ret);

/* For custom parsers. Each says what is wrong and returns false or "" when the node is not such a
 * thing; null is an empty one. `what` names the value in the mistake. */
bool config_is_list(struct config_loader *l, const struct yaml_node *n, const char *what);
bool config_is_map(struct config_loader *l, const struct yaml_node *n, const char *what);
struct str config_str(struct config_loader *l, const struct yaml_node *n, const char *what);
struct str_list config_str_list(struct config_loader *l, const struct yaml_node *n,
                                const char *what);
bool config_u64(struct config_loader *l, const struct yaml_node *n, const char *what,
                uint64_t *ret); /* untouched when false */

void config_mistake(struct config_loader *l, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void config_warn(struct config_loader *l, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Absolute http or https URL as Go's net/url takes it: host, numeric port, no spaces or control
 * characters, whole percent escapes. Worded as Alertmanager words it. */
MUST_CHECK int config_check_url(struct str url, struct err *err);

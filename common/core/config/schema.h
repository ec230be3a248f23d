/* Tables over code: one row a field drives parsing, defaults, checks, inheritance from `global`,
 * redaction, the configuration as text and the generated reference page. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/yaml.h"
#include "common/core/model/matcher.h"

enum config_kind {
    CONFIG_STR,          /* struct str */
    CONFIG_SECRET,       /* struct str, shown as <secret> */
    CONFIG_URL,          /* struct str, absolute http(s) URL */
    CONFIG_SECRET_URL,   /* the same or the placeholder <secret>; shown as <secret> */
    CONFIG_TEMPLATE_URL, /* struct str: the same, or a template; shown as <secret> */
    CONFIG_PROXY_URL,    /* struct str, any URL; its password is shown as xxxxx */
    CONFIG_HOSTPORT,     /* struct str: host:port, the host may be empty */
    CONFIG_FILE,         /* struct str: a file's path, as written */
    CONFIG_PATH,         /* struct str: the same, joined to the configuration's folder */
    CONFIG_BOOL,         /* bool */
    CONFIG_MAYBE,        /* enum config_maybe */
    CONFIG_INT,          /* int64_t */
    CONFIG_FLOAT,        /* double */
    CONFIG_DURATION,     /* int64_t milliseconds, Prometheus syntax */
    CONFIG_GO_DURATION,  /* int64_t milliseconds, Go syntax or a bare number of nanoseconds */
    CONFIG_GO_TEXT,      /* int64_t milliseconds, Go syntax; of numbers only 0 */
    CONFIG_SIZE,         /* uint64_t bytes */
    CONFIG_STR_LIST,     /* struct str_list */
    CONFIG_SECRET_LIST,  /* struct str_list, each shown as <secret> */
    CONFIG_PATH_LIST,    /* struct str_list, each as CONFIG_PATH */
    CONFIG_MAP,          /* struct labels: names to texts, sorted, values may be empty */
    CONFIG_SECRETS_MAP,  /* struct config_map of struct str_list, shown as <secret> */
    CONFIG_ANY,          /* const struct yaml_node *; NULL when absent or null */
    CONFIG_ANY_MAP,      /* the same, but a map */
    CONFIG_SECTION,      /* the struct of `section`; null: all zero */
    CONFIG_SECTION_REF,  /* a pointer to one; NULL when absent or null */
    CONFIG_SECTIONS,     /* struct config_list of them */
    CONFIG_SECTION_MAP,  /* struct config_map of them */
    CONFIG_CUSTOM,       /* `parse` is called with the node and the field's address */
    CONFIG_IGNORED,      /* accepted and left to a later reader */
    CONFIG_NOT_YET       /* known, but refused: it must not be silently without effect */
};

enum config_maybe { CONFIG_UNSET, CONFIG_NO, CONFIG_YES };

/* How a text is made when it is sent. */
enum config_rendering {
    CONFIG_LITERAL,
    CONFIG_AS_TEXT, /* a template */
    CONFIG_AS_HTML, /* a template whose values are escaped for HTML */
    CONFIG_DEEP     /* every text in it is a template whose result is read as YAML */
};

struct str_list {
    struct str *v;
    size_t n;
};

struct config_list {
    void *v; /* structs of the section, one behind the other */
    size_t n;
};

struct config_map {
    struct str *keys; /* sorted */
    void *v;          /* structs of the section; for SECRETS_MAP struct str_list */
    size_t n;
};

#define CONFIG_FIELDS_MAX 64 /* of one table */

struct config_loader; /* where mistakes go and memory comes from */
struct config_section;

struct config_field {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const char *fallback; /* default as text in the field's syntax; NULL: zero value */
    bool required;
    int64_t min, max; /* of INT, DURATION (ms) and SIZE (bytes), inclusive; both 0: unbounded, but
                         never negative (except GO_DURATION, which may be) */
    const char *doc;  /* one line for the reference page */
    void (*parse)(struct config_loader *l, const struct yaml_node *n, void *ret);

    const struct config_section *section; /* of SECTION… */
    enum config_rendering rendering;
    const char *global;      /* an unset one is taken from this field of `global` */
    const char *global_with; /* but only if this field of the same table is unset, too */
    bool always;             /* shown even when it is zero */
    bool null_items;         /* of SECTIONS: a null is an empty one, not a mistake */
    bool as_written;         /* of SECTION…: no path in it is joined to the folder */
    /* CUSTOM: whether and how it is shown, behind "name:"; NULL: never */
    bool (*shown)(const void *value);
    void (*write)(struct buf *b, unsigned indent, const void *value);
};

struct config_section {
    const char *name; /* as messages and the reference page name it */
    const struct config_field *fields;
    size_t fields_n;
    size_t size; /* of its struct */
    /* Rules across fields, only called when no field is wrong. It may complete what it is given. */
    int (*check)(void *config, struct arena *a, struct err *err);
};

struct config_loader {
    struct arena *arena;
    struct mistakes *mistakes;
    struct mistakes *warnings;      /* may be NULL: nobody asks */
    enum matcher_mode mode;         /* how matchers are read, and which label names are valid */
    struct str folder;              /* for CONFIG_PATH: "" or with a slash at its end */
    const struct am_global *global; /* what receivers inherit; NULL: nothing */
};

/* Sets every field from its fallback, then from the map; unknown keys, wrong types, values out of
 * bounds and missing required fields are mistakes with their lines ("what" names the block). node
 * NULL or YAML_NULL sets the fallbacks only. A null value means the zero value, as in
 * Alertmanager. Texts are copied into the loader's arena: the tree may go afterwards. */
void config_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                 const struct config_field *fields, size_t fields_n, void *ret);
/* The same, and its check. */
void config_load_section(struct config_loader *l, const struct yaml_node *node,
                         const struct config_section *section, void *ret);

/* Takes unset fields from `global` (global_fields_n rows), as their rows say. */
void config_inherit(const struct config_field *fields, size_t fields_n, void *config,
                    const struct config_field *global_fields, size_t global_fields_n,
                    const void *global);

/* Zero: what `always` is about, and what is inherited over. */
bool config_is_unset(const struct config_field *f, const void *value);
const struct config_field *config_find_field(const struct config_field *fields, size_t n,
                                             const char *name); /* NULL */

/* For custom parsers. Each says what is wrong and returns false or "" when the node is not such a
 * thing; null is an empty one. `what` names the value in the mistake. */
bool config_is_list(struct config_loader *l, const struct yaml_node *n, const char *what);
bool config_is_map(struct config_loader *l, const struct yaml_node *n, const char *what);
struct str config_str(struct config_loader *l, const struct yaml_node *n, const char *what);
struct str_list config_str_list(struct config_loader *l, const struct yaml_node *n,
                                const char *what);
/* Sorted by name; values may be empty. */
struct labels config_pairs(struct config_loader *l, const struct yaml_node *n, const char *what);
bool config_u64(struct config_loader *l, const struct yaml_node *n, const char *what,
                uint64_t *ret); /* untouched when false */
bool config_bool(struct config_loader *l, const struct yaml_node *n, const char *what);
struct str config_path(struct config_loader *l, struct str written);

void config_mistake(struct config_loader *l, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void config_warn(struct config_loader *l, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

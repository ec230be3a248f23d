/* Values of templates: Go's types as far as Alertmanager's data and functions make them. The set of
 * types is closed; a row of tv_type_rows says how each is named in errors, what fields it has and
 * what methods. A value is small, copied freely, and owns nothing: what it points to lies in the
 * arena of the rendering (or of whoever made the data) and never changes. */
#pragma once

#include "common/base/arena.h"
#include "common/core/template/gotime.h"

enum tv_kind {
    TV_NONE, /* no value: Go's invalid reflect.Value, prints "<no value>" */
    TV_NIL,  /* a nil of type interface {}: a missing entry of a dict */
    TV_BOOL,
    TV_INT,
    TV_FLOAT,
    TV_STRING,
    TV_LIST,
    TV_MAP, /* keys are strings, sorted by bytes */
    TV_STRUCT,
    TV_TIME,
};

enum tv_type {
    TVT_NONE,
    TVT_NIL,
    TVT_BOOL,
    TVT_INT,
    TVT_INT64,
    TVT_UINT8,
    TVT_DURATION, /* i: nanoseconds */
    TVT_MONTH,
    TVT_WEEKDAY,
    TVT_FLOAT,
    TVT_STRING,
    TVT_HTML,
    TVT_URL,
    TVT_STRING_LIST, /* []string */
    TVT_STRINGS,     /* template.Strings */
    TVT_LIST,        /* []interface {} */
    TVT_DICT,        /* map[string]interface {} */
    TVT_KV,
    TVT_PAIR,
    TVT_PAIRS,
    TVT_ALERT,
    TVT_ALERTS,
    TVT_ALERT_LIST, /* []template.Alert: without methods */
    TVT_DATA,       /* *template.Data */
    TVT_TIME,
    TVT_COUNT,
};

struct tv {
    enum tv_type type;
    union {
        bool b;
        int64_t i;
        double f;
        struct str s;
        struct {
            const struct tv *v;
            size_t n;
        } list;
        struct {
            const struct tv_entry *v;
            size_t n;
        } map;
        const struct tv *fields; /* as many as the type's row names */
        const struct go_time *time;
    };
};

struct tv_entry {
    struct str key;
    struct tv value;
};

/* What a parameter takes; PARAM_ANY takes nil too, PARAM_LIST ([]interface {}) and PARAM_STRINGS
 * take the literal nil. */
enum tv_param {
    PARAM_ANY,
    PARAM_STRING,
    PARAM_INT,
    PARAM_DURATION,
    PARAM_TIME,
    PARAM_STRINGS,
    PARAM_LIST,
};

struct exec; /* the running template; exec.h */

/* One call of a function or method. Its arguments fit the parameters. A failure is reported through
 * tv_fail and its code returned. */
struct tv_call {
    struct exec *x;
    struct arena *arena;
    struct tv self; /* methods only */
    const struct tv *args;
    size_t n;
    struct tv ret;
};

struct tv_func {
    const char *name;
    enum tv_param params[4];
    size_t params_n;
    bool variadic; /* the last parameter repeats, zero times or more */
    int (*fn)(struct tv_call *c);
};

struct tv_type_row {
    enum tv_kind kind;
    const char *name;
    const char *const *fields;     /* NULL-terminated; NULL for none */
    const char *const *json;       /* the fields' names in JSON */
    const struct tv_func *methods; /* ends with a row without a name; NULL for none */
};

const struct tv_type_row *tv_row(enum tv_type type);

static inline enum tv_kind tv_kind(struct tv v)
{
    return tv_row(v.type)->kind;
}

static inline const char *tv_type_name(struct tv v)
{
    return tv_row(v.type)->name;
}

static inline struct tv tv_bool(bool b)
{
    return (struct tv){.type = TVT_BOOL, .b = b};
}

static inline struct tv tv_int(int64_t i)
{
    return (struct tv){.type = TVT_INT, .i = i};
}

static inline struct tv tv_int_as(enum tv_type type, int64_t i)
{
    return (struct tv){.type = type, .i = i};
}

static inline struct tv tv_float(double f)
{
    return (struct tv){.type = TVT_FLOAT, .f = f};
}

static inline struct tv tv_str(struct str s)
{
    return (struct tv){.type = TVT_STRING, .s = s};
}

static inline struct tv tv_str_as(enum tv_type type, struct str s)
{
    return (struct tv){.type = type, .s = s};
}

struct tv tv_time(struct arena *a, struct go_time t);
struct tv tv_list(enum tv_type type, const struct tv *v, size_t n);

bool tv_truth(struct tv v);
size_t tv_len(struct tv v); /* of strings (bytes), lists and maps; 0 of others */

/* The entry of a map, NULL when there is none. */
const struct tv *tv_map_find(struct tv map, struct str key);

/* Sorts in place by key; of equal keys the last stays. Returns the new count. */
size_t tv_map_sort(struct tv_entry *v, size_t n);

/* For functions: fills the error of the running template and returns its negative code. */
int tv_fail(const struct tv_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

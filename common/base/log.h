/* logfmt records. Pure: builds text into an arena or buffer; who prints it is io's affair
 * (io/log_out.h). The core puts records into its output by engine_log (core/engine.h). */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* One field. Text is quoted by the formatter when it has to be. */
struct log_kv {
    const char *key;
    enum { LOG_KV_STR, LOG_KV_I64, LOG_KV_U64, LOG_KV_BOOL } kind;
    union {
        struct str s;
        int64_t i;
        uint64_t u;
        bool b;
    };
};

static inline struct log_kv log_kv_str(const char *key, struct str v)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_STR, .s = v};
}

static inline struct log_kv log_kv_cstr(const char *key, const char *v)
{
    return log_kv_str(key, str_from(v));
}

static inline struct log_kv log_kv_i64(const char *key, int64_t v)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_I64, .i = v};
}

static inline struct log_kv log_kv_u64(const char *key, uint64_t v)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_U64, .u = v};
}

static inline struct log_kv log_kv_bool(const char *key, bool v)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_BOOL, .b = v};
}

#define KV(key, value) \
    _Generic((value),                                                                                                  \
        struct str: log_kv_str,                                                                                        \
        char *: log_kv_cstr,                                                                                           \
        const char *: log_kv_cstr,                                                                                     \
        bool: log_kv_bool,                                                                                             \
        int: log_kv_i64,                                                                                               \
        long: log_kv_i64,                                                                                              \
        long long: log_kv_i64,                                                                                         \
        unsigned: log_kv_u64,                                                                                          \
        unsigned long: log_kv_u64,                                                                                     \
        unsigned long long: log_kv_u64)(key, value)

/* A record as data. component and msg are constants. */
struct log_record {
    enum log_level level;
    const char *component;
    const char *msg;
    const struct log_kv *kv;
    size_t kv_n;
};

const char *log_level_name(enum log_level level); /* debug info warn error */
bool log_level_parse(struct str text, enum log_level *ret);

/* ts=… level=… component=… msg=… k=v…\n; control characters and quotes escaped Go-style. */
void log_format_logfmt(struct buf *b, int64_t wall_ms, const struct log_record *r);
void log_format_json(struct buf *b, int64_t wall_ms, const struct log_record *r);

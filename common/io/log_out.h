/* Log records to stderr, one line each. Never blocks on a full pipe: what cannot be written waits
 * in a buffer of LOG_OUT_BUFFER_MAX bytes, and what does not fit there is dropped and counted; the
 * next line that gets through says how many were. Process-wide, as stderr is; safe from every
 * thread.
 *
 *     #define LOG_COMPONENT "store"
 *     log_warn("database set aside", KV("file", path), KV("reason", reason)); */
#pragma once

#include "common/base/log.h"

#define LOG_OUT_BUFFER_MAX KIB(256)
#define LOG_OUT_LINE_MAX KIB(16) /* a longer record is cut short */

enum log_out_format { LOG_OUT_LOGFMT, LOG_OUT_JSON };

bool log_out_format_parse(struct str text, enum log_out_format *ret); /* logfmt json */
void log_out_setup(enum log_level level, enum log_out_format format); /* at first: info, logfmt */
void log_out_set_fd(int fd);                                          /* at first 2; for tests */
bool log_out_wants(enum log_level level);

/* Writes the record unless its level is below the setting. Time is read here. */
void log_out(const struct log_record *record);
void log_out_flush(void); /* tries to write what waits; call it at every tick and at the end */

struct log_out_stats {
    uint64_t written, dropped; /* records */
    uint64_t suppressed;       /* by log_every */
};
void log_out_stats(struct log_out_stats *ret);

/* Lets one record through per interval; `suppressed` counts the others until then. */
struct log_every {
    int64_t next_mono_ms;
    uint64_t suppressed;
};
/* True: log it, with KV("suppressed", *ret_suppressed). Not locked: one thread per log_every. */
bool log_every(struct log_every *e, int64_t mono_ms, int64_t interval_ms, uint64_t *ret_suppressed);

#define LOG_OUT(lvl, text, ...) \
    do { \
        if (log_out_wants(lvl)) { \
            const struct log_kv log_kvs_[] = {{0}, ##__VA_ARGS__}; \
            log_out(&(struct log_record){.level = (lvl), \
                                         .component = LOG_COMPONENT, \
                                         .msg = (text), \
                                         .kv = log_kvs_ + 1, \
                                         .kv_n = ARRAY_SIZE(log_kvs_) - 1}); \
        } \
    } while (0)
#define log_debug(text, ...) LOG_OUT(LOG_DEBUG, text, ##__VA_ARGS__)
#define log_info(text, ...) LOG_OUT(LOG_INFO, text, ##__VA_ARGS__)
#define log_warn(text, ...) LOG_OUT(LOG_WARN, text, ##__VA_ARGS__)
#define log_error(text, ...) LOG_OUT(LOG_ERROR, text, ##__VA_ARGS__)

/* Writes the Prometheus text exposition format 0.0.4. Pure: counters are kept by their owners. */
#pragma once

#include "common/base/buf.h"

struct metrics {
    struct buf *out;
};

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metric_label {
    const char *name;
    struct str value;
};

void metrics_init(struct metrics *m, struct buf *out);
/* # HELP and # TYPE; type is counter, gauge, histogram or summary. Its samples follow. */
void metrics_family(struct metrics *m, const char *name, const char *type, const char *help);
/* One sample; labels may be NULL with n 0. */
void metrics_u64(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                 uint64_t value);
void metrics_i64(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                 int64_t value);
/* milli-units as a decimal fraction: 1500 is written 1.5. For seconds kept in milliseconds. */
void metrics_milli(struct metrics *m, const char *name, const struct metric_label *labels, size_t n,
                   int64_t milli);

/* A family of one sample without labels. */
void metrics_counter(struct metrics *m, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics *m, const char *name, const char *help, int64_t value);

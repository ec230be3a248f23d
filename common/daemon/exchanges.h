/* Web requests under way: from their coming until the last byte of the answer was handed over.
 * Bounds how many GETs there are at a time, ends those that take too long (--web.timeout), and
 * measures: the histograms of /metrics, with label values from tables, so that nobody outside can
 * make series. */
#pragma once

#include "common/base/buf.h"
#include "common/base/map.h"

#define EXCHANGE_DURATION_BUCKETS 11
#define EXCHANGE_SIZE_BUCKETS 7

struct exchange {
    UT_hash_handle hh; /* by id; the table's order is that of arrival */
    uint64_t id;
    unsigned handler, method; /* rows of the tables */
    bool web;                 /* of the web listener: counted, bounded, measured */
    bool get;                 /* holds one of the places for GETs */
    bool slicing;             /* the answer has begun and goes on in slices */
    int status;
    uint64_t bytes; /* of the body so far */
    int64_t started_us, started_ms;
};

struct exchange_series {
    unsigned handler, method;
    int status;
    uint64_t n, sum; /* microseconds, or bytes */
    uint64_t buckets[EXCHANGE_DURATION_BUCKETS];
};

struct exchange_vec {
    struct exchange_series *v;
    size_t n, cap;
};

struct exchanges {
    struct exchange *by_id;
    unsigned reads, reads_max; /* at the same time */
    uint64_t reads_refused, timed_out, cross_origin;
    struct exchange_vec durations, sizes;
};

/* reads_max ≤ 0: as many as there are processors, at least 8. */
void exchanges_init(struct exchanges *x, int64_t reads_max);
void exchanges_clear(struct exchanges *x);

/* NULL: it is a GET beyond the bound. path: below the route prefix. */
struct exchange *exchange_begin(struct exchanges *x, uint64_t id, struct str method,
                                struct str path);
/* A request of another listener: only followed. */
struct exchange *exchange_follow(struct exchanges *x, uint64_t id);
struct exchange *exchange_find(const struct exchanges *x, uint64_t id); /* NULL */
void exchange_answered(struct exchange *e, int status);
/* The answer is complete, and e gone. */
void exchange_end(struct exchanges *x, struct exchange *e);
/* The client left before; not measured. e may be NULL. */
void exchange_forget(struct exchanges *x, struct exchange *e);

/* The page that is meant by a path with a slash too many or too few, or in another case,
 * "/-/Ready/" or "/api/v2"; NULL: none, or this very one. */
const char *exchange_page_meant(struct str path);

void exchanges_metrics(const struct exchanges *x, struct buf *b);

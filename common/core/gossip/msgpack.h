/* MessagePack as memberlist speaks it: maps of short keys, in the specification's old form (raw for
 * text and bytes, no bin, no str8, no ext). What others may send is read more widely than what we
 * write: bin and str8 are taken as raw, signed forms as numbers.
 *
 * The reader is a cursor that remembers its first fault; after it nothing more is read, and whoever
 * began looks at `why` once, at the end. Nothing is allocated, nothing recurses. */
#pragma once

#include "common/base/buf.h"

#define MSGPACK_DEPTH_MAX 8       /* of values that are skipped */
#define MSGPACK_ELEMENTS_MAX 1024 /* skipped by one reader */

struct msgpack {
    struct str bytes;
    size_t at;
    size_t skipped;  /* elements, against MSGPACK_ELEMENTS_MAX */
    const char *why; /* the first fault; NULL: none */
    bool more;       /* that fault is only that the bytes ran out */
};

enum msgpack_kind {
    MSGPACK_NIL,
    MSGPACK_BOOL,     /* number is 0 or 1 */
    MSGPACK_NUMBER,   /* not negative */
    MSGPACK_NEGATIVE, /* or not whole */
    MSGPACK_RAW,      /* text or bytes: raw, never with a p of NULL */
    MSGPACK_ARRAY,    /* number elements follow */
    MSGPACK_MAP       /* number pairs follow */
};

struct msgpack_value {
    enum msgpack_kind kind;
    uint64_t number;
    struct str raw; /* lent */
};

struct msgpack msgpack_reader(struct str bytes);
void msgpack_fail(struct msgpack *m, const char *why); /* why is a constant; the first one stays */

/* The head of the next value; RAW with its bytes. False: a fault. */
bool msgpack_next(struct msgpack *m, struct msgpack_value *ret);
bool msgpack_skip(struct msgpack *m); /* a whole value, with all that is in it */

void msgpack_add_map(struct buf *b, size_t pairs);    /* at most 15 */
void msgpack_add_raw(struct buf *b, struct str text); /* a p of NULL is written as nil */
void msgpack_add_number(struct buf *b, uint64_t v);   /* in the shortest unsigned form */
void msgpack_add_bool(struct buf *b, bool v);

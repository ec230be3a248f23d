/* Protocol Buffers on the wire, as far as Alertmanager's records need them: messages of varints,
 * fixed numbers and length-delimited bytes. (Groups, which proto3 does not have, are refused.)
 *
 * Reading goes field by field over borrowed bytes. A fault is remembered, the first one only, with
 * its offset from the beginning of the outermost message; after it nothing more is read, and
 * whoever began asks pb_result once, at the end. Nothing is allocated. How deep messages are nested
 * is settled by who reads them: there is no recursion here. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

/* ---- reading ---- */

struct pb_fault { /* zeroed at first */
    const char *why;
    size_t at;
};

struct pb_reader {
    struct str bytes;
    size_t at;   /* next to be read */
    size_t base; /* of bytes, in the outermost message */
    struct pb_fault *fault;
};

struct pb_field {
    uint32_t number;
    enum pb_type type;
    uint64_t value;   /* numbers */
    struct str bytes; /* PB_BYTES; lent */
    struct str whole; /* with its tag, as it stands */
    size_t at;        /* of the tag, in the outermost message */
    size_t bytes_at;  /* PB_BYTES: of those */
};

struct pb_reader pb_reader(struct str bytes, size_t base, struct pb_fault *fault);
struct pb_reader pb_within(const struct pb_reader *r, const struct pb_field *f); /* of PB_BYTES */

bool pb_next(struct pb_reader *r, struct pb_field *ret);       /* false: the end, or a fault */
void pb_fail(struct pb_reader *r, size_t at, const char *why); /* why is a constant */
MUST_CHECK int pb_result(const struct pb_fault *fault, const char *what, struct err *err);

/* One message of a run of them, each behind its length. False at the end, or when what follows is
 * no length, is longer than max_bytes, or is cut off: a fault. */
bool pb_next_delimited(struct pb_reader *r, size_t max_bytes, struct pb_field *ret);

/* Values. False when the field's type is another one: it is then as good as unknown, as in
 * Google's readers. A fault (text that is no UTF-8) gives true. */
bool pb_get_text(struct pb_reader *r, const struct pb_field *f, struct str *ret);
bool pb_get_u64(const struct pb_field *f, uint64_t *ret);

struct pb_u64s {
    uint64_t *v; /* in the arena */
    size_t n, cap;
};
/* Adds what a repeated varint field holds, packed or not. More than max is a fault. */
bool pb_get_u64s(struct pb_reader *r, const struct pb_field *f, size_t max, struct arena *a,
                 struct pb_u64s *list);

/* ---- writing ---- */

/* pb_put_*: nothing when it is the default, as proto3 has it. pb_add_*: always. */
void pb_add_varint(struct buf *b, uint64_t v); /* bare */
void pb_add_u64(struct buf *b, uint32_t number, uint64_t v);
void pb_put_u64(struct buf *b, uint32_t number, uint64_t v);
void pb_add_bytes(struct buf *b, uint32_t number, struct str bytes);
void pb_put_bytes(struct buf *b, uint32_t number, struct str bytes);
void pb_put_u64s(struct buf *b, uint32_t number, const uint64_t *v, size_t n); /* packed */

/* A message within: what is added between the two is its content. number 0: without a tag, for a
 * run of delimited messages. */
size_t pb_open(struct buf *b, uint32_t number);
void pb_close(struct buf *b, size_t opened);

/* Memory for one unit of work: a step, a request, a loaded configuration. Everything allocated from
 * an arena is freed at once by arena_reset or arena_free; nothing is freed singly. */
#pragma once

#include "common/base/str.h"

struct arena;

struct arena *arena_new(size_t block_bytes); /* 0: a default of 16 KiB */
void arena_free(struct arena *a);
void arena_reset(struct arena *a); /* keeps at most one block for the next use */
size_t
arena_bytes(const struct arena *a); /* handed out since the last reset, for bounds and metrics */

void *arena_alloc(struct arena *a,
                  size_t n); /* zeroed, aligned for any type; n == 0 gives a valid pointer */
void *arena_alloc_raw(struct arena *a, size_t n); /* the same, contents undefined */
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc_array((a), (count), sizeof(type)))
void *arena_alloc_array(struct arena *a, size_t count,
                        size_t size); /* zeroed; aborts on overflow */

struct str arena_str(struct arena *a, struct str s); /* a copy, NUL-terminated behind its end */
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3); /* NUL-terminated */

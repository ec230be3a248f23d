/* JSON text read value by value, without objects in between: for bodies that are large and of a
 * known shape. json.h builds its objects by it, so what is JSON is the same for both.
 *
 * The reader remembers its first fault. From then on nothing is read: kind is JSON_END, more and
 * key give false, texts are empty; so a caller may read on and look at `fault` once, at the end.
 *
 *     json_reader_open(&r);
 *     while (json_reader_more(&r))
 *         … read one value …
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

#define JSON_DEPTH_MAX 16

/* What comes next; a word or number is only known to begin like one. */
enum json_kind {
    JSON_END, /* nothing that is a value, or a fault before */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_reader {
    const char *at, *end;
    unsigned depth;
    bool fresh;        /* an array or object has just been opened */
    bool allow_lone;   /* surrogates: they become U+FFFD, as in Go */
    const char *fault; /* a constant phrase; NULL while all is well */
    struct buf text;   /* the string at hand, when it has escapes */
};

extern const char json_too_deep[]; /* the fault of nesting beyond JSON_DEPTH_MAX */

/* text must be valid UTF-8 and outlive the reader. */
void json_reader_init(struct json_reader *r, struct str text, bool allow_lone);
void json_reader_clear(struct json_reader *r);
void json_reader_fail(struct json_reader *r, const char *fault);

enum json_kind json_reader_kind(struct json_reader *r); /* takes nothing but white space */

bool json_reader_has_more(struct json_reader *r); /* anything but white space is left */

void json_reader_open(struct json_reader *r); /* the array or object that comes next */
bool json_reader_more(
    struct json_reader *r); /* another value of the array; else its end is taken */
/* The key of another pair of the object; else its end is taken. Lent as json_reader_str's. A NUL in
 * a key is a fault. */
bool json_reader_key(struct json_reader *r, struct str *ret);

/* The string that comes next: a piece of the text, or, when it has escapes, a copy in the arena;
 * with no arena it then lives until the next one is read. Valid UTF-8. */
struct str json_reader_str(struct json_reader *r, struct arena *a);
struct str json_reader_number(struct json_reader *r, bool *ret_whole); /* a piece of the text */
bool json_reader_bool(struct json_reader *r);
void json_reader_skip(struct json_reader *r); /* a value of any kind, checked all the same */

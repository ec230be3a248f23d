/* JSON in: strict (UTF-8 checked, depth bounded, the whole input consumed), into json-c's objects
 * by json_reader.h's reader, for speed and because json-c's strict mode is not. JSON out: a
 * streaming writer. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/json_reader.h"

#include <json-c/json.h>

struct json_opt {
    bool repair_utf8; /* Go's manner: invalid UTF-8 and lone surrogates become U+FFFD, instead of an
                         error */
    bool ignore_trailing; /* data behind the first value is no error (Alertmanager's API) */
};

/* RFC 8259 and nothing else, but for \u0000 in a key, which is an error: json-c's keys end there.
 * Of repeated keys the last wins. Too deep is -E2BIG, bad UTF-8 -EILSEQ, too long -EFBIG, all else
 * -EINVAL.
 *
 * The caller releases *ret by json_object_put. A JSON null is *ret == NULL with result 0. */
MUST_CHECK int json_parse(struct str text, struct json_opt opt, struct json_object **ret,
                          struct err *err);

/* The value of the key, in any case of its ASCII letters (an exact match before others, then the
 * last); lent. NULL when it is absent or null, or o is no object. */
struct json_object *json_find_nocase(struct json_object *o, const char *key);

/* Typed look-ups in an object; an absent key or null gives 0 and *ret untouched (preset it to the
 * default), a value of the wrong type -EINVAL with `key` named. Strings are lent by the object. An
 * integer that does not fit gives -ERANGE, and so do INT64_MIN and UINT64_MAX, which json-c gives
 * for anything beyond them. */
MUST_CHECK int json_get_str(struct json_object *o, const char *key, struct str *ret,
                            struct err *err);
MUST_CHECK int json_get_i64(struct json_object *o, const char *key, int64_t *ret, struct err *err);
MUST_CHECK int json_get_u64(struct json_object *o, const char *key, uint64_t *ret, struct err *err);
MUST_CHECK int json_get_bool(struct json_object *o, const char *key, bool *ret, struct err *err);
MUST_CHECK int json_get_array(struct json_object *o, const char *key, struct json_object **ret,
                              struct err *err);
MUST_CHECK int json_get_object(struct json_object *o, const char *key, struct json_object **ret,
                               struct err *err);
struct str json_str(struct json_object *o); /* of a JSON string; it is asserted to be one */

#define JSON_WRITER_DEPTH_MAX 63

/* The writer puts commas and colons itself; the caller nests properly (asserted). */
struct json_writer {
    struct buf *out;
    unsigned depth;
    bool need_comma;
    bool after_key;
    uint64_t objects; /* bit `depth`: an object is open there, not an array */
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_open_object(struct json_writer *w);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w);
void json_close_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_add_str(struct json_writer *w, struct str s); /* each byte of invalid UTF-8 as \ufffd; <,
                                                           >, & and U+2028/9 as \u003c …, as Go */
void json_add_i64(struct json_writer *w, int64_t v);
void json_add_u64(struct json_writer *w, uint64_t v);
void json_add_bool(struct json_writer *w, bool v);
void json_add_null(struct json_writer *w);
void json_add_raw(struct json_writer *w,
                  struct str json); /* a complete value, trusted to be valid */
void json_add_time(struct json_writer *w, int64_t wall_ms); /* RFC 3339, milliseconds, UTC */

/* Whether the text is written as it is, without one escape; false for some that are, too. */
bool json_plain(struct str s);

/* key and value in one call */
void json_put_str(struct json_writer *w, const char *key, struct str v);
void json_put_i64(struct json_writer *w, const char *key, int64_t v);
void json_put_u64(struct json_writer *w, const char *key, uint64_t v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_put_time(struct json_writer *w, const char *key, int64_t wall_ms);
void json_put_raw(struct json_writer *w, const char *key, struct str json);

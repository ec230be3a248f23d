/* What the federation handlers share: requests in, answers out. */
#pragma once

#include "common/base/json.h"
#include "common/core/engine.h"

struct global;
struct stream;
struct stream_position;

/* The body as an object that begins a v1 conversation; NULL when it was refused and answered (413,
 * 400). The caller releases it by json_object_put. */
struct json_object *wire_body(struct global *g, const struct engine_request *r, size_t bytes_max,
                              struct out *out);
/* "stream" of the body: stream_open. */
struct stream *wire_stream(struct global *g, const struct engine_request *r,
                           struct json_object *body, struct out *out);
/* 400 with the error's text. */
void wire_bad_request(struct global *g, const struct engine_request *r, const struct err *err,
                      struct out *out);

/* An answer under construction: {"v":1, … */
void wire_open(struct json_writer *w, struct buf *b);
/* … } : closes, copies into the output's arena and releases b. */
struct str wire_close(struct json_writer *w, struct buf *b, struct out *out);
/* "epoch", "cursor" and, with a window, "live". */
void wire_put_position(struct json_writer *w, const struct stream_position *at);

bool wire_query(struct str query, const char *name, struct str *ret); /* undecoded */
struct str wire_name(struct str s, size_t max); /* s, or "" when it is longer than max */

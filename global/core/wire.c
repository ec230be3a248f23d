#include "global/core/wire.h"

#include "global/core/global_internal.h"

struct json_object *wire_body(struct global *g, const struct engine_request *r, size_t bytes_max,
                              struct out *out)
{
    struct json_object *o = NULL;
    struct err err;
    int64_t v = 0;

    if (r->body.n > bytes_max) {
        global_refuse(g, out, r, REFUSED_TOO_LARGE, 413, NULL);
        return NULL;
    }
    if (json_parse(r->body, (struct json_opt){0}, &o, &err) < 0) {
        wire_bad_request(g, r, &err, out);
        return NULL;
    }
    if (!json_object_is_type(o, json_type_object) || json_get_i64(o, "v", &v, NULL) < 0 || v != 1) {
        global_refuse(g, out, r, REFUSED_BAD_REQUEST, 400, "not an object with \"v\": 1");
        json_object_put(o);
        return NULL;
    }
    return o;
}

struct stream *wire_stream(struct global *g, const struct engine_request *r,
                           struct json_object *body, struct out *out)
{
    struct str uuid = STR_EMPTY;
    struct err err;

    if (json_get_str(body, "stream", &uuid, &err) < 0) {
        wire_bad_request(g, r, &err, out);
        return NULL;
    }
    return stream_open(g, r, uuid, out);
}

void wire_bad_request(struct global *g, const struct engine_request *r, const struct err *err,
                      struct out *out)
{
    global_refuse(g, out, r, REFUSED_BAD_REQUEST, 400, err->text);
}

void wire_open(struct json_writer *w, struct buf *b)
{
    buf_init(b, 0);
    json_writer_init(w, b);
    json_open_object(w);
    json_put_i64(w, "v", 1);
}

struct str wire_close(struct json_writer *w, struct buf *b, struct out *out)
{
    struct str body;

    json_close_object(w);
    body = arena_str(out_arena(out), buf_str(b));
    buf_clear(b);
    return body;
}

void wire_put_position(struct json_writer *w, const struct stream_position *at)
{
    json_put_u64(w, "epoch", at->epoch);
    json_put_u64(w, "cursor", at->cursor);
    if (at->live_to == 0)
        return;
    json_key(w, "live");
    json_open_array(w);
    json_add_u64(w, at->live_from);
    json_add_u64(w, at->live_to);
    json_close_array(w);
}

bool wire_query(struct str query, const char *name, struct str *ret)
{
    struct str rest = query, pair;

    while (rest.n > 0 && str_split(&rest, '&', &pair)) {
        size_t eq = str_find_char(pair, '=');

        if (str_eq_c(str_sub(pair, 0, eq), name)) {
            *ret = str_sub(pair, eq + 1, pair.n);
            return true;
        }
    }
    return false;
}

struct str wire_name(struct str s, size_t max)
{
    return s.n <= max ? s : STR_EMPTY;
}

/* POST /api/v2/alerts: core specification §1.2 and §10.4-10.5. Decoding comes first for the whole
 * body (400), then the schema (422), then the rules for each alert, of which a breach concerns that
 * alert alone. */
#include "common/core/api/api_v2.h"

#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

/* One element of the body, decoded. */
struct posted {
    bool is_null;
    bool has_labels;
    struct label *labels, *annotations;
    size_t labels_n, annotations_n;
    struct str generator_url;
    int64_t starts_wall_ms, ends_wall_ms;
};

struct reader {
    struct arena *a;
    struct api_error *error;
};

static int refuse(struct reader *r, int status, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
static int refuse(struct reader *r, int status, int code, const char *fmt, ...)
{
    struct buf b;
    va_list ap;

    buf_init(&b, KIB(4));
    va_start(ap, fmt);
    buf_add_vfmt(&b, fmt, ap);
    va_end(ap);
    *r->error =
        (struct api_error){.status = status, .code = code, .message = arena_str(r->a, buf_str(&b))};
    buf_clear(&b);
    return -EINVAL;
}

#define NOT_DECODED "parsing alerts body from \"\" failed, because "

/* ---- decoding ---- */

/* "" for null, as Go has it. */
static int decode_text(struct reader *r, const char *key, struct json_object *v, struct str *ret)
{
    if (v != NULL && !json_object_is_type(v, json_type_string))
        return refuse(r, 400, 400, NOT_DECODED "%s: a string is wanted", key);
    *ret = v != NULL ? arena_str(r->a, json_str(v)) : STR_EMPTY;
    return 0;
}

static int decode_time(struct reader *r, const char *key, struct json_object *v, int64_t *ret)
{
    struct err err;

    if (v == NULL) {
        *ret = WALL_ABSENT;
        return 0;
    }
    if (!json_object_is_type(v, json_type_string))
        return refuse(r, 400, 400, NOT_DECODED "%s: a time is wanted", key);
    if (time_parse(json_str(v), ret, &err) < 0)
        return refuse(r, 400, 400, NOT_DECODED "%s: %s", key, err.text);
    return 0;
}

static int decode_map(struct reader *r, const char *key, struct json_object *v, struct label **ret,
                      size_t *ret_n)
{
    struct json_object_iterator it, end;
    struct label *l;

    *ret_n = 0;
    if (v == NULL)
        return 0;
    if (!json_object_is_type(v, json_type_object))
        return refuse(r, 400, 400, NOT_DECODED "%s: an object of strings is wanted", key);
    *ret = l = ARENA_ARRAY(r->a, struct label, (size_t)json_object_object_length(v));
    it = json_object_iter_begin(v);
    end = json_object_iter_end(v);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it), l++) {
        l->name = arena_str(r->a, str_from(json_object_iter_peek_name(&it)));
        if (decode_text(r, key, json_object_iter_peek_value(&it), &l->value) < 0)
            return -EINVAL;
        (*ret_n)++;
    }
    return 0;
}

static int decode_member(struct reader *r, struct str key, struct json_object *v, struct posted *p)
{
    if (str_eq_nocase(key, STR("labels"))) {
        p->has_labels = v != NULL;
        return decode_map(r, "labels", v, &p->labels, &p->labels_n);
    }
    if (str_eq_nocase(key, STR("annotations")))
        return decode_map(r, "annotations", v, &p->annotations, &p->annotations_n);
    if (str_eq_nocase(key, STR("startsAt")))
        return decode_time(r, "startsAt", v, &p->starts_wall_ms);
    if (str_eq_nocase(key, STR("endsAt")))
        return decode_time(r, "endsAt", v, &p->ends_wall_ms);
    if (str_eq_nocase(key, STR("generatorURL")))
        return decode_text(r, "generatorURL", v, &p->generator_url);
    return 0;
}

static int decode_one(struct reader *r, struct json_object *o, struct posted *p)
{
    struct json_object_iterator it, end;

    *p = (struct posted){.is_null = o == NULL,
                         .starts_wall_ms = WALL_ABSENT,
                         .ends_wall_ms = WALL_ABSENT,
                         .generator_url = STR_EMPTY};
    if (o == NULL)
        return 0;
    if (!json_object_is_type(o, json_type_object))
        return refuse(r, 400, 400, NOT_DECODED "an alert is no object");
    it = json_object_iter_begin(o);
    end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        if (decode_member(r, str_from(json_object_iter_peek_name(&it)),
                          json_object_iter_peek_value(&it), p) < 0)
            return -EINVAL;
    }
    return 0;
}

static int decode(struct reader *r, struct str body, struct posted **ret, size_t *ret_n)
{
    struct json_object *o = NULL;
    struct err err;
    int result = 0;
    size_t n = 0;

    if (json_parse(body, (struct json_opt){.repair_utf8 = true, .ignore_trailing = true}, &o,
                   &err) < 0)
        return refuse(r, 400, 400, NOT_DECODED "%s", err.text);
    if (o != NULL && !json_object_is_type(o, json_type_array)) {
        result = refuse(r, 400, 400, NOT_DECODED "a list of alerts is wanted");
    } else if (o != NULL) {
        n = json_object_array_length(o);
        *ret = ARENA_ARRAY(r->a, struct posted, n);
        for (size_t i = 0; i < n && result == 0; i++)
            result = decode_one(r, json_object_array_get_idx(o, i), &(*ret)[i]);
    }
    *ret_n = n;
    json_object_put(o);
    return result;
}

/* ---- schema ---- */

static bool is_scheme(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

        if (!letter && (i == 0 || !other))
            return false;
    }
    return s.n > 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What Go's url.ParseRequestURI takes, as far as it matters: an absolute path or a scheme, no
 * control characters, whole escapes. */
static bool is_uri(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
        if (s.p[i] == '%' && (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
            return false;
    }
    if (s.n > 0 && s.p[0] == '/')
        return true;
    return str_eq_c(s, "*") ||
           (str_find_char(s, ':') < s.n && is_scheme(str_sub(s, 0, str_find_char(s, ':'))));
}

static int check_schema(struct reader *r, const struct posted *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].is_null)
            return refuse(r, 422, 602, "%zu in body is required", i);
        if (v[i].generator_url.n > 0 && !is_uri(v[i].generator_url))
            return refuse(r, 422, 601,
                          "%zu.generatorURL in body must be of type uri: \"" STR_FMT "\"", i,
                          STR_ARG(v[i].generator_url));
        if (!v[i].has_labels)
            return refuse(r, 422, 602, "%zu.labels in body is required", i);
    }
    return 0;
}

/* ---- rules ---- */

static const char *check_names(const struct label *v, size_t n, struct str *ret_name)
{
    assert(n == 0 || v != NULL);
    for (size_t i = 0; i < n; i++) {
        *ret_name = v[i].name;
        if (!label_name_valid_utf8(v[i].name))
            return "name";
        if (!utf8_valid(v[i].value)) {
            *ret_name = v[i].value;
            return "value";
        }
    }
    return NULL;
}

/* Adds the reason to errors when the alert breaks a rule. */
static bool check_rules(const struct alert_input *in, struct buf *errors)
{
    const char *what = NULL, *where = "invalid label set";
    struct str name = STR_EMPTY;

    if (errors->n > 0)
        buf_add_char(errors, '\n'); /* taken back by the caller when all is well */
    if (in->ends_wall_ms < in->starts_wall_ms) {
        buf_add_str(errors, STR("start time must be before end time"));
        return false;
    }
    if (in->labels.n == 0) {
        buf_add_str(errors, STR("at least one label pair required"));
        return false;
    }
    what = check_names(in->labels.v, in->labels.n, &name);
    if (what == NULL) {
        where = "invalid annotations";
        what = check_names(in->annotations.v, in->annotations.n, &name);
    }
    if (what == NULL)
        return true;
    buf_add_fmt(errors, "%s: invalid %s ", where, what);
    go_quote(errors, name);
    return false;
}

static int compare_labels(const void *x, const void *y)
{
    const struct label *a = x, *b = y;

    return str_cmp(a->name, b->name);
}

static struct alert_input to_input(struct posted *p, int64_t resolve_timeout_ms, struct now now)
{
    struct alert_input in = {.generator_url = p->generator_url,
                             .starts_wall_ms = p->starts_wall_ms,
                             .ends_wall_ms = p->ends_wall_ms};

    if (in.starts_wall_ms == WALL_ABSENT)
        in.starts_wall_ms = p->ends_wall_ms != WALL_ABSENT ? p->ends_wall_ms : now.wall_ms;
    if (in.ends_wall_ms == WALL_ABSENT) {
        in.timeout = true;
        in.ends_wall_ms = now.wall_ms + resolve_timeout_ms;
    }
    in.labels = (struct labels){.v = p->labels, .n = labels_sort(p->labels, p->labels_n)};
    if (p->annotations_n > 1) /* empty ones stay */
        qsort(p->annotations, p->annotations_n, sizeof(struct label), compare_labels);
    in.annotations = (struct labels){.v = p->annotations, .n = p->annotations_n};
    return in;
}

static void apply_rules(struct posted *v, size_t n, int64_t resolve_timeout_ms, struct now now,
                        struct arena *a, struct api_post *ret)
{
    struct buf errors;

    buf_init(&errors, MIB(1));
    ret->v = ARENA_ARRAY(a, struct alert_input, n);
    for (size_t i = 0; i < n; i++) {
        struct alert_input in = to_input(&v[i], resolve_timeout_ms, now);
        size_t before = errors.n;

        if (in.ends_wall_ms > now.wall_ms)
            ret->received_firing++;
        else
            ret->received_resolved++;
        if (check_rules(&in, &errors)) {
            errors.n = before;
            ret->v[ret->n++] = in;
        } else {
            ret->invalid++;
        }
    }
    ret->errors = arena_str(a, buf_str(&errors));
    buf_clear(&errors);
}

int api_post_parse(const struct engine_request *r, int64_t resolve_timeout_ms, struct now now,
                   struct arena *a, struct api_post *ret, struct api_error *ret_error)
{
    struct reader reader = {.a = a, .error = ret_error};
    struct str type = http_media_type(r->content_type);
    struct posted *v = NULL;
    size_t n = 0;

    *ret = (struct api_post){.errors = STR_EMPTY};
    if (!http_accepts_json(r->accept))
        return refuse(&reader, 406, 406,
                      "unsupported media type requested, only [application/json] are available");
    if (r->body.n == 0)
        return refuse(&reader, 422, 602, "alerts in body is required");
    if (type.n == 0)
        type = STR("application/octet-stream");
    if (!str_eq_nocase(type, STR("application/json")))
        return refuse(&reader, 415, 415,
                      "unsupported media type \"" STR_FMT "\", only [application/json] are allowed",
                      STR_ARG(type));
    if (decode(&reader, r->body, &v, &n) < 0 || check_schema(&reader, v, n) < 0)
        return -EINVAL;
    apply_rules(v, n, resolve_timeout_ms, now, a, ret);
    return 0;
}

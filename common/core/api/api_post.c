/* POST /api/v2/alerts: core specification §1.2 and §10.4-10.5. Decoding comes first for the whole
 * body (400), then the schema (422), then the rules for each alert, of which a breach concerns that
 * alert alone. */
#include "common/core/api/api_v2.h"

#include "common/base/json_reader.h"
#include "common/base/time_text.h"
#include "common/base/utf8.h"
#include "common/base/vec.h"

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
    struct json_reader json;
    struct {
        struct label *v;
        size_t n, cap;
    } labels; /* of the map at hand */
    struct {
        struct posted *v;
        size_t n, cap;
    } posted;
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

/* "" for null, as Go has it. Texts lie in the body, or in the arena. */
static int decode_text(struct reader *r, const char *key, struct str *ret)
{
    enum json_kind kind = json_reader_kind(&r->json);

    if (kind == JSON_STRING) {
        *ret = json_reader_str(&r->json, r->a);
        return 0;
    }
    *ret = STR_EMPTY;
    json_reader_skip(&r->json);
    if (kind != JSON_NULL && kind != JSON_END)
        return refuse(r, 400, 400, NOT_DECODED "%s: a string is wanted", key);
    return 0;
}

static int decode_time(struct reader *r, const char *key, int64_t *ret)
{
    enum json_kind kind = json_reader_kind(&r->json);
    struct str text;
    struct err err;

    *ret = WALL_ABSENT;
    if (kind != JSON_STRING) {
        json_reader_skip(&r->json);
        if (kind != JSON_NULL && kind != JSON_END)
            return refuse(r, 400, 400, NOT_DECODED "%s: a time is wanted", key);
        return 0;
    }
    text = json_reader_str(&r->json, NULL);
    if (r->json.fault == NULL && time_parse(text, ret, &err) < 0)
        return refuse(r, 400, 400, NOT_DECODED "%s: %s", key, err.text);
    return 0;
}

/* A key may be lent only until the value behind it is read. */
static struct str keep(struct reader *r, struct str key)
{
    return key.p == r->json.text.p ? arena_str(r->a, key) : key;
}

static int decode_map(struct reader *r, const char *name, struct label **ret, size_t *ret_n,
                      bool *ret_there)
{
    enum json_kind kind = json_reader_kind(&r->json);
    struct str key;

    *ret_n = 0;
    *ret_there = kind == JSON_OBJECT;
    if (kind != JSON_OBJECT) {
        json_reader_skip(&r->json);
        if (kind != JSON_NULL && kind != JSON_END)
            return refuse(r, 400, 400, NOT_DECODED "%s: an object of strings is wanted", name);
        return 0;
    }
    r->labels.n = 0;
    for (json_reader_open(&r->json); json_reader_key(&r->json, &key);) {
        struct label *l = VEC_PUSH(&r->labels);

        l->name = keep(r, key);
        if (decode_text(r, name, &l->value) < 0)
            return -EINVAL;
    }
    *ret_n = r->labels.n;
    *ret = arena_alloc_raw(r->a, r->labels.n * sizeof(struct label));
    if (r->labels.n > 0)
        memcpy(*ret, r->labels.v, r->labels.n * sizeof(struct label));
    return 0;
}

static int decode_member(struct reader *r, struct str key, struct posted *p)
{
    bool there;

    if (str_eq_nocase(key, STR("labels")))
        return decode_map(r, "labels", &p->labels, &p->labels_n, &p->has_labels);
    if (str_eq_nocase(key, STR("annotations")))
        return decode_map(r, "annotations", &p->annotations, &p->annotations_n, &there);
    if (str_eq_nocase(key, STR("startsAt")))
        return decode_time(r, "startsAt", &p->starts_wall_ms);
    if (str_eq_nocase(key, STR("endsAt")))
        return decode_time(r, "endsAt", &p->ends_wall_ms);
    if (str_eq_nocase(key, STR("generatorURL")))
        return decode_text(r, "generatorURL", &p->generator_url);
    json_reader_skip(&r->json);
    return 0;
}

static int decode_one(struct reader *r)
{
    enum json_kind kind = json_reader_kind(&r->json);
    struct posted *p = VEC_PUSH(&r->posted);
    struct str key;

    *p = (struct posted){.is_null = kind != JSON_OBJECT,
                         .starts_wall_ms = WALL_ABSENT,
                         .ends_wall_ms = WALL_ABSENT,
                         .generator_url = STR_EMPTY};
    if (kind != JSON_OBJECT) {
        json_reader_skip(&r->json);
        if (kind != JSON_NULL && kind != JSON_END)
            return refuse(r, 400, 400, NOT_DECODED "an alert is no object");
        return 0;
    }
    for (json_reader_open(&r->json); json_reader_key(&r->json, &key);) {
        if (decode_member(r, key, p) < 0)
            return -EINVAL;
    }
    return 0;
}

/* What follows the list is no affair of Alertmanager's. */
static int decode(struct reader *r, struct str body)
{
    enum json_kind kind;
    struct buf repaired;

    if (utf8_valid_run(body) < body.n) {
        buf_init(&repaired, 3 * body.n);
        utf8_add_repaired(&repaired, body);
        body = arena_str(r->a, buf_str(&repaired));
        buf_clear(&repaired);
    }
    json_reader_init(&r->json, body, true);
    kind = json_reader_kind(&r->json);
    if (kind != JSON_ARRAY) {
        json_reader_skip(&r->json);
        if (kind != JSON_NULL && kind != JSON_END)
            return refuse(r, 400, 400, NOT_DECODED "a list of alerts is wanted");
    } else {
        for (json_reader_open(&r->json); json_reader_more(&r->json);) {
            if (decode_one(r) < 0)
                return -EINVAL;
        }
    }
    if (r->json.fault != NULL)
        return refuse(r, 400, 400, NOT_DECODED "invalid JSON at byte %zu: %s",
                      (size_t)(r->json.at - body.p), r->json.fault);
    return 0;
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

/* The first name that is none; NULL when all are. That names and values are UTF-8 need not be
 * looked at again: the reader gives nothing else. */
static const struct label *bad_name(struct labels l, bool classic_names)
{
    LABELS_EACH (&l, it) {
        if (it->name.n == 0 || (classic_names && !label_name_valid_classic(it->name)))
            return it;
    }
    return NULL;
}

static bool names_valid(struct labels l, const char *what, bool classic_names, struct buf *errors)
{
    const struct label *bad = bad_name(l, classic_names);

    if (bad == NULL)
        return true;
    buf_add_fmt(errors, "invalid %s: invalid name ", what);
    go_quote(errors, bad->name);
    return false;
}

static size_t text_bytes(struct labels l)
{
    size_t n = 0;

    LABELS_EACH (&l, it)
        n += it->name.n + it->value.n;
    return n;
}

/* Adds the reason to errors when the alert breaks a rule. */
static bool check_rules(const struct alert_input *in, bool classic_names, struct buf *errors)
{
    if (errors->n > 0)
        buf_add_char(errors, '\n'); /* taken back by the caller when all is well */
    if (in->ends_wall_ms < in->starts_wall_ms)
        buf_add_str(errors, STR("start time must be before end time"));
    else if (in->labels.n == 0)
        buf_add_str(errors, STR("at least one label pair required"));
    else if (!names_valid(in->labels, "label set", classic_names, errors) ||
             !names_valid(in->annotations, "annotations", classic_names, errors))
        return false;
    else if (text_bytes(in->labels) > API_LABELS_BYTES_MAX)
        buf_add_fmt(errors, "labels are longer than %d bytes", API_LABELS_BYTES_MAX);
    else if (text_bytes(in->annotations) + in->generator_url.n > API_ANNOTATIONS_BYTES_MAX)
        buf_add_fmt(errors, "annotations are longer than %d bytes", API_ANNOTATIONS_BYTES_MAX);
    else
        return true;
    return false;
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
    in.annotations = (struct labels){.v = p->annotations,
                                     .n = labels_sort_all(p->annotations, p->annotations_n)};
    in.fp = labels_fingerprint(in.labels);
    return in;
}

static void apply_rules(struct posted *v, size_t n, const struct api_post_rules *rules,
                        struct now now, struct arena *a, struct api_post *ret)
{
    struct buf errors;

    buf_init(&errors, MIB(1));
    ret->v = ARENA_ARRAY(a, struct alert_input, n);
    for (size_t i = 0; i < n; i++) {
        struct alert_input in = to_input(&v[i], rules->resolve_timeout_ms, now);
        size_t before = errors.n;

        if (in.ends_wall_ms > now.wall_ms)
            ret->received_firing++;
        else
            ret->received_resolved++;
        if (check_rules(&in, rules->classic_names, &errors)) {
            errors.n = before;
            ret->v[ret->n++] = in;
        } else {
            ret->invalid++;
        }
    }
    ret->errors = arena_str(a, buf_str(&errors));
    buf_clear(&errors);
}

int api_post_parse(const struct engine_request *r, const struct api_post_rules *rules,
                   struct now now, struct arena *a, struct api_post *ret,
                   struct api_error *ret_error)
{
    struct reader reader = {.a = a, .error = ret_error};
    int result;

    *ret = (struct api_post){.errors = STR_EMPTY};
    if (api_check_media(r, a, ret_error) < 0)
        return -EINVAL;
    if (http_body_blank(r->body))
        return refuse(&reader, 422, 602, "alerts in body is required");
    result = decode(&reader, r->body);
    if (result == 0)
        result = check_schema(&reader, reader.posted.v, reader.posted.n);
    if (result == 0)
        apply_rules(reader.posted.v, reader.posted.n, rules, now, a, ret);
    json_reader_clear(&reader.json);
    VEC_CLEAR(&reader.labels);
    VEC_CLEAR(&reader.posted);
    return result;
}

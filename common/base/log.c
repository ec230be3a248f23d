#include "common/base/log.h"

#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/base/utf8.h"

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(struct str text, enum log_level *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (str_eq_c(text, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* As Go's slog decides: empty text, or anything a reader of logfmt could take for structure. */
static bool needs_quotes(struct str s)
{
    size_t length;
    uint32_t rune;

    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n; i += length) {
        length = utf8_decode(str_sub(s, i, s.n), &rune);
        if (rune == '"' || rune == '=' || rune == '\\' || rune == ' ' || rune == 0xFFFD ||
            !utf8_printable(rune))
            return true;
    }
    return false;
}

static void add_text(struct buf *b, struct str s)
{
    if (needs_quotes(s))
        go_quote(b, s);
    else
        buf_add_str(b, s);
}

static void add_pair(struct buf *b, const struct log_kv *kv)
{
    buf_add_char(b, ' ');
    buf_add_str(b, str_from(kv->key));
    buf_add_char(b, '=');
    switch (kv->kind) {
    case LOG_KV_STR:
        add_text(b, kv->s);
        break;
    case LOG_KV_I64:
        buf_add_i64(b, kv->i);
        break;
    case LOG_KV_U64:
        buf_add_u64(b, kv->u);
        break;
    case LOG_KV_BOOL:
        buf_add_str(b, kv->b ? STR("true") : STR("false"));
        break;
    }
}

void log_format_logfmt(struct buf *b, int64_t wall_ms, const struct log_record *r)
{
    const struct log_kv head[] = {KV("level", log_level_name(r->level)),
                                  KV("component", r->component), KV("msg", r->msg)};

    buf_add_str(b, STR("ts="));
    time_add_rfc3339_ms(b, wall_ms);
    for (size_t i = 0; i < ARRAY_SIZE(head); i++)
        add_pair(b, &head[i]);
    for (size_t i = 0; i < r->kv_n; i++)
        add_pair(b, &r->kv[i]);
    buf_add_char(b, '\n');
}

void log_format_json(struct buf *b, int64_t wall_ms, const struct log_record *r)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    json_put_time(&w, "ts", wall_ms);
    json_put_str(&w, "level", str_from(log_level_name(r->level)));
    json_put_str(&w, "component", str_from(r->component));
    json_put_str(&w, "msg", str_from(r->msg));
    for (size_t i = 0; i < r->kv_n; i++) {
        const struct log_kv *kv = &r->kv[i];

        switch (kv->kind) {
        case LOG_KV_STR:
            json_put_str(&w, kv->key, kv->s);
            break;
        case LOG_KV_I64:
            json_put_i64(&w, kv->key, kv->i);
            break;
        case LOG_KV_U64:
            json_put_u64(&w, kv->key, kv->u);
            break;
        case LOG_KV_BOOL:
            json_put_bool(&w, kv->key, kv->b);
            break;
        }
    }
    json_close_object(&w);
    buf_add_char(b, '\n');
}

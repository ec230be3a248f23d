#include "common/core/api/api_list.h"

#include "common/base/json.h"

#include <errno.h>

/* ---- filters ---- */

static bool filter_one(const struct matcher *m, struct labels l)
{
    bool present = labels_get(l, m->name).n > 0;

    if (m->value.n > 0)
        return matcher_matches(m, l);
    if (m->op == MATCH_EQ || m->op == MATCH_RE)
        return !present || matcher_matches(m, l);
    return present || matcher_matches(m, l);
}

bool api_filter_labels(const struct matchers *m, struct labels l)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!filter_one(&m->v[i], l))
            return false;
    }
    return true;
}

/* Whether an equality of the filter fails: told from the packed texts, since it is what most
 * filters are made of and most alerts fail. */
static bool unequal(const struct matchers *filter, const struct alert *a)
{
    for (size_t i = 0; i < filter->n; i++) {
        const struct matcher *m = &filter->v[i];

        if (m->op == MATCH_EQ && m->value.n > 0 && !str_eq(alert_label(a, m->name), m->value))
            return true;
    }
    return false;
}

bool api_filter_alert(const struct api_filter *f, const struct alert *a, struct arena *scratch)
{
    if (!a->firing || unequal(&f->labels, a))
        return false;
    return f->labels.n == 0 || api_filter_labels(&f->labels, alert_labels(a, scratch));
}

bool api_filter_status(const struct api_filter *f, const struct alert_status *s)
{
    return (f->active || s->suppressed) && (f->silenced || s->silenced_by_n == 0) &&
           (f->inhibited || s->inhibited_by_n == 0);
}

bool api_filter_receiver_name(const struct api_filter *f, const struct receiver *r)
{
    return f->receiver == NULL || regex_match(f->receiver, r->name);
}

bool api_filter_receiver_labels(const struct api_filter *f, const struct receiver *r)
{
    struct label room;

    return f->receiver_matchers.n == 0 ||
           api_filter_labels(&f->receiver_matchers, api_receiver_labels(r, &room));
}

int api_filter_parse(struct api_filter *f, struct str query, enum matcher_mode mode,
                     struct str *ret_error)
{
    struct arena *a = f->arena = arena_new(1024);
    struct http_params q = http_query_parse(query, a);
    struct str receiver = http_param_get(&q, "receiver");
    struct err err;
    int r;

    f->active = http_param_bool(&q, "active", true);
    f->silenced = http_param_bool(&q, "silenced", true);
    f->inhibited = http_param_bool(&q, "inhibited", true);
    f->muted = http_param_bool(&q, "muted", true);
    r = api_params_matchers(&q, "filter", mode, a, &f->labels, &err);
    if (r < 0) {
        *ret_error = arena_str(a, str_from(err.text));
        return r;
    }
    if (receiver.n > 0 && (r = regex_new(receiver, &f->receiver, &err)) < 0) {
        *ret_error = arena_fmt(a, "failed to parse receiver param: %s", err.text);
        return r;
    }
    r = api_params_matchers(&q, "receiver_matchers", mode, a, &f->receiver_matchers, &err);
    if (r < 0)
        *ret_error = arena_fmt(a, "failed to parse receiver_matchers param: %s", err.text);
    return r;
}

void api_filter_clear(struct api_filter *f)
{
    matchers_clear(&f->labels);
    matchers_clear(&f->receiver_matchers);
    regex_free(f->receiver);
    arena_free(f->arena);
}

/* ---- elements ---- */

void api_add_quoted(struct buf *b, struct str s)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_add_str(&w, s);
}

void api_add_labels(struct buf *b, struct labels l)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    LABELS_EACH (&l, it) {
        json_key_str(&w, it->name);
        json_add_str(&w, it->value);
    }
    json_close_object(&w);
}

static void add_quoted_list(struct buf *b, struct str head, const struct str *v, size_t n)
{
    buf_add_str(b, head);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        api_add_quoted(b, v[i]);
    }
}

static void add_status(struct buf *b, const struct alert_status *s)
{
    add_quoted_list(b, STR("\"status\":{\"inhibitedBy\":["), s->inhibited_by, s->inhibited_by_n);
    add_quoted_list(b, STR("],\"mutedBy\":["), s->muted_by, s->muted_by_n);
    add_quoted_list(b, STR("],\"silencedBy\":["), s->silenced_by, s->silenced_by_n);
    buf_add_str(b, s->suppressed ? STR("],\"state\":\"suppressed\"}")
                                 : STR("],\"state\":\"active\"}"));
}

static void add_receiver(struct buf *b, struct str name, bool last)
{
    buf_add_str(b, STR("{\"name\":"));
    api_add_quoted(b, name);
    buf_add_str(b, last ? STR("}") : STR("},"));
}

/* Keys in Alertmanager's order. By hand, since a listing may have a million of them. */
void api_add_alert(struct buf *b, const struct alert *a, const struct alert_status *status,
                   const struct str *receivers, size_t receivers_n)
{
    struct str url = alert_generator_url(a);

    buf_add_str(b, STR("{\"annotations\":"));
    alert_add_annotations_json(b, a);
    buf_add_str(b, STR(",\"endsAt\":\""));
    time_add_rfc3339_ms(b, a->ends_wall_ms);
    buf_add_str(b, STR("\",\"fingerprint\":\""));
    buf_add_hex_u64(b, a->fp);
    buf_add_str(b, STR("\",\"receivers\":["));
    for (size_t i = 0; i < receivers_n; i++)
        add_receiver(b, receivers[i], i + 1 == receivers_n);
    if (receivers == NULL) {
        for (const struct group_member *m = a->groups; m != NULL; m = m->next)
            add_receiver(b, group_route(m->group)->receiver->name, m->next == NULL);
    }
    buf_add_str(b, STR("],\"startsAt\":\""));
    time_add_rfc3339_ms(b, a->starts_wall_ms);
    buf_add_str(b, STR("\","));
    add_status(b, status);
    buf_add_str(b, STR(",\"updatedAt\":\""));
    time_add_rfc3339_ms(b, a->updated_wall_ms);
    buf_add_char(b, '"');
    if (url.n > 0) {
        buf_add_str(b, STR(",\"generatorURL\":"));
        api_add_quoted(b, url);
    }
    buf_add_str(b, STR(",\"labels\":"));
    alert_add_labels_json(b, a);
    buf_add_char(b, '}');
}

/* ---- listings ---- */

static void always_active(void *arg, const struct alert *a, struct now now, struct arena *arena,
                          struct alert_status *ret)
{
    (void)arg, (void)a, (void)now, (void)arena;
    *ret = (struct alert_status){0};
}

struct api_v2 *api_v2_new(const struct alerts *alerts, const struct groups *groups,
                          struct str external_url, alert_status_fn status, void *arg)
{
    struct api_v2 *api = xcalloc(1, sizeof(*api));

    api->alerts = alerts;
    api->groups = groups;
    api->external_url = external_url;
    api->status = status != NULL ? status : always_active;
    api->arg = arg;
    return api;
}

static void listing_free(struct api_listing *l)
{
    api_filter_clear(&l->filter);
    arena_free(l->place_arena);
    free(l->fps);
    free(l->serials);
    free(l);
}

void api_v2_free(struct api_v2 *api)
{
    struct api_listing *l, *next;

    if (api == NULL)
        return;
    HASH_ITER (hh, api->by_request, l, next) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): uthash unlinks l before it is freed */
        HASH_DELETE(hh, api->by_request, l);
        listing_free(l);
    }
    free(api);
}

/* A slice as text; *ret_done when it is the last. */
static struct str slice(struct api_v2 *api, struct api_listing *l, bool first, struct now now,
                        struct arena *a, bool *ret_done)
{
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    if (first)
        buf_add_char(&b, '[');
    *ret_done = l->fill(api, l, now, &b);
    if (*ret_done)
        buf_add_str(&b, STR("]\n"));
    text = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return text;
}

static void too_many(const struct engine_request *r, struct out *out)
{
    struct engine_reply reply = {
        .request_id = r->id,
        .status = 503,
        .content_type = "text/plain; charset=utf-8",
        .body = arena_fmt(out_arena(out),
                          "Limit of concurrent GET requests reached (%d), try again later.\n\n",
                          API_LISTINGS_MAX)};

    out_reply(out, &reply);
}

void api_listing_begin(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now,
                       bool (*fill)(struct api_v2 *, struct api_listing *, struct now,
                                    struct buf *),
                       void (*prepare)(struct api_v2 *, struct api_listing *), struct out *out)
{
    struct arena *a = out_arena(out);
    struct engine_reply reply;
    struct api_listing *l;
    struct str error;
    bool done;

    if (HASH_COUNT(api->by_request) >= API_LISTINGS_MAX) {
        too_many(r, out);
        return;
    }
    l = xcalloc(1, sizeof(*l));
    l->request_id = r->id;
    l->fill = fill;
    if (api_filter_parse(&l->filter, r->query, mode, &error) < 0) {
        api_reply_string(out, r, 400, error);
        listing_free(l);
        return;
    }
    if (prepare != NULL)
        prepare(api, l);
    reply = api_make_reply(a, r, 200, STR_EMPTY);
    reply.content_type = "application/json";
    reply.body = slice(api, l, true, now, a, &done);
    reply.more = !done;
    out_reply(out, &reply);
    if (done)
        listing_free(l);
    else
        HASH_ADD(hh, api->by_request, request_id, sizeof(l->request_id), l);
}

static struct api_listing *find(const struct api_v2 *api, uint64_t request_id)
{
    struct api_listing *l;

    HASH_FIND(hh, api->by_request, &request_id, sizeof(request_id), l);
    return l;
}

bool api_v2_more(struct api_v2 *api, uint64_t request_id, struct now now, struct out *out)
{
    struct api_listing *l = find(api, request_id);
    struct engine_reply reply = {.request_id = request_id};
    bool done;

    if (l == NULL)
        return false;
    reply.body = slice(api, l, false, now, out_arena(out), &done);
    reply.more = !done;
    out_reply(out, &reply);
    if (done)
        api_v2_gone(api, request_id);
    return true;
}

void api_v2_gone(struct api_v2 *api, uint64_t request_id)
{
    struct api_listing *l = find(api, request_id);

    if (l == NULL)
        return;
    HASH_DELETE(hh, api->by_request, l);
    listing_free(l);
}

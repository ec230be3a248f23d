/* GET /api/v2/alerts, in slices. A listing remembers its filters and the fingerprint it goes on
 * from: the table may change between two slices, and an alert that is there all the time is listed
 * once. */
#include "common/core/api/api_v2.h"

#include "common/base/json.h"
#include "common/base/map.h"
#include "common/core/group/groups.h"

#include <errno.h>

/* An alert that is filtered away costs time too: so many are looked at for one slice. */
#define LOOKED_AT_MAX 20000

struct listing {
    UT_hash_handle hh;
    uint64_t request_id;
    struct arena *arena; /* the filters' texts */
    struct matchers filter;
    struct matchers receiver_matchers;
    struct regex *receiver;           /* NULL: any */
    bool active, silenced, inhibited; /* false: leave these out */
    bool comma;
    uint64_t next_fp;
};

struct api_v2 {
    const struct alerts *alerts;
    alert_status_fn status;
    void *status_arg;
    struct listing *by_request;
};

static void always_active(void *arg, const struct alert *a, struct now now, struct arena *arena,
                          struct alert_status *ret)
{
    (void)arg, (void)a, (void)now, (void)arena;
    *ret = (struct alert_status){0};
}

struct api_v2 *api_v2_new(const struct alerts *alerts, alert_status_fn status, void *arg)
{
    struct api_v2 *api = xcalloc(1, sizeof(*api));

    api->alerts = alerts;
    api->status = status != NULL ? status : always_active;
    api->status_arg = arg;
    return api;
}

static void listing_free(struct listing *l)
{
    matchers_clear(&l->filter);
    matchers_clear(&l->receiver_matchers);
    regex_free(l->receiver);
    arena_free(l->arena);
    free(l);
}

void api_v2_free(struct api_v2 *api)
{
    struct listing *l, *next;

    if (api == NULL)
        return;
    HASH_ITER (hh, api->by_request, l, next) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): uthash unlinks l before it is freed */
        HASH_DELETE(hh, api->by_request, l);
        listing_free(l);
    }
    free(api);
}

/* ---- filters ---- */

/* §10.7: with an empty pattern = and =~ ask for absence, != and !~ for presence. */
static bool filter_one(const struct matcher *m, struct labels l)
{
    bool present = labels_get(l, m->name).n > 0;

    if (m->value.n > 0)
        return matcher_matches(m, l);
    if (m->op == MATCH_EQ || m->op == MATCH_RE)
        return !present || matcher_matches(m, l);
    return present || matcher_matches(m, l);
}

static bool filter_all(const struct matchers *m, struct labels l)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!filter_one(&m->v[i], l))
            return false;
    }
    return true;
}

static bool receivers_pass(const struct listing *l, const struct alert *a)
{
    bool named = l->receiver == NULL, matched = l->receiver_matchers.n == 0;

    for (const struct group_member *m = a->groups; m != NULL && !(named && matched); m = m->next) {
        struct label name = {.name = STR("name"), .value = group_route(m->group)->receiver->name};

        if (!named && regex_match(l->receiver, name.value))
            named = true;
        if (!matched && filter_all(&l->receiver_matchers, (struct labels){.v = &name, .n = 1}))
            matched = true;
    }
    return named && matched;
}

/* ---- elements ---- */

static void add_quoted(struct buf *b, struct str s)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_add_str(&w, s);
}

static void add_quoted_list(struct buf *b, struct str head, const struct str *v, size_t n)
{
    buf_add_str(b, head);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        add_quoted(b, v[i]);
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

/* Keys in Alertmanager's order. By hand, since a listing may have a million of them. */
static void add_alert(struct buf *b, const struct alert *a, const struct alert_status *status)
{
    struct str url = alert_generator_url(a);

    buf_add_str(b, STR("{\"annotations\":"));
    alert_add_annotations_json(b, a);
    buf_add_str(b, STR(",\"endsAt\":\""));
    time_add_rfc3339_ms(b, a->ends_wall_ms);
    buf_add_str(b, STR("\",\"fingerprint\":\""));
    buf_add_hex_u64(b, a->fp);
    buf_add_str(b, STR("\",\"receivers\":["));
    for (const struct group_member *m = a->groups; m != NULL; m = m->next) {
        buf_add_str(b, STR("{\"name\":"));
        add_quoted(b, group_route(m->group)->receiver->name);
        buf_add_str(b, m->next != NULL ? STR("},") : STR("}"));
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
        add_quoted(b, url);
    }
    buf_add_str(b, STR(",\"labels\":"));
    alert_add_labels_json(b, a);
    buf_add_char(b, '}');
}

/* ---- slices ---- */

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

static bool passes(const struct listing *l, const struct alert *a, struct arena *scratch)
{
    bool pass = a->firing && !unequal(&l->filter, a) && receivers_pass(l, a);

    if (pass && l->filter.n > 0)
        pass = filter_all(&l->filter, alert_labels(a, scratch));
    return pass;
}

static bool status_passes(const struct listing *l, const struct alert_status *s)
{
    return (l->active || s->suppressed) && (l->silenced || s->silenced_by_n == 0) &&
           (l->inhibited || s->inhibited_by_n == 0);
}

/* Writes elements until the slice is full; true when the listing is complete. */
static bool fill(const struct api_v2 *api, struct listing *l, struct now now, struct buf *b)
{
    struct arena *scratch = arena_new(0);
    const struct alert *a = alerts_from(api->alerts, l->next_fp);
    struct alert_status status;

    for (size_t looked_at = 0; a != NULL && b->n < API_SLICE_BYTES && looked_at < LOOKED_AT_MAX;
         looked_at++) {
        const struct alert *next = NULL;

        if (a->fp != UINT64_MAX) {
            l->next_fp = a->fp + 1;
            next = alerts_from(api->alerts, l->next_fp);
            if (next != NULL)
                __builtin_prefetch(next->text);
        }
        if (passes(l, a, scratch)) {
            api->status(api->status_arg, a, now, scratch, &status);
            if (status_passes(l, &status)) {
                if (l->comma)
                    buf_add_char(b, ',');
                l->comma = true;
                add_alert(b, a, &status);
            }
        }
        arena_reset(scratch);
        a = next;
    }
    arena_free(scratch);
    return a == NULL;
}

/* A slice as text; *ret_done when it is the last. */
static struct str slice(const struct api_v2 *api, struct listing *l, bool first, struct now now,
                        struct arena *a, bool *ret_done)
{
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    if (l->filter.n == 0)
        buf_reserve(&b, API_SLICE_BYTES + KIB(8));
    if (first)
        buf_add_char(&b, '[');
    *ret_done = fill(api, l, now, &b);
    if (*ret_done)
        buf_add_str(&b, STR("]\n"));
    text = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return text;
}

/* ---- requests ---- */

static int listing_parse(struct listing *l, struct str query, enum matcher_mode mode,
                         struct str *ret_error)
{
    struct arena *a = l->arena;
    struct http_params q = http_query_parse(query, a);
    struct str receiver = http_param_get(&q, "receiver");
    struct err err;
    int r;

    l->active = http_param_bool(&q, "active", true);
    l->silenced = http_param_bool(&q, "silenced", true);
    l->inhibited = http_param_bool(&q, "inhibited", true);
    r = api_params_matchers(&q, "filter", mode, a, &l->filter, &err);
    if (r < 0) {
        *ret_error = arena_str(a, str_from(err.text));
        return r;
    }
    if (receiver.n > 0 && (r = regex_new(receiver, &l->receiver, &err)) < 0) {
        *ret_error = arena_fmt(a, "failed to parse receiver param: %s", err.text);
        return r;
    }
    r = api_params_matchers(&q, "receiver_matchers", mode, a, &l->receiver_matchers, &err);
    if (r < 0)
        *ret_error = arena_fmt(a, "failed to parse receiver_matchers param: %s", err.text);
    return r;
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

void api_v2_get_alerts(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now, struct out *out)
{
    struct arena *a = out_arena(out);
    struct engine_reply reply;
    struct listing *l;
    struct str error;
    bool done;

    if (HASH_COUNT(api->by_request) >= API_LISTINGS_MAX) {
        too_many(r, out);
        return;
    }
    l = xcalloc(1, sizeof(*l));
    l->request_id = r->id;
    l->arena = arena_new(1024);
    if (listing_parse(l, r->query, mode, &error) < 0) {
        api_reply_string(out, r, 400, error);
        listing_free(l);
        return;
    }
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

static struct listing *find(const struct api_v2 *api, uint64_t request_id)
{
    struct listing *l;

    HASH_FIND(hh, api->by_request, &request_id, sizeof(request_id), l);
    return l;
}

bool api_v2_more(struct api_v2 *api, uint64_t request_id, struct now now, struct out *out)
{
    struct listing *l = find(api, request_id);
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
    struct listing *l = find(api, request_id);

    if (l == NULL)
        return;
    HASH_DELETE(hh, api->by_request, l);
    listing_free(l);
}

#include "common/cli/silences.h"

#include "common/cli/lists.h"

static bool flag_of(struct json_object *o, const char *key, bool absent)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_boolean))
        return absent;
    return json_object_get_boolean(v);
}

static void add_matcher(struct buf *b, struct json_object *o)
{
    bool equal = flag_of(o, "isEqual", true), regex = flag_of(o, "isRegex", false);
    struct matcher m = {.op =
                            regex ? (equal ? MATCH_RE : MATCH_NRE) : (equal ? MATCH_EQ : MATCH_NE),
                        .name = am_text_of(o, "name"),
                        .value = am_text_of(o, "value")};

    matcher_add_text(b, &m);
}

/* a="b" c="d", in the extended form {a="b",c="d"} */
static void add_matchers(struct tabbed *t, struct json_object *matchers, bool extended)
{
    struct buf b;

    buf_init(&b, 0);
    if (extended)
        buf_add_char(&b, '{');
    for (size_t i = 0;
         json_object_is_type(matchers, json_type_array) && i < json_object_array_length(matchers);
         i++) {
        if (i > 0)
            buf_add_char(&b, extended ? ',' : ' ');
        add_matcher(&b, json_object_array_get_idx(matchers, i));
    }
    if (extended)
        buf_add_char(&b, '}');
    tabbed_add(t, buf_str(&b), CLI_PLAIN);
    buf_clear(&b);
}

static void add_row(const struct am *am, struct tabbed *t, struct json_object *s)
{
    bool extended = am->output == AM_EXTENDED;

    tabbed_add(t, am_text_of(s, "id"), CLI_PLAIN);
    add_matchers(t, json_find_nocase(s, "matchers"), extended);
    if (extended)
        list_add_date(am, t, s, "startsAt");
    list_add_date(am, t, s, "endsAt");
    if (extended)
        list_add_date(am, t, s, "updatedAt");
    tabbed_add(t, am_text_of(s, "createdBy"), CLI_PLAIN);
    tabbed_add(t, am_text_of(s, "comment"), CLI_PLAIN);
    tabbed_end(t, STR_EMPTY);
}

void silences_print(const struct am *am, struct json_object *silences)
{
    static const char *const simple[] = {"ID", "Matchers", "Ends At", "Created By", "Comment"};
    static const char *const extended[] = {"ID",         "Matchers",   "Starts At", "Ends At",
                                           "Updated At", "Created By", "Comment"};
    bool short_form = am->output == AM_SIMPLE;
    size_t n = short_form ? ARRAY_SIZE(simple) : ARRAY_SIZE(extended);
    struct json_object **v;
    struct tabbed t;

    if (am->output == AM_JSON) {
        list_print_json(silences);
        return;
    }
    v = list_by_time(silences, "endsAt");
    tabbed_init(&t);
    for (size_t i = 0; i < n; i++)
        tabbed_add(&t, str_from(short_form ? simple[i] : extended[i]), CLI_PLAIN);
    tabbed_end(&t, STR_EMPTY);
    for (size_t i = 0; i < json_object_array_length(silences); i++)
        add_row(am, &t, v[i]);
    tabbed_print(&t);
    tabbed_clear(&t);
    free((void *)v);
}

void silences_put_postable(struct json_writer *w, struct json_object *silence, const char *id)
{
    static const char *const keys[] = {"annotations", "comment",  "createdBy",
                                       "endsAt",      "matchers", "startsAt"};

    json_open_object(w);
    if (id != NULL)
        json_put_str(w, "id", str_from(id));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct json_object *v = json_find_nocase(silence, keys[i]);

        if (v == NULL)
            continue;
        json_key(w, keys[i]);
        am_put_json(w, v);
    }
    json_close_object(w);
}

int silences_post(const struct am *am, const char *body, struct arena *arena, struct str *ret_id,
                  long *ret_status, struct err *err)
{
    struct cli_answer answer;
    int rc = am_call(am, "POST", "/silences", body, &answer, err);

    *ret_status = answer.status;
    if (rc == 0) {
        *ret_id =
            arena_str(arena != NULL ? arena : am->arena, am_text_of(answer.json, "silenceID"));
        if (ret_id->n == 0)
            rc = err_set(err, -EIO, "POST /silences: the answer has no silenceID");
    }
    cli_answer_clear(&answer);
    return rc;
}

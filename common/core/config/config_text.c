#include "common/core/config/config_text.h"

#include "common/base/time_text.h"
#include "common/core/config/schema_text.h"
#include "common/core/integrations/integration.h"

static void key(struct buf *b, unsigned indent, const char *name)
{
    config_write_indent(b, indent);
    buf_add_fmt(b, "%s:", name);
}

static void list(struct buf *b, unsigned indent, const char *name, struct str_list items)
{
    if (items.n == 0)
        return;
    key(b, indent, name);
    config_write_items(b, indent, items);
}

static void duration(struct buf *b, unsigned indent, const char *name, bool written, int64_t ms)
{
    if (!written)
        return;
    key(b, indent, name);
    buf_add_char(b, ' ');
    duration_add(b, ms);
    buf_add_char(b, '\n');
}

static void matchers(struct buf *b, unsigned indent, const struct matchers_block *m)
{
    if (m->match.n > 0) {
        key(b, indent, "match");
        config_write_pairs(b, indent, m->match);
    }
    if (m->match_re.n > 0) {
        key(b, indent, "match_re");
        config_write_pairs(b, indent, m->match_re);
    }
    list(b, indent, "matchers", m->matchers);
}

static void boolean(struct buf *b, unsigned indent, const char *name, bool value)
{
    key(b, indent, name);
    buf_add_fmt(b, " %s\n", value ? "true" : "false");
}

/* A route has what its block says, for what it does not say comes from its parent anyway. An empty
 * group_by is said, too: one group for everything, whatever the parent has. Depth is bounded by
 * ROUTE_DEPTH_MAX. */
static void route_text(struct buf *b, unsigned indent, const struct route *r)
{
    const struct route_written *w = r->written;

    if (w->receiver.n > 0) {
        key(b, indent, "receiver");
        buf_add_char(b, ' ');
        config_write_str(b, w->receiver);
        buf_add_char(b, '\n');
    }
    if (w->has_group_by) {
        key(b, indent, "group_by");
        config_write_items(b, indent, w->group_by);
    }
    matchers(b, indent, &w->matchers);
    list(b, indent, "mute_time_intervals", w->mute_time_intervals);
    list(b, indent, "active_time_intervals", w->active_time_intervals);
    boolean(b, indent, "continue", r->go_on);
    if (r->children_n > 0)
        key(b, indent, "routes"), buf_add_char(b, '\n');
    for (size_t i = 0; i < r->children_n; i++) {
        size_t start = b->n;

        route_text(b, indent + 2, r->children[i]);
        if (!b->overflow)
            b->p[start + indent] = '-';
    }
    duration(b, indent, "group_wait", w->has_group_wait, r->group_wait_ms);
    duration(b, indent, "group_interval", w->has_group_interval, r->group_interval_ms);
    duration(b, indent, "repeat_interval", w->has_repeat_interval, r->repeat_interval_ms);
    if (w->labels.n > 0) {
        key(b, indent, "labels");
        config_write_pairs(b, indent, w->labels);
    }
}

static void inhibit_text(struct buf *b, const struct am_config *c)
{
    size_t fields_n;
    const struct config_field *fields = inhibit_fields(&fields_n);

    if (c->inhibit.n > 0)
        buf_add_str(b, STR("inhibit_rules:\n"));
    for (size_t i = 0; i < c->inhibit.n; i++) {
        if (c->inhibit.v[i].never) /* {} would hold for everything */
            buf_add_str(b, STR("- null\n"));
        else
            config_write_item(b, 0, fields, fields_n, &c->inhibit.written[i]);
    }
}

static void receiver_text(struct buf *b, const struct receiver *r)
{
    size_t kinds_n;
    const struct integration *const *kinds = integrations_as_written(&kinds_n);

    buf_add_str(b, STR("- name: "));
    config_write_str(b, r->name);
    buf_add_char(b, '\n');
    key(b, 2, "labels");
    config_write_pairs(b, 2, r->labels);
    for (size_t k = 0; k < kinds_n; k++) {
        bool first = true;

        for (size_t i = 0; i < r->n; i++) {
            if (r->v[i].integration != kinds[k])
                continue;
            if (first)
                key(b, 2, kinds[k]->config_key), buf_add_char(b, '\n');
            first = false;
            config_write_item(b, 2, kinds[k]->fields, kinds[k]->fields_n, r->v[i].config);
        }
    }
}

static void intervals_text(struct buf *b, const struct named_intervals *all, bool deprecated)
{
    bool first = true;

    for (size_t i = 0; i < all->n; i++) {
        const struct named_interval *named = &all->v[i];

        if (named->deprecated != deprecated)
            continue;
        if (first)
            buf_add_str(b, deprecated ? STR("mute_time_intervals:\n") : STR("time_intervals:\n"));
        first = false;
        buf_add_str(b, STR("- name: "));
        config_write_str(b, named->name);
        buf_add_str(b,
                    named->n > 0 ? STR("\n  time_intervals:\n") : STR("\n  time_intervals: []\n"));
        for (size_t k = 0; k < named->n; k++)
            interval_add_yaml(b, &named->v[k], 2);
    }
}

static void section_text(struct buf *b, const char *name, const struct config_section *s,
                         const void *value)
{
    struct config_field f = {.name = name, .kind = CONFIG_SECTION_REF, .section = s};

    config_write(b, 0, &f, 1, &value);
}

/* Without its webhooks: their URLs are secrets, and Alertmanager does not read <secret> back there.
 */
static void events_text(struct buf *b, const struct event_recorder_config *written)
{
    struct event_recorder_config shown;

    if (written == NULL)
        return;
    shown = *written;
    shown.webhooks.n = 0;
    section_text(b, "event_recorder", &event_recorder_section, &shown);
}

struct str config_text(const struct am_config *c, struct arena *a)
{
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, STR("global:\n"));
    config_write(&b, 2, am_global_section.fields, am_global_section.fields_n, &c->global);
    buf_add_str(&b, STR("route:\n"));
    route_text(&b, 2, c->root);
    inhibit_text(&b, c);
    buf_add_str(&b, c->receivers.n > 0 ? STR("receivers:\n") : STR("receivers: []\n"));
    for (size_t i = 0; i < c->receivers.n; i++)
        receiver_text(&b, &c->receivers.v[i]);
    key(&b, 0, "templates");
    config_write_items(&b, 0, c->templates);
    intervals_text(&b, &c->intervals, true);
    intervals_text(&b, &c->intervals, false);
    section_text(&b, "tracing", &tracing_section, c->tracing);
    events_text(&b, c->event_recorder);
    text = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return text;
}

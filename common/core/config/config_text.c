#include "common/core/config/config_text.h"

#include "common/base/time_text.h"
#include "common/core/integrations/integration.h"

#include <inttypes.h>

static void indent(struct buf *b, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        buf_add_str(b, STR("  "));
}

/* A single-quoted scalar; line breaks, which those cannot hold, make it a double-quoted one. */
static void scalar(struct buf *b, struct str s)
{
    bool plain = true;

    for (size_t i = 0; i < s.n; i++)
        plain = plain && (unsigned char)s.p[i] >= 0x20;
    if (!plain) {
        buf_add_char(b, '"');
        for (size_t i = 0; i < s.n; i++) {
            if ((unsigned char)s.p[i] < 0x20)
                buf_add_fmt(b, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
            else if (s.p[i] == '"' || s.p[i] == '\\')
                buf_add_fmt(b, "\\%c", s.p[i]);
            else
                buf_add_char(b, s.p[i]);
        }
        buf_add_char(b, '"');
        return;
    }
    buf_add_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            buf_add_char(b, '\'');
        buf_add_char(b, s.p[i]);
    }
    buf_add_char(b, '\'');
}

static void duration(struct buf *b, unsigned depth, const char *key, int64_t ms)
{
    indent(b, depth);
    buf_add_fmt(b, "%s: ", key);
    duration_add(b, ms);
    buf_add_char(b, '\n');
}

static void route_group_by(struct buf *b, unsigned depth, const struct route *r)
{
    if (!r->group_by_all && r->group_by_n == 0)
        return;
    indent(b, depth);
    buf_add_str(b, STR("group_by:\n"));
    if (r->group_by_all) {
        indent(b, depth);
        buf_add_str(b, STR("- '...'\n"));
        return;
    }
    for (size_t i = 0; i < r->group_by_n; i++) {
        indent(b, depth);
        buf_add_str(b, STR("- "));
        scalar(b, r->group_by[i]);
        buf_add_char(b, '\n');
    }
}

static void route_matchers(struct buf *b, unsigned depth, const struct route *r)
{
    struct buf one;

    if (r->matchers.n == 0)
        return;
    indent(b, depth);
    buf_add_str(b, STR("matchers:\n"));
    buf_init(&one, 0);
    for (size_t i = 0; i < r->matchers.n; i++) {
        buf_reset(&one);
        matcher_add_text(&one, &r->matchers.v[i]);
        indent(b, depth);
        buf_add_str(b, STR("- "));
        scalar(b, buf_str(&one));
        buf_add_char(b, '\n');
    }
    buf_clear(&one);
}

/* The first line begins where the cursor stands: behind "- ", or at the margin. Depth is bounded by
 * ROUTE_DEPTH_MAX. */
static void route_text(struct buf *b, unsigned depth, const struct route *r)
{
    buf_add_str(b, STR("receiver: "));
    scalar(b, r->receiver->name);
    buf_add_char(b, '\n');
    route_group_by(b, depth, r);
    route_matchers(b, depth, r);
    indent(b, depth);
    buf_add_fmt(b, "continue: %s\n", r->go_on ? "true" : "false");
    duration(b, depth, "group_wait", r->group_wait_ms);
    duration(b, depth, "group_interval", r->group_interval_ms);
    duration(b, depth, "repeat_interval", r->repeat_interval_ms);
    if (r->children_n == 0)
        return;
    indent(b, depth);
    buf_add_str(b, STR("routes:\n"));
    for (size_t i = 0; i < r->children_n; i++) {
        indent(b, depth);
        buf_add_str(b, STR("- "));
        route_text(b, depth + 1, r->children[i]);
    }
}

static void field_value(struct buf *b, const struct config_field *f, const void *value)
{
    const struct str *s = value;
    const struct str_list *list = value;

    switch (f->kind) {
    case CONFIG_SECRET:
    case CONFIG_SECRET_URL:
        buf_add_str(b, STR("<secret>"));
        break;
    case CONFIG_STR:
    case CONFIG_URL:
        scalar(b, *s);
        break;
    case CONFIG_BOOL:
        buf_add_str(b, *(const bool *)value ? STR("true") : STR("false"));
        break;
    case CONFIG_INT:
        buf_add_i64(b, *(const int64_t *)value);
        break;
    case CONFIG_DURATION:
        duration_add(b, *(const int64_t *)value);
        break;
    case CONFIG_GO_DURATION:
        buf_add_fmt(b, "%" PRId64 "ms", *(const int64_t *)value);
        break;
    case CONFIG_SIZE:
        buf_add_u64(b, *(const uint64_t *)value);
        break;
    case CONFIG_STR_LIST:
        buf_add_char(b, '[');
        for (size_t i = 0; i < list->n; i++) {
            if (i > 0)
                buf_add_str(b, STR(", "));
            scalar(b, list->v[i]);
        }
        buf_add_char(b, ']');
        break;
    case CONFIG_CUSTOM:
    case CONFIG_IGNORED:
    case CONFIG_NOT_YET:
        buf_add_str(b, STR("null"));
        break;
    }
}

static bool field_shown(const struct config_field *f, const void *value)
{
    const struct str *s = value;

    switch (f->kind) {
    case CONFIG_CUSTOM:
    case CONFIG_IGNORED:
    case CONFIG_NOT_YET:
        return false;
    case CONFIG_STR:
    case CONFIG_SECRET:
    case CONFIG_URL:
    case CONFIG_SECRET_URL:
        return s->n > 0;
    default:
        return true;
    }
}

static void integration_text(struct buf *b, const struct receiver_integration *ri)
{
    const struct integration *in = ri->integration;
    bool first = true;

    for (size_t i = 0; i < in->fields_n; i++) {
        const void *value = (const char *)ri->config + in->fields[i].offset;

        if (!field_shown(&in->fields[i], value))
            continue;
        buf_add_fmt(b, "%s%s: ", first ? "  - " : "    ", in->fields[i].name);
        field_value(b, &in->fields[i], value);
        buf_add_char(b, '\n');
        first = false;
    }
    if (first)
        buf_add_str(b, STR("  - {}\n"));
}

static void receiver_text(struct buf *b, const struct receiver *r)
{
    buf_add_str(b, STR("- name: "));
    scalar(b, r->name);
    buf_add_char(b, '\n');
    for (size_t i = 0; i < r->n; i++) { /* integrations of one kind stand together */
        if (i == 0 || r->v[i].integration != r->v[i - 1].integration)
            buf_add_fmt(b, "  %s:\n", r->v[i].integration->config_key);
        integration_text(b, &r->v[i]);
    }
}

struct str config_text(const struct am_config *c, struct arena *a)
{
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, STR("global:\n"));
    duration(&b, 1, "resolve_timeout", c->global.resolve_timeout_ms);
    buf_add_str(&b, STR("route:\n"));
    indent(&b, 1);
    route_text(&b, 1, c->root);
    buf_add_str(&b, STR("receivers:\n"));
    for (size_t i = 0; i < c->receivers.n; i++)
        receiver_text(&b, &c->receivers.v[i]);
    text = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return text;
}

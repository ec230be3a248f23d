#include "common/core/config/reference.h"

#include "common/core/config/am_config.h"
#include "common/core/integrations/integration.h"

#define SECTIONS_MAX 64

struct page {
    struct buf *b;
    const struct config_section *sections[SECTIONS_MAX]; /* in the order they were met */
    size_t sections_n;
};

static const char *kind_text(enum config_kind kind)
{
    static const char *const texts[] = {
        [CONFIG_STR] = "text",
        [CONFIG_SECRET] = "secret",
        [CONFIG_URL] = "URL",
        [CONFIG_SECRET_URL] = "secret URL",
        [CONFIG_TEMPLATE_URL] = "secret URL",
        [CONFIG_PROXY_URL] = "URL of any scheme",
        [CONFIG_HOSTPORT] = "host:port",
        [CONFIG_FILE] = "file, from the working directory",
        [CONFIG_PATH] = "file, from the configuration's folder",
        [CONFIG_BOOL] = "boolean",
        [CONFIG_MAYBE] = "boolean",
        [CONFIG_INT] = "whole number",
        [CONFIG_FLOAT] = "number",
        [CONFIG_DURATION] = "duration: `1h30m`, days and weeks too",
        [CONFIG_GO_DURATION] = "Go duration: `1.5s`, or nanoseconds",
        [CONFIG_GO_TEXT] = "Go duration: `1.5s`",
        [CONFIG_SIZE] = "size",
        [CONFIG_STR_LIST] = "list of texts",
        [CONFIG_SECRET_LIST] = "list of secrets",
        [CONFIG_PATH_LIST] = "list of files, from the configuration's folder",
        [CONFIG_MAP] = "map of texts",
        [CONFIG_SECRETS_MAP] = "map of lists of secrets",
        [CONFIG_ANY] = "anything",
        [CONFIG_ANY_MAP] = "map of anything",
    };

    return (size_t)kind < ARRAY_SIZE(texts) && texts[kind] != NULL ? texts[kind] : "see there";
}

static void add_cell(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_add_char(b, '\\');
        buf_add_char(b, *text);
    }
}

static void remember(struct page *p, const struct config_section *s)
{
    for (size_t i = 0; i < p->sections_n; i++) {
        if (p->sections[i] == s)
            return;
    }
    if (p->sections_n < SECTIONS_MAX && s->fields_n > 0)
        p->sections[p->sections_n++] = s;
}

static void add_type(struct page *p, const struct config_field *f)
{
    const char *name = f->section != NULL ? f->section->name : NULL;

    switch (f->kind) {
    case CONFIG_SECTION:
    case CONFIG_SECTION_REF:
        buf_add_fmt(p->b, "[%s](#%s)", name, name);
        break;
    case CONFIG_SECTIONS:
        buf_add_fmt(p->b, "list of %s", name);
        break;
    case CONFIG_SECTION_MAP:
        buf_add_fmt(p->b, "map of %s", name);
        break;
    default:
        add_cell(p->b, kind_text(f->kind));
    }
    if (f->rendering == CONFIG_AS_TEXT)
        buf_add_str(p->b, STR(", template"));
    else if (f->rendering == CONFIG_AS_HTML)
        buf_add_str(p->b, STR(", HTML template"));
    else if (f->rendering == CONFIG_DEEP)
        buf_add_str(p->b, STR(", templates in it"));
    if (f->section != NULL)
        remember(p, f->section);
}

static void add_default(struct buf *b, const struct config_field *f)
{
    if (f->global != NULL)
        buf_add_fmt(b, "`global.%s`", f->global);
    else if (f->fallback != NULL)
        buf_add_char(b, '`'), add_cell(b, f->fallback), buf_add_char(b, '`');
    if (f->global_with != NULL)
        buf_add_fmt(b, ", without `%s`", f->global_with);
}

static void add_table(struct page *p, const struct config_field *fields, size_t n)
{
    buf_add_str(p->b, STR("| key | type | default | meaning |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < n; i++) {
        buf_add_fmt(p->b, "| `%s` | ", fields[i].name);
        add_type(p, &fields[i]);
        buf_add_str(p->b, STR(" | "));
        add_default(p->b, &fields[i]);
        buf_add_str(p->b, STR(" | "));
        add_cell(p->b, fields[i].doc != NULL ? fields[i].doc : "");
        buf_add_str(p->b, STR(" |\n"));
    }
    buf_add_char(p->b, '\n');
}

static void add_receivers(struct page *p)
{
    size_t n;
    const struct integration *const *kinds = integrations_as_written(&n);

    buf_add_str(p->b,
                STR("## receivers\n\nA list; each has\n\n| key | type | default | meaning |\n"
                    "|---|---|---|---|\n"
                    "| `name` | text | | Required, unique. |\n"
                    "| `labels` | map of texts | | Of the receiver; `name` is always one. |\n"));
    for (size_t i = 0; i < n; i++)
        buf_add_fmt(p->b, "| `%s` | list of [%s](#%s) | | |\n", kinds[i]->config_key,
                    kinds[i]->name, kinds[i]->config_key);
    buf_add_char(p->b, '\n');
    for (size_t i = 0; i < n; i++) {
        buf_add_fmt(p->b, "## %s\n\n", kinds[i]->config_key);
        if (kinds[i]->build == NULL)
            buf_add_str(p->b, STR("Read and checked; there is no sender yet.\n\n"));
        add_table(p, kinds[i]->fields, kinds[i]->fields_n);
    }
}

static void add_blocks(struct page *p)
{
    size_t n;
    const struct config_field *fields = route_fields(&n);

    buf_add_str(p->b, STR("## global\n\n"));
    add_table(p, am_global_section.fields, am_global_section.fields_n);
    buf_add_str(p->b, STR("## route\n\n"));
    add_table(p, fields, n);
    buf_add_str(p->b, STR("## inhibit_rules\n\nA list; each has\n\n"));
    fields = inhibit_fields(&n);
    add_table(p, fields, n);
    buf_add_str(
        p->b,
        STR("## time_intervals\n\nA list of `{name, time_intervals}`, and each of the latter is a "
            "list; all that an entry says must hold, and one entry of the list. It has\n\n"));
    fields = interval_table(&n);
    add_table(p, fields, n);
}

void config_reference_add(struct buf *b)
{
    struct page p = {.b = b};
    size_t n;
    const struct config_field *fields = am_config_fields(&n);

    buf_add_str(b, STR("# Configuration reference\n\n"
                       "Every key of the edge's `alertmanager.yml`; `global` and `receivers` are "
                       "those of `global.yml`, too. "
                       "Written by `tocsinctl config-reference` from the tables that read the "
                       "file: do not edit. "
                       "How things behave: [configuration.md](configuration.md).\n\n"));
    add_table(&p, fields, n);
    add_blocks(&p);
    add_receivers(&p);
    for (size_t i = 0; i < p.sections_n; i++) { /* grows on the way */
        buf_add_fmt(b, "## %s\n\n", p.sections[i]->name);
        add_table(&p, p.sections[i]->fields, p.sections[i]->fields_n);
    }
    b->n--; /* one line break at the end, not two */
    b->p[b->n] = '\0';
}

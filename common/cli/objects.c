#include "common/cli/objects.h"

#include "common/base/vec.h"
#include "common/cli/table.h"

#include <stdio.h>

static enum cli_colour colour_of(struct str value)
{
    static const struct {
        const char *value;
        enum cli_colour colour;
    } words[] = {
        {"triggered", CLI_RED},     {"acknowledged", CLI_YELLOW}, {"resolved", CLI_GREEN},
        {"silent", CLI_RED},        {"stale", CLI_YELLOW},        {"live", CLI_GREEN},
        {"critical", CLI_RED},      {"warning", CLI_YELLOW},      {"firing", CLI_RED},
        {"suppressed", CLI_YELLOW},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq_c(value, words[i].value))
            return words[i].colour;
    return CLI_PLAIN;
}

static void add_cell(struct table *t, struct json_object *o, const char *const keys[2])
{
    struct json_object *v = NULL;
    struct buf text;

    buf_init(&text, 0);
    for (size_t i = 0; i < 2 && keys[i] != NULL; i++)
        if (json_object_object_get_ex(o, keys[i], &v) && v != NULL)
            break;
    cli_add_json(&text, v);
    table_add_coloured(t, buf_str(&text), colour_of(buf_str(&text)));
    buf_clear(&text);
}

static bool is_object(struct json_object *o)
{
    return json_object_is_type(o, json_type_object);
}

struct columns {
    struct object_column *v;
    size_t n, cap;
};

/* Each key that occurs, in the order in which they occur. The titles are the keys themselves. */
static void find_columns(struct json_object *list, struct columns *ret)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (!is_object(o))
            continue;
        json_object_object_foreach(o, key, value)
        {
            bool known = value == NULL;

            for (size_t k = 0; k < ret->n && !known; k++)
                known = strcmp(ret->v[k].title, key) == 0;
            if (!known)
                *VEC_PUSH(ret) = (struct object_column){.title = key, .keys = {key}};
        }
    }
}

void objects_print_table(struct json_object *list, const struct object_column *columns, size_t n,
                         const char *when_empty)
{
    size_t length = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    struct columns found = {0};
    const char **titles;
    struct table t;

    if (columns == NULL && length > 0) {
        find_columns(list, &found);
        columns = found.v;
        n = found.n;
    }
    if (length == 0 || n == 0) {
        printf("%s\n", when_empty);
        VEC_CLEAR(&found);
        return;
    }
    titles = xcalloc(n, sizeof(*titles));
    for (size_t k = 0; k < n; k++)
        titles[k] = columns[k].title;
    table_init(&t, titles, n);
    for (size_t i = 0; i < length; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        for (size_t k = 0; is_object(o) && k < n; k++)
            add_cell(&t, o, columns[k].keys);
    }
    table_print(&t, stdout);
    table_clear(&t);
    free(titles);
    VEC_CLEAR(&found);
}

static bool is_list_of_objects(struct json_object *v)
{
    return json_object_is_type(v, json_type_array) && json_object_array_length(v) > 0 &&
           is_object(json_object_array_get_idx(v, 0));
}

void objects_print_fields(struct json_object *o)
{
    static const char *const columns[] = {"FIELD", "VALUE"};
    struct table t;

    table_init(&t, columns, ARRAY_SIZE(columns));
    json_object_object_foreach(o, key, value)
    {
        const char *keys[2] = {key, NULL};

        if (strcmp(key, "v") == 0 || value == NULL || is_list_of_objects(value) ||
            (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0))
            continue;
        table_add(&t, str_from(key));
        add_cell(&t, o, keys);
    }
    table_print(&t, stdout);
    table_clear(&t);
}

void objects_print_json(const struct cli_answer *a)
{
    fwrite(a->body.p, 1, a->body.n, stdout);
    if (a->body.n == 0 || a->body.p[a->body.n - 1] != '\n')
        fputc('\n', stdout);
}

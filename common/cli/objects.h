/* JSON objects shown to people. Tolerant: a missing field is an empty cell, fields that are not
 * asked for are left out, and a value of any type can be shown. */
#pragma once

#include "common/cli/http.h"

struct object_column {
    const char *title;
    const char *keys[2]; /* the first that is present counts; keys[1] may be NULL */
};

/* One row for each object of the array (NULL: none). columns NULL: one for each key that occurs. */
void objects_print_table(struct json_object *list, const struct object_column *columns, size_t n,
                         const char *when_empty);

/* "key: value" lines of everything but lists of objects. */
void objects_print_fields(struct json_object *o);

/* The body as it came, with a line end. */
void objects_print_json(const struct cli_answer *a);

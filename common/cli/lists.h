/* Lists of the API as amtool shows them. */
#pragma once

#include "common/base/str.h"
#include "common/cli/am.h"
#include "common/cli/tabbed.h"

/* The objects of an array by the time under that key; equal ones keep their order. The caller frees
 * the list; the objects are lent. */
struct json_object **list_by_time(struct json_object *array, const char *key);
void list_sort_strs(struct str *v, size_t n); /* byte order */
void list_print_json(struct json_object *v);  /* to stdout, as one line */
/* A cell with the time under that key. */
void list_add_date(const struct am *am, struct tabbed *t, struct json_object *o, const char *key);

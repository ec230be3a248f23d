/* Lists of the API in the order in which amtool shows them. */
#pragma once

#include "common/base/str.h"
#include "common/cli/am.h"

/* The objects of an array by the time under that key; equal ones keep their order. The caller frees
 * the list; the objects are lent. */
struct json_object **sorted_by_time(struct json_object *array, const char *key);
void sorted_strs(struct str *v, size_t n);     /* byte order */
void sorted_print_json(struct json_object *v); /* to stdout, as one line */

/* What templates can call: Go's built-in functions and Alertmanager's. */
#pragma once

#include "common/core/template/value.h"

const struct tv_func *funcs_find(struct str name); /* NULL when there is none */

bool funcs_is_builtin(const struct tv_func *f); /* Go's, not Alertmanager's */

/* Function tables, one a file; each ends with a row without a name. */
extern const struct tv_func funcs_builtin[], funcs_alertmanager[];

/* Methods by type; types' rows point here. */
extern const struct tv_func methods_time[], methods_duration[], methods_named_int[], methods_kv[],
    methods_pairs[], methods_strings[], methods_alerts[];

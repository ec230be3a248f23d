/* One change to the store, as the core emits it and io carries it out. Shared by both; the kind is
 * the core's affair and opaque to io. */
#pragma once

#include "common/base/str.h"

#define ROW_KEY_MAX KIB(8)
#define ROW_VALUE_MAX MIB(16)

/* Sets the value of (kind, key), or removes the row. Setting is an upsert of the whole value and
 * removing an absent row is no mistake: a row operation may be carried out twice. */
struct row_op {
    uint32_t kind;
    struct str key;   /* at most ROW_KEY_MAX bytes, compared bytewise */
    struct str value; /* at most ROW_VALUE_MAX bytes; ignored when remove */
    bool remove;
};

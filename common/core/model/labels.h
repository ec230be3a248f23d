/* Label sets: sorted by name in byte order, names unique, no empty value. A value type that owns
 * nothing. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

struct label {
    struct str name, value;
};

struct labels {
    const struct label *v;
    size_t n;
};

#define LABELS_EACH(labels, it) \
    for (const struct label *it = (labels)->v; it != NULL && it < (labels)->v + (labels)->n; it++)

/* "" when absent; a set holds no empty value, so n == 0 says absent. */
struct str labels_get(struct labels l, struct str name);
bool labels_eq(struct labels a, struct labels b);

/* Alertmanager's orders (core specification §1.9). labels_cmp is that of label sets: fewer labels
 * first, then by name and value. labels_cmp_alert is that of alerts inside a group: by `job`, by
 * `instance` (who has one comes first), then labels_cmp. */
int labels_cmp(struct labels a, struct labels b);
int labels_cmp_alert(struct labels a, struct labels b);

/* Sorts in place, drops empty values; returns the new count. Of duplicate names the last wins. */
size_t labels_sort(struct label *v, size_t n);
size_t labels_sort_all(struct label *v, size_t n); /* the same, and empty values stay */

/* FNV-1a over name 0xFF value 0xFF …: Prometheus' fingerprint. */
uint64_t labels_fingerprint(struct labels l);
uint64_t labels_xxh64(
    struct labels l); /* the same bytes through xxHash64: the notification log's alert hash */

/* Array and texts, each text NUL-terminated. */
struct labels labels_copy(struct arena *a, struct labels l);
/* Set or replace; "" removes. Only the array is new: the texts are lent. */
struct labels labels_with(struct arena *a, struct labels l, struct str name, struct str value);

/* {n1="v1", n2="v2"}, values quoted as Go does; {} when empty. */
void labels_add_text(struct buf *b, struct labels l);

bool label_name_valid_classic(struct str name); /* [a-zA-Z_][a-zA-Z0-9_]* */
bool label_name_valid_utf8(struct str name);

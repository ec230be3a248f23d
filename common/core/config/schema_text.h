/* What a table's struct holds, as YAML that reads back as the same: defaults included, secrets as
 * <secret>. Keys come in the table's order. */
#pragma once

#include "common/core/config/schema.h"

/* Each field on lines of its own, indented by so many spaces; nothing when all are unset. */
void config_write(struct buf *b, unsigned indent, const struct config_field *fields,
                  size_t fields_n, const void *base);
/* The same as an item of a list: "- key: …" with the dash at indent; "- {}" when all are unset. */
void config_write_item(struct buf *b, unsigned indent, const struct config_field *fields,
                       size_t fields_n, const void *base);

void config_write_indent(struct buf *b, unsigned indent);
/* A scalar that is a string whatever it looks like. */
void config_write_str(struct buf *b, struct str s);
/* A list and a map behind "key:" that stands at indent. */
void config_write_items(struct buf *b, unsigned indent, struct str_list list);
void config_write_pairs(struct buf *b, unsigned indent, struct labels pairs);
void config_write_go_duration(struct buf *b, int64_t ms); /* as Go prints it: 1m30s, 0s */

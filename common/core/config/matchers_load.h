/* Lists of matchers in configuration files. */
#pragma once

#include "common/core/config/schema.h"
#include "common/core/model/matcher.h"

/* A list of texts, each one or several matchers; appended to *ret. A text that cannot be read is a
 * mistake, one that the two syntaxes read differently a warning. */
void matchers_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                   enum matcher_mode mode, struct matchers *ret);

/* The three keys that matchers are written in, of a route or of one side of an inhibition. `all` is
 * what holds; the rest remembers what was written where. */
struct matchers_block {
    struct matchers all;      /* unsorted; the owner of the regexes */
    struct labels match;      /* the old form: equality */
    struct labels match_re;   /* the old form: expressions, as written */
    struct str_list matchers; /* each as text */
};

/* Parsers of fields at the block's address, in l's mode. The expressions of match_re are kept in
 * `all` as ^(?:…)$, which keys of routes show. */
void matchers_parse_list(struct config_loader *l, const struct yaml_node *n, void *block);
void matchers_parse_match(struct config_loader *l, const struct yaml_node *n, void *block);
void matchers_parse_match_re(struct config_loader *l, const struct yaml_node *n, void *block);

/* And back: for the same rows of tables. */
bool matchers_shown_list(const void *block);
bool matchers_shown_match(const void *block);
bool matchers_shown_match_re(const void *block);
void matchers_write_list(struct buf *b, unsigned indent, const void *block);
void matchers_write_match(struct buf *b, unsigned indent, const void *block);
void matchers_write_match_re(struct buf *b, unsigned indent, const void *block);

/* As l's mode says. */
bool config_label_name_valid(const struct config_loader *l, struct str name);

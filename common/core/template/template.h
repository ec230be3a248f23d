/* Go's text/template with Alertmanager's functions, in pure C: parse once, render often.
 *
 * A set holds what the configuration's template files define; a template is one text of the
 * configuration, parsed against a set. Both are immutable to renderings. Rendering is bounded in
 * output, memory, steps and depth, so that no template can hang or exhaust the process.
 *
 * Differences from Go that are meant: no complex numbers, a time from
 * `now` has no monotonic reading ("m=+…" is not printed), nesting of parentheses and blocks ends at
 * 200. */
#pragma once

#include "common/base/now.h"
#include "common/core/template/value.h"

struct template_set;
struct template;

#define TEMPLATE_TEXT_BYTES_MAX MIB(1) /* of one file or text */

struct template_limits { /* 0: the default */
    size_t output_bytes; /* 16 MiB */
    size_t memory_bytes; /* of values made while rendering: 64 MiB */
    uint64_t steps;      /* nodes visited: 5,000,000 */
    unsigned depth;      /* of {{template}} calls: 1000 */
};

/* The tz database, which is somebody else's: how far a location is from UTC at an instant and what
 * its time is called then; false when nobody knows it. Not asked about "" and "UTC". Without it,
 * only Etc/GMT±n are known, and "Local" is UTC. */
struct template_zones {
    bool (*at)(struct str location, int64_t epoch_s, int *ret_offset_s,
               struct str *ret_abbreviation, void *arg);
    void *arg;
};

struct template_env {
    struct now now;
    struct template_zones zones;
    struct tv route_labels; /* a KV, or no value: what routeLabels looks into */
    bool raw_route_labels;  /* their values are templates, to be rendered on demand */
    struct template_limits limits;
};

struct template_file {
    struct str name; /* its path; {{ template }} knows it by what is behind the last slash */
    struct str text;
};

#define TEMPLATE_FILES_MAX 1000

/* The defaults, and these files in their order. Each file that can't be parsed is a mistake that
 * says where; then there is no set (NULL). */
struct template_set *template_set_load(const struct template_file *files, size_t n,
                                       struct mistakes *m);

/* Step by step: */
struct template_set *template_set_new(void);
void template_set_free(struct template_set *s);

/* Adds a file: its defines, and its remaining text under the name given (the file's base name).
 * What is empty (white space and comments) replaces nothing. On failure the set is as before; the
 * error reads "template: NAME:LINE:COLUMN: what". */
MUST_CHECK int template_set_add(struct template_set *s, struct str name, struct str text,
                                struct err *err);

/* The templates that configurations may count on: slack.default.title, email.default.html … To be
 * added first, so that files can override them. */
void template_set_add_defaults(struct template_set *s);

/* A text of the configuration; its defines are seen by it alone. The set must outlive it and not
 * change meanwhile. */
MUST_CHECK int template_parse(struct template **ret, const struct template_set *s, struct str text,
                              struct err *err);
/* The same for a text of HTML: values are escaped by where they stand, as Go's html/template does.
 * Fails as well when a place cannot be told, or is none for values: then the error reads
 * "html/template:NAME:LINE:COLUMN: what". */
MUST_CHECK int template_parse_html(struct template **ret, const struct template_set *s,
                                   struct str text, struct err *err);
/* Whether a text can be parsed, for configuration: some of Alertmanager's texts know Go's functions
 * only. */
enum template_functions { TEMPLATE_ALL, TEMPLATE_BUILTINS };
MUST_CHECK int template_check(struct str text, enum template_functions functions, struct err *err);
void template_free(struct template *t);

/* The result lies in the arena. On failure, too, *ret is set: to what was written so far, for some
 * services are sent that. The error reads "template: NAME:LINE:COLUMN: executing "TEMPLATE" at
 * <what>: why"; lines count from 1, columns (bytes) from 0. */
MUST_CHECK int template_render(const struct template *t, struct tv data,
                               const struct template_env *env, struct arena *a, struct str *ret,
                               struct err *err);

/* A text parsed and rendered in one go; the empty one is itself. When it can't be parsed *ret is
 * empty. */
enum template_mode { TEMPLATE_TEXT, TEMPLATE_HTML };
MUST_CHECK int template_execute(const struct template_set *s, enum template_mode mode,
                                struct str text, struct tv data, const struct template_env *env,
                                struct arena *a, struct str *ret, struct err *err);

/* Single values as Go reads them: YAML's numbers, URLs, addresses, names of headers. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"

/* YAML 1.1 as Go reads it: sign, underscores, 0x, 0o, 0b and a leading 0 for octal. */
MUST_CHECK bool scalar_to_i64(struct str s, int64_t *ret);
/* A number with point or exponent, .inf or .nan in their spellings. */
MUST_CHECK bool scalar_to_float(struct str s, double *ret);
/* The first, or the second cut towards zero when it fits. */
MUST_CHECK bool scalar_to_whole(struct str s, int64_t *ret);

/* Absolute http or https URL as Go's net/url takes it: host, numeric port, no spaces or control
 * characters, whole percent escapes. Worded as Alertmanager words it. */
MUST_CHECK int config_check_url(struct str url, struct err *err);
/* Whatever net/url parses: neither scheme nor host is asked for. */
MUST_CHECK int config_check_proxy_url(struct str url, struct err *err);
/* host:port, [v6]:port, :port; the port may be a name but not empty. */
MUST_CHECK int config_check_hostport(struct str address, struct err *err);

/* The spelling that HTTP headers and e-mail headers are compared in: Message-Id. What is no header
 * name stays as it is. */
struct str header_canonical(struct arena *a, struct str name);
/* With a slash at the end of its path. */
struct str url_with_slash(struct arena *a, struct str url);

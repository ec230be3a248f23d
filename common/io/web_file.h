/* The text of a web.config.file as data; common/io/web_config.h describes the format and uses it.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/io/tls_server.h"

struct web_user {
    struct str name;
    struct str hash; /* bcrypt, NUL-terminated */
};

struct web_file {
    bool has_tls;
    struct tls_server_options tls; /* its strings lie in the arena */
    const struct web_user *users;
    size_t users_n;
    struct str headers;       /* lines, each with CRLF */
    int64_t rate_interval_us; /* 0: no limit */
    int64_t rate_burst;
};

/* base_dir: what relative file names are relative to. With any mistake -EINVAL. */
MUST_CHECK int web_file_parse(struct str text, struct str base_dir, struct arena *a,
                              struct web_file *ret, struct mistakes *m);

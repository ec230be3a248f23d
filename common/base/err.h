/* Why something failed, for a person. Functions return 0 or a negative errno and fill *err (last
 * parameter, may be NULL) on failure only. Fixed size: an error never allocates. */
#pragma once

#include "common/base/base.h"

#include <errno.h>

struct err {
    int code; /* negative errno */
    char text[1000];
};

/* Both return code / err->code, so that `return err_set(err, -EINVAL, …)` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_wrap(struct err *err, const char *fmt, ...)
    PRINTF_LIKE(2, 3); /* prepends "fmt: "; returns err->code, or
                         -EINVAL when err is NULL */

/* Several mistakes of one file, each with its place, so that a person can mend them all at once. */
struct mistakes {
    struct mistake {
        int line; /* 1-based; 0 when no line applies */
        char text[480];
    } * v;
    size_t n, cap;
    size_t left_out; /* beyond MISTAKES_MAX */
};

#define MISTAKES_MAX 100

void mistakes_init(struct mistakes *m);
void mistakes_clear(struct mistakes *m);
void mistakes_add(struct mistakes *m, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What tells that a file was changed or replaced, for those who poll. A file written in place
 * within one clock tick and without a change of size goes unnoticed; writing by rename never does.
 */
#pragma once

#include "common/base/base.h"

#include <sys/types.h>
#include <time.h>

struct file_mark { /* zeroed: no such file */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

void file_mark_take(const char *path, struct file_mark *ret); /* NULL: no file; follows links */
bool file_mark_eq(const struct file_mark *a, const struct file_mark *b);

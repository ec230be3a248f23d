/* Small files, whole: read with a bound, write so that a crash leaves the old or the new one. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <sys/types.h>

/* Appends the file to *ret. -EFBIG when it has more than max_bytes, -EISDIR for a directory; *ret
 * is then unchanged. Pipes and /proc files are fine. */
MUST_CHECK int file_read(const char *path, size_t max_bytes, struct buf *ret, struct err *err);

/* Everybody on this machine may read or write the file: to be said of a private key. */
bool file_is_public(const char *path);

/* Temporary file in the same directory, write, fsync, rename, fsync of the directory. On failure
 * the old file is untouched and the temporary one is gone. */
MUST_CHECK int file_write_atomic(const char *path, struct str content, mode_t mode,
                                 struct err *err);

/* mkdir -p: the missing parts get `mode`, parts that exist are left as they are. */
MUST_CHECK int dir_make(const char *path, mode_t mode, struct err *err);

MUST_CHECK int dir_sync(const char *path,
                        struct err *err); /* makes a rename or create in it durable */

/* Takes an exclusive flock(2) on the file, made when absent, and writes the process id into it for
 * people to read. The lock ends with the file descriptor, thus with the process. -EBUSY when
 * another process has it. */
MUST_CHECK int file_lock(const char *path, int *ret_fd, struct err *err);

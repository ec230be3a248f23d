/* The high-water mark: a file of two slots, written in turn, that says how far the database got.
 * A slot is overwritten only while the other one is known to be on disk, so a torn write or a
 * failed sync costs at most the newest mark. docs/formats/store.md has the bytes. */
#pragma once

#include "common/base/err.h"

#define STORE_ID_BYTES 16

struct hwm_mark {
    uint8_t store_id[STORE_ID_BYTES]; /* of the database it speaks for */
    uint64_t seq;                     /* of the last operation that was committed */
    bool clean;                       /* the store was closed after it */
    bool missing;                     /* rows are, and their owner has not yet acted on it */
};

struct hwm {
    int fd;              /* -1: could not be opened; every write tries again */
    uint64_t generation; /* of the newest good slot; its parity names the slot */
    char *path;
};

/* Opens or makes the file. *ret_found says whether a good slot was there; *ret_mark is then the
 * newest. Never fails: without a file there is no mark, and writing will say why. */
void hwm_open(struct hwm *h, const char *path, struct hwm_mark *ret_mark, bool *ret_found);
MUST_CHECK int hwm_write(struct hwm *h, const struct hwm_mark *mark); /* and syncs; -errno */
void hwm_close(struct hwm *h);

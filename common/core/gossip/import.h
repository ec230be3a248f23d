/* Alertmanager's snapshot files, `silences` and `nflog` in its data directory: runs of records,
 * each behind its length (docs/formats/alertmanager-records.md). A record that cannot be used is
 * told and passed over; what a broken length leaves behind it cannot be read. */
#pragma once

#include "common/core/gossip/nflog_record.h"
#include "common/core/gossip/silence_record.h"

#define IMPORT_FILE_BYTES_MAX MIB(256)

/* How many of the bytes are whole records, from the first on: as many as are within bytes_max, but
 * at least one. Everything, when a length is broken: the reader is to tell. 0 for none. So a file
 * can be given to an engine piece by piece. */
size_t import_piece(struct str rest, size_t bytes_max);

struct import { /* a walk over records */
    struct str records;
    size_t at;   /* in records */
    size_t base; /* of records in the file */
};

enum import_step {
    IMPORT_END,
    IMPORT_RECORD,
    IMPORT_BAD /* *err tells what is wrong, and where in the file; go on */
};

/* Texts are lent from the records, arrays lie in the arena. */
enum import_step import_silence(struct import *im, struct arena *a, struct silence *ret,
                                struct err *err);
enum import_step import_nflog(struct import *im, struct arena *a, struct nflog_record *ret,
                              struct err *err);

#include "common/core/gossip/import.h"

#define RECORD_BYTES_MAX SILENCE_RECORD_BYTES_MAX /* which is NFLOG_RECORD_BYTES_MAX, too */

size_t import_piece(struct str rest, size_t bytes_max)
{
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(rest, 0, &fault);
    struct pb_field f;
    size_t whole = 0;

    while (pb_next_delimited(&r, RECORD_BYTES_MAX, &f)) {
        if (whole > 0 && r.at > bytes_max)
            return whole;
        whole = r.at;
    }
    return rest.n; /* the end of it, or what no length leads through */
}

/* The next record, whose content begins at *ret_at in the file. */
static enum import_step next(struct import *im, struct str *ret, size_t *ret_at, struct err *err)
{
    struct pb_fault fault = {0};
    struct pb_reader r =
        pb_reader(str_sub(im->records, im->at, im->records.n), im->base + im->at, &fault);
    struct pb_field f;

    if (im->at == im->records.n)
        return IMPORT_END;
    if (!pb_next_delimited(&r, RECORD_BYTES_MAX, &f)) {
        (void)err_set(err, -EINVAL, "at byte %zu: %s: the remaining %zu bytes cannot be read",
                      fault.at, fault.why, im->records.n - im->at);
        im->at = im->records.n;
        return IMPORT_BAD;
    }
    im->at += r.at;
    *ret = f.bytes;
    *ret_at = f.bytes_at;
    return IMPORT_RECORD;
}

enum import_step import_silence(struct import *im, struct arena *a, struct silence *ret,
                                struct err *err)
{
    struct str record;
    size_t at;
    enum import_step step = next(im, &record, &at, err);

    if (step == IMPORT_RECORD && silence_record_read(record, at, a, ret, err) < 0)
        return IMPORT_BAD;
    return step;
}

enum import_step import_nflog(struct import *im, struct arena *a, struct nflog_record *ret,
                              struct err *err)
{
    struct str record;
    size_t at;
    enum import_step step = next(im, &record, &at, err);

    if (step == IMPORT_RECORD && nflog_record_read(record, at, a, ret, err) < 0)
        return IMPORT_BAD;
    return step;
}

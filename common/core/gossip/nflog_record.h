/* An entry of the notification log as Alertmanager gossips and snapshots it: MeshEntry (core
 * specification §7.2; field by field in docs/formats/alertmanager-records.md). What was read is
 * written as it was, as with silence_record.h; the receiver's data (field 8) is kept in `unread`
 * without being looked at. */
#pragma once

#include "common/base/str.h"
#include "common/core/gossip/pb.h"

#define NFLOG_RECORD_BYTES_MAX MIB(4)
#define NFLOG_RECORD_ALERTS_MAX 100000 /* firing, and as many resolved */

struct nflog_record {
    struct str group_key;
    struct str receiver, integration;
    uint32_t index;     /* of the integration among those of its type */
    int64_t at_wall_ms; /* of the notification */
    int64_t expires_wall_ms;
    const uint64_t *firing, *resolved; /* alert hashes (labels_xxh64), in the order of the alerts */
    size_t firing_n, resolved_n;
    struct str unread; /* as the codec wrote it; "" for one of our own */
};

/* Texts are lent from the record, arrays lie in the arena. -EINVAL: malformed, without a receiver,
 * or beyond a bound. */
MUST_CHECK int nflog_record_read(struct str record, size_t base, struct arena *a,
                                 struct nflog_record *ret, struct err *err);
void nflog_record_add(struct buf *b, const struct nflog_record *e); /* without a length before it */

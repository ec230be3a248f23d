/* What Alertmanager's gossip carries: Part, a key ("sil", "nfl") with data, and FullState, the
 * parts of all keys (core specification §13.3). The data of both keys is a run of records, each
 * behind its length. */
#pragma once

#include "common/core/gossip/pb.h"

#define PART_SILENCES "sil"
#define PART_NFLOG "nfl"

struct part {
    struct str key;
    struct str data; /* may be empty */
    size_t data_at;  /* its offset in what was read */
};

MUST_CHECK int part_read(struct str bytes, struct part *ret, struct err *err); /* lends */
void part_add(struct buf *b, struct str key, struct str data);

/* A walk over the parts of a FullState. */
struct full_state {
    struct pb_fault fault;
    struct pb_reader reader;
};
void full_state_begin(struct full_state *f, struct str bytes);
bool full_state_next(struct full_state *f, struct part *ret); /* false: the end, or a fault */
MUST_CHECK int full_state_result(const struct full_state *f, struct err *err);
void full_state_add(struct buf *b, struct str key, struct str data); /* one part more */

/* A datagram: label, CRC, compression, compound and leaves, one in the other in this order, each
 * at most once. memberlist would take some of them twice; nobody sends that, and it is refused
 * here, so that no datagram expands more than once. */
#pragma once

#include "common/base/arena.h"
#include "common/core/gossip/wire.h"

#define PACKET_BYTES_MAX 65535 /* before and after decompression */
#define PACKET_PARTS_MAX 255

struct packet {
    struct str
        v[PACKET_PARTS_MAX]; /* messages with their type bytes; in the datagram or the arena */
    size_t n;
    bool checked;  /* it had a CRC */
    bool expanded; /* it was compressed */
    bool compound;
    bool truncated; /* a compound's bytes ran out: v has what came before */
    bool foreign;   /* refused for its label only: another cluster's, not to be complained of */
};

/* label: ours, empty when there is none. -EINVAL with *why, a constant. */
MUST_CHECK int packet_read(struct str datagram, struct str label, struct arena *a,
                           struct packet *ret, const char **why);

/* Appends label, CRC (when wanted) and the messages: one alone, more in a compound. */
void packet_add(struct buf *b, struct str label, bool with_crc, const struct str *messages,
                size_t n);

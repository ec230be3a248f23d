/* A silence as Alertmanager gossips and snapshots it: MeshSilence (core specification §6.5; field
 * by field in docs/formats/alertmanager-records.md).
 *
 * A silence that was read and has not been changed is written as it was, byte for byte for what
 * Alertmanagers of 0.25 and later write: peers compare versions by their time, and two nodes must
 * not hold different bytes for one. What struct silence has no place for goes into `unread`: parts
 * of times finer than its own, fields unknown here, receiver_matcher_sets, and whether only the old
 * field held the matchers. Fields unknown within matchers and times are dropped; an old comments
 * list is moved to created_by and comment, as Alertmanager does; annotations are sorted. */
#pragma once

#include "common/core/gossip/pb.h"
#include "common/core/mute/silence.h"

#define SILENCE_RECORD_BYTES_MAX MIB(4)
#define SILENCE_RECORD_ANNOTATIONS_MAX 1024

/* Texts are lent from the record, arrays lie in the arena; matchers are not compiled yet, as
 * silence_set_merge wants them. base: of the record in what a fault's offset shall count from.
 * -EINVAL: malformed, or beyond a bound of silence.h. */
MUST_CHECK int silence_record_read(struct str record, size_t base, struct arena *a,
                                   struct silence *ret, struct err *err);
/* Without a length before it. The first matcher set stands in the old field as well, the only one
 * that Alertmanagers before 0.32 read. */
void silence_record_add(struct buf *b, const struct silence *s);

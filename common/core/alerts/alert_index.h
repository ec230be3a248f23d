/* Which alerts have a label with a value: fingerprints by pair, for queries that ask for one.
 *
 * A pair that few have is listed; one that more than ALERT_INDEX_LIST_MAX have is only counted,
 * since whoever asks for it gets much to read anyway and may as well look through the table. Costs
 * about 16 to 32 bytes for each pair that is an alert's own, and 8 to 12 for each that it shares.
 * Pairs are told apart by a 64-bit hash: what is found must still be compared. */
#pragma once

#include "common/base/base.h"

#define ALERT_INDEX_LIST_MAX 16384

struct alert_index;

/* Whether there still is an alert of that fingerprint. */
typedef bool (*alert_index_known)(void *arg, uint64_t fp);

struct alert_index *alert_index_new(alert_index_known known, void *arg);
void alert_index_free(struct alert_index *ix);

void alert_index_add(struct alert_index *ix, uint64_t pair, uint64_t fp);
/* When `known` already denies it. What is listed may keep it for a while. */
void alert_index_remove(struct alert_index *ix, uint64_t pair, uint64_t fp);

/* The fingerprints of all that have the pair, in no order, some twice, some of alerts that are
 * gone; lent until the next change. False: too many have it. */
bool alert_index_find(const struct alert_index *ix, uint64_t pair, const uint64_t **ret,
                      size_t *ret_n);
size_t alert_index_bytes(const struct alert_index *ix);

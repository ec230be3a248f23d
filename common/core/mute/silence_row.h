/* A silence as a row of the store: key = its id, value = JSON.
 *
 *     {"v":1,"id","sets":[[["=","name","value"],…],…],"starts_ms","ends_ms","updated_us",
 *      "expires_ms","created_by","comment","annotations":{},"unread":"hex"}
 *
 * All of the silence, so that it is restored by silence_set_merge. */
#pragma once

#include "common/core/mute/silence.h"

void silence_row_add(struct buf *b, const struct silence *s);
/* Texts lie in the arena; the matchers are not compiled yet, as silence_set_merge wants them. */
MUST_CHECK int silence_row_parse(struct str value, struct arena *a, struct silence *ret,
                                 struct err *err);

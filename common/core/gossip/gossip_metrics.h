/* What a mesh says of itself to Prometheus: Alertmanager's names where they mean the same, ours
 * where it has none. */
#pragma once

#include "common/core/gossip/gossip.h"
#include "common/core/gossip/peers.h"
#include "common/core/metrics/metrics.h"

void gossip_metrics(struct metrics *m, const struct gossip *g, const struct peers *p,
                    struct arena *arena);

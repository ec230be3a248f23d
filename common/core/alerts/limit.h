/* --alerts.per-alertname-limit: how many alerts of one alertname are taken in at the same time
 * (core specification §1.8). An alert that has ended makes room for another. */
#pragma once

#include "common/base/now.h"
#include "common/base/str.h"

struct alert_limit;

struct alert_limit *alert_limit_new(size_t per_name); /* 0: no limit, nothing is kept */
void alert_limit_free(struct alert_limit *l);

/* Whether the alert may be taken in; if so, it counts until `ends`. One that counts already always
 * may. alertname "": it has none. */
bool alert_limit_admit(struct alert_limit *l, struct str alertname, uint64_t fp,
                       int64_t ends_wall_ms, struct now now);
void alert_limit_sweep(struct alert_limit *l, struct now now); /* forgets what has ended */

size_t alert_limit_max(const struct alert_limit *l); /* 0: no limit */
size_t alert_limit_count(const struct alert_limit *l);
uint64_t alert_limit_refused(const struct alert_limit *l);

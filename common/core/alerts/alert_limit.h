/* How many alerts of one alertname fire, and the bound of that (Alertmanager's
 * --alerts.per-alertname-limit). An alert without the label counts under "". */
#pragma once

#include "common/base/str.h"

struct alert_limit;
struct metrics;

/* max ≤ 0: no limit, and NULL is returned, which all functions take. by_name: metrics of those
 * refused name them. */
struct alert_limit *alert_limit_new(int64_t max, bool by_name);
void alert_limit_free(struct alert_limit *l);

/* One more fires, or one fewer. */
void alert_limit_count(struct alert_limit *l, struct str alertname, bool fires);
bool alert_limit_admits(const struct alert_limit *l, struct str alertname);
/* Counts one that was not admitted; how many of that name there were, this one included. */
uint64_t alert_limit_refuse(struct alert_limit *l, struct str alertname);
void alert_limit_metrics(const struct alert_limit *l, struct metrics *m);

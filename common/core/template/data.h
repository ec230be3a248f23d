/* Alertmanager's template data from a notice, and pieces of it. Everything lies in the arena; texts
 * of the notice are lent. */
#pragma once

#include "common/core/integrations/integration.h"
#include "common/core/template/value.h"

/* The dot of a notification: .Receiver (metacharacters of regular expressions escaped, as
 * Alertmanager shows it), .Status, .Alerts … */
struct tv data_from_notice(struct arena *a, const struct notice *n, struct labels route_labels);

struct tv data_kv(struct arena *a, struct labels l);

/* The fields of a template.Data and template.Alert in their order (value.c). */
#define DATA_FIELDS 9
#define DATA_ALERT_FIELDS 7

void data_string(struct buf *b, struct tv v); /* String of a KV or Pairs: a=1, b=2 */

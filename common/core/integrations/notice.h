/* What integrations share: facts about a notice, and the default judgement of an HTTP answer. */
#pragma once

#include "common/core/integrations/integration.h"

/* The label (annotation) pairs that all alerts have. The array lies in the arena, texts are lent.
 */
struct labels notice_common_labels(const struct notice_alert *v, size_t n, struct arena *a);
struct labels notice_common_annotations(const struct notice_alert *v, size_t n, struct arena *a);

/* 2xx is sent; 5xx and 429 are tried again, 429 no sooner than Retry-After says; everything else is
 * final. (Alertmanager's webhook gives up on 429 until the next group_interval: a receiver that
 * asks for patience should rather get the alert late than not at all.) */
struct judgement notice_judge_http(const struct engine_delivery *d);

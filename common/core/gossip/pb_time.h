/* google.protobuf.Timestamp, as Alertmanager's records have it. */
#pragma once

#include "common/base/time_text.h"
#include "common/core/gossip/pb.h"

struct pb_time { /* seconds since the epoch, years 1 to 9999; zeroed: absent, which is the epoch */
    int64_t seconds;
    int32_t nanos; /* 0 to 999 999 999, upwards */
};

/* False when the field is no message. A time beyond the years is a fault. */
bool pb_get_time(struct pb_reader *r, const struct pb_field *f, struct pb_time *ret);
void pb_add_time(struct buf *b, uint32_t number, struct pb_time t); /* present, even when zero */

int64_t pb_time_ms(struct pb_time t); /* what is finer is cut off */
int64_t pb_time_us(struct pb_time t);
struct pb_time pb_time_of_ms(int64_t ms); /* clamped to the years */
struct pb_time pb_time_of_us(int64_t us);

#define PB_TIME_YEAR_1_S INT64_C(-62135596800) /* Go's zero time: no time at all */

/* Tells a group's alerts to its receiver: for each integration the log is asked whether there is a
 * reason (§4.2), the message is built once, sent with retries until the flush's deadline (§4.3),
 * and the log entry is written after the receiver has accepted (§4.4). Integrations of a receiver
 * are independent; the flush has succeeded when all of them have. */
#pragma once

#include "common/core/engine.h"
#include "common/core/group/groups.h"
#include "common/core/notify/nflog.h"

struct notifier;
struct metrics;

struct notifier_options { /* texts are copied */
    struct str external_url, version;
    uint64_t seed;
    /* The flush is over; called inside the notifier's functions below, last of all. */
    void (*on_done)(struct flush *f, bool success, struct now now, void *arg);
    /* Lifetime of the configuration that the receivers' settings lie in. */
    void (*config_ref)(void *config);
    void (*config_unref)(void *config);
    void *arg;
};

struct notifier *notifier_new(const struct notifier_options *options, struct nflog *log);
void notifier_free(struct notifier *n); /* flushes under way are forgotten, without on_done */

/* Starts telling. config is kept (config_ref) until the flush is over. */
void notifier_flush(struct notifier *n, struct flush *f, void *config, struct now now,
                    struct out *out);
/* Stops telling about a group (its flush, if any); its sends are cancelled. No on_done. */
void notifier_cancel(struct notifier *n, struct group *group, struct out *out);
/* True when the send was one of ours. */
bool notifier_delivered(struct notifier *n, const struct engine_delivery *d, struct now now,
                        struct out *out);
void notifier_tick(struct notifier *n, struct now now, struct out *out);
int64_t notifier_next_ms(const struct notifier *n);

void notifier_metrics(const struct notifier *n, struct metrics *m);
uint64_t notifier_digest(const struct notifier *n);

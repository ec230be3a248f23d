/* Whom to join: the configured peers, whose names are looked up again and again, and members that
 * have gone and may be back. And when the mesh has settled enough to act on who is there.
 *
 * Pure. Addresses and the events of a gossip come in; joins go out through it. An address is tried
 * by one join at a time. */
#pragma once

#include "common/core/gossip/gossip.h"

struct peers;

#define PEERS_FAILED_MAX 1024

struct peers_options {             /* zero members are filled with Alertmanager's defaults */
    int64_t reconnect_interval_ms; /* 10 s */
    int64_t reconnect_timeout_ms;  /* 6 h; whoever has gone for longer is given up */
    int64_t refresh_interval_ms;   /* 15 s: between two look-ups of the configured names */
    int64_t settle_interval_ms;    /* 2 s: between two looks at how many there are */
    int64_t settle_timeout_ms;     /* 60 s: settled or not; negative: do not wait */
};

struct peers *peers_new(struct peers_options options, struct now now);
void peers_free(struct peers *p);

/* Does what is due. True: the configured names are to be looked up, and peers_resolved called with
 * what was found. True at the first call. */
bool peers_tick(struct peers *p, struct now now, struct gossip *g, struct gossip_output *out);
int64_t peers_next_ms(const struct peers *p);

/* Joins what is nobody's address. What is not reached is tried again with those that have gone. */
void peers_resolved(struct peers *p, struct now now, struct gossip *g,
                    const struct gossip_address *v, size_t n, struct gossip_output *out);

void peers_event(struct peers *p, struct now now, const struct gossip_event *e);

/* True when the number of members has stayed the same four times in a row, or the time for that is
 * over; it stays so. Until then nobody shall be notified: others may be about to. */
bool peers_ready(const struct peers *p);

struct peers_stats {
    size_t failed;                  /* addresses that are being tried */
    uint64_t joined, left, updated; /* events about members */
    uint64_t reconnections, reconnections_failed;
    uint64_t refreshes, refreshes_failed; /* joins of configured peers */
    uint64_t given_up, forgotten;         /* after reconnect_timeout; for want of room */
};
struct peers_stats peers_stats(const struct peers *p);

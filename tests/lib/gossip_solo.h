/* One gossiping node, and what others say to it, in virtual time. */
#pragma once

#include "tests/lib/test.h"

#include "common/core/gossip/gossip.h"
#include "common/core/gossip/packet.h"
#include "common/core/gossip/stream.h"

#define T0 INT64_C(500000) /* when it begins */

extern const uint8_t solo_versions[6];

struct solo {
    struct gossip *g;
    struct now now;
    struct arena *arena;
    struct gossip_output out;
};

struct gossip_address address_of(uint8_t last); /* 10.0.0.last:9094; ours is 1 */
struct gossip_options options(void);
struct solo *solo(void);
struct solo *solo_with(struct gossip_options o);
void done(struct solo *s);
void forget(struct solo *s); /* what came out so far */

/* ---- what is said to it ---- */

void hear_packet(struct solo *s, uint8_t from, const struct wire_message *m);
void hear_alive(struct solo *s, int i, uint32_t incarnation); /* n<i> at address i */
void hear_alive_at(struct solo *s, struct str who, uint32_t incarnation, struct gossip_address a,
                   struct str meta);
void hear(struct solo *s, enum wire_type type, struct str who, uint32_t incarnation,
          const char *from);              /* suspect, dead */
void with_members(struct solo *s, int n); /* n2 to n<n + 1>, alive; forgets */
void run_to(struct solo *s, int64_t at_ms);
void run_answering(struct solo *s, int64_t at_ms); /* acks every probe; forgets */

/* ---- what it says ---- */

size_t events(const struct solo *s, enum gossip_event_kind kind);
enum gossip_state state_of(struct solo *s, int i);
/* The nth message of a type in what was sent since `forget`, and to whom; of type WIRE_COMPRESS
 * when there is none. */
struct wire_message sent(struct solo *s, enum wire_type type, size_t nth,
                         struct gossip_address *ret_to);
size_t count_sent(struct solo *s, enum wire_type type);
/* The message in the first thing written to a stream. */
struct stream_message answer(struct solo *s, struct stream_reader *r);

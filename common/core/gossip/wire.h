/* The messages of memberlist, as Alertmanager speaks it: a type byte, then a MessagePack map (user
 * messages: anything). docs/formats/gossip.md has every byte; packet.h what messages travel in over
 * UDP, stream.h over TCP.
 *
 * Texts are lent: a message that was read points into the bytes it was read from. Text with a p of
 * NULL is nil on the wire or was not there; it is not the same as empty when it is written again.
 * Reading checks forms and sizes of fields, not whether a message makes sense. */
#pragma once

#include "common/base/buf.h"
#include "common/core/gossip/msgpack.h"

enum wire_type {
    WIRE_PING = 0,
    WIRE_INDIRECT_PING = 1,
    WIRE_ACK = 2,
    WIRE_SUSPECT = 3,
    WIRE_ALIVE = 4,
    WIRE_DEAD = 5,
    WIRE_PUSH_PULL = 6,
    WIRE_COMPOUND = 7,
    WIRE_USER = 8,
    WIRE_COMPRESS = 9,
    WIRE_ENCRYPT = 10,
    WIRE_NACK = 11,
    WIRE_CRC = 12,
    WIRE_ERR = 13,
    WIRE_LABEL = 244
};

#define WIRE_VERSIONS 6 /* bytes: protocol min, max, spoken; delegate min, max, spoken */
#define WIRE_NAME_MAX 255
#define WIRE_META_MAX 512
#define WIRE_LABEL_MAX 255
#define WIRE_PAIRS_MAX 32 /* of one map */
#define WIRE_KEY_MAX 64   /* bytes of a key */

struct wire_ping {
    uint32_t seq;
    uint16_t source_port;      /* 0: not given */
    struct str node;           /* who is meant; empty: whoever is there */
    struct str source_address; /* 4 or 16 bytes, or empty: not given */
    struct str source_node;
};

struct wire_indirect_ping {
    uint32_t seq; /* the asker's */
    uint16_t port, source_port;
    bool nack; /* say so, too, when no ack comes */
    struct str node, target;
    struct str source_address, source_node;
};

struct wire_ack {
    uint32_t seq;
    struct str payload;
};

struct wire_nack {
    uint32_t seq;
};

struct wire_accusation { /* suspect and dead; dead with from == node: has left */
    uint32_t incarnation;
    struct str node, from;
};

struct wire_alive {
    uint32_t incarnation;
    uint16_t port;
    struct str node, address, meta, versions;
};

struct wire_record { /* a node in a push/pull */
    uint32_t incarnation;
    uint16_t port;
    uint8_t state; /* 0 alive, 1 suspect, 2 dead, 3 left */
    struct str name, address, meta, versions;
};

struct wire_push_pull { /* only the head; nodes records and user_state bytes follow */
    bool join;
    uint32_t nodes, user_state;
};

struct wire_user_head { /* TCP only; size bytes follow */
    uint32_t size;
};

struct wire_compress {
    uint8_t algorithm; /* 0: LZW */
    struct str bytes;
};

struct wire_err {
    struct str text;
};

struct wire_message {
    enum wire_type type;
    union {
        struct wire_ping ping;
        struct wire_indirect_ping indirect;
        struct wire_ack ack;
        struct wire_nack nack;
        struct wire_accusation accusation; /* WIRE_SUSPECT, WIRE_DEAD */
        struct wire_alive alive;
        struct wire_compress compress;
        struct wire_err err;
        struct str user; /* what follows the type byte */
    };
};

/* One message with its type byte, to the end of bytes; what follows the map is ignored, as
 * memberlist does. Not of the types that are more than a map: push/pull, compound, crc, label,
 * encrypt. -EINVAL with *why, a constant. */
MUST_CHECK int wire_read(struct str bytes, struct wire_message *ret, const char **why);
void wire_add(struct buf *b, const struct wire_message *m);

/* Maps without a type byte, in a stream. They read on from the cursor; a fault is the cursor's. */
void wire_read_push_pull(struct msgpack *m, struct wire_push_pull *ret);
void wire_read_record(struct msgpack *m, struct wire_record *ret);
void wire_read_user_head(struct msgpack *m, struct wire_user_head *ret);
void wire_read_compress(struct msgpack *m, struct wire_compress *ret);
void wire_add_push_pull(struct buf *b, const struct wire_push_pull *p);
void wire_add_record(struct buf *b, const struct wire_record *r);
void wire_add_user_head(struct buf *b, const struct wire_user_head *h);

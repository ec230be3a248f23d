/* One side of a TCP conversation: a label (from the dialler only), then one message, plain or
 * compressed. Nothing says how long it is but the message itself, and nobody half-closes, so it is
 * read as it comes in, and is over when it is complete. Room grows with what has arrived, never
 * with what was announced. */
#pragma once

#include "common/base/arena.h"
#include "common/core/gossip/wire.h"

#define STREAM_NODES_MAX 4096
#define STREAM_USER_STATE_MAX MIB(20)
#define STREAM_USER_MESSAGE_MAX MIB(5)
#define STREAM_COMPRESSED_MAX MIB(20)
#define STREAM_EXPANDED_MAX MIB(40)
#define STREAM_BYTES_MAX MIB(32) /* of one message as it arrives */
#define STREAM_PIECE_MAX KIB(4)  /* of one map within it: a head, a record, a ping */

struct stream_reader {
    struct str label; /* lent */
    bool labelled;    /* a label may stand in front */
    enum {
        STREAM_AT_LABEL,
        STREAM_AT_TYPE,
        STREAM_AT_HEAD,
        STREAM_AT_RECORDS,
        STREAM_AT_REST,
        STREAM_COMPLETE
    } stage;
    struct buf in, expanded;
    bool is_expanded;     /* positions below are in `expanded` */
    size_t begin, at;     /* of the message's type byte; of what is to be read next */
    size_t records, rest; /* still to come; bytes behind the last map */
    bool head_read;       /* a fault before that is answered with an error, by those who answer */
    bool foreign;         /* refused for its label only */
};

/* from_dialler: label, possibly empty, is what must stand in front; answers carry none. */
void stream_reader_init(struct stream_reader *r, bool from_dialler, struct str label);
void stream_reader_clear(struct stream_reader *r);

/* 1: the message is complete (more bytes are ignored); 0: not yet; -EINVAL with *why, a constant.
 */
MUST_CHECK int stream_reader_add(struct stream_reader *r, struct str bytes, const char **why);

struct stream_message {
    enum wire_type type;         /* PUSH_PULL, USER, PING, ACK or ERR */
    struct wire_message small;   /* PING, ACK, ERR */
    struct wire_push_pull head;  /* PUSH_PULL */
    struct wire_record *records; /* head.nodes of them, in the arena */
    struct str user;             /* USER: the message; PUSH_PULL: the state */
};

/* Of a complete one; texts point into the reader. */
MUST_CHECK int stream_reader_message(const struct stream_reader *r, struct arena *a,
                                     struct stream_message *ret, const char **why);

void stream_add_label(struct buf *b, struct str label); /* nothing when it is empty */
/* Head and records; head->user_state bytes are to follow. */
void stream_add_push_pull(struct buf *b, const struct wire_push_pull *head,
                          const struct wire_record *records);
void stream_add_user(struct buf *b, struct str message);

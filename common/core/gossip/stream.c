#include "common/core/gossip/stream.h"

#include "common/core/gossip/lzw.h"

#include <assert.h>
#include <errno.h>

/* Steps of the reader give one of these, or -EINVAL. */
enum { NOT_YET = 0, GO_ON = 1 };

void stream_reader_init(struct stream_reader *r, bool from_dialler, struct str label)
{
    *r = (struct stream_reader){.label = label, .labelled = from_dialler};
    buf_init(&r->in, STREAM_BYTES_MAX);
    buf_init(&r->expanded, STREAM_EXPANDED_MAX);
    if (!from_dialler)
        r->stage = STREAM_AT_TYPE;
}

void stream_reader_clear(struct stream_reader *r)
{
    buf_clear(&r->in);
    buf_clear(&r->expanded);
}

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EINVAL;
}

static struct str bytes_of(const struct stream_reader *r)
{
    return buf_str(r->is_expanded ? &r->expanded : &r->in);
}

/* Waiting is for what arrives; what was expanded is all there is. */
static int wait(const struct stream_reader *r, const char **why)
{
    return r->is_expanded ? refuse(why, "the message ends too early") : NOT_YET;
}

/* After m has read, or failed to, one map at r->at. */
static int step_over(struct stream_reader *r, const struct msgpack *m, const char **why)
{
    if (m->why == NULL) {
        r->at += m->at;
        return GO_ON;
    }
    if (!m->more)
        return refuse(why, m->why);
    if (m->bytes.n > STREAM_PIECE_MAX)
        return refuse(why, "a map too long");
    return wait(r, why);
}

static struct msgpack reader_at(const struct stream_reader *r)
{
    struct str all = bytes_of(r);

    return msgpack_reader(str_sub(all, r->at, all.n));
}

static int read_label(struct stream_reader *r, const char **why)
{
    struct str found = STR_EMPTY;
    size_t n;

    if (r->in.n < 1)
        return NOT_YET;
    if ((uint8_t)r->in.p[0] == WIRE_LABEL) {
        if (r->in.n < 2)
            return NOT_YET;
        n = (uint8_t)r->in.p[1];
        if (r->in.n < 2 + n)
            return NOT_YET;
        found = (struct str){.p = r->in.p + 2, .n = n};
        r->at = 2 + n;
    }
    if (!str_eq(found, r->label)) {
        r->foreign = true;
        return refuse(why, "the label of another cluster");
    }
    r->stage = STREAM_AT_TYPE;
    return GO_ON;
}

static int expand(struct stream_reader *r, const char **why)
{
    struct msgpack m = reader_at(r), whole = m;
    struct wire_compress c;

    if (m.bytes.n > STREAM_COMPRESSED_MAX + STREAM_PIECE_MAX)
        return refuse(why, "a compressed message too long");
    if (!msgpack_skip(&m) && m.more)
        return NOT_YET;
    wire_read_compress(&whole, &c);
    if (whole.why != NULL)
        return refuse(why, whole.why);
    if (c.algorithm != 0)
        return refuse(why, "compressed in an unknown way");
    if (lzw_expand(c.bytes, &r->expanded, why) < 0)
        return -EINVAL;
    if (r->expanded.n == 0)
        return refuse(why, "compressed nothing");
    buf_clear(&r->in);
    r->is_expanded = true;
    r->at = 0;
    return GO_ON;
}

static int read_type(struct stream_reader *r, const char **why)
{
    struct str all = bytes_of(r);

    if (all.n <= r->at)
        return wait(r, why);
    r->begin = r->at;
    switch ((uint8_t)all.p[r->at]) {
    case WIRE_COMPRESS:
        if (r->is_expanded)
            return refuse(why, "compressed twice");
        r->at++;
        if (expand(r, why) == GO_ON)
            return GO_ON;
        r->at--;
        return *why == NULL ? NOT_YET : -EINVAL;
    case WIRE_PUSH_PULL:
    case WIRE_USER:
    case WIRE_PING:
    case WIRE_ACK:
    case WIRE_ERR:
        r->at++;
        r->stage = STREAM_AT_HEAD;
        r->head_read = true;
        return GO_ON;
    case WIRE_ENCRYPT:
        return refuse(why, "the other side encrypts, which this one does not");
    default:
        return refuse(why, "a message of unknown type, or out of place");
    }
}

static int read_push_pull_head(struct stream_reader *r, const char **why)
{
    struct msgpack m = reader_at(r);
    struct wire_push_pull head;
    int step;

    wire_read_push_pull(&m, &head);
    step = step_over(r, &m, why);
    if (step != GO_ON)
        return step;
    if (head.nodes > STREAM_NODES_MAX)
        return refuse(why, "too many node records");
    if (head.user_state > STREAM_USER_STATE_MAX)
        return refuse(why, "too much user state");
    r->records = head.nodes;
    r->rest = head.user_state;
    r->stage = STREAM_AT_RECORDS;
    return GO_ON;
}

static int read_user_head(struct stream_reader *r, const char **why)
{
    struct msgpack m = reader_at(r);
    struct wire_user_head head;
    int step;

    wire_read_user_head(&m, &head);
    step = step_over(r, &m, why);
    if (step != GO_ON)
        return step;
    if (head.size > STREAM_USER_MESSAGE_MAX)
        return refuse(why, "a user message too long");
    r->rest = head.size;
    r->stage = STREAM_AT_REST;
    return GO_ON;
}

static int read_head(struct stream_reader *r, const char **why)
{
    struct msgpack m;
    int step;

    switch ((uint8_t)bytes_of(r).p[r->begin]) {
    case WIRE_PUSH_PULL:
        return read_push_pull_head(r, why);
    case WIRE_USER:
        return read_user_head(r, why);
    default:
        m = reader_at(r);
        (void)msgpack_skip(&m);
        step = step_over(r, &m, why);
        if (step == GO_ON)
            r->stage = STREAM_AT_REST;
        return step;
    }
}

static int read_records(struct stream_reader *r, const char **why)
{
    for (; r->records > 0; r->records--) {
        struct msgpack m = reader_at(r);
        int step;

        (void)msgpack_skip(&m);
        step = step_over(r, &m, why);
        if (step != GO_ON)
            return step;
    }
    r->stage = STREAM_AT_REST;
    return GO_ON;
}

static int read_rest(struct stream_reader *r, const char **why)
{
    if (bytes_of(r).n - r->at < r->rest)
        return wait(r, why);
    r->stage = STREAM_COMPLETE;
    return GO_ON;
}

int stream_reader_add(struct stream_reader *r, struct str bytes, const char **why)
{
    static int (*const steps[])(struct stream_reader *, const char **) = {
        [STREAM_AT_LABEL] = read_label, [STREAM_AT_TYPE] = read_type,
        [STREAM_AT_HEAD] = read_head,   [STREAM_AT_RECORDS] = read_records,
        [STREAM_AT_REST] = read_rest,
    };

    *why = NULL;
    if (r->stage == STREAM_COMPLETE)
        return 1;
    buf_add_str(&r->in, bytes);
    if (r->in.overflow)
        return refuse(why, "a message too long");
    while (r->stage != STREAM_COMPLETE) {
        int step = steps[r->stage](r, why);

        if (step != GO_ON)
            return step;
    }
    return 1;
}

int stream_reader_message(const struct stream_reader *r, struct arena *a,
                          struct stream_message *ret, const char **why)
{
    struct str all = bytes_of(r);
    struct msgpack m;

    assert(r->stage == STREAM_COMPLETE);
    *ret = (struct stream_message){.type = (uint8_t)all.p[r->begin]};
    all = str_sub(all, r->begin, r->at + r->rest);
    if (ret->type != WIRE_PUSH_PULL && ret->type != WIRE_USER)
        return wire_read(all, &ret->small, why);
    ret->user = str_sub(all, all.n - r->rest, all.n);
    if (ret->type == WIRE_USER)
        return 0;
    m = msgpack_reader(str_sub(all, 1, all.n));
    wire_read_push_pull(&m, &ret->head);
    ret->records = ARENA_ARRAY(a, struct wire_record, ret->head.nodes);
    for (uint32_t i = 0; i < ret->head.nodes && m.why == NULL; i++) {
        m.skipped = 0; /* the limit is for one record */
        wire_read_record(&m, &ret->records[i]);
    }
    return m.why == NULL ? 0 : refuse(why, m.why);
}

void stream_add_label(struct buf *b, struct str label)
{
    assert(label.n <= WIRE_LABEL_MAX);
    if (label.n == 0)
        return;
    buf_add_char(b, (char)WIRE_LABEL);
    buf_add_char(b, (char)label.n);
    buf_add_str(b, label);
}

void stream_add_push_pull(struct buf *b, const struct wire_push_pull *head,
                          const struct wire_record *records)
{
    buf_add_char(b, (char)WIRE_PUSH_PULL);
    wire_add_push_pull(b, head);
    for (uint32_t i = 0; i < head->nodes; i++)
        wire_add_record(b, &records[i]);
}

void stream_add_user(struct buf *b, struct str message)
{
    struct wire_user_head head = {.size = (uint32_t)message.n};

    assert(message.n <= UINT32_MAX);
    buf_add_char(b, (char)WIRE_USER);
    wire_add_user_head(b, &head);
    buf_add_str(b, message);
}

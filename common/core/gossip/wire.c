#include "common/core/gossip/wire.h"

#include <assert.h>
#include <errno.h>

enum field_kind { FIELD_BOOL, FIELD_U8, FIELD_U16, FIELD_U32, FIELD_RAW };

/* One row drives reading and writing. Rows stand in the byte order of their keys: so they are
 * written. */
struct field {
    const char *key;
    enum field_kind kind;
    size_t at;
    bool unless_empty; /* left out when it is zero or empty */
    size_t max;        /* bytes of FIELD_RAW; 0: none but the message's */
};

struct form {
    const struct field *v;
    size_t n, size;
    const char *wrong; /* what is said when a field is not what it should be */
};

#define FORM(fields, type, name) \
    { \
        .v = (fields), .n = ARRAY_SIZE(fields), .size = sizeof(type), \
        .wrong = name ": a field of the wrong kind or size" \
    }
#define AT(type, member) offsetof(struct type, member)

static const struct field ping_fields[] = {
    {"Node", FIELD_RAW, AT(wire_ping, node), .max = WIRE_NAME_MAX},
    {"SeqNo", FIELD_U32, AT(wire_ping, seq)},
    {"SourceAddr", FIELD_RAW, AT(wire_ping, source_address), true, 16},
    {"SourceNode", FIELD_RAW, AT(wire_ping, source_node), true, WIRE_NAME_MAX},
    {"SourcePort", FIELD_U16, AT(wire_ping, source_port), true},
};
static const struct field indirect_fields[] = {
    {"Nack", FIELD_BOOL, AT(wire_indirect_ping, nack)},
    {"Node", FIELD_RAW, AT(wire_indirect_ping, node), .max = WIRE_NAME_MAX},
    {"Port", FIELD_U16, AT(wire_indirect_ping, port)},
    {"SeqNo", FIELD_U32, AT(wire_indirect_ping, seq)},
    {"SourceAddr", FIELD_RAW, AT(wire_indirect_ping, source_address), true, 16},
    {"SourceNode", FIELD_RAW, AT(wire_indirect_ping, source_node), true, WIRE_NAME_MAX},
    {"SourcePort", FIELD_U16, AT(wire_indirect_ping, source_port), true},
    {"Target", FIELD_RAW, AT(wire_indirect_ping, target), .max = 16},
};
static const struct field ack_fields[] = {
    {"Payload", FIELD_RAW, AT(wire_ack, payload)},
    {"SeqNo", FIELD_U32, AT(wire_ack, seq)},
};
static const struct field nack_fields[] = {
    {"SeqNo", FIELD_U32, AT(wire_nack, seq)},
};
static const struct field accusation_fields[] = {
    {"From", FIELD_RAW, AT(wire_accusation, from), .max = WIRE_NAME_MAX},
    {"Incarnation", FIELD_U32, AT(wire_accusation, incarnation)},
    {"Node", FIELD_RAW, AT(wire_accusation, node), .max = WIRE_NAME_MAX},
};
static const struct field alive_fields[] = {
    {"Addr", FIELD_RAW, AT(wire_alive, address), .max = 16},
    {"Incarnation", FIELD_U32, AT(wire_alive, incarnation)},
    {"Meta", FIELD_RAW, AT(wire_alive, meta), .max = WIRE_META_MAX},
    {"Node", FIELD_RAW, AT(wire_alive, node), .max = WIRE_NAME_MAX},
    {"Port", FIELD_U16, AT(wire_alive, port)},
    {"Vsn", FIELD_RAW, AT(wire_alive, versions), .max = WIRE_VERSIONS},
};
static const struct field record_fields[] = {
    {"Addr", FIELD_RAW, AT(wire_record, address), .max = 16},
    {"Incarnation", FIELD_U32, AT(wire_record, incarnation)},
    {"Meta", FIELD_RAW, AT(wire_record, meta), .max = WIRE_META_MAX},
    {"Name", FIELD_RAW, AT(wire_record, name), .max = WIRE_NAME_MAX},
    {"Port", FIELD_U16, AT(wire_record, port)},
    {"State", FIELD_U8, AT(wire_record, state)},
    {"Vsn", FIELD_RAW, AT(wire_record, versions), .max = WIRE_VERSIONS},
};
static const struct field push_pull_fields[] = {
    {"Join", FIELD_BOOL, AT(wire_push_pull, join)},
    {"Nodes", FIELD_U32, AT(wire_push_pull, nodes)},
    {"UserStateLen", FIELD_U32, AT(wire_push_pull, user_state)},
};
static const struct field user_head_fields[] = {
    {"UserMsgLen", FIELD_U32, AT(wire_user_head, size)},
};
static const struct field compress_fields[] = {
    {"Algo", FIELD_U8, AT(wire_compress, algorithm)},
    {"Buf", FIELD_RAW, AT(wire_compress, bytes)},
};
static const struct field err_fields[] = {
    {"Error", FIELD_RAW, AT(wire_err, text)},
};

static const struct form push_pull_form =
    FORM(push_pull_fields, struct wire_push_pull, "push/pull");
static const struct form record_form = FORM(record_fields, struct wire_record, "node record");
static const struct form user_head_form =
    FORM(user_head_fields, struct wire_user_head, "user message");
static const struct form compress_form = FORM(compress_fields, struct wire_compress, "compress");

static const struct form forms[] = {
    /* by type; n == 0: not a plain map */
    [WIRE_PING] = FORM(ping_fields, struct wire_ping, "ping"),
    [WIRE_INDIRECT_PING] = FORM(indirect_fields, struct wire_indirect_ping, "indirectPing"),
    [WIRE_ACK] = FORM(ack_fields, struct wire_ack, "ackResp"),
    [WIRE_SUSPECT] = FORM(accusation_fields, struct wire_accusation, "suspect"),
    [WIRE_ALIVE] = FORM(alive_fields, struct wire_alive, "alive"),
    [WIRE_DEAD] = FORM(accusation_fields, struct wire_accusation, "dead"),
    [WIRE_COMPRESS] = FORM(compress_fields, struct wire_compress, "compress"),
    [WIRE_NACK] = FORM(nack_fields, struct wire_nack, "nackResp"),
    [WIRE_ERR] = FORM(err_fields, struct wire_err, "err"),
};

/* ---- reading ---- */

static bool number_fits(const struct msgpack_value *v, uint64_t max)
{
    return (v->kind == MSGPACK_NUMBER) && v->number <= max;
}

/* nil leaves the field at zero. */
static bool store(const struct field *f, const struct msgpack_value *v, void *message)
{
    char *at = (char *)message + f->at;

    if (v->kind == MSGPACK_NIL)
        return true;
    switch (f->kind) {
    case FIELD_BOOL:
        if (v->kind != MSGPACK_BOOL && !number_fits(v, 1))
            return false;
        *(bool *)(void *)at = v->number != 0;
        return true;
    case FIELD_U8:
        *(uint8_t *)(void *)at = (uint8_t)v->number;
        return number_fits(v, UINT8_MAX);
    case FIELD_U16:
        *(uint16_t *)(void *)at = (uint16_t)v->number;
        return number_fits(v, UINT16_MAX);
    case FIELD_U32:
        *(uint32_t *)(void *)at = (uint32_t)v->number;
        return number_fits(v, UINT32_MAX);
    case FIELD_RAW:
        *(struct str *)(void *)at = v->raw;
        return v->kind == MSGPACK_RAW && (f->max == 0 || v->raw.n <= f->max);
    }
    return false;
}

static const struct field *find_field(const struct form *form, struct str key)
{
    for (size_t i = 0; i < form->n; i++)
        if (str_eq_c(key, form->v[i].key))
            return &form->v[i];
    return NULL;
}

static void read_form(struct msgpack *m, const struct form *form, void *ret)
{
    struct msgpack_value map, v;

    memset(ret, 0, form->size);
    if (!msgpack_next(m, &map))
        return;
    if (map.kind != MSGPACK_MAP || map.number > WIRE_PAIRS_MAX) {
        msgpack_fail(m, "not a map, or too many pairs");
        return;
    }
    for (uint64_t i = 0; i < map.number && msgpack_next(m, &v); i++) {
        const struct field *f;

        if (v.kind != MSGPACK_RAW || v.raw.n > WIRE_KEY_MAX) {
            msgpack_fail(m, "a key that is no text, or too long");
            return;
        }
        f = find_field(form, v.raw);
        if (f == NULL) {
            if (!msgpack_skip(m))
                return;
        } else if (msgpack_next(m, &v) && !store(f, &v, ret)) {
            msgpack_fail(m, form->wrong);
        }
    }
}

static void *body_of(struct wire_message *m) /* the union's members all begin at one place */
{
    return &m->ping;
}

int wire_read(struct str bytes, struct wire_message *ret, const char **why)
{
    struct msgpack m = msgpack_reader(str_sub(bytes, 1, bytes.n));
    uint8_t type;

    *ret = (struct wire_message){0};
    if (bytes.n == 0) {
        *why = "an empty message";
        return -EINVAL;
    }
    type = (uint8_t)bytes.p[0];
    ret->type = type;
    if (type == WIRE_USER) {
        ret->user = m.bytes;
        return 0;
    }
    if (type >= ARRAY_SIZE(forms) || forms[type].n == 0) {
        *why = "a message of unknown type, or out of place";
        return -EINVAL;
    }
    read_form(&m, &forms[type], body_of(ret));
    *why = m.why;
    return m.why == NULL ? 0 : -EINVAL;
}

void wire_read_push_pull(struct msgpack *m, struct wire_push_pull *ret)
{
    read_form(m, &push_pull_form, ret);
}

void wire_read_record(struct msgpack *m, struct wire_record *ret)
{
    read_form(m, &record_form, ret);
}

void wire_read_user_head(struct msgpack *m, struct wire_user_head *ret)
{
    read_form(m, &user_head_form, ret);
}

void wire_read_compress(struct msgpack *m, struct wire_compress *ret)
{
    read_form(m, &compress_form, ret);
}

/* ---- writing ---- */

static uint64_t field_number(const struct field *f, const void *message)
{
    const char *at = (const char *)message + f->at;

    switch (f->kind) {
    case FIELD_BOOL:
        return *(const bool *)(const void *)at ? 1 : 0;
    case FIELD_U8:
        return *(const uint8_t *)(const void *)at;
    case FIELD_U16:
        return *(const uint16_t *)(const void *)at;
    case FIELD_U32:
        return *(const uint32_t *)(const void *)at;
    case FIELD_RAW:
        break;
    }
    return ((const struct str *)(const void *)at)->n;
}

static void add_form(struct buf *b, const struct form *form, const void *message)
{
    size_t pairs = 0;

    for (size_t i = 0; i < form->n; i++)
        if (!form->v[i].unless_empty || field_number(&form->v[i], message) != 0)
            pairs++;
    msgpack_add_map(b, pairs);
    for (size_t i = 0; i < form->n; i++) {
        const struct field *f = &form->v[i];
        uint64_t number = field_number(f, message);

        if (f->unless_empty && number == 0)
            continue;
        msgpack_add_raw(b, str_from(f->key));
        if (f->kind == FIELD_RAW)
            msgpack_add_raw(b, *(const struct str *)(const void *)((const char *)message + f->at));
        else if (f->kind == FIELD_BOOL)
            msgpack_add_bool(b, number != 0);
        else
            msgpack_add_number(b, number);
    }
}

void wire_add(struct buf *b, const struct wire_message *m)
{
    buf_add_char(b, (char)m->type);
    if (m->type == WIRE_USER) {
        buf_add_str(b, m->user);
        return;
    }
    assert(m->type < ARRAY_SIZE(forms) && forms[m->type].n > 0);
    add_form(b, &forms[m->type], &m->ping);
}

void wire_add_push_pull(struct buf *b, const struct wire_push_pull *p)
{
    add_form(b, &push_pull_form, p);
}

void wire_add_record(struct buf *b, const struct wire_record *r)
{
    add_form(b, &record_form, r);
}

void wire_add_user_head(struct buf *b, const struct wire_user_head *h)
{
    add_form(b, &user_head_form, h);
}

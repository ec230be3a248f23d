#include "edge/core/spool.h"

#include "common/base/json.h"
#include "common/base/map.h"
#include "common/base/time_text.h"
#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "edge/core/edge_rows.h"

#include <assert.h>

#define REASON_CHARS 15
#define KEY_STREAM STR("stream")
#define KEY_FLOOR STR("floor")

/* One block: the struct, the JSON text, the cause of suppression. */
struct row {
    uint64_t seq, fp, episode;
    int64_t first_seen_wall_ms, kept_mono_ms;
    uint64_t transitions;
    struct str json;
    size_t tail; /* where ,"labels" begins in json: what does not change with seq */
    struct str suppressed;
    char reason[REASON_CHARS + 1];
    bool firing;
    bool newest; /* of its fingerprint; in the hash */
    UT_hash_handle hh;
};

struct entry {
    uint64_t seq;
    struct row *row; /* NULL: dropped; entries are swept when half of them are */
};

struct unstored {
    uint64_t txn, high;
};

struct spool {
    char stream[SPOOL_STREAM_CHARS + 1];
    uint64_t epoch;
    uint64_t high, floor, sendable, start_high;
    struct {
        struct entry *v;
        size_t n, cap;
    } entries; /* by seq, which only grows */
    size_t dropped;
    struct {
        struct unstored *v;
        size_t n, cap;
    } unstored;
    struct {
        uint64_t *v;
        size_t n, cap;
    } stale; /* rows that are damaged, or that a lost deletion has left: deleted at start */
    struct row *by_fp;
    struct spool_stats stats;
};

struct spool *spool_new(uint64_t bytes_max)
{
    struct spool *s = xcalloc(1, sizeof(*s));

    s->stats.bytes_max = bytes_max;
    return s;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    HASH_CLEAR(hh, s->by_fp);
    for (size_t i = 0; i < s->entries.n; i++)
        free(s->entries.v[i].row);
    VEC_CLEAR(&s->entries);
    VEC_CLEAR(&s->unstored);
    VEC_CLEAR(&s->stale);
    free(s);
}

void spool_set_bytes_max(struct spool *s, uint64_t bytes_max)
{
    s->stats.bytes_max = bytes_max;
}

/* ---- the table ---- */

static size_t entry_from(const struct spool *s, uint64_t seq) /* index of the first with seq ≥ */
{
    size_t low = 0, high = s->entries.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->entries.v[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct row *find_newest(const struct spool *s, uint64_t fp)
{
    struct row *r = NULL;

    HASH_FIND(hh, s->by_fp, &fp, sizeof(fp), r);
    return r;
}

static void forget_newest(struct spool *s, struct row *r)
{
    if (!r->newest)
        return;
    HASH_DEL(s->by_fp, r);
    r->newest = false;
    if (r->firing)
        s->stats.firing--;
}

static size_t row_bytes(const struct row *r)
{
    return r->json.n + r->suppressed.n + SPOOL_ROW_OVERHEAD;
}

static bool is_pending(const struct spool *s, const struct row *r)
{
    return r->seq > s->floor;
}

/* Files the row at the end as the newest of its fingerprint. */
static void table_add(struct spool *s, struct row *r)
{
    struct row *older = find_newest(s, r->fp);

    assert(s->entries.n == 0 || s->entries.v[s->entries.n - 1].seq < r->seq);
    if (older != NULL)
        forget_newest(s, older);
    *VEC_PUSH(&s->entries) = (struct entry){.seq = r->seq, .row = r};
    r->newest = true;
    HASH_ADD(hh, s->by_fp, fp, sizeof(r->fp), r);
    s->high = max_i64((int64_t)s->high, (int64_t)r->seq);
    s->stats.rows++;
    s->stats.bytes += row_bytes(r);
    if (is_pending(s, r))
        s->stats.pending++;
    if (r->firing)
        s->stats.firing++;
}

static void sweep(struct spool *s)
{
    size_t kept = 0;

    if (s->dropped < 64 || s->dropped < s->entries.n / 2)
        return;
    for (size_t i = 0; i < s->entries.n; i++) {
        if (s->entries.v[i].row != NULL)
            s->entries.v[kept++] = s->entries.v[i];
    }
    s->entries.n = kept;
    s->dropped = 0;
}

/* Takes the row out of the table and frees it; its place stays as a hole until swept. */
static void table_drop(struct spool *s, struct row *r)
{
    size_t i = entry_from(s, r->seq);

    assert(i < s->entries.n && s->entries.v[i].row == r);
    forget_newest(s, r);
    s->entries.v[i].row = NULL;
    s->dropped++;
    s->stats.rows--;
    s->stats.bytes -= row_bytes(r);
    if (is_pending(s, r))
        s->stats.pending--;
    free(r);
}

/* ---- rows as text ---- */

static struct row *row_new(const struct row *fields, struct str tail)
{
    struct buf b;
    struct json_writer w;
    struct row *r;
    size_t head;
    char fp[17];

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_u64(&w, "seq", fields->seq);
    json_put_str(&w, "kind", STR("episode"));
    (void)snprintf(fp, sizeof(fp), "%016llx", (unsigned long long)fields->fp);
    json_put_str(&w, "fp", str_from(fp));
    json_put_u64(&w, "episode", fields->episode);
    json_put_str(&w, "state", fields->firing ? STR("firing") : STR("resolved"));
    json_put_str(&w, "reason", str_from(fields->reason));
    json_put_str(&w, "suppressed", fields->suppressed);
    json_put_i64(&w, "first_seen_ms", fields->first_seen_wall_ms);
    json_put_u64(&w, "transitions", fields->transitions);
    head = b.n;
    buf_add_str(&b, tail);

    r = xmalloc(sizeof(*r) + b.n + fields->suppressed.n + 1);
    *r = *fields;
    r->newest = false;
    r->json = (struct str){.p = (char *)(r + 1), .n = b.n};
    memcpy(r + 1, b.p, b.n);
    r->tail = head;
    r->suppressed = (struct str){.p = (char *)(r + 1) + b.n, .n = fields->suppressed.n};
    if (fields->suppressed.n > 0)
        memcpy((char *)(r + 1) + b.n, fields->suppressed.p, fields->suppressed.n);
    buf_clear(&b);
    return r;
}

static struct str row_tail(const struct row *r)
{
    return str_sub(r->json, r->tail, r->json.n);
}

static void add_labels(struct json_writer *w, const char *key, struct labels l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

static int64_t wire_wall_ms(int64_t wall_ms)
{
    return wall_ms == WALL_ABSENT ? 0 : wall_ms;
}

static void write_tail(struct buf *b, const struct spool_change *c, bool with_annotations)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    add_labels(&w, "labels", c->labels);
    add_labels(&w, "annotations", with_annotations ? c->annotations : (struct labels){0});
    json_put_str(&w, "generator_url", with_annotations ? c->generator_url : STR_EMPTY);
    json_put_i64(&w, "starts_at_ms", wire_wall_ms(c->starts_wall_ms));
    json_put_i64(&w, "ends_at_ms", wire_wall_ms(c->ends_wall_ms));
    json_close_object(&w);
    b->p[0] = ','; /* it continues the head's object */
}

static void change_tail(struct buf *b, const struct spool_change *c)
{
    write_tail(b, c, true);
    if (b->n > SPOOL_ROW_TEXT_MAX) {
        buf_reset(b);
        write_tail(b, c, false);
    }
}

/* ---- rows in the store ---- */

struct seq_key {
    char bytes[8];
};

static struct seq_key seq_key(uint64_t seq)
{
    struct seq_key k;

    for (int i = 0; i < 8; i++)
        k.bytes[i] = (char)(seq >> (56 - 8 * i));
    return k;
}

static void put_row(const struct row *r, struct out *out)
{
    struct seq_key k = seq_key(r->seq);

    out_put(out, EDGE_ROW_SPOOL, (struct str){k.bytes, sizeof(k.bytes)}, r->json);
}

static void delete_row(uint64_t seq, struct out *out)
{
    struct seq_key k = seq_key(seq);

    out_delete(out, EDGE_ROW_SPOOL, (struct str){k.bytes, sizeof(k.bytes)});
}

static void put_stream(const struct spool *s, struct out *out)
{
    out_put(out, EDGE_ROW_NODE, KEY_STREAM,
            arena_fmt(out_arena(out), "{\"stream\":\"%s\",\"epoch\":%llu}", s->stream,
                      (unsigned long long)s->epoch));
}

static void put_floor(const struct spool *s, struct out *out)
{
    out_put(out, EDGE_ROW_NODE, KEY_FLOOR,
            arena_fmt(out_arena(out), "%llu", (unsigned long long)s->floor));
}

static bool parse_seq_key(struct str key, uint64_t *ret)
{
    uint64_t seq = 0;

    if (key.n != sizeof(struct seq_key))
        return false;
    for (size_t i = 0; i < key.n; i++)
        seq = seq << 8 | (unsigned char)key.p[i];
    *ret = seq;
    return true;
}

static bool parse_stream(struct spool *s, struct json_object *o)
{
    struct str stream = STR_EMPTY;
    uint64_t epoch = 0;

    if (json_get_str(o, "stream", &stream, NULL) < 0 || json_get_u64(o, "epoch", &epoch, NULL) < 0)
        return false;
    if (stream.n != SPOOL_STREAM_CHARS || epoch == 0 || epoch > INT64_MAX)
        return false;
    memcpy(s->stream, stream.p, stream.n);
    s->epoch = epoch;
    return true;
}

static bool restore_stream(struct spool *s, struct str value)
{
    struct json_object *o = NULL;
    bool ok = json_parse(value, (struct json_opt){0}, &o, NULL) == 0 &&
              json_object_is_type(o, json_type_object) && parse_stream(s, o);

    json_object_put(o);
    return ok;
}

/* The head's fields. The texts are lent by o. */
static bool parse_row(struct json_object *o, struct row *ret)
{
    struct str fp = STR_EMPTY, state = STR_EMPTY, reason = STR_EMPTY;

    if (json_get_u64(o, "seq", &ret->seq, NULL) < 0 || json_get_str(o, "fp", &fp, NULL) < 0 ||
        json_get_u64(o, "episode", &ret->episode, NULL) < 0 ||
        json_get_str(o, "state", &state, NULL) < 0 ||
        json_get_str(o, "reason", &reason, NULL) < 0 ||
        json_get_str(o, "suppressed", &ret->suppressed, NULL) < 0 ||
        json_get_i64(o, "first_seen_ms", &ret->first_seen_wall_ms, NULL) < 0 ||
        json_get_u64(o, "transitions", &ret->transitions, NULL) < 0)
        return false;
    if (!str_to_hex_u64(fp, &ret->fp) || reason.n > REASON_CHARS || ret->episode == 0)
        return false;
    if (reason.n > 0)
        memcpy(ret->reason, reason.p, reason.n);
    ret->firing = str_eq_c(state, "firing");
    return ret->firing || str_eq_c(state, "resolved");
}

/* Texts are written by row_new, where ,"labels": comes first behind the head; inside a string its
 * quotes would be escaped. */
static bool find_tail(struct str json, struct str *ret)
{
    static const char mark[] = ",\"labels\":";
    const char *at = json.n > 0 ? memmem(json.p, json.n, mark, sizeof(mark) - 1) : NULL;

    if (at == NULL)
        return false;
    *ret = str_sub(json, (size_t)(at - json.p), json.n);
    return true;
}

/* A disk that was full may have kept rows whose deletion it refused. */
static void table_restore(struct spool *s, struct row *r)
{
    struct row *older = find_newest(s, r->fp);

    if (older != NULL && older->episode == r->episode) {
        *VEC_PUSH(&s->stale) = older->seq;
        table_drop(s, older);
    }
    table_add(s, r);
    if (!r->firing && !is_pending(s, r)) {
        *VEC_PUSH(&s->stale) = r->seq;
        table_drop(s, r);
    }
}

static bool restore_row(struct spool *s, struct str key, struct str value, struct now now)
{
    struct json_object *o = NULL;
    struct row fields = {.kept_mono_ms = now.mono_ms};
    struct seq_key k;
    struct str tail;
    bool ok = json_parse(value, (struct json_opt){0}, &o, NULL) == 0 &&
              json_object_is_type(o, json_type_object) && parse_row(o, &fields) &&
              find_tail(value, &tail);

    k = seq_key(fields.seq);
    ok = ok && fields.seq > 0 && fields.seq <= INT64_MAX &&
         str_eq(key, (struct str){k.bytes, sizeof(k.bytes)}) &&
         (s->entries.n == 0 || s->entries.v[s->entries.n - 1].seq < fields.seq);
    if (ok)
        table_restore(s, row_new(&fields, tail));
    json_object_put(o);
    return ok;
}

void spool_restore(struct spool *s, const struct row_op *row, struct now now)
{
    uint64_t seq;
    bool ok;

    if (row->kind == EDGE_ROW_SPOOL) {
        ok = restore_row(s, row->key, row->value, now);
        if (!ok && parse_seq_key(row->key, &seq))
            *VEC_PUSH(&s->stale) = seq;
    } else if (row->kind == EDGE_ROW_NODE && str_eq(row->key, KEY_STREAM)) {
        ok = restore_stream(s, row->value);
    } else if (row->kind == EDGE_ROW_NODE && str_eq(row->key, KEY_FLOOR)) {
        ok = str_to_u64(row->value, &s->floor) && s->floor <= INT64_MAX;
        s->high = s->floor;
    } else {
        return;
    }
    if (!ok)
        s->stats.damaged++;
}

void spool_start(struct spool *s, const struct engine_start *start, struct now now, struct out *out)
{
    bool lost = start->regressed || s->stats.damaged > 0;

    VEC_EACH (&s->stale, uint64_t, seq)
        delete_row(*seq, out);
    VEC_CLEAR(&s->stale);
    s->sendable = s->high;
    s->start_high = s->high;
    if (s->stream[0] == '\0') {
        memcpy(s->stream, start->uuid, SPOOL_STREAM_CHARS);
        s->epoch = 1;
        put_stream(s, out);
        lost = lost && s->stats.rows > 0;
    }
    if (lost)
        spool_raise_epoch(s, s->epoch, now, out);
}

struct str spool_stream(const struct spool *s)
{
    return str_from(s->stream);
}

uint64_t spool_epoch(const struct spool *s)
{
    return s->epoch;
}

uint64_t spool_high(const struct spool *s)
{
    return s->high;
}

uint64_t spool_start_high(const struct spool *s)
{
    return s->start_high;
}

uint64_t spool_sendable(const struct spool *s)
{
    return s->sendable;
}

uint64_t spool_floor(const struct spool *s)
{
    return s->floor;
}

/* ---- change ---- */

size_t spool_change_bytes(const struct spool_change *c)
{
    size_t n = 320 + SPOOL_ROW_OVERHEAD + c->suppressed.n + c->generator_url.n;

    LABELS_EACH (&c->labels, it)
        n += it->name.n + it->value.n + 6;
    LABELS_EACH (&c->annotations, it)
        n += it->name.n + it->value.n + 6;
    return n;
}

bool spool_admits(const struct spool *s, size_t bytes)
{
    return s->stats.bytes <= s->stats.bytes_max && bytes <= s->stats.bytes_max - s->stats.bytes;
}

static void ledger(const struct spool *s, enum ledger_verdict verdict, const struct row *r,
                   uint64_t ver, struct out *out)
{
    out_ledger(out, &(struct ledger_row){.verdict = verdict,
                                         .fp = r->fp,
                                         .stream = str_from(s->stream),
                                         .epoch = s->epoch,
                                         .seq = r->seq,
                                         .ver = ver,
                                         .cause = verdict == LEDGER_ACCEPTED ? str_from(r->reason)
                                                                             : STR_EMPTY});
}

/* Drops a row that `by` replaces. */
static void supersede(struct spool *s, struct row *r, uint64_t by, struct out *out)
{
    if (is_pending(s, r)) {
        s->stats.coalesced++;
        if (!BUG(BUG_COUNT_LOST_ROW))
            ledger(s, LEDGER_COALESCED, r, by, out);
    }
    delete_row(r->seq, out);
    table_drop(s, r);
}

static void keep(struct spool *s, struct row *r, struct out *out)
{
    uint64_t txn = out_txn(out);

    table_add(s, r);
    s->stats.accepted++;
    ledger(s, LEDGER_ACCEPTED, r, 0, out);
    put_row(r, out);
    if (s->unstored.n > 0 && s->unstored.v[s->unstored.n - 1].txn == txn)
        s->unstored.v[s->unstored.n - 1].high = r->seq;
    else
        *VEC_PUSH(&s->unstored) = (struct unstored){.txn = txn, .high = r->seq};
}

static void set_reason(struct row *r, const char *reason)
{
    size_t n = strlen(reason);

    assert(n <= REASON_CHARS);
    memset(r->reason, 0, sizeof(r->reason));
    memcpy(r->reason, reason, n);
}

/* Files the new row; `older`, when it is of the same episode, gives way to it. */
static uint64_t append(struct spool *s, const struct row *fields, struct str tail,
                       struct row *replaced, struct out *out)
{
    struct row *r = row_new(fields, tail);

    keep(s, r, out);
    if (replaced != NULL)
        supersede(s, replaced, r->seq, out);
    sweep(s);
    return s->high;
}

uint64_t spool_append(struct spool *s, const struct spool_change *c, struct now now,
                      struct out *out)
{
    struct row *older = find_newest(s, c->fp);
    struct row fields = {.seq = s->high + 1,
                         .fp = c->fp,
                         .episode = s->high + 1,
                         .firing = c->firing,
                         .suppressed = c->suppressed,
                         .first_seen_wall_ms = now.wall_ms,
                         .kept_mono_ms = now.mono_ms,
                         .transitions = 1};
    struct buf tail;
    uint64_t seq;

    if (older != NULL && older->firing) {
        fields.episode = older->episode;
        fields.first_seen_wall_ms = older->first_seen_wall_ms;
        fields.transitions = older->transitions + 1;
        fields.kept_mono_ms = is_pending(s, older) ? older->kept_mono_ms : now.mono_ms;
    } else {
        older = NULL; /* an episode that is over keeps its last row until everybody has it */
    }
    set_reason(&fields, c->reason);
    buf_init(&tail, 0);
    change_tail(&tail, c);
    seq = append(s, &fields, buf_str(&tail), older, out);
    buf_clear(&tail);
    return seq;
}

uint64_t spool_refresh(struct spool *s, uint64_t fp, struct now now, struct out *out)
{
    struct row *older = find_newest(s, fp);
    struct row fields;

    if (older == NULL)
        return 0;
    fields = *older;
    fields.seq = s->high + 1;
    fields.kept_mono_ms = now.mono_ms;
    if (older->firing)
        set_reason(&fields, "refresh");
    return append(s, &fields, row_tail(older), older, out);
}

uint64_t spool_close(struct spool *s, uint64_t fp, const char *reason, struct now now,
                     struct out *out)
{
    struct row *older = find_newest(s, fp);
    struct row fields;

    if (older == NULL || !older->firing)
        return 0;
    fields = *older;
    fields.seq = s->high + 1;
    fields.firing = false;
    fields.kept_mono_ms = is_pending(s, older) ? older->kept_mono_ms : now.mono_ms;
    fields.transitions++;
    set_reason(&fields, reason);
    return append(s, &fields, row_tail(older), older, out);
}

uint64_t spool_deny(struct spool *s, uint64_t fp, struct now now, struct out *out)
{
    struct spool_change c = {.fp = fp,
                             .reason = "anti_entropy",
                             .starts_wall_ms = WALL_ABSENT,
                             .ends_wall_ms = now.wall_ms};

    return spool_append(s, &c, now, out);
}

void spool_raise_epoch(struct spool *s, uint64_t above, struct now now, struct out *out)
{
    struct entry *old = s->entries.v;
    size_t old_n = s->entries.n;
    uint64_t old_epoch = s->epoch, old_floor = s->floor;
    uint64_t new_epoch = (above > s->epoch ? above : s->epoch) + 1;

    s->entries.v = NULL;
    s->entries.n = s->entries.cap = s->dropped = 0;
    HASH_CLEAR(hh, s->by_fp);
    s->unstored.n = 0;
    s->high = s->floor = s->sendable = 0;
    s->start_high = INT64_MAX;
    s->stats.rows = s->stats.pending = s->stats.firing = s->stats.bytes = 0;
    for (size_t i = 0; i < old_n; i++) {
        if (old[i].row != NULL)
            delete_row(old[i].seq, out);
    }
    for (size_t i = 0; i < old_n; i++) {
        struct row *r = old[i].row;
        struct row fields;

        if (r == NULL)
            continue;
        s->epoch = old_epoch;
        if (r->seq > old_floor) {
            s->stats.coalesced++;
            ledger(s, LEDGER_COALESCED, r, s->high + 1, out);
        }
        s->epoch = new_epoch;
        fields = *r;
        fields.seq = fields.episode = s->high + 1;
        fields.kept_mono_ms = now.mono_ms;
        if (r->firing)
            set_reason(&fields, "refresh");
        keep(s, row_new(&fields, row_tail(r)), out);
        free(r);
    }
    free(old);
    s->epoch = new_epoch;
    put_stream(s, out);
    put_floor(s, out);
}

void spool_free_to(struct spool *s, uint64_t floor, struct out *out)
{
    if (floor > s->high)
        floor = s->high;
    if (floor <= s->floor)
        return;
    for (size_t i = entry_from(s, s->floor + 1); i < s->entries.n && s->entries.v[i].seq <= floor;
         i++) {
        struct row *r = s->entries.v[i].row;

        if (r == NULL)
            continue;
        s->stats.freed++;
        ledger(s, LEDGER_FREED, r, 0, out);
        if (r->firing && r->newest) {
            s->stats.pending--;
            continue;
        }
        delete_row(r->seq, out);
        table_drop(s, r);
    }
    s->floor = floor;
    put_floor(s, out);
    sweep(s);
}

bool spool_stored(struct spool *s, uint64_t txn)
{
    uint64_t before = s->sendable;
    size_t n = 0;

    while (n < s->unstored.n && s->unstored.v[n].txn <= txn)
        s->sendable = s->unstored.v[n++].high;
    if (n > 0) {
        memmove(s->unstored.v, s->unstored.v + n, (s->unstored.n - n) * sizeof(*s->unstored.v));
        s->unstored.n -= n;
    }
    return s->sendable != before;
}

uint64_t spool_put_slice(const struct spool *s, uint64_t from, size_t bytes_max, struct out *out)
{
    size_t bytes = 0;

    if (from == 0) {
        put_stream(s, out);
        put_floor(s, out);
    }
    for (size_t i = entry_from(s, from); i < s->entries.n; i++) {
        const struct row *r = s->entries.v[i].row;

        if (r == NULL)
            continue;
        if (bytes >= bytes_max)
            return r->seq;
        put_row(r, out);
        bytes += r->json.n + SPOOL_ROW_OVERHEAD;
    }
    return 0;
}

/* ---- read ---- */

static void row_view(const struct row *r, struct spool_row *ret)
{
    *ret = (struct spool_row){.seq = r->seq,
                              .fp = r->fp,
                              .episode = r->episode,
                              .firing = r->firing,
                              .suppressed = r->suppressed,
                              .first_seen_wall_ms = r->first_seen_wall_ms,
                              .transitions = r->transitions,
                              .kept_mono_ms = r->kept_mono_ms,
                              .json = r->json};
}

bool spool_newest(const struct spool *s, uint64_t fp, struct spool_row *ret)
{
    const struct row *r = find_newest(s, fp);

    if (r != NULL)
        row_view(r, ret);
    return r != NULL;
}

bool spool_next(const struct spool *s, uint64_t from, struct spool_row *ret)
{
    for (size_t i = entry_from(s, from); i < s->entries.n; i++) {
        if (s->entries.v[i].row == NULL)
            continue;
        row_view(s->entries.v[i].row, ret);
        return true;
    }
    return false;
}

void spool_each_firing(const struct spool *s,
                       void (*on_row)(const struct spool_row *row, void *arg), void *arg)
{
    for (size_t i = 0; i < s->entries.n; i++) {
        const struct row *r = s->entries.v[i].row;
        struct spool_row view;

        if (r == NULL || !r->firing || !r->newest)
            continue;
        row_view(r, &view);
        on_row(&view, arg);
    }
}

static void add_void(struct buf *voids, uint64_t from, uint64_t to)
{
    if (from > to)
        return;
    if (voids->n > 0)
        buf_add_char(voids, ',');
    buf_add_char(voids, '[');
    buf_add_u64(voids, from);
    buf_add_char(voids, ',');
    buf_add_u64(voids, to);
    buf_add_char(voids, ']');
}

uint64_t spool_write_batch(const struct spool *s, uint64_t from, uint64_t to, size_t rows_max,
                           size_t bytes_max, struct buf *b, size_t *ret_rows)
{
    struct buf rows, voids;
    uint64_t pos = from; /* everything before it is covered */
    size_t n = 0;

    assert(from >= 1 && from <= to && to <= s->high && rows_max > 0);
    buf_init(&rows, 0);
    buf_init(&voids, 0);
    for (size_t i = entry_from(s, from); i < s->entries.n && s->entries.v[i].seq <= to; i++) {
        const struct row *r = s->entries.v[i].row;

        if (r == NULL)
            continue;
        if (n == rows_max || (n > 0 && rows.n + r->json.n > bytes_max)) {
            to = pos - 1;
            break;
        }
        add_void(&voids, pos, r->seq - 1);
        if (n++ > 0)
            buf_add_char(&rows, ',');
        buf_add_str(&rows, r->json);
        pos = r->seq + 1;
    }
    add_void(&voids, pos, to);
    buf_add_fmt(b, "\"from\":%llu,\"to\":%llu,\"rows\":[", (unsigned long long)from,
                (unsigned long long)to);
    buf_add_str(b, buf_str(&rows));
    buf_add_str(b, STR("],\"voids\":["));
    buf_add_str(b, buf_str(&voids));
    buf_add_char(b, ']');
    buf_clear(&rows);
    buf_clear(&voids);
    *ret_rows = n;
    return to;
}

struct spool_stats spool_stats(const struct spool *s)
{
    struct spool_stats stats = s->stats;
    struct spool_row first;

    stats.oldest_pending_mono_ms =
        stats.pending > 0 && spool_next(s, s->floor + 1, &first) ? first.kept_mono_ms : TIME_NEVER;
    return stats;
}

size_t spool_pending(const struct spool *s)
{
    return s->stats.pending;
}

size_t spool_count_after(const struct spool *s, uint64_t after, size_t limit)
{
    size_t n = 0;

    for (size_t i = entry_from(s, after + 1); i < s->entries.n && n < limit; i++)
        n += s->entries.v[i].row != NULL;
    return n;
}

uint64_t spool_digest(const struct spool *s)
{
    uint64_t h = hash_mix(s->epoch, hash_mix(s->high, s->floor));

    for (size_t i = 0; i < s->entries.n; i++) {
        const struct row *r = s->entries.v[i].row;

        if (r != NULL)
            h = hash_mix(h, hash_mix(r->seq, fnv1a_64(FNV1A_64_BASIS, r->json.p, r->json.n)));
    }
    return h;
}

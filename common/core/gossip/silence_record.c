#include "common/core/gossip/silence_record.h"

#include "common/core/gossip/pb_time.h"

enum { MESH_SILENCE = 1, MESH_EXPIRES_AT = 2 };
enum {
    ID = 1,
    MATCHERS = 2,
    STARTS_AT = 3,
    ENDS_AT = 4,
    UPDATED_AT = 5,
    COMMENTS = 7,
    CREATED_BY = 8,
    COMMENT = 9,
    ANNOTATIONS = 10,
    MATCHER_SETS = 11
};
enum { MATCHER_TYPE = 1, MATCHER_NAME = 2, MATCHER_PATTERN = 3 };
/* Of `unread`, which is a message of ours. */
enum {
    UNREAD_SILENCE = 1, /* fields of Silence as they stood */
    UNREAD_MESH = 2,    /* fields of MeshSilence as they stood */
    UNREAD_STARTS = 3,  /* Timestamp */
    UNREAD_ENDS = 4,
    UNREAD_UPDATED = 5,
    UNREAD_EXPIRES = 6,
    UNREAD_OLD_FORM = 7 /* 1: no matcher_sets */
};

/* Alertmanager's numbers of the operators. */
static const enum matcher_op ops[] = {MATCH_EQ, MATCH_RE, MATCH_NE, MATCH_NRE};

/* ---- reading ---- */

enum { AT_STARTS, AT_ENDS, AT_UPDATED, AT_EXPIRES, TIMES };

struct reading {
    struct arena *arena;
    struct silence s;
    struct pb_time times[TIMES];
    struct matchers old; /* of the old field */
    size_t matchers_n;   /* of all sets */
    bool has_sets;
    struct label *annotations;
    size_t annotations_n, annotations_cap;
    struct buf silence_rest, mesh_rest;
};

static void read_matcher(struct reading *g, struct pb_reader *parent, const struct pb_field *field,
                         struct matchers *set)
{
    struct pb_reader r = pb_within(parent, field);
    struct matcher m = {.name = STR_EMPTY, .value = STR_EMPTY};
    uint64_t type = 0;
    struct pb_field f;

    while (pb_next(&r, &f)) {
        if (f.number == MATCHER_TYPE)
            (void)pb_get_u64(&f, &type);
        else if (f.number == MATCHER_NAME)
            (void)pb_get_text(&r, &f, &m.name);
        else if (f.number == MATCHER_PATTERN)
            (void)pb_get_text(&r, &f, &m.value);
    }
    if (type >= ARRAY_SIZE(ops))
        pb_fail(&r, field->at, "an unknown type of matcher");
    else if (set->n >= SILENCE_MATCHERS_MAX)
        pb_fail(&r, field->at, "more matchers than are taken");
    else
        m.op = ops[type];
    if (r.fault->why == NULL)
        matchers_add(set, m, g->arena);
}

static void read_set(struct reading *g, struct pb_reader *parent, const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    struct matchers *set;
    struct pb_field f;

    g->has_sets = true;
    if (g->s.sets_n == SILENCE_SETS_MAX) {
        pb_fail(&r, field->at, "more matcher sets than are taken");
        return;
    }
    if (g->s.sets == NULL)
        g->s.sets = ARENA_ARRAY(g->arena, struct matchers, SILENCE_SETS_MAX);
    set = &g->s.sets[g->s.sets_n++];
    while (pb_next(&r, &f)) {
        if (f.number != 1 || f.type != PB_BYTES)
            continue;
        read_matcher(g, &r, &f, set);
        if (++g->matchers_n > SILENCE_MATCHERS_MAX)
            pb_fail(&r, f.at, "more matchers than are taken");
    }
}

/* The first comment is the silence's; those behind it were never shown. */
static void read_old_comment(struct reading *g, struct pb_reader *parent,
                             const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    struct str author = STR_EMPTY, comment = STR_EMPTY;
    struct pb_field f;

    while (pb_next(&r, &f)) {
        if (f.number == 1)
            (void)pb_get_text(&r, &f, &author);
        else if (f.number == 2)
            (void)pb_get_text(&r, &f, &comment);
    }
    if (g->s.comment.n == 0 && g->s.created_by.n == 0) {
        g->s.created_by = author;
        g->s.comment = comment;
    }
}

static void read_annotation(struct reading *g, struct pb_reader *parent,
                            const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    struct label l = {.name = STR_EMPTY, .value = STR_EMPTY};
    struct pb_field f;

    while (pb_next(&r, &f)) {
        if (f.number == 1)
            (void)pb_get_text(&r, &f, &l.name);
        else if (f.number == 2)
            (void)pb_get_text(&r, &f, &l.value);
    }
    if (str_find_char(l.name, '\0') < l.name.n) /* no key of a stored row can be written so */
        pb_fail(&r, field->at, "an annotation's name with a NUL byte");
    if (g->annotations_n == SILENCE_RECORD_ANNOTATIONS_MAX)
        pb_fail(&r, field->at, "more annotations than are taken");
    if (r.fault->why != NULL)
        return;
    if (g->annotations_n == g->annotations_cap) {
        size_t cap = g->annotations_cap > 0 ? 2 * g->annotations_cap : 4;
        struct label *v = ARENA_ARRAY(g->arena, struct label, cap);

        if (g->annotations_n > 0)
            memcpy(v, g->annotations, g->annotations_n * sizeof(*v));
        g->annotations = v;
        g->annotations_cap = cap;
    }
    g->annotations[g->annotations_n++] = l;
}

static bool read_message(struct reading *g, struct pb_reader *r, const struct pb_field *f)
{
    if (f->type != PB_BYTES)
        return false;
    if (f->number == MATCHERS)
        read_matcher(g, r, f, &g->old);
    else if (f->number == MATCHER_SETS)
        read_set(g, r, f);
    else if (f->number == ANNOTATIONS)
        read_annotation(g, r, f);
    else
        read_old_comment(g, r, f);
    return true;
}

static void read_silence(struct reading *g, struct pb_reader *parent, const struct pb_field *field)
{
    struct pb_reader r = pb_within(parent, field);
    struct pb_field f;

    while (pb_next(&r, &f)) {
        bool known = false;

        switch (f.number) {
        case ID:
            known = pb_get_text(&r, &f, &g->s.id);
            break;
        case CREATED_BY:
            known = pb_get_text(&r, &f, &g->s.created_by);
            break;
        case COMMENT:
            known = pb_get_text(&r, &f, &g->s.comment);
            break;
        case STARTS_AT:
        case ENDS_AT:
        case UPDATED_AT:
            known = pb_get_time(&r, &f, &g->times[f.number - STARTS_AT]);
            break;
        case MATCHERS:
        case MATCHER_SETS:
        case ANNOTATIONS:
        case COMMENTS:
            known = read_message(g, &r, &f);
            break;
        default:
            break;
        }
        if (!known)
            buf_add_str(&g->silence_rest, f.whole);
    }
}

static void read_mesh(struct reading *g, struct pb_reader *r)
{
    bool has_silence = false;
    struct pb_field f;

    while (pb_next(r, &f)) {
        if (f.number == MESH_SILENCE && f.type == PB_BYTES) {
            has_silence = true;
            read_silence(g, r, &f);
        } else if (f.number != MESH_EXPIRES_AT || !pb_get_time(r, &f, &g->times[AT_EXPIRES])) {
            buf_add_str(&g->mesh_rest, f.whole);
        }
    }
    if (!has_silence)
        pb_fail(r, r->base, "no silence in it");
}

static int64_t to_ms(struct pb_time t) /* Go's zero time is none at all */
{
    return t.seconds == PB_TIME_YEAR_1_S && t.nanos == 0 ? WALL_ABSENT : pb_time_ms(t);
}

static void put_fine_time(struct buf *b, uint32_t number, struct pb_time t, int32_t step_nanos)
{
    if (t.nanos % step_nanos != 0)
        pb_add_time(b, number, t);
}

/* Completes g->s by what was read beside it. */
static void finish(struct reading *g)
{
    struct silence *s = &g->s;
    bool old_form = !g->has_sets && g->old.n > 0;
    struct buf unread;

    if (old_form) {
        s->sets = ARENA_NEW(g->arena, struct matchers);
        s->sets[0] = g->old;
        s->sets_n = 1;
    }
    s->starts_wall_ms = to_ms(g->times[AT_STARTS]);
    s->ends_wall_ms = to_ms(g->times[AT_ENDS]);
    s->updated_wall_us = pb_time_us(g->times[AT_UPDATED]);
    s->expires_wall_ms = pb_time_ms(g->times[AT_EXPIRES]);
    s->annotations = (struct labels){.v = g->annotations,
                                     .n = labels_sort_all(g->annotations, g->annotations_n)};
    buf_init(&unread, 0);
    pb_put_bytes(&unread, UNREAD_SILENCE, buf_str(&g->silence_rest));
    pb_put_bytes(&unread, UNREAD_MESH, buf_str(&g->mesh_rest));
    put_fine_time(&unread, UNREAD_STARTS, g->times[AT_STARTS], 1000000);
    put_fine_time(&unread, UNREAD_ENDS, g->times[AT_ENDS], 1000000);
    put_fine_time(&unread, UNREAD_UPDATED, g->times[AT_UPDATED], 1000);
    put_fine_time(&unread, UNREAD_EXPIRES, g->times[AT_EXPIRES], 1000000);
    pb_put_u64(&unread, UNREAD_OLD_FORM, old_form);
    s->unread = arena_str(g->arena, buf_str(&unread));
    buf_clear(&unread);
}

int silence_record_read(struct str record, size_t base, struct arena *a, struct silence *ret,
                        struct err *err)
{
    struct reading g = {.arena = a,
                        .s = {.id = STR_EMPTY, .created_by = STR_EMPTY, .comment = STR_EMPTY}};
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(record, base, &fault);
    int rc;

    buf_init(&g.silence_rest, SILENCE_RECORD_BYTES_MAX);
    buf_init(&g.mesh_rest, SILENCE_RECORD_BYTES_MAX);
    if (record.n > SILENCE_RECORD_BYTES_MAX)
        pb_fail(&r, base, "a message longer than is taken");
    read_mesh(&g, &r);
    rc = pb_result(&fault, "silence", err);
    if (rc == 0) {
        finish(&g);
        *ret = g.s;
    }
    buf_clear(&g.silence_rest);
    buf_clear(&g.mesh_rest);
    return rc;
}

/* ---- writing ---- */

struct unread {
    struct str silence_rest, mesh_rest;
    struct pb_time times[TIMES]; /* zeroed: not given */
    bool old_form;
};

/* What cannot be read of it is left out: it is ours, and was read when it was made. */
static struct unread unread_of(struct str bytes)
{
    struct unread u = {.silence_rest = STR_EMPTY, .mesh_rest = STR_EMPTY};
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(bytes, 0, &fault);
    uint64_t old_form = 0;
    struct pb_field f;

    while (pb_next(&r, &f)) {
        if (f.number == UNREAD_SILENCE)
            u.silence_rest = f.bytes;
        else if (f.number == UNREAD_MESH)
            u.mesh_rest = f.bytes;
        else if (f.number >= UNREAD_STARTS && f.number <= UNREAD_EXPIRES)
            (void)pb_get_time(&r, &f, &u.times[f.number - UNREAD_STARTS]);
        else if (f.number == UNREAD_OLD_FORM)
            (void)pb_get_u64(&f, &old_form);
    }
    u.old_form = old_form != 0;
    return u;
}

/* The time as it was read if it still is the same, else the silence's own. */
static void add_ms(struct buf *b, uint32_t number, int64_t ms, struct pb_time fine)
{
    pb_add_time(b, number, pb_time_ms(fine) == ms ? fine : pb_time_of_ms(ms));
}

static void add_us(struct buf *b, uint32_t number, int64_t us, struct pb_time fine)
{
    pb_add_time(b, number, pb_time_us(fine) == us ? fine : pb_time_of_us(us));
}

static uint64_t number_of(enum matcher_op op)
{
    uint64_t i = 0;

    while (ops[i] != op)
        i++;
    return i;
}

static void add_matchers(struct buf *b, uint32_t number, const struct matchers *set)
{
    for (size_t i = 0; i < set->n; i++) {
        size_t opened = pb_open(b, number);

        pb_put_u64(b, MATCHER_TYPE, number_of(set->v[i].op));
        pb_put_bytes(b, MATCHER_NAME, set->v[i].name);
        pb_put_bytes(b, MATCHER_PATTERN, set->v[i].value);
        pb_close(b, opened);
    }
}

static void add_annotations(struct buf *b, struct labels annotations)
{
    LABELS_EACH (&annotations, it) { /* a map's entries state both, even when empty */
        size_t opened = pb_open(b, ANNOTATIONS);

        pb_add_bytes(b, 1, it->name);
        pb_add_bytes(b, 2, it->value);
        pb_close(b, opened);
    }
}

static void add_silence(struct buf *b, const struct silence *s, const struct unread *u)
{
    pb_put_bytes(b, ID, s->id);
    if (s->sets_n > 0)
        add_matchers(b, MATCHERS, &s->sets[0]);
    add_ms(b, STARTS_AT, s->starts_wall_ms, u->times[AT_STARTS]);
    add_ms(b, ENDS_AT, s->ends_wall_ms, u->times[AT_ENDS]);
    add_us(b, UPDATED_AT, s->updated_wall_us, u->times[AT_UPDATED]);
    pb_put_bytes(b, CREATED_BY, s->created_by);
    pb_put_bytes(b, COMMENT, s->comment);
    add_annotations(b, s->annotations);
    for (size_t i = 0; i < s->sets_n && !(u->old_form && s->sets_n == 1); i++) {
        size_t opened = pb_open(b, MATCHER_SETS);

        add_matchers(b, 1, &s->sets[i]);
        pb_close(b, opened);
    }
    buf_add_str(b, u->silence_rest);
}

void silence_record_add(struct buf *b, const struct silence *s)
{
    struct unread u = unread_of(s->unread);
    size_t opened = pb_open(b, MESH_SILENCE);

    add_silence(b, s, &u);
    pb_close(b, opened);
    add_ms(b, MESH_EXPIRES_AT, s->expires_wall_ms, u.times[AT_EXPIRES]);
    buf_add_str(b, u.mesh_rest);
}

/* Groups in the store: what survives a restart is when each one is due. Its alerts have rows of
 * their own. A row is written when a timer has been armed for a new group and when a flush is over:
 * while one is under way the row still has the time at which it was due, so that a flush which a
 * crash has cut off is begun again at once. */
#include "common/core/group/groups_internal.h"

#include "common/base/json.h"
#include "common/core/engine.h"

#include <errno.h>

#define ROW_KEY_CHARS 32

void group_touch(struct groups *g, struct group *group)
{
    if (group->dirty)
        return;
    TAILQ_INSERT_TAIL(&g->dirty, group, dirty_link);
    g->dirty_n++;
    group->dirty = true;
}

static void untouch(struct groups *g, struct group *group)
{
    TAILQ_REMOVE(&g->dirty, group, dirty_link);
    g->dirty_n--;
    group->dirty = false;
}

void group_forget(struct groups *g, struct group *group)
{
    if (group->dirty)
        untouch(g, group);
    if (group->stored)
        *VEC_PUSH(&g->gone) =
            (struct group_row_id){.place = group->place, .labels_fp = group->id.labels_fp};
}

void groups_touch_all(struct groups *g)
{
    for (struct group *group = g->by_id; group != NULL; group = group->hh.next) {
        if (!group->flushing)
            group_touch(g, group);
    }
}

static struct str row_key(struct group_row_id id, char ret[ROW_KEY_CHARS + 1])
{
    (void)snprintf(ret, ROW_KEY_CHARS + 1, "%016llx%016llx", (unsigned long long)id.place,
                   (unsigned long long)id.labels_fp);
    return str_from(ret);
}

static void put_row(struct group *group, uint32_t kind, struct now now, struct out *out)
{
    struct group_row_id id = {.place = group->place, .labels_fp = group->id.labels_fp};
    char key[ROW_KEY_CHARS + 1];
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "due_ms", now.wall_ms + (group->timer.at_ms - now.mono_ms));
    json_put_i64(&w, "delay_ms", group->delay_ms);
    json_close_object(&w);
    out_put(out, kind, row_key(id, key), buf_str(&b));
    buf_clear(&b);
    group->stored = true;
}

bool groups_write(struct groups *g, uint32_t kind, size_t rows_max, struct now now, struct out *out)
{
    char key[ROW_KEY_CHARS + 1];
    struct group *group;

    /* Before the others, all of them: a group may have been made anew. */
    for (; g->gone.n > 0 && rows_max > 0; rows_max--)
        out_delete(out, kind, row_key(g->gone.v[--g->gone.n], key));
    if (g->gone.n > 0)
        return false;
    VEC_CLEAR(&g->gone);
    for (; (group = TAILQ_FIRST(&g->dirty)) != NULL && rows_max > 0; rows_max--) {
        untouch(g, group);
        if (!group->flushing) /* else when that is over */
            put_row(group, kind, now, out);
    }
    return group == NULL;
}

size_t groups_unwritten(const struct groups *g)
{
    return g->dirty_n + g->gone.n;
}

/* ---- the start ---- */

static int read_key(struct str key, struct group_row_id *ret)
{
    if (key.n != ROW_KEY_CHARS || !str_to_hex_u64(str_sub(key, 0, 16), &ret->place) ||
        !str_to_hex_u64(str_sub(key, 16, 32), &ret->labels_fp))
        return -EINVAL;
    return 0;
}

int groups_restore(struct groups *g, struct str key, struct str value, struct err *err)
{
    struct json_object *o = NULL;
    struct group_row_id id;
    struct group_timer *t;
    int64_t due = -1, delay = -1;
    int r = json_parse(value, (struct json_opt){0}, &o, err);

    if (r == 0 && !json_object_is_type(o, json_type_object))
        r = err_set(err, -EINVAL, "not an object");
    if (r == 0 && (r = json_get_i64(o, "due_ms", &due, err)) == 0)
        r = json_get_i64(o, "delay_ms", &delay, err);
    json_object_put(o);
    if (r < 0)
        return r;
    if (read_key(key, &id) < 0 || due < 0 || delay < 0)
        return err_set(err, -EINVAL, "no group's key, or no time");
    HASH_FIND(hh, g->restored, &id, sizeof(id), t);
    if (t == NULL) {
        t = xcalloc(1, sizeof(*t));
        t->id = id;
        HASH_ADD(hh, g->restored, id, sizeof(t->id), t);
    }
    t->due_wall_ms = due;
    t->delay_ms = delay;
    return 0;
}

bool groups_take_timer(struct groups *g, const struct group *group, struct group_timer *ret)
{
    struct group_row_id id = {.place = group->place, .labels_fp = group->id.labels_fp};
    struct group_timer *t;

    HASH_FIND(hh, g->restored, &id, sizeof(id), t);
    if (t == NULL)
        return false;
    *ret = *t;
    HASH_DELETE(hh, g->restored, t);
    free(t);
    return true;
}

void groups_restored(struct groups *g)
{
    struct group_timer *t, *next;

    HASH_ITER (hh, g->restored, t, next) {
        *VEC_PUSH(&g->gone) = t->id;
        HASH_DELETE(hh, g->restored, t);
        free(t);
    }
}

void groups_rows_clear(struct groups *g)
{
    groups_restored(g);
    VEC_CLEAR(&g->gone);
}

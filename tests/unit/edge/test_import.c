/* An edge in the place of an Alertmanager: what that one's files say holds from the first moment.
 */
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#include "common/base/vec.h"
#include "common/core/gossip/import.h"
#include "edge/core/edge_rows.h"

#define CONFIG \
    "route:\n" \
    "  receiver: team\n" \
    "  group_by: [alertname]\n" \
    "  group_wait: 30s\n" \
    "  group_interval: 5m\n" \
    "  repeat_interval: 4h\n" \
    "receivers:\n" \
    "- name: team\n" \
    "  webhook_configs: [{url: 'http://team.example/hook'}]\n"

#define ALERT(name) \
    "[{\"labels\":{\"alertname\":\"" name "\"},\"startsAt\":\"2026-01-01T00:00:00Z\"," \
    "\"endsAt\":\"2026-02-01T00:00:00Z\"}]"

static struct arena *arena;

static void add_silence(struct buf *b, const char *id, const char *alertname, int64_t ends_in_ms,
                        int64_t expires_in_ms)
{
    struct matchers set = {0};
    struct silence s = {.id = str_from(id),
                        .sets = &set,
                        .sets_n = 1,
                        .starts_wall_ms = DRIVER_WALL_START - MS_PER_H,
                        .ends_wall_ms = DRIVER_WALL_START + ends_in_ms,
                        .updated_wall_us = (DRIVER_WALL_START - MS_PER_H) * 1000,
                        .expires_wall_ms = DRIVER_WALL_START + expires_in_ms};
    size_t opened = pb_open(b, 0);

    matchers_add(&set, (struct matcher){.name = STR("alertname"), .value = str_from(alertname)},
                 arena);
    silence_record_add(b, &s);
    pb_close(b, opened);
}

static void add_entry(struct buf *b, const char *alertname, int64_t ago_ms, int64_t expires_in_ms)
{
    struct label label = {STR("alertname"), str_from(alertname)};
    uint64_t hash = labels_xxh64((struct labels){.v = &label, .n = 1});
    struct nflog_record e = {.group_key = arena_fmt(arena, "{}:{alertname=\"%s\"}", alertname),
                             .receiver = STR("team"),
                             .integration = STR("webhook"),
                             .at_wall_ms = DRIVER_WALL_START - ago_ms,
                             .expires_wall_ms = DRIVER_WALL_START + expires_in_ms,
                             .firing = &hash,
                             .firing_n = 1};
    size_t opened = pb_open(b, 0);

    nflog_record_add(b, &e);
    pb_close(b, opened);
}

static void give(struct driver *d, enum import_file file, struct str records, size_t piece_bytes)
{
    size_t at = 0;

    do {
        struct str rest = str_sub(records, at, records.n);
        size_t n = import_piece(rest, piece_bytes);
        struct engine_input in = {.kind = ENGINE_IMPORT,
                                  .import = {.file = file,
                                             .records = str_sub(rest, 0, n),
                                             .at = at,
                                             .last = at + n == records.n}};

        driver_step(d, &in);
        at += n;
    } while (at < records.n);
}

static size_t count_rows(const struct driver *d, uint32_t kind)
{
    size_t n = 0;

    VEC_EACH (&d->rows, struct driver_row, row)
        n += row->kind == kind;
    return n;
}

static const char *get(struct driver *d, const char *path)
{
    uint64_t id = driver_request(d, "GET", path, "", "");

    driver_more(d, id);
    return driver_reply(d, id)->body.p;
}

static void assert_metric(struct driver *d, const char *line)
{
    const char *text = get(d, "/metrics");

    if (strstr(text, line) == NULL)
        fail_msg("no %s in %s", line, text);
}

static void a_group_that_was_told_is_not_told_again(void **state)
{
    struct driver d;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    edge_setup_unstarted(&d, CONFIG);
    assert_true(edge_wants_import(d.engine, IMPORT_NFLOG));
    add_entry(&b, "Told", MS_PER_H, 7 * MS_PER_H);
    add_entry(&b, "Long ago", 5 * MS_PER_H, MS_PER_H);
    add_entry(&b, "Forgotten", 9 * MS_PER_H, -1);
    give(&d, IMPORT_NFLOG, buf_str(&b), MIB(1));
    assert_false(edge_wants_import(d.engine, IMPORT_NFLOG));
    driver_restore_and_start(&d);
    (void)edge_post(&d, ALERT("Told"));
    driver_advance(&d, MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 2 * MS_PER_H + 10 * MS_PER_MIN); /* 4 h after the Alertmanager's */
    assert_int_equal(driver_open_sends(&d), 1);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    (void)edge_post(&d, ALERT("Forgotten"));
    driver_advance(&d, 30 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 1);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    assert_metric(&d, "tocsin_import_records_total{file=\"nflog\",result=\"taken\"} 2\n");
    assert_metric(&d, "tocsin_import_records_total{file=\"nflog\",result=\"expired\"} 1\n");
    edge_teardown(&d);
    buf_clear(&b);
}

static void its_silences_mute(void **state)
{
    struct driver d;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    edge_setup_unstarted(&d, CONFIG);
    add_silence(&b, "id-1", "Muted", MS_PER_H, MS_PER_DAY);
    add_silence(&b, "id-2", "Over", -MS_PER_MIN, MS_PER_DAY);
    add_silence(&b, "id-3", "Gone", -MS_PER_H, -1);
    give(&d, IMPORT_SILENCES, buf_str(&b), 1);
    driver_restore_and_start(&d);
    (void)edge_post(&d, ALERT("Muted"));
    (void)edge_post(&d, ALERT("Over"));
    driver_advance(&d, 30 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_non_null(strstr(driver_open_send(&d, 0)->body.p, "Over"));
    assert_non_null(strstr(get(&d, "/api/v2/silences"), "\"id\":\"id-1\""));
    assert_non_null(strstr(get(&d, "/api/v2/silences"), "\"id\":\"id-2\""));
    assert_null(strstr(get(&d, "/api/v2/silences"), "id-3"));
    assert_metric(&d, "tocsin_import_records_total{file=\"silences\",result=\"taken\"} 2\n");
    edge_teardown(&d);
    buf_clear(&b);
}

static void what_was_taken_over_is_stored_and_not_taken_twice(void **state)
{
    struct driver d;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    edge_setup_unstarted(&d, CONFIG);
    add_silence(&b, "id-1", "Muted", MS_PER_H, MS_PER_DAY);
    give(&d, IMPORT_SILENCES, buf_str(&b), MIB(1));
    buf_reset(&b);
    add_entry(&b, "Told", MS_PER_MIN, MS_PER_DAY);
    give(&d, IMPORT_NFLOG, buf_str(&b), MIB(1));
    driver_restore_and_start(&d);
    edge_restart(&d, CONFIG, NULL);
    assert_false(edge_wants_import(d.engine, IMPORT_SILENCES));
    assert_false(edge_wants_import(d.engine, IMPORT_NFLOG));
    (void)edge_post(&d, ALERT("Muted"));
    (void)edge_post(&d, ALERT("Told"));
    driver_advance(&d, 30 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
    buf_clear(&b);
}

/* The process dies between two pieces: the next one begins again. */
static void an_import_cut_short_begins_again(void **state)
{
    struct driver d;
    struct buf b;
    size_t first;

    (void)state;
    buf_init(&b, 0);
    add_silence(&b, "id-1", "One", MS_PER_H, MS_PER_DAY);
    first = b.n;
    add_silence(&b, "id-2", "Two", MS_PER_H, MS_PER_DAY);
    edge_setup_unstarted(&d, CONFIG);
    driver_step(&d, &(struct engine_input){.kind = ENGINE_IMPORT,
                                           .import = {.file = IMPORT_SILENCES,
                                                      .records = str_sub(buf_str(&b), 0, first)}});
    assert_int_equal(count_rows(&d, EDGE_ROW_SILENCE), 1);
    assert_int_equal(count_rows(&d, EDGE_ROW_IMPORT), 0);
    edge_restart(&d, CONFIG, NULL); /* which has started when it comes back: merged all the same */
    assert_true(edge_wants_import(d.engine, IMPORT_SILENCES));
    give(&d, IMPORT_SILENCES, buf_str(&b), MIB(1));
    assert_int_equal(count_rows(&d, EDGE_ROW_SILENCE), 2);
    assert_int_equal(count_rows(&d, EDGE_ROW_IMPORT), 1);
    assert_metric(&d, "tocsin_import_records_total{file=\"silences\",result=\"known\"} 1\n");
    assert_metric(&d, "tocsin_import_records_total{file=\"silences\",result=\"taken\"} 1\n");
    edge_teardown(&d);
    buf_clear(&b);
}

static void bad_records_are_counted_and_the_rest_is_taken(void **state)
{
    struct driver d;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    edge_setup_unstarted(&d, CONFIG);
    buf_add_str(&b, STR("\x02\x0a\x05"));                   /* malformed */
    add_silence(&b, "id-1", "", MS_PER_H, MS_PER_DAY);      /* would match everything */
    add_silence(&b, "", "x", MS_PER_H, MS_PER_DAY);         /* without an id */
    add_silence(&b, "id-2", "Muted", MS_PER_H, MS_PER_DAY); /* good */
    buf_add_str(&b, STR("\x7f"));                           /* cut off */
    give(&d, IMPORT_SILENCES, buf_str(&b), MIB(1));
    give(&d, IMPORT_NFLOG, STR_EMPTY, MIB(1));
    driver_restore_and_start(&d);
    assert_metric(&d, "tocsin_import_records_total{file=\"silences\",result=\"invalid\"} 4\n");
    assert_metric(&d, "tocsin_import_records_total{file=\"silences\",result=\"taken\"} 1\n");
    assert_false(edge_wants_import(d.engine, IMPORT_NFLOG)); /* an empty file is done with, too */
    edge_teardown(&d);
    buf_clear(&b);
}

/* The disk takes no rows for a while: what was taken over is put again. */
static void rows_that_were_refused_are_put_again(void **state)
{
    struct driver d;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    edge_setup_unstarted(&d, CONFIG);
    d.manual_store = true;
    add_silence(&b, "id-1", "Muted", MS_PER_H, MS_PER_DAY);
    give(&d, IMPORT_SILENCES, buf_str(&b), MIB(1));
    driver_stored(&d, d.txn, STORE_FULL);
    VEC_EACH (&d.rows, struct driver_row, row) { /* as if they had never come to the disk */
        free(row->key.p);
        free(row->value.p);
    }
    d.rows.n = 0;
    driver_restore_and_start(&d);
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(count_rows(&d, EDGE_ROW_SILENCE), 1);
    assert_int_equal(count_rows(&d, EDGE_ROW_IMPORT), 1);
    edge_teardown(&d);
    buf_clear(&b);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_that_was_told_is_not_told_again),
        cmocka_unit_test(its_silences_mute),
        cmocka_unit_test(what_was_taken_over_is_stored_and_not_taken_twice),
        cmocka_unit_test(an_import_cut_short_begins_again),
        cmocka_unit_test(bad_records_are_counted_and_the_rest_is_taken),
        cmocka_unit_test(rows_that_were_refused_are_put_again),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

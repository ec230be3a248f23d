/* The store on a healthy disk, and with bytes changed behind its back. */
#include "common/io/store.h"

#include "common/io/files.h"
#include "tests/lib/folder.h"
#include "tests/lib/store_bench.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct store_bench *b = xcalloc(1, sizeof(*b));

    store_bench_init(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    store_bench_clear(*state);
    free(*state);
    return 0;
}

static void put_and_work(struct store_bench *b, uint64_t from, uint64_t to)
{
    for (uint64_t id = from; id <= to; id++) {
        char key[32];
        char value[32];

        (void)snprintf(key, sizeof(key), "k%03u", (unsigned)(id % 500));
        (void)snprintf(value, sizeof(value), "v%u", (unsigned)id);
        assert_int_equal(store_bench_put(b, id, 1, key, value), 0);
    }
    store_bench_work(b);
}

static void file_do(const struct store_bench *b, const char *name,
                    void (*change)(int fd, off_t size))
{
    char *path = folder_file(b->folder, name);
    struct stat st;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    change(fd, st.st_size);
    close(fd);
    free(path);
}

/* The files as they were, for a crash or a restore: SQLite's own VFS keeps nothing back. */
static void copy(const struct store_bench *b, const char *from, const char *to)
{
    char *a = folder_file(b->folder, from);
    char *c = folder_file(b->folder, to);
    struct buf content;

    buf_init(&content, 0);
    assert_int_equal(file_read(a, MIB(64), &content, NULL), 0);
    assert_int_equal(file_write_atomic(c, buf_str(&content), 0600, NULL), 0);
    buf_clear(&content);
    free(a);
    free(c);
}

static int first_number(void *arg, int columns UNUSED, char **values, char **names UNUSED)
{
    int64_t *ret = arg;

    return str_to_i64(str_from(values[0]), ret) ? 0 : 1;
}

static int64_t sql(const struct store_bench *b, const char *text) /* the first number it gives */
{
    char *path = folder_file(b->folder, "tocsin.db");
    int64_t number = -1;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, first_number, &number, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    sqlite3_close(db);
    free(path);
    return number;
}

static void rows_come_back_in_order_after_a_clean_close(void **state)
{
    struct store_bench *b = *state;
    const struct row_op ops[] = {
        {.kind = 2, .key = STR("b"), .value = STR("two-b")},
        {.kind = 1, .key = STR("\0z"), .value = STR("")},
        {.kind = 2, .key = STR("a"), .value = STR("old")},
        {.kind = 2, .key = STR("a"), .value = STR("two-a")},
        {.kind = UINT32_MAX, .key = STR(""), .value = STR("last")},
        {.kind = 3, .key = STR("gone"), .value = STR("x")},
        {.kind = 3, .key = STR("gone"), .remove = true},
        {.kind = 3, .key = STR("never was"), .remove = true},
    };

    store_bench_open(b);
    assert_true(b->opening.fresh);
    assert_false(b->opening.clean);
    assert_false(b->opening.regressed);
    assert_int_equal(store_put(b->store, 1, ops, ARRAY_SIZE(ops)), 0);
    assert_int_equal(b->result[1], 1); /* nothing before the dispatch */
    store_bench_work(b);
    assert_int_equal(b->result[1], 0);
    assert_int_equal(store_bench_close(b), 0);

    store_bench_open(b);
    assert_false(b->opening.fresh);
    assert_true(b->opening.clean);
    assert_false(b->opening.regressed);
    assert_int_equal(b->opening.rows, 4);
    assert_int_equal(b->n, 4);
    assert_int_equal(b->v[0].kind, 1);
    assert_string_equal(b->v[1].key, "a");
    assert_string_equal(b->v[1].value, "two-a");
    assert_string_equal(b->v[2].key, "b");
    assert_int_equal(b->v[3].kind, UINT32_MAX);
}

static void one_commit_takes_all_that_waits_up_to_256(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;

    store_bench_open(b);
    put_and_work(b, 1, 256);
    store_stats(b->store, &stats);
    assert_int_equal(stats.commits, 1);
    put_and_work(b, 257, 600);
    store_stats(b->store, &stats);
    assert_int_equal(stats.commits, 3);
    assert_int_equal(stats.txns, 600);
    assert_int_equal(stats.seq, 600);
    assert_int_equal(b->reported, 600);
    assert_int_equal(stats.queue_bytes, 0);
}

static void a_batch_ends_at_a_mebibyte(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;
    char *big = xcalloc(1, KIB(600));
    struct row_op op = {.kind = 1, .key = STR("k"), .value = {.p = big, .n = KIB(600)}};

    store_bench_open(b);
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(store_put(b->store, id, &op, 1), 0);
    store_bench_work(b);
    store_stats(b->store, &stats);
    assert_int_equal(stats.commits, 3);
    free(big);
}

static void a_barrier_is_reported(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    assert_int_equal(store_put(b->store, 7, NULL, 0), 0);
    store_bench_work(b);
    assert_int_equal(b->result[7], 0);
}

static void an_unclean_end_loses_nothing_and_is_noticed(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put_and_work(b, 1, 50);
    copy(b, "tocsin.db", "db");
    copy(b, "tocsin.db-wal", "wal");
    copy(b, "hwm", "mark");
    assert_int_equal(store_bench_close(b), 0);
    copy(b, "db", "tocsin.db");
    copy(b, "wal", "tocsin.db-wal");
    copy(b, "mark", "hwm");
    store_bench_open(b);
    assert_false(b->opening.clean);
    assert_false(b->opening.regressed);
    assert_false(b->opening.damaged);
    assert_int_equal(b->n, 50);
}

static void wal_cut_off(int fd, off_t size)
{
    assert_int_equal(ftruncate(fd, size / 2), 0);
}

static void a_lost_tail_is_noticed_and_no_number_is_used_again(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;

    store_bench_open(b);
    for (uint64_t id = 1; id <= 50; id++)
        put_and_work(b, id, id);
    copy(b, "tocsin.db", "db");
    copy(b, "tocsin.db-wal", "wal");
    copy(b, "hwm", "mark");
    assert_int_equal(store_bench_close(b), 0);
    copy(b, "db", "tocsin.db");
    copy(b, "wal", "tocsin.db-wal");
    copy(b, "mark", "hwm");
    file_do(b, "tocsin.db-wal", wal_cut_off);
    store_bench_open(b);
    assert_true(b->opening.regressed);
    assert_false(b->opening.damaged);
    assert_in_range(b->n, 1, 49);
    put_and_work(b, 1, 1);
    store_stats(b->store, &stats);
    assert_int_equal(stats.seq, 51);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b); /* told once */
    assert_false(b->opening.regressed);
    assert_true(b->opening.clean);
}

static void an_older_copy_of_the_database_is_a_regression(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    copy(b, "tocsin.db", "backup");
    store_bench_open(b);
    put_and_work(b, 6, 9);
    assert_int_equal(store_bench_close(b), 0);
    copy(b, "backup", "tocsin.db");
    store_bench_open(b);
    assert_true(b->opening.regressed);
    assert_int_equal(b->n, 5);
}

static void overwrite_all(int fd, off_t size)
{
    for (off_t at = 0; at < size; at += 64)
        assert_int_equal(pwrite(fd, "not the file you are looking for", 32, at), 32);
}

static void without_a_mark_loss_cannot_be_excluded(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "hwm", overwrite_all);
    store_bench_open(b);
    assert_true(b->opening.regressed);
    assert_false(b->opening.clean);
    assert_int_equal(b->n, 5);
}

static void spoil_newest_slot(int fd, off_t size UNUSED)
{
    uint8_t generation[2];

    assert_int_equal(pread(fd, &generation[0], 1, 8), 1);
    assert_int_equal(pread(fd, &generation[1], 1, 4096 + 8), 1);
    assert_int_equal(pwrite(fd, "torn", 4, generation[0] > generation[1] ? 16 : 4096 + 16), 4);
}

static void a_torn_mark_leaves_the_one_before(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "hwm", spoil_newest_slot);
    store_bench_open(b);
    assert_false(b->opening.regressed);
    assert_false(b->opening.clean);
    assert_int_equal(b->n, 5);
}

static void a_vanished_database_is_a_regression(void **state)
{
    struct store_bench *b = *state;
    char *path = folder_file(b->folder, "tocsin.db");

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    assert_int_equal(unlink(path), 0);
    free(path);
    store_bench_open(b);
    assert_true(b->opening.fresh);
    assert_true(b->opening.regressed);
    assert_int_equal(b->n, 0);
}

static void flip_a_value(int fd, off_t size)
{
    char *p = xmalloc((size_t)size);
    char *found;

    assert_int_equal(pread(fd, p, (size_t)size, 0), size);
    found = memmem(p, (size_t)size, "value under test", 16);
    assert_non_null(found);
    assert_int_equal(pwrite(fd, "V", 1, found - p), 1);
    free(p);
}

static void a_flipped_bit_in_a_row_is_found_left_out_and_kept_for_people(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    assert_int_equal(store_bench_put(b, 1, 1, "good", "unharmed"), 0);
    assert_int_equal(store_bench_put(b, 2, 1, "bad", "value under test"), 0);
    assert_int_equal(store_bench_put(b, 3, 2, "good", "unharmed"), 0);
    store_bench_work(b);
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "tocsin.db", flip_a_value);
    store_bench_open(b);
    assert_int_equal(b->opening.bad_rows, 1);
    assert_int_equal(b->opening.rows, 2);
    assert_true(b->opening.regressed);
    assert_false(b->opening.damaged);
    assert_null(store_bench_value(b, 1, "bad"));
    assert_non_null(store_bench_value(b, 2, "good"));
    assert_int_equal(store_bench_close(b), 0);
    assert_int_equal(sql(b, "SELECT count(*) FROM bad_rows"
                            " WHERE value = x'56616c756520756e6465722074657374'"),
                     1);
    store_bench_open(b); /* the row is told once, the loss until the owner has acted on it */
    assert_int_equal(b->opening.bad_rows, 0);
    assert_true(b->opening.regressed);
    put_and_work(b, 1, 1);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b);
    assert_false(b->opening.regressed);
}

static void check_set_aside(struct store_bench *b, const char *name)
{
    char *path = folder_file(b->folder, name);

    assert_true(b->opening.damaged);
    assert_true(b->opening.regressed);
    assert_string_equal(b->opening.set_aside, path);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(b->opening.reason[0] != '\0');
    put_and_work(b, 1, 3);
    assert_int_equal(b->result[3], 0);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b);
    assert_false(b->opening.damaged);
    assert_false(b->opening.regressed);
    free(path);
}

static void what_is_no_database_is_set_aside(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "tocsin.db", overwrite_all);
    store_bench_open(b);
    check_set_aside(b, "tocsin.db.damaged-1");
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "tocsin.db", overwrite_all);
    store_bench_open(b);
    check_set_aside(b, "tocsin.db.damaged-2");
}

static void another_programs_database_is_set_aside(void **state)
{
    struct store_bench *b = *state;

    sql(b, "CREATE TABLE theirs(x)");
    store_bench_open(b);
    check_set_aside(b, "tocsin.db.damaged-1");
}

static void zero_a_page_in_the_middle(int fd, off_t size)
{
    char zero[4096] = {0};
    off_t middle = size / 4096 / 2 * 4096;

    assert_true(middle > 0);
    assert_int_equal(pwrite(fd, zero, sizeof(zero), middle), sizeof(zero));
}

/* Long values, so that the table has many pages. */
static void fill(struct store_bench *b)
{
    char value[901];

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (uint64_t id = 1; id <= 400; id++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "k%03u", (unsigned)id);
        assert_int_equal(store_bench_put(b, id, 1, key, value), 0);
    }
    store_bench_work(b);
}

static void readable_rows_of_a_damaged_database_are_kept(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    fill(b);
    assert_int_equal(store_bench_close(b), 0);
    file_do(b, "tocsin.db", zero_a_page_in_the_middle);
    store_bench_open(b); /* closed cleanly, so it is found while loading */
    assert_in_range(b->n, 380, 399);
    assert_int_equal(b->opening.rows, b->n);
    assert_int_equal(b->opening.salvaged, b->n);
    for (size_t i = 1; i < b->n; i++)
        assert_true(strcmp(b->v[i - 1].key, b->v[i].key) < 0);
    assert_non_null(store_bench_value(b, 1, "k001"));
    assert_non_null(store_bench_value(b, 1, "k400"));
    check_set_aside(b, "tocsin.db.damaged-1");
}

static void a_damaged_database_after_an_unclean_end_is_found_by_the_check(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    fill(b);
    copy(b, "hwm", "mark");
    assert_int_equal(store_bench_close(b), 0);
    copy(b, "mark", "hwm");
    file_do(b, "tocsin.db", zero_a_page_in_the_middle);
    store_bench_open(b);
    assert_in_range(b->n, 380, 399);
    check_set_aside(b, "tocsin.db.damaged-1");
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct store_bench *b = *state;
    struct err err = {0};
    struct stat before;
    struct stat after;
    char *path = folder_file(b->folder, "tocsin.db");

    store_bench_open(b);
    put_and_work(b, 1, 5);
    assert_int_equal(store_bench_close(b), 0);
    sql(b, "PRAGMA user_version=2");
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(store_bench_try_open(b, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "schema 2"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(before.st_size, after.st_size);
    sql(b, "PRAGMA user_version=1");
    store_bench_open(b);
    assert_int_equal(b->n, 5);
    free(path);
}

static void a_second_process_is_refused(void **state)
{
    struct store_bench *b = *state;
    struct store_bench other = *b;
    struct store *second = NULL;
    struct store_opening opening;
    struct err err = {0};

    store_bench_open(b);
    assert_int_equal(store_open(&second, &other.options, &opening, &err), -EBUSY);
    assert_non_null(strstr(err.text, "lock"));
    assert_null(second);
}

static void a_full_queue_refuses_and_says_so_later(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;
    uint64_t id = 0;
    int rc;

    b->options.queue_bytes_max = KIB(4);
    store_bench_open(b);
    do
        rc = store_bench_put(b, ++id, 1, "k", "a value of some length");
    while (rc == 0);
    assert_int_equal(rc, -ENOSPC);
    assert_in_range(id, 10, 100);
    store_bench_work(b);
    assert_int_equal(b->result[id - 1], 0);
    assert_int_equal(b->result[id], 1);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->lost, 1);
    assert_int_equal(b->incomplete, 0);
    store_stats(b->store, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(store_bench_put(b, id + 1, 1, "k", "fits again"), 0);
    store_bench_work(b);
    assert_int_equal(b->result[id + 1], 0);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b);
    assert_true(b->opening.clean);
    assert_true(b->opening.regressed);
}

static void a_row_beyond_the_bounds_is_refused(void **state)
{
    struct store_bench *b = *state;
    char *big = xcalloc(1, ROW_VALUE_MAX + 1);
    struct row_op op = {.kind = 1, .key = {.p = big, .n = ROW_KEY_MAX + 1}};

    store_bench_open(b);
    assert_int_equal(store_put(b->store, 1, &op, 1), -EMSGSIZE);
    op.key.n = ROW_KEY_MAX;
    op.value = (struct str){.p = big, .n = ROW_VALUE_MAX + 1};
    assert_int_equal(store_put(b->store, 2, &op, 1), -EMSGSIZE);
    op.value.n = ROW_VALUE_MAX;
    assert_int_equal(store_put(b->store, 3, &op, 1), 0);
    store_bench_work(b);
    assert_int_equal(b->result[3], 0);
    assert_int_equal(b->recovered, 0);
    free(big);
}

static void wake(void *arg)
{
    struct store_bench *b = arg;

    assert_int_equal(eventfd_write((int)b->lost, 1), 0);
}

static void the_writer_thread_reports_through_wake(void **state)
{
    struct store_bench *b = *state;
    eventfd_t count;
    int fd = eventfd(0, EFD_CLOEXEC);

    b->options.manual = false;
    b->options.wake = wake;
    store_bench_open(b);
    b->lost = (uint64_t)fd; /* where wake finds it */
    for (uint64_t id = 1; id <= 1000; id++)
        assert_int_equal(store_bench_put(b, id, 1, "k", "v"), 0);
    while (b->reported < 1000) {
        assert_int_equal(eventfd_read(fd, &count), 0);
        store_dispatch(b->store);
    }
    for (uint64_t id = 1; id <= 1000; id++)
        assert_int_equal(b->result[id], 0);
    assert_int_equal(store_bench_put(b, 1001, 1, "k", "w"), 0);
    assert_int_equal(store_wait(b->store, 10000), 0);
    assert_int_equal(b->result[1001], 0);
    assert_int_equal(store_bench_put(b, 1002, 1, "k", "x"), 0);
    assert_int_equal(store_bench_close(b), 0); /* with all that is queued */
    assert_int_equal(b->result[1002], 0);
    close(fd);
    store_bench_open(b);
    assert_true(b->opening.clean);
    assert_string_equal(store_bench_value(b, 1, "k"), "x");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_come_back_in_order_after_a_clean_close),
        TEST(one_commit_takes_all_that_waits_up_to_256),
        TEST(a_batch_ends_at_a_mebibyte),
        TEST(a_barrier_is_reported),
        TEST(an_unclean_end_loses_nothing_and_is_noticed),
        TEST(a_lost_tail_is_noticed_and_no_number_is_used_again),
        TEST(an_older_copy_of_the_database_is_a_regression),
        TEST(without_a_mark_loss_cannot_be_excluded),
        TEST(a_torn_mark_leaves_the_one_before),
        TEST(a_vanished_database_is_a_regression),
        TEST(a_flipped_bit_in_a_row_is_found_left_out_and_kept_for_people),
        TEST(what_is_no_database_is_set_aside),
        TEST(another_programs_database_is_set_aside),
        TEST(readable_rows_of_a_damaged_database_are_kept),
        TEST(a_damaged_database_after_an_unclean_end_is_found_by_the_check),
        TEST(a_newer_schema_is_refused_and_left_alone),
        TEST(a_second_process_is_refused),
        TEST(a_full_queue_refuses_and_says_so_later),
        TEST(a_row_beyond_the_bounds_is_refused),
        TEST(the_writer_thread_reports_through_wake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

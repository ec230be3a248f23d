/* The store on a disk that fills up, fails, forgets. */
#include "common/io/store.h"

#include "common/base/rand.h"
#include "tests/lib/crash_vfs.h"
#include "tests/lib/folder.h"
#include "tests/lib/store_bench.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct store_bench *b = xcalloc(1, sizeof(*b));

    assert_int_equal(crash_vfs_register(false), SQLITE_OK);
    crash_vfs_reset(1);
    store_bench_init(b);
    b->options.vfs = CRASH_VFS_NAME;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    crash_vfs_restart();
    store_bench_clear(*state);
    free(*state);
    crash_vfs_reset(1); /* closes its files */
    return 0;
}

static void put(struct store_bench *b, uint64_t txn)
{
    char key[32];
    char value[32];

    (void)snprintf(key, sizeof(key), "k%u", (unsigned)txn);
    (void)snprintf(value, sizeof(value), "v%u", (unsigned)txn);
    assert_int_equal(store_bench_put(b, txn, 1, key, value), 0);
}

static void check_rows(const struct store_bench *b, uint64_t from, uint64_t to)
{
    for (uint64_t txn = from; txn <= to; txn++) {
        char key[32];
        char value[32];

        (void)snprintf(key, sizeof(key), "k%u", (unsigned)txn);
        (void)snprintf(value, sizeof(value), "v%u", (unsigned)txn);
        if (store_bench_value(b, 1, key) == NULL)
            fail_msg("transaction %s is gone", key);
        assert_string_equal(store_bench_value(b, 1, key), value);
    }
}

/* The power fails and comes back: what the owner had in memory is gone with it. */
static void crash_and_reopen(struct store_bench *b)
{
    crash_vfs_crash();
    (void)store_bench_close(b);
    crash_vfs_restart();
    store_bench_open(b);
}

static void a_fault_fails_at_once_and_is_made_good(struct store_bench *b,
                                                   enum crash_vfs_fault fault, int result)
{
    struct store_stats stats;

    store_bench_open(b);
    put(b, 1);
    store_bench_work(b);
    crash_vfs_set_fault(fault);
    put(b, 2);
    put(b, 3);
    store_bench_work(b);
    assert_int_equal(b->result[1], 0);
    assert_int_equal(b->result[2], result);
    assert_int_equal(b->result[3], result);
    put(b, 4); /* while failing: no attempt is waited for */
    store_dispatch(b->store);
    assert_int_equal(b->result[4], result);
    (void)store_work(b->store);
    store_stats(b->store, &stats);
    assert_true(stats.failing);
    assert_int_equal(stats.last_error, result);
    assert_true(stats.last_error_text[0] != '\0');
    assert_int_equal(stats.queue_txns, 3);
    assert_true(stats.errors >= 2);
    assert_int_equal(b->recovered, 0);

    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    store_bench_work(b);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->incomplete, 0);
    assert_int_equal(b->lost, 0);
    assert_int_equal(b->result[2], result); /* told once */
    put(b, 5);
    store_bench_work(b);
    assert_int_equal(b->result[5], 0);
    store_stats(b->store, &stats);
    assert_false(stats.failing);
    assert_int_equal(stats.queue_txns, 0);

    crash_and_reopen(b);
    assert_false(b->opening.regressed);
    assert_false(b->opening.damaged);
    check_rows(b, 1, 5);
}

static void disk_full(void **state)
{
    a_fault_fails_at_once_and_is_made_good(*state, CRASH_VFS_FULL, -ENOSPC);
}

/* After the failed sync the kernel holds the pages for clean. A store that went on with the same
 * WAL would promise rows behind a hole. */
static void sync_error(void **state)
{
    a_fault_fails_at_once_and_is_made_good(*state, CRASH_VFS_SYNC_ERROR, -EIO);
}

static void a_new_store_on_a_full_disk_starts_failing(void **state)
{
    struct store_bench *b = *state;

    crash_vfs_set_fault(CRASH_VFS_FULL);
    store_bench_open(b);
    assert_true(b->opening.fresh);
    assert_false(b->opening.damaged);
    put(b, 1);
    store_dispatch(b->store);
    assert_int_equal(b->result[1], -ENOSPC);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    store_bench_work(b);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->incomplete, 0);
    crash_and_reopen(b);
    check_rows(b, 1, 1);
}

static void an_existing_store_on_a_full_disk_is_read(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put(b, 1);
    store_bench_work(b);
    assert_int_equal(store_bench_close(b), 0);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    store_bench_open(b);
    assert_false(b->opening.damaged);
    assert_false(b->opening.fresh);
    check_rows(b, 1, 1);
    put(b, 2);
    store_bench_work(b);
    assert_int_equal(b->result[2], -ENOSPC);
}

static void what_is_refused_while_failing_is_counted_as_lost(void **state)
{
    struct store_bench *b = *state;
    uint64_t txn = 1;

    b->options.queue_bytes_max = KIB(4);
    store_bench_open(b);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    put(b, txn);
    store_bench_work(b);
    while (store_bench_put(b, ++txn, 1, "k", "some value") == 0)
        store_dispatch(b->store);
    assert_int_equal(b->result[txn - 1], -ENOSPC);
    assert_int_equal(store_bench_put(b, ++txn, 1, "k", "some value"), -ENOSPC);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    store_bench_work(b);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->lost, 2);
}

static void giving_up_at_the_end_is_said(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put(b, 1);
    store_bench_work(b);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    put(b, 2);
    assert_int_equal(store_bench_close(b), -EIO);
    assert_int_equal(b->result[2], -ENOSPC);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    store_bench_open(b);
    assert_false(b->opening.clean);
    check_rows(b, 1, 1);
}

static void an_error_at_the_end_is_tried_once_more(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    put(b, 1);
    store_bench_work(b);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b);
    assert_true(b->opening.clean);
    check_rows(b, 1, 1);
}

/* Damage that shows up at run time: the file is overwritten while the connection is closed. */
static void a_database_damaged_while_failing_is_set_aside(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;
    char *path = folder_file(b->folder, "tocsin.db");
    char *wal = folder_file(b->folder, "tocsin.db-wal");
    int fd;

    store_bench_open(b);
    put(b, 1);
    store_bench_work(b);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    put(b, 2);
    store_bench_work(b);
    crash_vfs_reset(1); /* forgets the files, reads them anew */
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "rubbish rubbish rubbish ", 24, 0), 24);
    close(fd);
    assert_int_equal(truncate(wal, 0), 0);
    store_bench_work(b);
    store_stats(b->store, &stats);
    assert_int_equal(stats.set_aside, 1);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->incomplete, 1);
    put(b, 1 + 2);
    store_bench_work(b);
    assert_int_equal(b->result[3], 0);
    crash_and_reopen(b);
    assert_true(b->opening.regressed); /* the owner may have died before it put all again */
    check_rows(b, 2, 3);
    put(b, 1);
    store_bench_work(b);
    crash_and_reopen(b);
    assert_false(b->opening.regressed);
    free(path);
    free(wal);
}

/* Damage that opening does not notice, only the commit that needs the page. */
static void a_page_damaged_while_running_is_set_aside(void **state)
{
    struct store_bench *b = *state;
    struct store_stats stats;
    char *path = folder_file(b->folder, "tocsin.db");
    char *wal = folder_file(b->folder, "tocsin.db-wal");
    char zero[4096] = {0};
    char value[901];
    char key[16];
    off_t middle;
    int fd;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    store_bench_open(b);
    for (unsigned txn = 1; txn <= 400; txn++) {
        (void)snprintf(key, sizeof(key), "k%03u", txn);
        assert_int_equal(store_bench_put(b, txn, 1, key, value), 0);
    }
    store_bench_work(b);
    assert_int_equal(store_bench_close(b), 0);
    store_bench_open(b);
    crash_vfs_reset(1); /* forgets the files, so that the change below is seen */
    fd = open(path, O_RDWR);
    middle = lseek(fd, 0, SEEK_END) / 4096 / 2 * 4096;
    assert_true(middle > 0);
    assert_int_equal(pwrite(fd, zero, sizeof(zero), middle), sizeof(zero));
    close(fd);
    assert_int_equal(truncate(wal, 0), 0); /* SQLite did, but need not have synced that */
    for (unsigned txn = 1; txn <= 400; txn++) {
        (void)snprintf(key, sizeof(key), "k%03u", txn);
        assert_int_equal(store_bench_put(b, txn, 1, key, "new"), 0);
    }
    for (int i = 0; i < 10 && b->recovered == 0; i++)
        store_bench_work(b);
    assert_int_equal(b->recovered, 1);
    assert_int_equal(b->incomplete, 1);
    store_stats(b->store, &stats);
    assert_int_equal(stats.set_aside, 1);
    crash_and_reopen(b);
    assert_true(b->opening.regressed);
    assert_int_equal(b->n, 400);
    assert_string_equal(store_bench_value(b, 1, "k200"), "new");
    free(path);
    free(wal);
}

static void unreadable_at_the_start_is_set_aside(void **state)
{
    struct store_bench *b = *state;

    store_bench_open(b);
    put(b, 1);
    store_bench_work(b);
    assert_int_equal(store_bench_close(b), 0);
    crash_vfs_set_fault(CRASH_VFS_READ_ERROR);
    store_bench_open(b);
    assert_true(b->opening.damaged);
    assert_true(b->opening.regressed);
    assert_int_equal(b->n, 0);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    put(b, 1);
    store_bench_work(b);
    crash_and_reopen(b);
    check_rows(b, 1, 1);
}

static void the_thread_comes_back_by_itself(void **state)
{
    struct store_bench *b = *state;

    b->options.manual = false;
    store_bench_open(b);
    crash_vfs_set_fault(CRASH_VFS_FULL);
    put(b, 1);
    assert_int_equal(store_wait(b->store, 10000), 0);
    assert_int_equal(b->result[1], -ENOSPC);
    crash_vfs_set_fault(CRASH_VFS_HEALTHY);
    while (b->recovered == 0) {
        usleep(1000);
        store_dispatch(b->store);
    }
    put(b, 2);
    assert_int_equal(store_wait(b->store, 10000), 0);
    assert_int_equal(b->result[2], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(disk_full),
        TEST(sync_error),
        TEST(a_new_store_on_a_full_disk_starts_failing),
        TEST(an_existing_store_on_a_full_disk_is_read),
        TEST(what_is_refused_while_failing_is_counted_as_lost),
        TEST(giving_up_at_the_end_is_said),
        TEST(an_error_at_the_end_is_tried_once_more),
        TEST(a_database_damaged_while_failing_is_set_aside),
        TEST(a_page_damaged_while_running_is_set_aside),
        TEST(unreadable_at_the_start_is_set_aside),
        TEST(the_thread_comes_back_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common/io/files.h"

#include "common/io/clock.h"
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state)
{
    *state = folder_new();
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

static void what_is_written_is_read(void **state)
{
    char *path = folder_file(*state, "f");
    struct stat st;
    struct buf b;

    buf_init(&b, 0);
    assert_int_equal(file_write_atomic(path, STR("first\0part"), 0600, NULL), 0);
    assert_int_equal(file_write_atomic(path, STR("second"), 0640, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    buf_add_str(&b, STR("before "));
    assert_int_equal(file_read(path, 6, &b, NULL), 0);
    assert_str_eq(buf_str(&b), "before second");
    buf_clear(&b);
    free(path);
}

static void public_files_are_known(void **state)
{
    static const struct {
        mode_t mode;
        bool is_public;
    } cases[] = {{0600, false}, {0640, false}, {0644, true}, {0602, true}};
    char *path = folder_file(*state, "key");

    assert_false(file_is_public(path)); /* absent */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(file_write_atomic(path, STR("x"), 0600, NULL), 0);
        assert_int_equal(chmod(path, cases[i].mode), 0);
        assert_int_equal(file_is_public(path), cases[i].is_public);
    }
    free(path);
}

static void too_much_is_refused_and_leaves_the_buffer(void **state)
{
    char *path = folder_file(*state, "f");
    struct err err = {0};
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, STR("kept"));
    assert_int_equal(file_write_atomic(path, STR("1234567"), 0600, NULL), 0);
    assert_int_equal(file_read(path, 6, &b, &err), -EFBIG);
    assert_non_null(strstr(err.text, path));
    assert_str_eq(buf_str(&b), "kept");
    assert_int_equal(file_read(*state, 100, &b, &err), -EISDIR);
    assert_int_equal(file_read("/nonexistent/file", 100, &b, &err), -ENOENT);
    assert_str_eq(buf_str(&b), "kept");
    buf_clear(&b);
    free(path);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    char *folder = folder_file(*state, "target");
    char *inside = folder_file(folder, "x");
    struct err err = {0};

    assert_int_equal(dir_make(inside, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(folder, STR("a file over a folder"), 0600, &err), -EISDIR);
    assert_int_equal(rmdir(inside), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(*state), 0); /* it is empty: no temporary file */
    assert_int_equal(mkdir(*state, 0700), 0);
    free(folder);
    free(inside);
}

static void folders_are_made_with_all_that_is_missing(void **state)
{
    char *path = folder_file(*state, "a//b/c/");
    char *file = folder_file(*state, "file");
    char *below = folder_file(*state, "file/d");
    struct stat st;

    assert_int_equal(dir_make(path, 0700, NULL), 0);
    assert_int_equal(dir_make(path, 0755, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_write_atomic(file, STR(""), 0600, NULL), 0);
    assert_int_equal(dir_make(file, 0700, NULL), -ENOTDIR);
    assert_int_equal(dir_make(below, 0700, NULL), -ENOTDIR);
    assert_int_equal(dir_make("", 0700, NULL), -EINVAL);
    free(path);
    free(file);
    free(below);
}

static void a_lock_excludes_others_and_ends_with_its_holder(void **state)
{
    char *path = folder_file(*state, "lock");
    char pid[32];
    struct err err = {0};
    int fd = -1;
    int other = -1;

    assert_int_equal(file_lock(path, &fd, NULL), 0);
    assert_int_equal(file_lock(path, &other, &err), -EBUSY);
    (void)snprintf(pid, sizeof(pid), "process %ld ", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_int_equal(other, -1);
    close(fd);
    assert_int_equal(file_lock(path, &fd, NULL), 0);
    close(fd);
    free(path);
}

static void clocks_agree_with_each_other(void **state)
{
    struct now a = clock_now();
    int64_t us = clock_mono_us();
    struct now b = clock_now();

    (void)state;
    assert_true(a.mono_ms <= us / 1000 && us / 1000 <= b.mono_ms);
    assert_true(a.wall_ms > INT64_C(1700000000000)); /* 2023 */
    assert_true(entropy_seed() != entropy_seed());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(public_files_are_known),
        TEST(too_much_is_refused_and_leaves_the_buffer),
        TEST(a_failed_write_leaves_nothing_behind),
        TEST(folders_are_made_with_all_that_is_missing),
        TEST(a_lock_excludes_others_and_ends_with_its_holder),
        cmocka_unit_test(clocks_agree_with_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

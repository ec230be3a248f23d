#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include "common/io/files.h"
#include "common/io/zoneinfo.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Against the C library, which reads the same files. */
static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "Europe/Berlin", "America/New_York",  "Australia/Lord_Howe", "Asia/Kolkata",
        "America/Nuuk",  "Africa/Casablanca", "Pacific/Apia",        "America/Asuncion",
        "Europe/Dublin", "Antarctica/Troll",  "Asia/Tehran",         "Etc/GMT+12"};
    struct zoneinfo *z = zoneinfo_new(ZONEINFO_DIR);

    for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
        struct str name = str_from(zones[i]);

        if (!zoneinfo_known(name, z)) /* a machine without the database, or with less of it */
            continue;
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        /* 1975 to 2100, each 4 h 10 min */
        for (time_t t = 157766400; t < 4102444800; t += 15000) {
            struct tm tm;
            int got = zoneinfo_offset_s(name, (int64_t)t * 1000, z), again = 0;
            struct str called;

            assert_non_null(localtime_r(&t, &tm));
            assert_true(zoneinfo_at(name, t, &again, &called, z));
            assert_int_equal(again, got);
            assert_str_eq(called, tm.tm_zone);
            if (got != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", zones[i], (long long)t, got, tm.tm_gmtoff);
        }
    }
    (void)unsetenv("TZ");
    tzset();
    zoneinfo_free(z);
}

static const char zone[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
                           "\0\0\x0e\x10\0\0AAA\0\nAAA-1\n";

static void write_zone(const char *folder, const char *name)
{
    char *path = folder_file(folder, name);

    assert_int_equal(
        file_write_atomic(path, (struct str){.p = zone, .n = sizeof(zone) - 1}, 0644, NULL), 0);
    free(path);
}

static void names_that_lead_elsewhere_are_unknown(void **state)
{
    static const char *const names[] = {"",  "/A",     "../A",      "B/../A",
                                        "b", "broken", "directory", "A/"};
    struct str called = STR_EMPTY;
    struct zoneinfo *z;
    int offset_s = 7;
    char *path;

    write_zone(*state, "A");
    path = folder_file(*state, "broken");
    assert_int_equal(file_write_atomic(path, STR("TZif"), 0644, NULL), 0);
    free(path);
    path = folder_file(*state, "directory");
    assert_int_equal(dir_make(path, 0755, NULL), 0);
    free(path);

    z = zoneinfo_new(*state);
    assert_true(zoneinfo_known(STR("A"), z));
    assert_int_equal(zoneinfo_offset_s(STR("A"), 0, z), 3600);
    assert_true(zoneinfo_known(STR("UTC"), z));
    for (size_t i = 1; i < ARRAY_SIZE(names); i++)
        assert_false(zoneinfo_known(str_from(names[i]), z));
    assert_int_equal(zoneinfo_offset_s(STR("nowhere"), 0, z), 0);
    assert_false(zoneinfo_at(STR("nowhere"), 0, &offset_s, &called, z));
    assert_true(zoneinfo_at(STR(""), 0, &offset_s, &called, z));
    assert_str_eq(called, "UTC");
    assert_int_equal(offset_s, 0);
    zoneinfo_free(z);
}

static void a_file_is_read_once_until_told_otherwise(void **state)
{
    struct zoneinfo *z = zoneinfo_new(*state);
    char *path = folder_file(*state, "A");

    write_zone(*state, "A");
    assert_true(zoneinfo_known(STR("A"), z));
    assert_int_equal(unlink(path), 0);
    assert_true(zoneinfo_known(STR("A"), z));
    zoneinfo_forget(z);
    assert_false(zoneinfo_known(STR("A"), z));
    zoneinfo_free(z);
    free(path);
}

static void local_is_what_the_environment_says(void **state)
{
    struct zoneinfo *z = zoneinfo_new(*state);
    char *path = folder_file(*state, "A");

    write_zone(*state, "A");
    assert_int_equal(setenv("TZ", ":A", 1), 0);
    assert_int_equal(zoneinfo_offset_s(STR("Local"), 0, z), 3600);
    zoneinfo_forget(z);
    assert_int_equal(setenv("TZ", path, 1), 0);
    assert_int_equal(zoneinfo_offset_s(STR("Local"), 0, z), 3600);
    zoneinfo_forget(z);
    assert_int_equal(setenv("TZ", "", 1), 0);
    assert_int_equal(zoneinfo_offset_s(STR("Local"), 0, z), 0);
    (void)unsetenv("TZ");
    zoneinfo_free(z);
    free(path);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        TEST(names_that_lead_elsewhere_are_unknown),
        TEST(a_file_is_read_once_until_told_otherwise),
        TEST(local_is_what_the_environment_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

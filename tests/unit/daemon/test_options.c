/* Command lines, as Alertmanager's library reads them. */
#include "common/daemon/options.h"

#include "common/daemon/cluster_options.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct values {
    const char *text;
    struct option_list list;
    bool flag;
    int64_t number, duration_ms;
    double real;
    uint64_t size;
};

static enum options_result parse(struct values *v, int argc, const char *const *args)
{
    const struct option_row rows[] = {
        {"a.text", OPTION_TEXT, &v->text, "x", "T."},
        {"a.list", OPTION_LIST, &v->list, "first", "L."},
        {"a.flag", OPTION_BOOL, &v->flag, NULL, "F."},
        {"a.number", OPTION_NUMBER, &v->number, "-1", "N."},
        {"a.duration", OPTION_DURATION, &v->duration_ms, "1h30m", "D."},
        {"a.real", OPTION_FLOAT, &v->real, "0.9", "R."},
        {"a.size", OPTION_SIZE, &v->size, "1KiB", "S."},
    };
    const struct option_program p = {
        .name = "test", .summary = "S.", .rows = rows, .rows_n = ARRAY_SIZE(rows)};
    char *argv[16] = {0};
    enum options_result r;

    argv[0] = xstrdup("test");
    for (int i = 0; i < argc; i++)
        argv[i + 1] = xstrdup(args[i]);
    r = options_parse(&p, argc + 1, argv);
    v->text = NULL; /* lent from argv */
    for (int i = 0; i <= argc; i++)
        free(argv[i]);
    free(v->list.v);
    v->list.v = NULL;
    return r;
}
#define PARSE(v, ...) \
    parse((v), (int)ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
          (const char *const[]){__VA_ARGS__})

static void values_are_taken_in_every_form(void **state)
{
    struct values v = {0};

    (void)state;
    assert_int_equal(parse(&v, 0, NULL), OPTIONS_RUN);
    assert_int_equal(v.list.n, 1);
    assert_int_equal(v.number, -1);
    assert_int_equal(v.duration_ms, 90 * 60 * 1000);
    assert_true(v.real > 0.89 && v.real < 0.91);
    assert_int_equal(v.size, 1024);
    v = (struct values){0};
    assert_int_equal(PARSE(&v, "--a.list=1", "--a.list", "2", "--a.flag", "--a.number", "7",
                           "--a.duration=-5s", "--a.real=1"),
                     OPTIONS_RUN);
    assert_int_equal(v.list.n, 2); /* the first use replaces the fallback */
    assert_true(v.flag);
    assert_int_equal(v.number, 7);
    assert_int_equal(v.duration_ms, -5000);
    v = (struct values){.flag = true};
    assert_int_equal(PARSE(&v, "--no-a.flag"), OPTIONS_RUN);
    assert_false(v.flag);
}

static void mistakes_are_refused(void **state)
{
    static const char *const bad[][3] = {
        {"--b.text=1"},
        {"a.text"},
        {"--a.text"},
        {"--no-a.text"},
        {"--a.number=1x"},
        {"--a.duration=5"},
        {"--a.duration=5d"},
        {"--a.real=x"},
        {"--a.size=1k"},
        {"--a.text=1", "--a.text=2"},
        {"--a.flag", "--no-a.flag"},
        {"--no-a.flag=true"},
        {"--a.flag=maybe"},
        {"-x"},
        {"--"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct values v = {0};
        int n = bad[i][1] != NULL ? 2 : 1;

        if (parse(&v, n, bad[i]) != OPTIONS_BAD)
            fail_msg("%s is taken", bad[i][0]);
    }
}

static struct cluster_settings cluster(void)
{
    return (struct cluster_settings){.listen_address = "127.0.0.1:0",
                                     .advertise_address = "",
                                     .peer_name = "",
                                     .tls_config = "",
                                     .label = "",
                                     .gossip_interval_ms = 200,
                                     .pushpull_interval_ms = 60000,
                                     .tcp_timeout_ms = 10000,
                                     .probe_timeout_ms = 500,
                                     .probe_interval_ms = 1000,
                                     .reconnect_interval_ms = 10000,
                                     .reconnect_timeout_ms = 1000};
}

static void a_member_finds_its_name_and_address(void **state)
{
    struct cluster_settings c = cluster();
    struct cluster_self self, again;
    struct err err;
    int fd, fd_again;

    (void)state;
    assert_int_equal(cluster_settings_check(&c, &err), 0);
    assert_int_equal(cluster_self_settle(&c, &self, &fd, &err), 0);
    assert_int_equal(strlen(self.name), 26);
    assert_int_equal(strspn(self.name, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
    assert_true(str_starts(str_from(self.address), STR("127.0.0.1:")));
    assert_true(fd >= 0); /* the port is ours */
    assert_int_equal(cluster_self_settle(&c, &again, &fd_again, &err), 0);
    assert_string_not_equal(self.address, again.address);
    assert_string_not_equal(self.name, again.name);
    close(fd);
    close(fd_again);

    c.listen_address = "[::]:9094";
    c.advertise_address = "[2001:db8::7]:9099";
    c.peer_name = "fra-1";
    assert_int_equal(cluster_self_settle(&c, &self, &fd, &err), 0);
    assert_int_equal(fd, -1);
    assert_string_equal(self.name, "fra-1");
    assert_string_equal(self.address, "[2001:db8::7]:9099");
    c.advertise_address = "192.0.2.7:0"; /* the port listened on */
    assert_int_equal(cluster_self_settle(&c, &self, &fd, &err), 0);
    assert_string_equal(self.address, "192.0.2.7:9094");

    c.listen_address = "";
    assert_int_equal(cluster_self_settle(&c, &self, &fd, &err), 0);
    assert_string_equal(self.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_in_every_form),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(a_member_finds_its_name_and_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

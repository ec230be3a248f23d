#include "common/io/loop.h"
#include "common/io/worker.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

struct fixture {
    struct loop *loop;
    char log[64];
    size_t log_n;
    int64_t at_ms;
};

static void note(struct fixture *f, char c)
{
    f->log[f->log_n++] = c;
    f->log[f->log_n] = '\0';
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    *state = f;
    return loop_new(&f->loop);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    loop_free(f->loop);
    free(f);
    return 0;
}

static void on_a(void *arg)
{
    note(arg, 'a');
}

static void on_b(void *arg)
{
    struct fixture *f = arg;

    note(f, 'b');
    f->at_ms = loop_now(f->loop).mono_ms;
}

static void on_stop(void *arg)
{
    struct fixture *f = arg;

    loop_stop(f->loop);
}

static void timers_fire_in_order_of_deadline_then_of_setting(void **state)
{
    struct fixture *f = *state;
    struct loop_timer a, b, c, stop;
    int64_t now_ms = loop_enter(f->loop).mono_ms;

    loop_timer_init(&a, f->loop, on_a, f);
    loop_timer_init(&b, f->loop, on_b, f);
    loop_timer_init(&c, f->loop, on_a, f);
    loop_timer_init(&stop, f->loop, on_stop, f);
    loop_timer_set(&stop, now_ms + 30);
    loop_timer_set(&b, now_ms + 20);
    loop_timer_set(&a, now_ms + 20);
    loop_timer_set(&c, now_ms - 5);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(f->log, "aba");
    assert_true(f->at_ms >= now_ms + 20);
}

static void a_timer_moved_later_or_cancelled_does_not_fire_early(void **state)
{
    struct fixture *f = *state;
    struct loop_timer a, b, stop;
    int64_t now_ms = loop_enter(f->loop).mono_ms;

    loop_timer_init(&a, f->loop, on_a, f);
    loop_timer_init(&b, f->loop, on_b, f);
    loop_timer_init(&stop, f->loop, on_stop, f);
    loop_timer_set(&a, now_ms + 2);
    loop_timer_set(&b, now_ms + 1);
    loop_timer_set(&a, TIME_NEVER);
    loop_timer_set(&b, now_ms + 25);
    loop_timer_set(&stop, now_ms + 26);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(f->log, "b");
    assert_true(f->at_ms >= now_ms + 25);
}

static void *post_from_thread(void *arg)
{
    struct fixture *f = arg;

    loop_post(f->loop, on_a, f);
    loop_post(f->loop, on_b, f);
    loop_post(f->loop, on_stop, f);
    return NULL;
}

static void posts_from_a_thread_run_in_order(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;

    for (int i = 0; i < 10; i++) {
        assert_int_equal(pthread_create(&thread, NULL, post_from_thread, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        pthread_join(thread, NULL);
    }
    assert_string_equal(f->log, "abababababababababab");
}

static void on_repost(void *arg)
{
    struct fixture *f = arg;

    note(f, 'r');
    loop_post(f->loop, f->log_n < 3 ? on_repost : on_stop, f);
}

static void a_post_from_a_post_is_not_lost(void **state)
{
    struct fixture *f = *state;

    loop_post(f->loop, on_repost, f);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(f->log, "rrr");
}

static void on_usr1(int signo, void *arg)
{
    assert_int_equal(signo, SIGUSR1);
    note(arg, 's');
    on_stop(arg);
}

static void signals_come_through_the_loop(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(loop_signal(f->loop, SIGUSR1, on_usr1, f), 0);
    raise(SIGUSR1);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(f->log, "s");
}

struct job {
    struct fixture *f;
    pthread_mutex_t *gate;
    bool worked;
};

static void job_work(void *arg)
{
    struct job *job = arg;

    pthread_mutex_lock(job->gate);
    job->worked = true;
    pthread_mutex_unlock(job->gate);
}

static void job_done(void *arg)
{
    struct job *job = arg;

    assert_true(job->worked);
    note(job->f, 'd');
}

static void the_pool_is_bounded_and_finishes_what_it_took(void **state)
{
    struct fixture *f = *state;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct worker_pool *pool;
    struct job jobs[8];
    size_t taken = 0;

    assert_int_equal(worker_pool_new(f->loop, 2, 3, &pool), 0);
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[taken] = (struct job){.f = f, .gate = &gate};
        if (worker_submit(pool, job_work, job_done, &jobs[taken]) == 0)
            taken++;
    }
    assert_in_range(taken, 3, 5); /* three wait, and none to two were fetched meanwhile */
    assert_int_equal(f->log_n, 0);
    pthread_mutex_unlock(&gate);
    worker_pool_free(pool);
    assert_int_equal(f->log_n, taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_deadline_then_of_setting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_timer_moved_later_or_cancelled_does_not_fire_early, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posts_from_a_thread_run_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_post_from_a_post_is_not_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_come_through_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(the_pool_is_bounded_and_finishes_what_it_took, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

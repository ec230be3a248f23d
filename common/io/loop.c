#include "common/io/loop.h"

#include "common/base/queue.h"
#include "common/io/clock.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct posted {
    STAILQ_ENTRY(posted) link;
    loop_fn fn;
    void *arg;
};

STAILQ_HEAD(posted_list, posted);

struct handler {
    SLIST_ENTRY(handler) link;
    struct loop *loop;
    struct event *event;
    loop_signal_fn fn;
    void *arg;
};

/* Timers lie in a heap behind one timerfd, because libevent's own time-outs run on CLOCK_MONOTONIC,
 * which stands still while the machine sleeps. The timerfd is set only when a deadline earlier than
 * the armed one arrives; when it fires early for one that was moved, it is set again. */
struct loop {
    struct event_base *base;
    struct now now;
    bool running;
    struct heap timers;
    int timer_fd;
    int64_t armed_ms; /* TIME_NEVER: not armed */
    struct event *timer_event;
    pthread_mutex_t lock; /* of posted */
    struct posted_list posted;
    int post_fd;
    struct event *post_event;
    SLIST_HEAD(, handler) handlers;
};

struct now loop_now(const struct loop *loop)
{
    return loop->now;
}

struct now loop_enter(struct loop *loop)
{
    loop->now = clock_now();
    return loop->now;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

static void timers_arm(struct loop *loop)
{
    int64_t at_ms = heap_next_ms(&loop->timers);
    struct itimerspec spec = {0};

    if (at_ms >= loop->armed_ms)
        return;
    at_ms = max_i64(at_ms, 1); /* a time of zero would disarm */
    spec.it_value.tv_sec = at_ms / MS_PER_S;
    spec.it_value.tv_nsec = at_ms % MS_PER_S * 1000000;
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
        abort(); /* only a bug can: the descriptor is ours and the time is valid */
    loop->armed_ms = at_ms;
}

/* Callbacks may set timers that are due at once: those wait for the next round, so that I/O gets
 * its turn. */
static void on_timer(evutil_socket_t fd, short what UNUSED, void *arg)
{
    struct loop *loop = arg;
    int64_t now_ms = loop_enter(loop).mono_ms;
    uint64_t last = loop->timers.next_order, expirations;
    struct heap_node *node;

    if (read((int)fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
        return;
    loop->armed_ms = TIME_NEVER;
    while ((node = heap_first(&loop->timers)) != NULL && node->at_ms <= now_ms &&
           node->order < last) {
        struct loop_timer *t = CONTAINER_OF(node, struct loop_timer, node);

        heap_remove(&loop->timers, node);
        t->fn(t->arg);
        loop_enter(loop);
    }
    timers_arm(loop);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn fn, void *arg)
{
    *t = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
}

void loop_timer_set(struct loop_timer *t, int64_t at_mono_ms)
{
    if (at_mono_ms == TIME_NEVER) {
        loop_timer_cancel(t);
        return;
    }
    heap_set(&t->loop->timers, &t->node, at_mono_ms);
    timers_arm(t->loop);
}

void loop_timer_cancel(struct loop_timer *t)
{
    if (t->loop != NULL)
        heap_remove(&t->loop->timers, &t->node);
}

static void posted_run(struct loop *loop)
{
    struct posted_list todo = STAILQ_HEAD_INITIALIZER(todo);
    struct posted *p;

    pthread_mutex_lock(&loop->lock);
    STAILQ_CONCAT(&todo, &loop->posted);
    pthread_mutex_unlock(&loop->lock);
    while ((p = STAILQ_FIRST(&todo)) != NULL) {
        STAILQ_REMOVE_HEAD(&todo, link);
        loop_enter(loop);
        p->fn(p->arg);
        free(p);
    }
}

static void on_post(evutil_socket_t fd, short what UNUSED, void *arg)
{
    uint64_t count;

    /* Reset first: a post that comes after the list was taken raises the event again. */
    if (read((int)fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        abort();
    posted_run(arg);
}

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
    struct posted *p = xmalloc(sizeof(*p));
    uint64_t one = 1;
    bool first;

    p->fn = fn;
    p->arg = arg;
    pthread_mutex_lock(&loop->lock);
    first = STAILQ_EMPTY(&loop->posted);
    STAILQ_INSERT_TAIL(&loop->posted, p, link);
    /* Under the lock: once it is released the loop may run p and be freed. */
    if (first && write(loop->post_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        abort();
    pthread_mutex_unlock(&loop->lock);
}

static void on_signal(evutil_socket_t signo, short what UNUSED, void *arg)
{
    struct handler *h = arg;

    loop_enter(h->loop);
    h->fn((int)signo, h->arg);
}

int loop_signal(struct loop *loop, int signo, loop_signal_fn fn, void *arg)
{
    struct handler *h = xcalloc(1, sizeof(*h));

    h->loop = loop;
    h->fn = fn;
    h->arg = arg;
    h->event = evsignal_new(loop->base, signo, on_signal, h);
    if (h->event == NULL || event_add(h->event, NULL) < 0) {
        if (h->event != NULL)
            event_free(h->event);
        free(h);
        return -EINVAL;
    }
    SLIST_INSERT_HEAD(&loop->handlers, h, link);
    return 0;
}

int loop_run(struct loop *loop)
{
    loop->running = true;
    while (loop->running)
        if (event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
            return -EIO;
    return 0;
}

void loop_step(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
    loop->running = false;
    event_base_loopbreak(loop->base);
}

static int fd_watch(struct loop *loop, int fd, event_callback_fn fn, struct event **ret)
{
    if (fd < 0)
        return -errno;
    *ret = event_new(loop->base, fd, EV_READ | EV_PERSIST, fn, loop);
    return *ret != NULL && event_add(*ret, NULL) == 0 ? 0 : -ENOMEM;
}

/* No locks and no notification of threads: other threads come in through the eventfd only. */
static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    return base;
}

int loop_new(struct loop **ret)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    int r = -ENOMEM;

    heap_init(&loop->timers);
    loop->armed_ms = TIME_NEVER;
    STAILQ_INIT(&loop->posted);
    pthread_mutex_init(&loop->lock, NULL);
    signal(SIGPIPE, SIG_IGN);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->post_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = base_new();
    if (loop->base != NULL)
        r = fd_watch(loop, loop->timer_fd, on_timer, &loop->timer_event);
    if (r == 0)
        r = fd_watch(loop, loop->post_fd, on_post, &loop->post_event);
    if (r < 0) {
        loop_free(loop);
        return r;
    }
    loop_enter(loop);
    *ret = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    struct handler *h;

    if (loop == NULL)
        return;
    while (!STAILQ_EMPTY(&loop->posted))
        posted_run(loop);
    while ((h = SLIST_FIRST(&loop->handlers)) != NULL) {
        SLIST_REMOVE_HEAD(&loop->handlers, link);
        event_free(h->event);
        free(h);
    }
    if (loop->timer_event != NULL)
        event_free(loop->timer_event);
    if (loop->post_event != NULL)
        event_free(loop->post_event);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    if (loop->post_fd >= 0)
        close(loop->post_fd);
    if (loop->base != NULL)
        event_base_free(loop->base);
    assert(heap_first(&loop->timers) == NULL);
    heap_clear(&loop->timers);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

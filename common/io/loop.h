/* The event loop: libevent's base plus what every user of it needs: the time of the event being
 * handled, one-shot timers on CLOCK_BOOTTIME, signals, and posting from other threads.
 * One thread runs it. Everything but loop_post belongs to that thread. */
#pragma once

#include "common/base/heap.h"
#include "common/base/now.h"

struct event_base;
struct loop;

typedef void (*loop_fn)(void *arg);
typedef void (*loop_signal_fn)(int signo, void *arg);

MUST_CHECK int loop_new(struct loop **ret); /* also ignores SIGPIPE in this process */
void loop_free(struct loop *loop); /* runs what is still posted; timers must be cancelled */

struct event_base *loop_base(struct loop *loop); /* for bufferevents and curl */

/* The time at which the current event began. I/O callbacks that come from libevent directly call
 * loop_enter first, which reads the clock; timers, signals and posts have it done for them. */
struct now loop_now(const struct loop *loop);
struct now loop_enter(struct loop *loop);

int loop_run(struct loop *loop);   /* until loop_stop; 0 or a negative errno */
void loop_step(struct loop *loop); /* waits for one round of events and handles it: for tests */
void loop_stop(struct loop *loop);

/* A one-shot timer in the caller's storage. Equal deadlines fire in the order they were set. It may
 * be set again or cancelled from its own callback. A suspended machine's time counts. */
struct loop_timer {
    struct heap_node node;
    struct loop *loop;
    loop_fn fn;
    void *arg;
};

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn fn, void *arg);
void loop_timer_set(struct loop_timer *t, int64_t at_mono_ms); /* TIME_NEVER cancels */
void loop_timer_cancel(struct loop_timer *t);                  /* no-op when not set */

/* Until loop_free. One handler per signal number. */
MUST_CHECK int loop_signal(struct loop *loop, int signo, loop_signal_fn fn, void *arg);

/* From any thread: fn(arg) runs on the loop, in the order of posting. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);

#include "common/io/log_out.h"

#include "common/io/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* stderr may be shared with the shell, so it is not made non-blocking; poll says whether a pipe has
 * room for PIPE_BUF bytes, and no more than that is written at a time. */
static struct {
    pthread_mutex_t mutex;
    _Atomic int level;
    enum log_out_format format;
    int fd;
    struct buf waiting; /* whole lines, the first perhaps begun */
    uint64_t dropped_unsaid;
    struct log_out_stats stats;
} out = {.mutex = PTHREAD_MUTEX_INITIALIZER,
         .level = LOG_INFO,
         .fd = STDERR_FILENO,
         .waiting = {.max = 0}};

static _Atomic uint64_t suppressed_total;

bool log_out_format_parse(struct str text, enum log_out_format *ret)
{
    if (str_eq_c(text, "logfmt"))
        *ret = LOG_OUT_LOGFMT;
    else if (str_eq_c(text, "json"))
        *ret = LOG_OUT_JSON;
    else
        return false;
    return true;
}

static void lock(void)
{
    pthread_mutex_lock(&out.mutex);
    if (out.waiting.max == 0)
        buf_init(&out.waiting, LOG_OUT_BUFFER_MAX);
}

static void unlock(void)
{
    pthread_mutex_unlock(&out.mutex);
}

void log_out_setup(enum log_level level, enum log_out_format format)
{
    lock();
    out.level = (int)level;
    out.format = format;
    unlock();
}

void log_out_set_fd(int fd)
{
    lock();
    out.fd = fd;
    unlock();
}

bool log_out_wants(enum log_level level)
{
    return (int)level >= out.level;
}

static void format(struct buf *line, const struct log_record *record)
{
    if (out.format == LOG_OUT_JSON)
        log_format_json(line, clock_wall_ms(), record);
    else
        log_format_logfmt(line, clock_wall_ms(), record);
}

/* A line that was too long ends in its middle, but it ends. */
static void end_line(struct buf *line)
{
    if (!line->overflow || line->n == 0)
        return;
    line->p[line->n - 1] = '\n';
}

static bool append(const struct log_record *record)
{
    struct buf line;
    bool fits;

    buf_init(&line, LOG_OUT_LINE_MAX);
    format(&line, record);
    end_line(&line);
    fits = out.waiting.n + line.n <= LOG_OUT_BUFFER_MAX - KIB(1); /* room for the note below */
    if (fits)
        buf_add_str(&out.waiting, buf_str(&line));
    buf_clear(&line);
    return fits;
}

static void flush_locked(void)
{
    while (out.waiting.n > 0) {
        struct pollfd pfd = {.fd = out.fd, .events = POLLOUT};
        ssize_t put;

        if (poll(&pfd, 1, 0) <= 0 || (pfd.revents & POLLOUT) == 0)
            return;
        put = write(out.fd, out.waiting.p, (size_t)min_i64((int64_t)out.waiting.n, PIPE_BUF));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return; /* nobody to tell */
        buf_drop_front(&out.waiting, (size_t)put);
    }
}

static void say_dropped(void)
{
    struct log_kv kv = KV("records", (unsigned long)out.dropped_unsaid);

    if (out.dropped_unsaid == 0 || out.waiting.n > LOG_OUT_BUFFER_MAX / 2)
        return;
    if (append(&(struct log_record){.level = LOG_WARN,
                                    .component = "log",
                                    .msg = "log records dropped",
                                    .kv = &kv,
                                    .kv_n = 1}))
        out.dropped_unsaid = 0;
}

void log_out(const struct log_record *record)
{
    if (!log_out_wants(record->level))
        return;
    lock();
    flush_locked();
    say_dropped();
    if (append(record)) {
        out.stats.written++;
    } else {
        out.stats.dropped++;
        out.dropped_unsaid++;
    }
    flush_locked();
    unlock();
}

void log_out_flush(void)
{
    lock();
    flush_locked();
    say_dropped();
    flush_locked();
    unlock();
}

void log_out_stats(struct log_out_stats *ret)
{
    lock();
    *ret = out.stats;
    unlock();
    ret->suppressed = suppressed_total;
}

bool log_every(struct log_every *e, int64_t mono_ms, int64_t interval_ms, uint64_t *ret_suppressed)
{
    if (mono_ms < e->next_mono_ms) {
        e->suppressed++;
        suppressed_total++;
        return false;
    }
    *ret_suppressed = e->suppressed;
    e->suppressed = 0;
    e->next_mono_ms = mono_ms + interval_ms;
    return true;
}

#include "common/io/service_manager.h"

#include "common/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_FDS_MAX 64

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t n = path != NULL ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof(at.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(at.sun_path, path, n);
    if (path[0] == '@')
        at.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&at,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}

void service_notify_reloading(void)
{
    char text[80];
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* systemd's own choice of clock */
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    service_notify(text);
}

/* A number in the environment that is meant for this process: another variable says for which. */
static bool number_for_us(const char *name, const char *pid_name, bool pid_needed, uint64_t *ret)
{
    const char *pid = getenv(pid_name), *value = getenv(name);
    uint64_t n;

    if (value == NULL || (pid == NULL && pid_needed))
        return false;
    if (pid != NULL && (!str_to_u64(str_from(pid), &n) || n != (uint64_t)getpid()))
        return false;
    return str_to_u64(str_from(value), ret);
}

int64_t service_watchdog_ms(void)
{
    uint64_t us;

    if (!number_for_us("WATCHDOG_USEC", "WATCHDOG_PID", false, &us) || us == 0 ||
        us / 1000 > INT64_MAX / 1000)
        return 0;
    return us < 2000 ? 1 : (int64_t)(us / 1000);
}

int service_listen_fds(int *ret_n, struct err *err)
{
    uint64_t n;

    if (!number_for_us("LISTEN_FDS", "LISTEN_PID", true, &n) || n == 0)
        return err_set(err, -EINVAL, "no socket activation file descriptors found");
    if (n > LISTEN_FDS_MAX)
        return err_set(err, -EINVAL, "more than %d sockets were handed over", LISTEN_FDS_MAX);
    *ret_n = (int)n;
    return 0;
}

/* What systemd wants to hear and has to give, without its library: readiness, reloads, the
 * watchdog (NOTIFY_SOCKET, WATCHDOG_USEC), and listening sockets (LISTEN_FDS). See sd_notify(3) and
 * sd_listen_fds(3), whose protocols are stable. Without systemd all of it does nothing. */
#pragma once

#include "common/base/err.h"

/* Lines such as "READY=1\nSTATUS=…". Errors are nobody's business: the manager may be gone. */
void service_notify(const char *state);
/* "RELOADING=1" with the time that Type=notify-reload asks for. */
void service_notify_reloading(void);

/* How often the manager wants a sign of life; 0: not at all. */
int64_t service_watchdog_ms(void);

/* The sockets handed over are the descriptors 3 … 2 + n. -EINVAL when none are. */
MUST_CHECK int service_listen_fds(int *ret_n, struct err *err);

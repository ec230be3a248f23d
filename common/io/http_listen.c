/* Listening sockets: opened by address, or handed over by systemd. */
#include "common/io/address.h"
#include "common/io/http_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

int address_split(const char *address, struct address_text *ret, struct err *err)
{
    const char *colon = strrchr(address, ':');
    struct str h, p;
    uint64_t number;

    if (colon == NULL)
        return err_set(err, -EINVAL, "address \"%s\" has no port", address);
    h = (struct str){address, (size_t)(colon - address)};
    p = str_from(colon + 1);
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = str_sub(h, 1, h.n - 1);
    else if (str_find_char(h, ':') < h.n)
        return err_set(err, -EINVAL, "address \"%s\": IPv6 needs brackets", address);
    if (h.n >= sizeof(ret->host) || p.n > 5 || !str_to_u64(p, &number) || number > 65535)
        return err_set(err, -EINVAL, "address \"%s\" is not host:port", address);
    memcpy(ret->host, h.p, h.n);
    ret->host[h.n] = '\0';
    memcpy(ret->port, p.p, p.n + 1);
    return 0;
}

static int bind_and_listen(int fd, const struct sockaddr *at, socklen_t n)
{
    int r;

    if (bind(fd, at, n) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

static int socket_open(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, zero = 0;

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    return bind_and_listen(fd, ai->ai_addr, ai->ai_addrlen);
}

/* "vsock://:port": of whatever context this machine is for its hypervisor. */
static int vsock_open(const char *address, struct err *err)
{
    struct sockaddr_vm at = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
    struct str rest = str_sub(str_from(address), sizeof("vsock://") - 1, strlen(address));
    uint64_t port;
    int fd;

    if (rest.n < 2 || rest.p[0] != ':' || !str_to_u64(str_sub(rest, 1, rest.n), &port) ||
        port > UINT32_MAX)
        return err_set(err, -EINVAL, "address \"%s\" is not vsock://:port", address);
    at.svm_port = (unsigned)port;
    fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    fd = fd < 0 ? -errno : bind_and_listen(fd, (const struct sockaddr *)&at, sizeof(at));
    if (fd < 0)
        return err_set(err, fd, "listen on \"%s\": %s", address, strerrordesc_np(-fd));
    return fd;
}

/* An empty host means every address of both families, as Go's net.Listen has it. */
int listening_open(const char *address, struct err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct address_text t;
    int r, fd = -EADDRNOTAVAIL;

    if (str_starts(str_from(address), STR("vsock://")))
        return vsock_open(address, err);
    r = address_split(address, &t, err);
    if (r < 0)
        return r;
    if (t.host[0] == '\0')
        hints.ai_family = AF_INET6;
    r = getaddrinfo(t.host[0] != '\0' ? t.host : NULL, t.port, &hints, &found);
    if (r != 0)
        return err_set(err, -EINVAL, "address \"%s\": %s", address, gai_strerror(r));
    for (int family = t.host[0] != '\0' ? AF_INET : AF_INET6; fd < 0;) {
        for (struct addrinfo *ai = found; ai != NULL && fd < 0; ai = ai->ai_next)
            if (ai->ai_family == family)
                fd = socket_open(ai);
        if (family == AF_INET6 || t.host[0] == '\0')
            break;
        family = AF_INET6;
    }
    freeaddrinfo(found);
    if (fd == -EAFNOSUPPORT && t.host[0] == '\0') { /* a kernel without IPv6 */
        char any[16];

        (void)snprintf(any, sizeof(any), "0.0.0.0:%s", t.port);
        return listening_open(any, err);
    }
    if (fd < 0)
        return err_set(err, fd, "listen on \"%s\": %s", address, strerrordesc_np(-fd));
    return fd;
}

int listening_take(int fd, struct err *err)
{
    int type = 0, listens = 0;
    socklen_t n = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM &&
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens != 0 &&
        fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    close(fd);
    return err_set(err, -EINVAL, "descriptor %d is no listening stream socket", fd);
}

uint16_t listening_name(int fd, char *ret, size_t n)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_vm vm;
        struct sockaddr_un un;
    } at = {{0}};
    socklen_t at_n = sizeof(at);
    char host[NI_MAXHOST] = "", port[8] = "0";
    uint64_t number = 0;

    if (getsockname(fd, (struct sockaddr *)&at, &at_n) < 0)
        return 0;
    switch (at.any.ss_family) {
    case AF_UNIX: /* an abstract name begins with a zero byte */
        (void)snprintf(
            ret, n, "unix:%s%.*s", at.un.sun_path[0] == '\0' ? "@" : "",
            (int)strnlen(at.un.sun_path + (at.un.sun_path[0] == '\0'), sizeof(at.un.sun_path) - 1),
            at.un.sun_path + (at.un.sun_path[0] == '\0'));
        return 0;
    case AF_VSOCK:
        (void)snprintf(ret, n, "vsock://%u:%u", at.vm.svm_cid, at.vm.svm_port);
        return 0;
    default:
        (void)getnameinfo((struct sockaddr *)&at, at_n, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
        (void)snprintf(ret, n, at.any.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
        return str_to_u64(str_from(port), &number) ? (uint16_t)number : 0;
    }
}

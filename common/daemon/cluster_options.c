#include "common/daemon/cluster_options.h"

#include "common/io/address.h"
#include "common/io/clock.h"
#include "common/io/log_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#define LOG_COMPONENT "cluster"

static int check_address(const char *flag, const char *address, struct err *err)
{
    struct address_text t;

    if (address_split(address, &t, err) < 0)
        return err_wrap(err, "--%s", flag);
    return 0;
}

int cluster_settings_check(const struct cluster_settings *c, struct err *err)
{
    const struct {
        const char *flag;
        int64_t ms;
    } positive[] = {
        {"cluster.gossip-interval", c->gossip_interval_ms},
        {"cluster.pushpull-interval", c->pushpull_interval_ms},
        {"cluster.tcp-timeout", c->tcp_timeout_ms},
        {"cluster.probe-timeout", c->probe_timeout_ms},
        {"cluster.probe-interval", c->probe_interval_ms},
        {"cluster.reconnect-interval", c->reconnect_interval_ms},
        {"cluster.reconnect-timeout", c->reconnect_timeout_ms},
    };

    if (c->listen_address[0] == '\0') /* without a cluster nobody asks, in Alertmanager neither */
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(positive); i++) {
        if (positive[i].ms <= 0)
            return err_set(err, -EINVAL, "--%s must be positive", positive[i].flag);
    }
    if (strlen(c->peer_name) > CLUSTER_NAME_MAX)
        return err_set(err, -EINVAL, "--cluster.peer-name is longer than %d bytes",
                       CLUSTER_NAME_MAX);
    for (size_t i = 0; i < c->peers.n; i++) {
        if (check_address("cluster.peer", c->peers.v[i], err) < 0)
            return err->code;
    }
    if (c->advertise_address[0] != '\0' &&
        check_address("cluster.advertise-address", c->advertise_address, err) < 0)
        return err->code;
    return check_address("cluster.listen-address", c->listen_address, err);
}

/* ---- name ---- */

/* A ULID, as Alertmanager's names are: 48 bits of time and 80 random ones in base 32. */
static void random_name(char ret[CLUSTER_NAME_MAX + 1])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = (uint64_t)clock_wall_ms();
    uint8_t noise[16];

    entropy_fill(noise, sizeof(noise));
    for (size_t i = 10; i > 0; i--, ms >>= 5)
        ret[i - 1] = digits[ms & 31];
    for (size_t i = 0; i < sizeof(noise); i++)
        ret[10 + i] = digits[noise[i] & 31];
    ret[10 + sizeof(noise)] = '\0';
}

/* ---- address ---- */

static bool is_private(struct in_addr ip)
{
    uint32_t v = ntohl(ip.s_addr);

    return v >> 24 == 10 || v >> 20 == (172 << 4 | 1) || v >> 16 == (192 << 8 | 168);
}

/* The first private IPv4 address of an interface that is up; a public one where that is allowed. */
static bool find_address(bool allow_public, char ret[INET6_ADDRSTRLEN])
{
    struct ifaddrs *all, *found = NULL;

    if (getifaddrs(&all) < 0)
        return false;
    for (int want_private = 1; want_private >= (allow_public ? 0 : 1); want_private--) {
        for (struct ifaddrs *i = all; i != NULL && found == NULL; i = i->ifa_next) {
            const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)i->ifa_addr;

            if (v4 != NULL && v4->sin_family == AF_INET && (i->ifa_flags & IFF_UP) != 0 &&
                (i->ifa_flags & IFF_LOOPBACK) == 0 &&
                is_private(v4->sin_addr) == (want_private == 1))
                found = i;
        }
    }
    if (found != NULL)
        (void)inet_ntop(AF_INET,
                        &((const struct sockaddr_in *)(const void *)found->ifa_addr)->sin_addr, ret,
                        INET6_ADDRSTRLEN);
    freeifaddrs(all);
    return found != NULL;
}

static void add_address(char ret[CLUSTER_ADDRESS_MAX], const char *ip, const char *port)
{
    (void)snprintf(ret, CLUSTER_ADDRESS_MAX, strchr(ip, ':') != NULL ? "[%s]:%s" : "%s:%s", ip,
                   port);
}

static int resolve_advertised(const char *address, const char *port, struct cluster_self *ret,
                              struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    struct address_text t;
    char ip[INET6_ADDRSTRLEN];
    int rc;

    if (address_split(address, &t, err) < 0)
        return err->code;
    rc = getaddrinfo(t.host, NULL, &hints, &found);
    if (rc != 0)
        return err_set(err, -EINVAL, "--cluster.advertise-address: %s: %s", t.host,
                       gai_strerror(rc));
    rc = getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    if (rc != 0)
        return err_set(err, -EINVAL, "--cluster.advertise-address: %s", gai_strerror(rc));
    add_address(ret->address, ip, strcmp(t.port, "0") == 0 ? port : t.port);
    return 0;
}

/* A port is chosen by binding a socket that nobody listens on: members that try it are refused at
 * once, and no other process gets the port. */
static int settle_port(const struct address_text *t, char port[8], int *ret_fd, struct err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof(at);
    int rc = getaddrinfo(t->host[0] != '\0' ? t->host : NULL, t->port, &hints, &found), fd;

    if (rc != 0)
        return err_set(err, -EINVAL, "--cluster.listen-address: %s: %s", t->host, gai_strerror(rc));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 ? -errno : 0;
    freeaddrinfo(found);
    if (rc == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
        getnameinfo((struct sockaddr *)&at, n, NULL, 0, port, 8, NI_NUMERICSERV) == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return err_set(err, rc < 0 ? rc : -EINVAL, "--cluster.listen-address: %s",
                   rc < 0 ? strerrordesc_np(-rc) : "no port");
}

static bool is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static int settle_address(const struct cluster_settings *c, struct cluster_self *self, int *ret_fd,
                          struct err *err)
{
    char ip[INET6_ADDRSTRLEN] = "127.0.0.1", port[8];
    struct address_text t;

    if (address_split(c->listen_address, &t, err) < 0)
        return err->code;
    (void)snprintf(port, sizeof(port), "%s", t.port);
    if (strcmp(t.port, "0") == 0 && settle_port(&t, port, ret_fd, err) < 0)
        return err->code;
    if (c->advertise_address[0] != '\0')
        return resolve_advertised(c->advertise_address, port, self, err);
    if (!is_any(t.host))
        (void)snprintf(ip, sizeof(ip), "%s", t.host);
    else if (!find_address(c->allow_public_address, ip))
        log_warn("no private address to advertise, taking the loopback's",
                 KV("hint", "set --cluster.advertise-address"));
    add_address(self->address, ip, port);
    return 0;
}

int cluster_self_settle(const struct cluster_settings *c, struct cluster_self *ret, int *ret_fd,
                        struct err *err)
{
    *ret = (struct cluster_self){0};
    *ret_fd = -1;
    if (c->listen_address[0] == '\0')
        return 0;
    if (settle_address(c, ret, ret_fd, err) < 0)
        return err->code;
    if (c->peer_name[0] != '\0')
        (void)snprintf(ret->name, sizeof(ret->name), "%s", c->peer_name);
    else
        random_name(ret->name);
    if (c->peers.n > 0)
        log_warn("--cluster.peer has no effect: there is no gossip yet, every member notifies",
                 KV("peers", c->peers.n));
    return 0;
}

#include "common/io/tls_server.h"

#include <errno.h>

int tls_peer_new(struct tls_server *t UNUSED, SSL *ssl UNUSED, int64_t wall_ms UNUSED,
                 struct tls_peer **ret UNUSED, struct err *err)
{
    return err_set(err, -ENOTSUP, "no TLS");
}

void tls_peer_free(struct tls_peer *peer UNUSED)
{
}

int tls_peer_check(struct tls_server *t UNUSED, struct tls_peer *peer UNUSED,
                   int64_t wall_ms UNUSED, struct err *err)
{
    return err_set(err, -ENOTSUP, "no TLS");
}

SSL *tls_server_accept(struct tls_server *t UNUSED)
{
    return NULL;
}

#include "common/io/tls_client.h"

#include "common/io/files.h"
#include "common/io/identity.h"
#include "common/io/log_out.h"
#include "common/io/loop.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define LOG_COMPONENT "tls"

/* One consistent set of files, parsed. Never changed after loading. */
struct material {
    X509 *cert;
    STACK_OF(X509) * chain; /* intermediates that we send along */
    EVP_PKEY *key;
    X509_STORE *store; /* CA and CRL */
    struct identity identity;
    int64_t cert_ends_wall_ms, ca_ends_wall_ms, crl_ends_wall_ms;
};

enum { FILE_CERT, FILE_KEY, FILE_CA, FILE_CRL, FILES };

/* What tells one version of a file from the next. */
struct stamp {
    ino_t inode;
    off_t size;
    struct timespec mtime;
};

struct tls_client {
    unsigned refs;
    struct loop *loop;
    struct loop_timer poll;
    char *trust_domain;
    char *files[FILES];         /* files[FILE_CRL] may be NULL */
    struct stamp stamps[FILES]; /* at the last attempt, good or bad */
    struct material *now;
    uint64_t generation, reloads, reloads_failed;
    tls_client_on_reload on_reload;
    void *arg;
};

/* --- Loading --- */

static void material_free(struct material *m)
{
    if (m == NULL)
        return;
    X509_free(m->cert);
    sk_X509_pop_free(m->chain, X509_free);
    EVP_PKEY_free(m->key);
    X509_STORE_free(m->store);
    free(m);
}

/* The reason OpenSSL gives for its last failure, with the file; empties its queue. */
static int openssl_failed(struct err *err, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(err, -EINVAL, "%s %s: %s", what, file, why != NULL ? why : "is not usable");
}

static int64_t asn1_wall_ms(const ASN1_TIME *t)
{
    struct tm tm;

    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return TIME_NEVER;
    return (int64_t)timegm(&tm) * MS_PER_S;
}

static int open_file(const char *what, const char *file, BIO **ret, struct err *err)
{
    BIO *bio = BIO_new_file(file, "r");

    if (bio == NULL) {
        int code = errno;

        ERR_clear_error();
        return err_set(err, code != 0 ? -code : -EIO, "%s %s: %s", what, file, strerror(code));
    }
    *ret = bio;
    return 0;
}

/* The end of a PEM file is "no start line"; anything else is damage. */
static bool pem_ended(void)
{
    unsigned long code = ERR_peek_last_error();
    bool ended = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;

    if (ended)
        ERR_clear_error();
    return ended;
}

static int load_cert(struct material *m, const char *file, struct err *err)
{
    BIO *bio;
    X509 *more;
    int rc = open_file("certificate", file, &bio, err);

    if (rc < 0)
        return rc;
    m->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    m->chain = sk_X509_new_null();
    if (m->cert == NULL || m->chain == NULL) {
        BIO_free(bio);
        return openssl_failed(err, "certificate", file);
    }
    while ((more = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(m->chain, more) <= 0) {
            X509_free(more);
            break;
        }
    }
    BIO_free(bio);
    if (!pem_ended())
        return openssl_failed(err, "certificate", file);
    m->cert_ends_wall_ms = asn1_wall_ms(X509_get0_notAfter(m->cert));
    return 0;
}

static int no_passphrase(char *text UNUSED, int n UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1; /* a daemon cannot ask */
}

static int load_key(struct material *m, const char *file, struct err *err)
{
    BIO *bio;
    int rc = open_file("key", file, &bio, err);

    if (rc < 0)
        return rc;
    if (file_is_public(file))
        log_warn("everybody on this machine may read the private key", KV("file", file));
    m->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (m->key == NULL)
        return openssl_failed(err, "key", file);
    if (X509_check_private_key(m->cert, m->key) != 1)
        return openssl_failed(err, "key", file);
    return 0;
}

static int load_ca(struct material *m, const char *file, struct err *err)
{
    size_t n = 0;
    BIO *bio;
    X509 *ca;
    int rc = open_file("CA", file, &bio, err);

    if (rc < 0)
        return rc;
    m->ca_ends_wall_ms = TIME_NEVER;
    for (; (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; n++) {
        bool is_ca = X509_check_ca(ca) == 1;

        m->ca_ends_wall_ms = min_i64(m->ca_ends_wall_ms, asn1_wall_ms(X509_get0_notAfter(ca)));
        rc = X509_STORE_add_cert(m->store, ca) == 1 ? 0 : -EINVAL;
        X509_free(ca);
        if (!is_ca) {
            BIO_free(bio);
            return err_set(err, -EINVAL, "CA %s: holds a certificate that is no CA's", file);
        }
        if (rc < 0)
            break;
    }
    BIO_free(bio);
    if (rc < 0 || !pem_ended())
        return openssl_failed(err, "CA", file);
    return n > 0 ? 0 : err_set(err, -EINVAL, "CA %s: holds no certificate", file);
}

static int load_crl(struct material *m, const char *file, struct err *err)
{
    size_t n = 0;
    BIO *bio;
    X509_CRL *crl;
    int rc = open_file("CRL", file, &bio, err);

    if (rc < 0)
        return rc;
    for (; (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL; n++) {
        m->crl_ends_wall_ms =
            min_i64(m->crl_ends_wall_ms, asn1_wall_ms(X509_CRL_get0_nextUpdate(crl)));
        rc = X509_STORE_add_crl(m->store, crl) == 1 ? 0 : -EINVAL;
        X509_CRL_free(crl);
        if (rc < 0)
            break;
    }
    BIO_free(bio);
    if (rc < 0 || !pem_ended())
        return openssl_failed(err, "CRL", file);
    if (n == 0)
        return err_set(err, -EINVAL, "CRL %s: holds no CRL", file);
    if (X509_STORE_set_flags(m->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        return openssl_failed(err, "CRL", file);
    return 0;
}

static int material_load(const struct tls_client *t, bool take_expired, struct material **ret,
                         struct err *err)
{
    struct material *m = xcalloc(1, sizeof(*m));
    int rc;

    ERR_clear_error();
    m->crl_ends_wall_ms = TIME_NEVER;
    m->store = X509_STORE_new();
    rc = m->store != NULL ? 0 : err_set(err, -ENOMEM, "OpenSSL gives no certificate store");
    if (rc == 0)
        rc = load_cert(m, t->files[FILE_CERT], err);
    if (rc == 0)
        rc = load_key(m, t->files[FILE_KEY], err);
    if (rc == 0)
        rc = load_ca(m, t->files[FILE_CA], err);
    if (rc == 0 && t->files[FILE_CRL] != NULL)
        rc = load_crl(m, t->files[FILE_CRL], err);
    if (rc == 0) {
        rc = identity_from_x509(m->cert, str_from(t->trust_domain), &m->identity, err);
        if (rc < 0)
            err_wrap(err, "certificate %s", t->files[FILE_CERT]);
    }
    if (rc == 0 && !take_expired && X509_cmp_current_time(X509_get0_notAfter(m->cert)) < 0)
        rc = err_set(err, -EKEYEXPIRED, "certificate %s: has expired", t->files[FILE_CERT]);
    if (rc == 0 && X509_cmp_current_time(X509_get0_notBefore(m->cert)) > 0)
        rc = err_set(err, -EINVAL, "certificate %s: is not valid yet", t->files[FILE_CERT]);
    if (rc < 0) {
        material_free(m);
        return rc;
    }
    *ret = m;
    return 0;
}

/* --- Reloading --- */

static bool take_stamps(struct tls_client *t) /* whether a file changed since the last time */
{
    bool changed = false;

    for (size_t i = 0; i < FILES; i++) {
        struct stamp *old = &t->stamps[i], new = {0};
        struct stat st;

        if (t->files[i] != NULL && stat(t->files[i], &st) == 0)
            new = (struct stamp){.inode = st.st_ino, .size = st.st_size, .mtime = st.st_mtim};
        if (new.inode != old->inode || new.size != old->size ||
            new.mtime.tv_sec != old->mtime.tv_sec || new.mtime.tv_nsec != old->mtime.tv_nsec)
            changed = true;
        *old = new;
    }
    return changed;
}

static int reload(struct tls_client *t, struct err *err)
{
    struct material *m;
    int rc = material_load(t, false, &m, err);

    if (rc < 0) {
        t->reloads_failed++;
        return rc;
    }
    material_free(t->now);
    t->now = m;
    t->generation++;
    t->reloads++;
    return 0;
}

int tls_client_reload(struct tls_client *t, struct err *err)
{
    take_stamps(t); /* before reading: a change from now on is seen by the next poll */
    return reload(t, err);
}

int tls_client_poll(struct tls_client *t, struct err *err)
{
    int rc;

    if (!take_stamps(t))
        return 0;
    rc = reload(t, err);
    return rc < 0 ? rc : 1;
}

static void on_poll(void *arg)
{
    struct tls_client *t = arg;
    struct err err;
    int rc = tls_client_poll(t, &err);

    loop_timer_set(&t->poll, loop_now(t->loop).mono_ms + TLS_CLIENT_POLL_MS);
    if (rc != 0 && t->on_reload != NULL)
        t->on_reload(rc < 0 ? &err : NULL, t->arg);
}

/* --- The object --- */

int tls_client_new(struct loop *loop, const struct tls_client_files *files, struct tls_client **ret,
                   struct err *err, tls_client_on_reload on_reload, void *arg)
{
    struct tls_client *t = xcalloc(1, sizeof(*t));
    int rc;

    t->refs = 1;
    t->trust_domain = xstrdup(files->trust_domain);
    t->files[FILE_CERT] = xstrdup(files->cert_file);
    t->files[FILE_KEY] = xstrdup(files->key_file);
    t->files[FILE_CA] = xstrdup(files->ca_file);
    t->files[FILE_CRL] = files->crl_file != NULL ? xstrdup(files->crl_file) : NULL;
    t->on_reload = on_reload;
    t->arg = arg;
    take_stamps(t);
    rc = material_load(t, true, &t->now, err);
    if (rc < 0) {
        tls_client_free(t);
        return rc;
    }
    t->generation = 1;
    if (loop != NULL) {
        t->loop = loop;
        loop_timer_init(&t->poll, loop, on_poll, t);
        loop_timer_set(&t->poll, loop_now(loop).mono_ms + TLS_CLIENT_POLL_MS);
    }
    *ret = t;
    return 0;
}

struct tls_client *tls_client_ref(struct tls_client *t)
{
    t->refs++;
    return t;
}

void tls_client_free(struct tls_client *t)
{
    if (t == NULL || --t->refs > 0)
        return;
    if (t->loop != NULL)
        loop_timer_cancel(&t->poll);
    material_free(t->now);
    for (size_t i = 0; i < FILES; i++)
        free(t->files[i]);
    free(t->trust_domain);
    free(t);
}

void tls_client_info_get(const struct tls_client *t, struct tls_client_info *ret)
{
    *ret = (struct tls_client_info){
        .generation = t->generation,
        .cert_ends_wall_ms = t->now->cert_ends_wall_ms,
        .ca_ends_wall_ms = t->now->ca_ends_wall_ms,
        .crl_ends_wall_ms = t->now->crl_ends_wall_ms,
        .reloads = t->reloads,
        .reloads_failed = t->reloads_failed,
        .identity = t->now->identity,
    };
}

uint64_t tls_client_generation(const struct tls_client *t)
{
    return t->generation;
}

/* --- The handshake --- */

/* Lets a CRL that is a little old count as current; everything else stands. */
static int on_verify_step(int ok, X509_STORE_CTX *ctx)
{
    time_t limit = time(NULL) - (time_t)(TLS_CRL_GRACE_MS / MS_PER_S);
    const X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);

    if (!ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CRL_HAS_EXPIRED && crl != NULL &&
        X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &limit) > 0) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    return ok;
}

static int check_peer(const struct tls_client_check *check, X509 *cert, struct err *err)
{
    struct str domain = str_from(check->tls->trust_domain);
    struct identity want, got;
    int rc = identity_parse(str_from(check->peer), domain, &want, err);

    if (rc < 0)
        return err_wrap(err, "the expected name \"%s\"", check->peer);
    rc = identity_from_x509(cert, domain, &got, err);
    if (rc < 0)
        return err_wrap(err, "the server's certificate");
    if (!identity_eq(&want, &got)) {
        struct buf b;

        buf_init(&b, 0);
        identity_format(&got, domain, &b);
        rc = err_set(err, -EPERM, "the server is %s, expected is %s", b.p, check->peer);
        buf_clear(&b);
    }
    return rc;
}

static int on_verify(X509_STORE_CTX *ctx, void *arg)
{
    struct tls_client_check *check = arg;
    struct err err;

    X509_STORE_CTX_set_verify_cb(ctx, on_verify_step);
    if (X509_verify_cert(ctx) != 1) {
        int code = X509_STORE_CTX_get_error(ctx);

        if (code == X509_V_OK) /* out of memory and the like: never a pass */
            X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
        snprintf(check->error, sizeof(check->error), "the server's certificate: %s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
        return 0;
    }
    if (check_peer(check, X509_STORE_CTX_get0_cert(ctx), &err) < 0) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        snprintf(check->error, sizeof(check->error), "%s", err.text);
        return 0;
    }
    return 1;
}

int tls_client_apply(SSL_CTX *ctx, struct tls_client_check *check)
{
    const struct material *m = check->tls->now;

    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, check);
    SSL_CTX_set1_cert_store(ctx, m->store); /* in place of what libcurl made */
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_cert_and_key(ctx, m->cert, m->key, m->chain, 1) != 1) {
        ERR_clear_error();
        snprintf(check->error, sizeof(check->error), "our own certificate is not usable");
        return -EPROTO;
    }
    return 0;
}

/* The files that a daemon reads at start and reload, and how what is wrong with them is said. */
#include "common/io/files.h"
#include "common/base/vec.h"
#include "common/daemon/daemon.h"
#include "common/io/identity.h"
#include "common/io/log_out.h"

#include <openssl/pem.h>

#define LOG_COMPONENT "config"
#define CONFIG_FILE_BYTES_MAX MIB(4)
#define CERT_FILE_BYTES_MAX MIB(1)

static void log_each(enum log_level level, const char *text, const char *file,
                     const struct mistakes *m)
{
    char place[512];

    VEC_EACH (m, struct mistake, it) {
        if (it->line > 0)
            (void)snprintf(place, sizeof(place), "%s:%d", file, it->line);
        else
            (void)snprintf(place, sizeof(place), "%s", file);
        LOG_OUT(level, text, KV("at", (const char *)place), KV("err", (const char *)it->text));
    }
    if (m->left_out > 0)
        LOG_OUT(level, text, KV("at", file), KV("more", m->left_out));
}

void daemon_log_mistakes(const char *file, const struct mistakes *m)
{
    log_each(LOG_ERROR, "configuration mistake", file, m);
}

void daemon_log_report(const struct config_report *r)
{
    char file[256];

    (void)snprintf(file, sizeof(file), STR_FMT, STR_ARG(r->name));
    log_each(LOG_ERROR, "configuration mistake", file, &r->mistakes);
    log_each(LOG_WARN, "configuration warning", file, &r->warnings);
}

int daemon_read_file(const char *path, struct arena *a, struct str *ret, struct err *err)
{
    struct buf b;
    int r;

    buf_init(&b, CONFIG_FILE_BYTES_MAX + 1);
    r = file_read(path, CONFIG_FILE_BYTES_MAX, &b, err);
    if (r == 0)
        *ret = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return r;
}

const char *daemon_path_beside(struct arena *a, const char *config_file, struct str name)
{
    const char *slash = strrchr(config_file, '/');
    int folder = slash != NULL ? (int)(slash + 1 - config_file) : 0;

    if (name.n > 0 && name.p[0] == '/')
        folder = 0;
    return arena_fmt(a, "%.*s" STR_FMT, folder, config_file, STR_ARG(name)).p;
}

int daemon_read_identity(const char *cert_file, const char *trust_domain, struct identity *ret,
                         struct err *err)
{
    struct buf b;
    BIO *bio;
    X509 *cert;
    int r;

    buf_init(&b, CERT_FILE_BYTES_MAX);
    r = file_read(cert_file, CERT_FILE_BYTES_MAX, &b, err);
    if (r < 0) {
        buf_clear(&b);
        return r;
    }
    bio = BIO_new_mem_buf(b.p, (int)b.n);
    cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (cert == NULL)
        r = err_set(err, -EINVAL, "%s holds no PEM certificate", cert_file);
    else if (identity_from_x509(cert, str_from(trust_domain), ret, err) < 0)
        r = err_wrap(err, "%s", cert_file);
    X509_free(cert);
    BIO_free(bio);
    buf_clear(&b);
    return r;
}

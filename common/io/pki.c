#include "common/io/pki.h"

#include "common/base/time_text.h"
#include "common/base/vec.h"
#include "common/io/files.h"
#include "common/io/pki_x509.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_BYTES_MAX MIB(64)
#define INDEX_HEAD "# tocsin pki 1 "
#define INDEX_COLUMNS "# serial\tstate\tname\tfrom\tuntil\trevoked\tfile\n"

/* A file of the folder; the caller frees. */
static char *path_in(const char *dir, const char *file)
{
    struct buf b;

    buf_init(&b, 0);
    buf_add_fmt(&b, "%s/%s", dir, file);
    return b.p;
}

static int lock_dir(const char *dir, int *ret_fd, struct err *err)
{
    char *path = path_in(dir, "lock");
    int rc = file_lock(path, ret_fd, err);

    free(path);
    return rc == -EBUSY ? err_wrap(err, "another tocsinctl works in %s", dir) : rc;
}

static int write_in(const char *dir, const char *file, const struct buf *content, mode_t mode,
                    struct err *err)
{
    char *path = path_in(dir, file);
    int rc = file_write_atomic(path, buf_str(content), mode, err);

    free(path);
    return rc;
}

/* --- The index --- */

void pki_index_clear(struct pki_index *x)
{
    VEC_EACH (x, struct pki_entry, e)
        free(e->file);
    VEC_CLEAR(x);
    free(x->trust_domain);
    *x = (struct pki_index){0};
}

static int parse_row(struct str line, struct str trust_domain, struct pki_entry *ret,
                     struct err *err)
{
    struct str column[7];
    struct pki_entry e = {0};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(column); i++)
        if (!str_split(&line, '\t', &column[i]))
            return err_set(err, -EINVAL, "has fewer than %zu columns", ARRAY_SIZE(column));
    if (column[0].n != PKI_SERIAL_HEX)
        return err_set(err, -EINVAL, "has no serial number");
    memcpy(e.serial, column[0].p, PKI_SERIAL_HEX);
    e.revoked = str_eq_c(column[1], "revoked");
    if (!e.revoked && !str_eq_c(column[1], "valid"))
        return err_set(err, -EINVAL, "has no state");
    rc = identity_parse(column[2], trust_domain, &e.identity, err);
    if (rc == 0)
        rc = time_parse(column[3], &e.term.from_wall_ms, err);
    if (rc == 0)
        rc = time_parse(column[4], &e.term.until_wall_ms, err);
    if (rc == 0 && e.revoked)
        rc = time_parse(column[5], &e.revoked_wall_ms, err);
    if (rc < 0)
        return rc;
    e.file = xstrndup(column[6].p, column[6].n);
    *ret = e;
    return 0;
}

static int parse_index(struct str text, struct pki_index *x, struct err *err)
{
    struct str line, head = STR(INDEX_HEAD);
    size_t n = 1;

    if (!str_split(&text, '\n', &line) || !str_starts(line, head) ||
        !trust_domain_valid(str_sub(line, head.n, line.n)))
        return err_set(err, -EINVAL, "line 1: is not \"" INDEX_HEAD "TRUST-DOMAIN\"");
    x->trust_domain = xstrndup(line.p + head.n, line.n - head.n);
    while (str_split(&text, '\n', &line)) {
        struct pki_entry e;
        int rc;

        n++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        rc = parse_row(line, str_from(x->trust_domain), &e, err);
        if (rc < 0)
            return err_wrap(err, "line %zu", n);
        *VEC_PUSH(x) = e;
    }
    return 0;
}

int pki_index_read(const char *dir, struct pki_index *ret, struct err *err)
{
    char *path = path_in(dir, "index.tsv");
    struct pki_index x = {0};
    struct buf text;
    int rc;

    buf_init(&text, 0);
    rc = file_read(path, INDEX_BYTES_MAX, &text, err);
    if (rc == -ENOENT)
        rc = err_set(err, -ENOENT, "%s holds no PKI; make one with: tocsinctl pki init --dir %s",
                     dir, dir);
    if (rc == 0 && parse_index(buf_str(&text), &x, err) < 0)
        rc = err_wrap(err, "%s", path);
    if (rc < 0)
        pki_index_clear(&x);
    else
        *ret = x;
    buf_clear(&text);
    free(path);
    return rc;
}

static int index_write(const char *dir, const struct pki_index *x, struct err *err)
{
    struct str domain = str_from(x->trust_domain);
    struct buf b;
    int rc;

    buf_init(&b, 0);
    buf_add_fmt(&b, INDEX_HEAD "%s\n" INDEX_COLUMNS, x->trust_domain);
    VEC_EACH (x, const struct pki_entry, e) {
        buf_add_fmt(&b, "%s\t%s\t", e->serial, e->revoked ? "revoked" : "valid");
        identity_format(&e->identity, domain, &b);
        buf_add_char(&b, '\t');
        time_add_rfc3339_ms(&b, e->term.from_wall_ms);
        buf_add_char(&b, '\t');
        time_add_rfc3339_ms(&b, e->term.until_wall_ms);
        buf_add_char(&b, '\t');
        if (e->revoked)
            time_add_rfc3339_ms(&b, e->revoked_wall_ms);
        buf_add_fmt(&b, "\t%s\n", e->file);
    }
    rc = write_in(dir, "index.tsv", &b, 0644, err);
    buf_clear(&b);
    return rc;
}

/* --- CA and CRL --- */

static int ca_open(const char *dir, struct pki_ca *ret, struct err *err)
{
    char *cert = path_in(dir, "ca.pem"), *key = path_in(dir, "ca.key");
    int rc = pki_ca_read(cert, key, ret, err);

    free(cert);
    free(key);
    return rc < 0 ? err_wrap(err, "the CA in %s", dir) : 0;
}

static int crl_write(const char *dir, const struct pki_index *x, int64_t now_wall_ms,
                     int64_t until_wall_ms, struct err *err)
{
    struct pki_term term = {.from_wall_ms = now_wall_ms - PKI_BACKDATE_MS,
                            .until_wall_ms = until_wall_ms};
    char *path = path_in(dir, "ca.crl");
    struct pki_ca ca;
    struct buf pem;
    int rc = ca_open(dir, &ca, err);

    buf_init(&pem, 0);
    if (rc == 0) {
        rc = pki_crl_make(&ca, x, pki_crl_number(path) + 1, &term, &pem, err);
        pki_ca_clear(&ca);
    }
    if (rc == 0)
        rc = file_write_atomic(path, buf_str(&pem), 0644, err);
    buf_clear(&pem);
    free(path);
    return rc;
}

int pki_crl(const char *dir, int64_t now_wall_ms, int64_t crl_until_wall_ms, struct err *err)
{
    struct pki_index x;
    int fd, rc = pki_index_read(dir, &x, err);

    if (rc < 0)
        return rc;
    pki_index_clear(&x);
    rc = lock_dir(dir, &fd, err);
    if (rc < 0)
        return rc;
    rc = pki_index_read(dir, &x, err);
    if (rc == 0) {
        rc = crl_write(dir, &x, now_wall_ms, crl_until_wall_ms, err);
        pki_index_clear(&x);
    }
    close(fd);
    return rc;
}

/* The key first: a CA certificate without its key would be of no use to anybody. */
static int ca_write(const char *dir, struct str trust_domain, const struct pki_term *term,
                    struct err *err)
{
    struct buf cert, key;
    int rc;

    buf_init(&cert, 0);
    buf_init(&key, 0);
    rc = pki_ca_make(trust_domain, term, &cert, &key, err);
    if (rc == 0)
        rc = write_in(dir, "ca.key", &key, 0600, err);
    if (rc == 0)
        rc = write_in(dir, "ca.pem", &cert, 0644, err);
    OPENSSL_cleanse(key.p, key.n);
    buf_clear(&key);
    buf_clear(&cert);
    return rc;
}

int pki_init(const char *dir, struct str trust_domain, const struct pki_term *term,
             int64_t crl_until_wall_ms, int64_t now_wall_ms, bool force, struct err *err)
{
    struct pki_index empty = {0};
    char *ca_file;
    int fd, rc;

    if (!trust_domain_valid(trust_domain) || trust_domain.n > 64)
        return err_set(err, -EINVAL,
                       "a trust domain is up to 64 of a-z 0-9 . _ -, for example example.org");
    if (term->until_wall_ms <= term->from_wall_ms)
        return err_set(err, -EINVAL, "the CA would end before it starts");
    rc = dir_make(dir, 0755, err);
    if (rc < 0)
        return rc;
    rc = lock_dir(dir, &fd, err);
    if (rc < 0)
        return rc;
    ca_file = path_in(dir, "ca.pem");
    if (!force && access(ca_file, F_OK) == 0)
        rc = err_set(err, -EEXIST,
                     "%s exists; --force replaces the CA and voids all its certificates", ca_file);
    free(ca_file);
    if (rc == 0)
        rc = ca_write(dir, trust_domain, term, err);
    if (rc == 0) {
        empty.trust_domain = xstrndup(trust_domain.p, trust_domain.n);
        rc = index_write(dir, &empty, err);
    }
    if (rc == 0)
        rc = crl_write(dir, &empty, now_wall_ms, crl_until_wall_ms, err);
    pki_index_clear(&empty);
    close(fd);
    return rc;
}

/* --- Issuing --- */

static int check_term(const struct pki_ca *ca, const struct pki_term *term, struct err *err)
{
    time_t from = (time_t)(term->from_wall_ms / MS_PER_S);
    time_t until = (time_t)(term->until_wall_ms / MS_PER_S);

    if (until <= from)
        return err_set(err, -EINVAL, "the certificate would end before it starts");
    if (X509_cmp_time(X509_get0_notAfter(ca->cert), &until) < 0)
        return err_set(err, -EINVAL, "the certificate would outlive its CA; give fewer --days");
    return 0;
}

/* site.fra1.group.db.edge.e1: the URI's path. Unique, since names hold neither slash nor dot. */
static void add_file_name(struct buf *b, const char *uri, const char *trust_domain)
{
    for (const char *p = uri + strlen("spiffe://") + strlen(trust_domain) + 1; *p != '\0'; p++)
        buf_add_char(b, (char)(*p == '/' ? '.' : *p));
}

static int issue(const char *dir, const struct pki_request *r, struct pki_index *x, const char *uri,
                 struct err *err)
{
    struct pki_entry *e = VEC_PUSH(x);
    struct buf cert, key, prefix;
    struct pki_ca ca;
    int rc;

    *e = (struct pki_entry){.identity = r->identity, .term = r->term};
    buf_init(&cert, 0);
    buf_init(&key, 0);
    buf_init(&prefix, 0);
    if (r->out_prefix != NULL) {
        buf_add_fmt(&prefix, "%s", r->out_prefix);
    } else {
        buf_add_fmt(&prefix, "%s/", dir);
        add_file_name(&prefix, uri, x->trust_domain);
    }
    buf_add_fmt(&key, "%s.pem", prefix.p);
    e->file = xstrndup(key.p, key.n);
    buf_reset(&key);
    rc = strpbrk(e->file, "\t\n") == NULL ? pki_serial_new(e->serial, err)
                                          : err_set(err, -EINVAL, "a file name with a tab in it");
    if (rc == 0)
        rc = ca_open(dir, &ca, err);
    if (rc == 0) {
        rc = check_term(&ca, &r->term, err);
        if (rc == 0)
            rc = pki_leaf_make(&ca, e->serial, uri, r, &cert, &key, err);
        pki_ca_clear(&ca);
    }
    if (rc == 0)
        rc = index_write(dir, x, err);
    buf_add_fmt(&prefix, ".key");
    if (rc == 0)
        rc = file_write_atomic(prefix.p, buf_str(&key), 0600, err);
    if (rc == 0)
        rc = file_write_atomic(e->file, buf_str(&cert), 0644, err);
    OPENSSL_cleanse(key.p, key.n);
    buf_clear(&cert);
    buf_clear(&key);
    buf_clear(&prefix);
    return rc;
}

int pki_issue(const char *dir, const struct pki_request *r, struct pki_entry *ret, struct err *err)
{
    struct pki_index x;
    struct buf uri;
    int fd, rc = pki_index_read(dir, &x, err);

    if (rc < 0)
        return rc;
    pki_index_clear(&x);
    rc = lock_dir(dir, &fd, err);
    if (rc < 0)
        return rc;
    rc = pki_index_read(dir, &x, err);
    if (rc == 0) {
        buf_init(&uri, 0);
        identity_format(&r->identity, str_from(x.trust_domain), &uri);
        rc = issue(dir, r, &x, uri.p, err);
        buf_clear(&uri);
        if (rc == 0) {
            *ret = x.v[x.n - 1];
            ret->file = xstrdup(ret->file);
        }
        pki_index_clear(&x);
    }
    close(fd);
    return rc;
}

/* --- Revoking --- */

/* Whether `what` names the certificate: by serial, URI, the URI's path, SITE/NODE or NODE. */
static bool is_named(const struct pki_entry *e, struct str what, const char *trust_domain)
{
    struct buf b;
    bool found;

    if (str_eq_nocase(what, str_from(e->serial)) || str_eq_c(what, e->identity.node))
        return true;
    buf_init(&b, 0);
    identity_format(&e->identity, str_from(trust_domain), &b);
    found = str_eq(what, buf_str(&b)) ||
            str_eq(what, str_sub(buf_str(&b), strlen("spiffe://") + strlen(trust_domain) + 1, b.n));
    if (!found && e->identity.kind == IDENTITY_EDGE) {
        buf_reset(&b);
        buf_add_fmt(&b, "%s/%s", e->identity.site, e->identity.node);
        found = str_eq(what, buf_str(&b));
    }
    buf_clear(&b);
    return found;
}

static int mark_revoked(struct pki_index *x, struct str what, int64_t now_wall_ms, size_t *ret_n,
                        struct err *err)
{
    const struct pki_entry *first = NULL;
    size_t n = 0;

    VEC_EACH (x, struct pki_entry, e) {
        if (!is_named(e, what, x->trust_domain))
            continue;
        if (first != NULL && !identity_eq(&first->identity, &e->identity))
            return err_set(err, -ENOTUNIQ,
                           "\"" STR_FMT "\" fits several names; give the serial number or the "
                           "whole name that \"tocsinctl pki list\" shows",
                           STR_ARG(what));
        first = e;
    }
    if (first == NULL)
        return err_set(err, -ENOENT,
                       "no certificate \"" STR_FMT "\"; \"tocsinctl pki list\" shows what there is",
                       STR_ARG(what));
    VEC_EACH (x, struct pki_entry, e) {
        if (!e->revoked && is_named(e, what, x->trust_domain)) {
            e->revoked = true;
            e->revoked_wall_ms = now_wall_ms;
            n++;
        }
    }
    *ret_n = n;
    return 0;
}

int pki_revoke(const char *dir, struct str what, int64_t now_wall_ms, int64_t crl_until_wall_ms,
               size_t *ret_n, struct err *err)
{
    struct pki_index x;
    size_t n = 0;
    int fd, rc = pki_index_read(dir, &x, err);

    if (rc < 0)
        return rc;
    pki_index_clear(&x);
    rc = lock_dir(dir, &fd, err);
    if (rc < 0)
        return rc;
    rc = pki_index_read(dir, &x, err);
    if (rc == 0) {
        rc = mark_revoked(&x, what, now_wall_ms, &n, err);
        if (rc == 0 && n > 0)
            rc = index_write(dir, &x, err);
        if (rc == 0) /* even when nothing is new: a crash may have come between the two */
            rc = crl_write(dir, &x, now_wall_ms, crl_until_wall_ms, err);
        if (rc == 0 && n == 0)
            rc = err_set(err, -EEXIST, "\"" STR_FMT "\" is revoked already", STR_ARG(what));
        pki_index_clear(&x);
    }
    close(fd);
    if (rc == 0)
        *ret_n = n;
    return rc;
}

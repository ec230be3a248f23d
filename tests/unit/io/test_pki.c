/* The private CA: what it issues verifies, carries one identity, and can be revoked. */
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

#include "common/base/buf.h"
#include "common/base/now.h"
#include "common/io/files.h"
#include "common/io/identity.h"
#include "common/io/pki.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DOMAIN "example.org"

static char *dir;

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * MS_PER_S;
}

static struct pki_term days(int64_t from, int64_t until)
{
    return (struct pki_term){now_ms() + from * MS_PER_DAY, now_ms() + until * MS_PER_DAY};
}

static int setup(void **state)
{
    struct pki_term term = days(-1, 3650);
    struct err err;

    (void)state;
    dir = folder_new();
    if (pki_init(dir, STR(DOMAIN), &term, now_ms() + 30 * MS_PER_DAY, now_ms(), false, &err) < 0)
        fail_msg("%s", err.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(dir);
    return 0;
}

static void issue(struct identity identity, struct pki_term term, struct pki_entry *ret)
{
    static const char *const dns[] = {"g1.example.org"}, *const ip[] = {"127.0.0.1", "::1"};
    struct pki_request r = {.identity = identity, .term = term};
    struct err err;

    if (identity.kind == IDENTITY_GLOBAL) {
        r.dns = dns;
        r.dns_n = ARRAY_SIZE(dns);
        r.ip = ip;
        r.ip_n = ARRAY_SIZE(ip);
    }
    if (pki_issue(dir, &r, ret, &err) < 0)
        fail_msg("%s", err.text);
}

static X509 *read_cert(const char *file)
{
    BIO *bio = BIO_new_file(file, "r");
    X509 *x;

    assert_non_null(bio);
    x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(x);
    return x;
}

/* X509_V_OK or why not, with the folder's CA and CRL. */
static int verify(const char *file, int purpose)
{
    char *ca_file = folder_file(dir, "ca.pem"), *crl_file = folder_file(dir, "ca.crl");
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *x = read_cert(file);
    int error;

    assert_int_equal(X509_STORE_load_file(store, ca_file), 1);
    assert_int_equal(X509_STORE_load_file(store, crl_file), 1);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
                                    X509_V_FLAG_X509_STRICT);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, x, NULL), 1);
    X509_STORE_CTX_set_purpose(ctx, purpose);
    X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(x);
    free(ca_file);
    free(crl_file);
    return error;
}

static const struct identity edge = {
    .kind = IDENTITY_EDGE, .site = "fra1", .group = "main", .node = "e1"};
static const struct identity team_edge = {
    .kind = IDENTITY_EDGE, .site = "fra1", .group = "db", .node = "e1"};
static const struct identity global = {.kind = IDENTITY_GLOBAL, .node = "g1"};
static const struct identity user = {.kind = IDENTITY_USER, .node = "bob"};

static void issued_certificates_verify_for_their_purpose_only(void **state)
{
    static const struct {
        const struct identity *identity;
        bool server;
    } cases[] = {{&edge, false}, {&team_edge, false}, {&global, true}, {&user, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct identity got;
        struct pki_entry e;
        struct err err;
        X509 *x;

        issue(*cases[i].identity, days(-1, 30), &e);
        assert_int_equal(verify(e.file, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
        assert_int_equal(verify(e.file, X509_PURPOSE_SSL_SERVER),
                         cases[i].server ? X509_V_OK : X509_V_ERR_INVALID_PURPOSE);
        x = read_cert(e.file);
        assert_int_equal(identity_from_x509(x, STR(DOMAIN), &got, &err), 0);
        assert_true(identity_eq(&got, cases[i].identity));
        assert_int_equal(X509_check_ca(x), 0);
        assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
        assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), cases[i].server);
        assert_int_equal(X509_check_host(x, "g1.example.org", 0, 0, NULL), cases[i].server);
        X509_free(x);
        free(e.file);
    }
}

static void keys_are_for_their_owner_only(void **state)
{
    static const char *const keys[] = {"ca.key", "site.fra1.edge.e1.key"};
    struct pki_entry e;

    (void)state;
    issue(edge, days(-1, 30), &e);
    free(e.file);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char *path = folder_file(dir, keys[i]);
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        free(path);
    }
}

static void times_of_any_kind_can_be_asked_for(void **state)
{
    struct pki_entry e;

    (void)state;
    issue(edge, days(-3, -2), &e);
    assert_int_equal(verify(e.file, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_HAS_EXPIRED);
    free(e.file);
    issue(edge, days(2, 3), &e);
    assert_int_equal(verify(e.file, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_NOT_YET_VALID);
    free(e.file);
}

static int withdraw(const char *what, size_t *ret_n)
{
    struct err err;

    return pki_revoke(dir, str_from(what), now_ms(), now_ms() + MS_PER_DAY, ret_n, &err);
}

static void a_revoked_certificate_stays_revoked(void **state)
{
    static const char *const names[] = {"fra1/e1", "site/fra1/edge/e1",
                                        "spiffe://" DOMAIN "/site/fra1/edge/e1", "e1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct pki_entry old, new;
        size_t n = 0;

        issue(edge, days(-1, 30), &old);
        assert_int_equal(withdraw(names[i], &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(verify(old.file, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
        assert_int_equal(withdraw(old.serial, &n), -EEXIST);
        issue(edge, days(-1, 30), &new); /* the name can be used again */
        assert_int_equal(verify(new.file, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
        assert_int_equal(withdraw(new.serial, &n), 0);
        free(old.file);
        free(new.file);
    }
}

static void a_short_name_must_be_unique(void **state)
{
    struct pki_entry a, b;
    size_t n = 0;

    (void)state;
    issue(edge, days(-1, 30), &a);
    issue(team_edge, days(-1, 30), &b);
    assert_int_equal(withdraw("fra1/e1", &n), -ENOTUNIQ);
    assert_int_equal(withdraw("site/fra1/group/db/edge/e1", &n), 0);
    assert_int_equal(verify(a.file, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(verify(b.file, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(withdraw("nobody", &n), -ENOENT);
    free(a.file);
    free(b.file);
}

static void an_existing_ca_is_replaced_by_force_only(void **state)
{
    struct pki_term term = days(-1, 10);
    struct pki_entry e;
    struct err err;

    (void)state;
    issue(edge, days(-1, 5), &e);
    assert_int_equal(
        pki_init(dir, STR(DOMAIN), &term, now_ms() + MS_PER_DAY, now_ms(), false, &err), -EEXIST);
    assert_int_equal(verify(e.file, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(pki_init(dir, STR(DOMAIN), &term, now_ms() + MS_PER_DAY, now_ms(), true, &err),
                     0);
    assert_int_not_equal(verify(e.file, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    free(e.file);
}

static void bad_requests_leave_nothing_behind(void **state)
{
    static const char *const evil[] = {"a,URI:spiffe://example.org/global/g2"};
    static const char *const good[] = {"g1"};
    const struct pki_request cases[] = {
        {.identity = global, .dns = evil, .dns_n = 1, .term = days(-1, 30)},
        {.identity = global, .ip = evil, .ip_n = 1, .term = days(-1, 30)},
        {.identity = global, .dns = good, .dns_n = 1, .term = days(-1, 36500)},
        {.identity = global, .dns = good, .dns_n = 1, .term = days(3, 2)},
    };
    char *path = folder_file(dir, "global.g1.pem");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pki_index x;
        struct pki_entry e;
        struct err err;

        assert_int_equal(pki_issue(dir, &cases[i], &e, &err), -EINVAL);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(pki_index_read(dir, &x, &err), 0);
        assert_int_equal(x.n, 0);
        pki_index_clear(&x);
    }
    free(path);
}

static void the_index_tells_what_was_issued(void **state)
{
    struct pki_entry a, b;
    struct pki_index x;
    struct err err;
    size_t n;

    (void)state;
    issue(edge, days(-1, 30), &a);
    issue(user, days(-1, 30), &b);
    assert_int_equal(withdraw("user/bob", &n), 0);
    assert_int_equal(pki_index_read(dir, &x, &err), 0);
    assert_int_equal(x.n, 2);
    assert_string_equal(x.trust_domain, DOMAIN);
    assert_string_equal(x.v[0].serial, a.serial);
    assert_string_equal(x.v[0].file, a.file);
    assert_false(x.v[0].revoked);
    assert_true(identity_eq(&x.v[0].identity, &edge));
    assert_int_equal(x.v[0].term.until_wall_ms, a.term.until_wall_ms);
    assert_true(x.v[1].revoked);
    pki_index_clear(&x);
    free(a.file);
    free(b.file);
}

static void a_folder_without_a_ca_says_how_to_make_one(void **state)
{
    struct pki_index x;
    struct err err;

    (void)state;
    assert_int_equal(pki_index_read("/tmp/there-is-no-such-folder", &x, &err), -ENOENT);
    assert_non_null(strstr(err.text, "pki init"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(issued_certificates_verify_for_their_purpose_only),
        TEST(keys_are_for_their_owner_only),
        TEST(times_of_any_kind_can_be_asked_for),
        TEST(a_revoked_certificate_stays_revoked),
        TEST(a_short_name_must_be_unique),
        TEST(an_existing_ca_is_replaced_by_force_only),
        TEST(bad_requests_leave_nothing_behind),
        TEST(the_index_tells_what_was_issued),
        TEST(a_folder_without_a_ca_says_how_to_make_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

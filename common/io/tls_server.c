#include "common/io/clock.h"
#include "common/io/file_mark.h"
#include "common/io/log_out.h"
#include "common/io/loop.h"
#include "common/io/tls_set.h"

#include <errno.h>

#define LOG_COMPONENT "tls"

/* A set that failed is tried again after this long even when no file changed: it may have become
 * valid by the time on the clock. */
#define RETRY_MS MS_PER_MIN

#define FILES 4

struct tls_watch {
    struct loop_timer timer;
    struct file_mark seen[FILES]; /* as they were before the last attempt to load them */
    bool failed;
    int64_t failed_mono_ms;
};

static void marks_take(const struct tls_server *t, struct file_mark ret[FILES])
{
    const char *const names[FILES] = {t->o.cert_file, t->o.key_file, t->o.ca_file, t->o.crl_file};

    for (size_t i = 0; i < FILES; i++)
        file_mark_take(names[i], &ret[i]);
}

static bool marks_eq(const struct file_mark a[FILES], const struct file_mark b[FILES])
{
    for (size_t i = 0; i < FILES; i++)
        if (!file_mark_eq(&a[i], &b[i]))
            return false;
    return true;
}

static void set_swap(struct tls_server *t, struct tls_set *set)
{
    tls_set_clear(&t->set); /* connections hold references to what they use */
    t->set = *set;
    t->info.generation++;
    t->info.cert_ends_wall_ms = set->cert_ends_wall_ms;
    t->info.ca_ends_wall_ms = set->ca_ends_wall_ms;
    t->info.crl_ends_wall_ms = set->crl_ends_wall_ms;
}

static int set_try(struct tls_server *t, const struct tls_server_options *o, struct tls_set *ret,
                   struct err *err)
{
    int r = tls_set_load(o, clock_wall_ms(), ret, err);

    if (r == 0 && !ret->cert_in_time && t->info.generation > 0) {
        tls_set_clear(ret);
        r = err_set(err, -EKEYEXPIRED, "our own certificate is expired or not valid yet");
    }
    return r;
}

static void reload_failed(struct tls_server *t, const struct err *err)
{
    t->info.reloads_failed++;
    t->watch->failed = true;
    t->watch->failed_mono_ms = clock_mono_ms();
    log_error("certificates not reloaded, the old ones stay",
              KV("reason", (const char *)err->text));
}

int tls_server_reload(struct tls_server *t, struct err *err)
{
    struct tls_set set;
    struct err e;
    int r;

    marks_take(t, t->watch->seen);
    t->info.reloads++;
    r = set_try(t, &t->o, &set, &e);
    if (r < 0) {
        reload_failed(t, &e);
        if (err != NULL)
            *err = e;
        return r;
    }
    t->watch->failed = false;
    set_swap(t, &set);
    log_info("certificates reloaded", KV("ends_ms", t->info.cert_ends_wall_ms),
             KV("generation", t->info.generation));
    return 0;
}

int tls_server_poll(struct tls_server *t, struct err *err)
{
    struct file_mark marks[FILES];
    int r;

    marks_take(t, marks);
    if (marks_eq(marks, t->watch->seen) &&
        (!t->watch->failed || clock_mono_ms() < t->watch->failed_mono_ms + RETRY_MS))
        return 0;
    r = tls_server_reload(t, err);
    return r < 0 ? r : 1;
}

static void on_poll(void *arg)
{
    struct tls_server *t = arg;
    struct err err;

    (void)!tls_server_poll(t, &err); /* it has logged */
    loop_timer_set(&t->watch->timer, loop_now(t->loop).mono_ms + TLS_SERVER_POLL_MS);
}

/* Options */

static const char *copy(const char *s)
{
    return s != NULL ? xstrdup(s) : NULL;
}

static void give(const char *s)
{
    union {
        const char *from;
        void *to;
    } p = {s};

    free(p.to);
}

static void options_copy(struct tls_server_options *to, const struct tls_server_options *o)
{
    const char **sans = xcalloc(o->allowed_sans_n + 1, sizeof(sans[0]));

    for (size_t i = 0; i < o->allowed_sans_n; i++)
        sans[i] = xstrdup(o->allowed_sans[i]);
    *to = *o;
    to->trust_domain = copy(o->trust_domain);
    to->cert_file = copy(o->cert_file);
    to->key_file = copy(o->key_file);
    to->ca_file = copy(o->ca_file);
    to->cert_pem = copy(o->cert_pem);
    to->key_pem = copy(o->key_pem);
    to->ca_pem = copy(o->ca_pem);
    to->crl_file = copy(o->crl_file);
    to->ciphers = copy(o->ciphers);
    to->groups = copy(o->groups);
    to->allowed_sans = sans;
    if (to->trust_domain != NULL)
        to->client_auth = TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;
}

static void options_clear(struct tls_server_options *o)
{
    union {
        const char *const *from;
        void *to;
    } sans = {o->allowed_sans};

    for (size_t i = 0; i < o->allowed_sans_n; i++)
        give(o->allowed_sans[i]);
    free(sans.to);
    give(o->trust_domain);
    give(o->cert_file);
    give(o->key_file);
    give(o->ca_file);
    give(o->cert_pem);
    give(o->key_pem);
    give(o->ca_pem);
    give(o->crl_file);
    give(o->ciphers);
    give(o->groups);
    *o = (struct tls_server_options){0};
}

int tls_server_change(struct tls_server *t, const struct tls_server_options *options,
                      struct err *err)
{
    struct tls_server_options o, old = t->o, wanted = *options;
    struct tls_set set;
    int r;

    wanted.trust_domain = t->o.trust_domain;
    options_copy(&o, &wanted);
    t->info.reloads++;
    r = set_try(t, &o, &set, err);
    if (r < 0) {
        t->info.reloads_failed++;
        options_clear(&o);
        return r;
    }
    t->o = o;
    options_clear(&old);
    marks_take(t, t->watch->seen);
    t->watch->failed = false;
    set_swap(t, &set);
    return 0;
}

/* Life */

int tls_server_new(struct loop *loop, const struct tls_server_options *options,
                   struct tls_server **ret, struct err *err)
{
    struct tls_server *t;
    struct tls_set set;
    int r;

    if (options->trust_domain != NULL && !trust_domain_valid(str_from(options->trust_domain)))
        return err_set(err, -EINVAL, "trust domain \"%s\" does not match [a-z0-9._-]{1,255}",
                       options->trust_domain);
    t = xcalloc(1, sizeof(*t));
    t->loop = loop;
    t->watch = xcalloc(1, sizeof(*t->watch));
    loop_timer_init(&t->watch->timer, loop, on_poll, t);
    options_copy(&t->o, options);
    marks_take(t, t->watch->seen);
    r = set_try(t, &t->o, &set, err);
    if (r < 0) {
        tls_server_free(t);
        return r;
    }
    if (!set.cert_in_time) /* a daemon that can still page must start */
        log_error("our own certificate is expired or not valid yet",
                  KV("file", t->o.cert_file != NULL ? t->o.cert_file : "inline"),
                  KV("ends_ms", set.cert_ends_wall_ms));
    set_swap(t, &set);
    if (loop != NULL)
        loop_timer_set(&t->watch->timer, loop_enter(loop).mono_ms + TLS_SERVER_POLL_MS);
    *ret = t;
    return 0;
}

void tls_server_free(struct tls_server *t)
{
    if (t == NULL)
        return;
    loop_timer_cancel(&t->watch->timer);
    tls_set_clear(&t->set);
    options_clear(&t->o);
    free(t->watch);
    free(t);
}

SSL *tls_server_accept(struct tls_server *t)
{
    SSL *ssl = SSL_new(t->set.ctx);

    if (ssl == NULL)
        abort(); /* out of memory, as in xmalloc */
    SSL_set_accept_state(ssl);
    return ssl;
}

void tls_server_info_get(const struct tls_server *t, struct tls_server_info *ret)
{
    *ret = t->info;
}

#include "common/io/web_config.h"

#include "common/base/hash.h"
#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/io/clock.h"
#include "common/io/file_mark.h"
#include "common/io/files.h"
#include "common/io/log_out.h"
#include "common/io/web_file.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>

#define LOG_COMPONENT "web"

#define FILE_BYTES_MAX MIB(1)
#define THREADS 2
#define RESULTS_MAX 256
#define CREDENTIALS_MAX 1024 /* base64 decoded; longer ones are nobody's */
#define OPEN_PATHS_MAX 8
#define SECRET_BYTES 32
/* A good file whose certificates did not load is tried again: they may come later. */
#define RETRY_MS MS_PER_MIN

struct result { /* of one pair of user and password */
    UT_hash_handle hh;
    uint8_t key[SHA256_BYTES];
    bool good;
};

/* A password on its way through the worker. */
struct login {
    TAILQ_ENTRY(login) link; /* in web->logins */
    struct web_config *web;
    struct http_server *server; /* NULL: the client has gone */
    uint64_t id;
    uint8_t key[SHA256_BYTES];
    bool known; /* the user is in the file; else the hash is somebody else's */
    bool good;
    char user[CREDENTIALS_MAX + 1], password[CREDENTIALS_MAX + 1], hash[64];
};

struct web_config {
    struct loop *loop;
    char *path;
    struct str base_dir;
    struct loop_timer poll;
    struct file_mark seen;
    struct arena *arena; /* of file */
    struct web_file file;
    bool broken;               /* the file is bad or gone: 500 for everybody */
    int64_t tls_again_mono_ms; /* when to try its certificates again; TIME_NEVER: they are in */
    struct tls_server *tls;
    struct http_guard guard;
    struct worker_pool *workers;
    TAILQ_HEAD(, login) logins;
    struct result *results; /* the oldest first */
    uint8_t secret[SECRET_BYTES];
    int64_t rate_full_us; /* when the bucket was, or will be, full again */
    const char *open_paths[OPEN_PATHS_MAX];
    size_t open_paths_n;
    struct web_config_stats stats;
};

/* The file */

static int file_load(struct web_config *w, struct arena *a, struct web_file *ret,
                     struct mistakes *m, struct err *err)
{
    struct buf text;
    int r;

    buf_init(&text, 0);
    file_mark_take(w->path, &w->seen);
    r = file_read(w->path, FILE_BYTES_MAX, &text, err);
    if (r < 0)
        mistakes_add(m, 0, "%s", err != NULL ? err->text : "cannot be read");
    else
        r = web_file_parse(buf_str(&text), w->base_dir, a, ret, m);
    if (r < 0 && m->n > 0)
        err_set(err, r, "%s:%d: %s", w->path, m->v[0].line, m->v[0].text);
    OPENSSL_cleanse(text.p, text.n); /* inline keys */
    buf_clear(&text);
    return r;
}

static int tls_follow(struct web_config *w, const struct web_file *file, struct err *err)
{
    if (file->has_tls != (w->tls != NULL)) {
        log_warn("turning TLS on or off needs a restart", KV("file", (const char *)w->path));
        return 0;
    }
    return w->tls != NULL ? tls_server_change(w->tls, &file->tls, err) : 0;
}

int web_config_reload(struct web_config *w, struct err *err)
{
    struct mistakes m;
    struct web_file file;
    struct arena *a;
    struct err e = {0};
    int r;

    if (w->path == NULL)
        return 0;
    a = arena_new(0);
    mistakes_init(&m);
    w->stats.reloads++;
    r = file_load(w, a, &file, &m, &e);
    mistakes_clear(&m);
    w->broken = r < 0;
    if (r == 0) {
        struct arena *old = w->arena;

        w->arena = a;
        w->file = file;
        a = old;
        r = tls_follow(w, &file, &e);
        w->tls_again_mono_ms = r < 0 ? clock_mono_ms() + RETRY_MS : TIME_NEVER;
    }
    arena_free(a);
    if (r < 0) {
        w->stats.reloads_failed++;
        log_error("web configuration not reloaded", KV("reason", (const char *)e.text));
        if (err != NULL)
            *err = e;
    }
    return r;
}

static void on_poll(void *arg)
{
    struct web_config *w = arg;
    struct file_mark mark;
    struct err err;

    file_mark_take(w->path, &mark);
    if (!file_mark_eq(&mark, &w->seen) || clock_mono_ms() >= w->tls_again_mono_ms)
        (void)!web_config_reload(w, &err); /* it has logged */
    loop_timer_set(&w->poll, loop_now(w->loop).mono_ms + TLS_SERVER_POLL_MS);
}

/* Answers */

static void answer(struct http_server *server, uint64_t id, int status, const char *text)
{
    static const struct http_header basic[] = {
        {STR_INIT("X-Content-Type-Options"), STR_INIT("nosniff")},
        {STR_INIT("WWW-Authenticate"), STR_INIT("Basic")},
    };

    http_reply(server, id,
               &(struct http_reply){.status = status,
                                    .content_type = STR("text/plain; charset=utf-8"),
                                    .headers = basic,
                                    .headers_n = status == 401 ? 2 : 1,
                                    .body = str_from(text)});
}

static void decide(struct web_config *w, struct http_server *server, uint64_t id, bool good,
                   struct str user)
{
    if (good) {
        http_admit(server, id, user);
        return;
    }
    w->stats.refused++;
    answer(server, id, 401, "Unauthorized\n");
}

/* What was found out before */

/* Lengths come first, so that no two pairs run together; the secret makes the table worthless to
 * who reads memory; the hash makes an entry void when the user's changes. */
static void result_key(const struct web_config *w, const struct login *l, uint8_t ret[SHA256_BYTES])
{
    struct buf b;

    buf_init(&b, 0);
    buf_add(&b, w->secret, sizeof(w->secret));
    buf_add_fmt(&b, "%zu %zu ", strlen(l->user), strlen(l->password));
    buf_add_str(&b, str_from(l->user));
    buf_add_str(&b, str_from(l->password));
    buf_add_str(&b, str_from(l->hash));
    buf_add_char(&b, l->known ? 1 : 0);
    sha256(b.p, b.n, ret);
    OPENSSL_cleanse(b.p, b.n);
    buf_clear(&b);
}

static const struct result *result_find(const struct web_config *w, const uint8_t key[SHA256_BYTES])
{
    struct result *r;

    HASH_FIND(hh, w->results, key, SHA256_BYTES, r);
    return r;
}

static void result_keep(struct web_config *w, const uint8_t key[SHA256_BYTES], bool good)
{
    struct result *r, *oldest = w->results;

    if (result_find(w, key) != NULL)
        return;
    if (HASH_COUNT(w->results) >= RESULTS_MAX) {
        HASH_DEL(w->results, oldest);
        free(oldest);
    }
    r = xcalloc(1, sizeof(*r));
    memcpy(r->key, key, sizeof(r->key));
    r->good = good;
    HASH_ADD(hh, w->results, key, sizeof(r->key), r);
}

/* Passwords */

static void login_free(struct login *l)
{
    OPENSSL_cleanse(l, sizeof(*l));
    free(l);
}

static void login_work(void *arg) /* on a worker's thread */
{
    struct login *l = arg;
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    const char *got = crypt_r(l->password, l->hash, data);
    bool equal = got != NULL && strlen(got) == strlen(l->hash) &&
                 bytes_eq_const_time(got, l->hash, strlen(l->hash));

    l->good = equal && l->known;
    OPENSSL_cleanse(data, sizeof(*data));
    free(data);
}

static void login_done(void *arg)
{
    struct login *l = arg;
    struct web_config *w = l->web;

    TAILQ_REMOVE(&w->logins, l, link);
    result_keep(w, l->key, l->good);
    if (l->server != NULL)
        decide(w, l->server, l->id, l->good, str_from(l->user));
    login_free(l);
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* Padded base64 of at most CREDENTIALS_MAX bytes; their number, or -1. */
static int base64_decode(struct str s, char ret[CREDENTIALS_MAX + 1])
{
    unsigned bits = 0;
    int have = 0, n = 0;

    if (s.n == 0 || s.n % 4 != 0)
        return -1;
    for (int padding = 0; padding < 2 && s.p[s.n - 1] == '='; padding++)
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        int v = base64_value(s.p[i]);

        if (v < 0)
            return -1;
        bits = (bits << 6 | (unsigned)v) & 0xffffff;
        have += 6;
        if (have < 8)
            continue;
        if (n == CREDENTIALS_MAX)
            return -1;
        have -= 8;
        ret[n++] = (char)(bits >> have & 0xff);
    }
    ret[n] = '\0';
    return n;
}

/* "Basic base64(user:password)" */
static bool credentials_read(struct str header, struct login *l)
{
    char text[CREDENTIALS_MAX + 1];
    struct str prefix = str_sub(header, 0, 6), pair;
    size_t colon;
    int n;

    if (!str_eq_nocase(prefix, STR("Basic ")))
        return false;
    n = base64_decode(str_trim(str_sub(header, 6, header.n)), text);
    if (n < 0 || memchr(text, '\0', (size_t)n) != NULL)
        return false;
    pair = (struct str){text, (size_t)n};
    colon = str_find_char(pair, ':');
    if (colon < pair.n) {
        memcpy(l->user, text, colon);
        memcpy(l->password, text + colon + 1, pair.n - colon - 1);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return colon < pair.n;
}

/* An unknown user is compared with the first one's hash, and refused whatever comes out: it takes
 * as long. */
static void hash_choose(const struct web_config *w, struct login *l)
{
    const struct web_user *user = &w->file.users[0];

    for (size_t i = 0; i < w->file.users_n; i++) {
        if (!str_eq_c(w->file.users[i].name, l->user))
            continue;
        user = &w->file.users[i];
        l->known = true;
    }
    memcpy(l->hash, user->hash.p, user->hash.n + 1);
}

static void login_begin(struct web_config *w, const struct http_request *req, struct login *l)
{
    const struct result *known;

    hash_choose(w, l);
    result_key(w, l, l->key);
    known = result_find(w, l->key);
    w->stats.logins++;
    if (known != NULL) {
        w->stats.cache_hits++;
        decide(w, req->server, req->id, known->good, str_from(l->user));
        login_free(l);
        return;
    }
    l->web = w;
    l->server = req->server;
    l->id = req->id;
    if (worker_submit(w->workers, login_work, login_done, l) < 0) {
        w->stats.queue_full++;
        answer(req->server, req->id, 429, "Too Many Requests\n");
        login_free(l);
        return;
    }
    TAILQ_INSERT_TAIL(&w->logins, l, link);
}

/* The guard */

/* A bucket of `burst` that fills by one each interval, kept as the time when it is full. */
static bool rate_allows(struct web_config *w)
{
    int64_t interval = w->file.rate_interval_us, now = clock_mono_us();

    if (interval == 0)
        return true;
    w->rate_full_us = max_i64(w->rate_full_us, now);
    if (w->rate_full_us + interval > now + interval * w->file.rate_burst)
        return false;
    w->rate_full_us += interval;
    return true;
}

static struct str cert_user(const struct http_request *req)
{
    const struct tls_peer *cert = req->peer.cert;

    if (cert == NULL || !cert->verified)
        return STR_EMPTY;
    return str_from(cert->uri_san[0] != '\0' ? cert->uri_san : cert->common_name);
}

static bool is_open(const struct web_config *w, const struct http_request *req)
{
    for (size_t i = 0; i < w->open_paths_n; i++)
        if (str_eq_c(req->path, w->open_paths[i]))
            return str_eq_c(req->method, "GET") || str_eq_c(req->method, "HEAD");
    return false;
}

static void on_authenticate(const struct http_request *req, void *arg)
{
    struct web_config *w = arg;
    struct login *l;

    if (!rate_allows(w)) {
        w->stats.rate_limited++;
        answer(req->server, req->id, 429, "Too Many Requests\n");
    } else if (is_open(w, req)) {
        http_admit(req->server, req->id, STR_EMPTY);
    } else if (w->broken) {
        answer(req->server, req->id, 500, "Internal Server Error\n");
    } else if (w->file.users_n == 0) {
        http_admit(req->server, req->id, cert_user(req));
    } else {
        l = xcalloc(1, sizeof(*l));
        if (credentials_read(http_request_header(req, "Authorization"), l)) {
            login_begin(w, req, l);
            return;
        }
        login_free(l);
        decide(w, req->server, req->id, false, STR_EMPTY);
    }
}

static void on_gone(struct http_server *server, uint64_t id, void *arg)
{
    struct web_config *w = arg;
    struct login *l;

    TAILQ_FOREACH (l, &w->logins, link)
        if (l->server == server && l->id == id)
            l->server = NULL;
}

static struct str on_headers(void *arg)
{
    const struct web_config *w = arg;

    return w->file.headers;
}

/* Life */

static int web_config_start(struct web_config *w, struct mistakes *m, struct err *err)
{
    int r = worker_pool_new(w->loop, THREADS, WEB_CONFIG_QUEUE_MAX, &w->workers);

    if (r < 0)
        return err_set(err, r, "threads for logins: %s", strerrordesc_np(-r));
    if (w->path == NULL)
        return 0;
    r = file_load(w, w->arena, &w->file, m, err);
    if (r == 0 && w->file.has_tls)
        r = tls_server_new(w->loop, &w->file.tls, &w->tls, err);
    if (r == 0)
        loop_timer_set(&w->poll, loop_enter(w->loop).mono_ms + TLS_SERVER_POLL_MS);
    return r;
}

int web_config_new(struct loop *loop, const char *path, struct web_config **ret,
                   struct mistakes *mistakes, struct err *err)
{
    struct web_config *w = xcalloc(1, sizeof(*w));
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    int r;

    w->loop = loop;
    w->path = path != NULL && path[0] != '\0' ? xstrdup(path) : NULL;
    if (w->path != NULL)
        w->base_dir = slash == NULL ? STR(".") : (struct str){w->path, (size_t)(slash - path)};
    w->arena = arena_new(0);
    w->guard = (struct http_guard){
        .authenticate = on_authenticate, .headers = on_headers, .gone = on_gone, .arg = w};
    w->tls_again_mono_ms = TIME_NEVER;
    TAILQ_INIT(&w->logins);
    loop_timer_init(&w->poll, loop, on_poll, w);
    entropy_fill(w->secret, sizeof(w->secret));
    r = web_config_start(w, mistakes, err);
    if (r < 0) {
        web_config_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

void web_config_free(struct web_config *w)
{
    struct result *r;

    if (w == NULL)
        return;
    loop_timer_cancel(&w->poll);
    worker_pool_free(w->workers);
    while ((r = w->results) != NULL) {
        HASH_DEL(w->results, r);
        free(r);
    }
    tls_server_free(w->tls);
    arena_free(w->arena);
    OPENSSL_cleanse(w->secret, sizeof(w->secret));
    free(w->path);
    free(w);
}

void web_config_open_path(struct web_config *w, const char *path)
{
    if (w->open_paths_n == OPEN_PATHS_MAX)
        abort(); /* a bug: the paths are constants */
    w->open_paths[w->open_paths_n++] = path;
}

struct tls_server *web_config_tls(struct web_config *w)
{
    return w->tls;
}

const struct http_guard *web_config_guard(struct web_config *w)
{
    return &w->guard;
}

bool web_config_authenticates(const struct web_config *w)
{
    return w->file.users_n > 0 ||
           (w->tls != NULL && w->file.tls.client_auth == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT);
}

void web_config_stats_get(const struct web_config *w, struct web_config_stats *ret)
{
    *ret = w->stats;
}

int web_config_check(struct str text, struct mistakes *mistakes)
{
    struct arena *a = arena_new(0);
    struct web_file file;
    int r = web_file_parse(text, STR_EMPTY, a, &file, mistakes);

    arena_free(a);
    return r;
}

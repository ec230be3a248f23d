#include "common/io/client_pool.h"

#include "common/base/queue.h"
#include "common/io/tls_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <strings.h>

/* A transfer's buffer is kept for the next one up to this size. */
#define BODY_KEPT_BYTES KIB(64)

struct client_transfer {
    TAILQ_ENTRY(client_transfer) link; /* in pool.free or pool.busy */
    struct client_pool *pool;
    CURL *easy;
    struct curl_slist *headers;
    void *call_arg;
    struct buf body;
    bool too_large;
    bool idempotent;
    bool resend_refused; /* libcurl wanted to send a second time */
    struct tls_client_check check;
    char error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(transfer_list, client_transfer);

struct client_pool {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer;
    struct event kick; /* in place of timer when it is due at once: saves two system calls */
    struct tls_client *tls;
    uint64_t generation; /* of tls, when the pool was made */
    char *peer;
    char *user_agent;
    struct transfer_list free, busy;
    size_t busy_n;
    int64_t used_mono_ms;
    uint64_t connections;
    client_on_end on_end;
    void (*on_idle)(void *arg);
    void *arg;
};

/* One socket that libcurl wants watched. */
struct watch {
    struct event ev;
    struct client_pool *pool;
};

static void dispatch(struct client_pool *p, curl_socket_t fd, int what);

static void on_fd(evutil_socket_t fd, short events, void *arg)
{
    struct client_pool *p = ((struct watch *)arg)->pool;
    int what =
        (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

    loop_enter(p->loop);
    dispatch(p, fd, what);
}

static void on_timer(void *arg)
{
    dispatch(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(evutil_socket_t fd UNUSED, short events UNUSED, void *arg)
{
    struct client_pool *p = arg;

    loop_enter(p->loop);
    dispatch(p, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi UNUSED, long timeout_ms, void *arg)
{
    struct client_pool *p = arg;

    if (timeout_ms == 0)
        event_active(&p->kick, EV_TIMEOUT, 1);
    if (timeout_ms <= 0)
        loop_timer_cancel(&p->timer);
    else
        loop_timer_set(&p->timer, loop_now(p->loop).mono_ms + timeout_ms);
    return 0;
}

static int on_curl_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *arg,
                          void *socket_arg)
{
    struct client_pool *p = arg;
    struct watch *w = socket_arg;
    short events = EV_PERSIST;

    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            event_del(&w->ev);
            free(w);
            curl_multi_assign(p->multi, fd, NULL);
        }
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    if (w == NULL) {
        w = xcalloc(1, sizeof(*w));
        w->pool = p;
        curl_multi_assign(p->multi, fd, w);
    } else {
        event_del(&w->ev);
    }
    if (event_assign(&w->ev, loop_base(p->loop), fd, events, on_fd, w) < 0 ||
        event_add(&w->ev, NULL) < 0)
        return -1; /* libcurl fails its transfers */
    return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct client_transfer *t = arg;

    buf_add(&t->body, data, size * n);
    if (t->body.overflow) {
        t->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return size * n;
}

/* libcurl is about to write the request. It comes here a second time when a reused connection died
 * without an answer; by then the receiver may have acted on the first. */
static int on_prerequest(void *arg, char *peer_ip UNUSED, char *our_ip UNUSED, int peer_port UNUSED,
                         int our_port UNUSED)
{
    struct client_transfer *t = arg;
    long sent = 0;

    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (sent > 0 && !t->idempotent) {
        t->resend_refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

static CURLcode on_ssl_ctx(CURL *easy UNUSED, void *ctx, void *arg)
{
    struct client_transfer *t = arg;

    t->check.error[0] = '\0';
    return tls_client_apply(ctx, &t->check) < 0 ? CURLE_SSL_CERTPROBLEM : CURLE_OK;
}

/* Options that no request changes. */
static CURLcode set_fixed(struct client_transfer *t)
{
    const struct client_pool *p = t->pool;
    CURLcode rc = CURLE_OK;

#define SET(option, value) \
    do { \
        if (rc == CURLE_OK) \
            rc = curl_easy_setopt(t->easy, option, value); \
    } while (0)
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_prerequest);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_USERAGENT, p->user_agent);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NOSIGNAL, 1L);
    /* Otherwise giving up on a name that does not resolve waits for the resolver's thread. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXAGE_CONN, CLIENT_CONNECTION_AGE_S);
    SET(CURLOPT_MAXLIFETIME_CONN, CLIENT_CONNECTION_AGE_S);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (p->tls != NULL) {
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 0L); /* identity is the URI SAN: io/tls_client.h */
        SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
        SET(CURLOPT_SSL_CTX_DATA, t);
    }
#undef SET
    return rc;
}

static void transfer_free(struct client_transfer *t)
{
    curl_slist_free_all(t->headers);
    if (t->easy != NULL)
        curl_easy_cleanup(t->easy);
    buf_clear(&t->body);
    free(t);
}

static struct client_transfer *transfer_get(struct client_pool *p)
{
    struct client_transfer *t = TAILQ_FIRST(&p->free);

    if (t != NULL) {
        TAILQ_REMOVE(&p->free, t, link);
        return t;
    }
    t = xcalloc(1, sizeof(*t));
    t->pool = p;
    t->check.tls = p->tls;
    t->check.peer = p->peer;
    buf_init(&t->body, 0);
    t->easy = curl_easy_init();
    if (t->easy == NULL || set_fixed(t) != CURLE_OK) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

/* Back to the free ones; the easy handle must be off the multi handle. */
static void transfer_put(struct client_transfer *t)
{
    curl_slist_free_all(t->headers);
    t->headers = NULL;
    if (t->body.cap > BODY_KEPT_BYTES)
        buf_clear(&t->body);
    TAILQ_INSERT_HEAD(&t->pool->free, t, link);
}

static int add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return -ENOMEM;
    *list = longer;
    return 0;
}

/* Ours first: no Expect, and no content type that the caller did not choose. */
static int make_headers(struct client_transfer *t, const struct client_call_spec *spec)
{
    struct buf line;
    bool typed = false;
    int rc = add_header(&t->headers, "Expect:");

    buf_init(&line, 0);
    for (size_t i = 0; rc == 0 && i < spec->headers_n; i++) {
        const struct client_header *h = &spec->headers[i];

        if (str_eq_nocase(h->name, STR("Content-Type")))
            typed = true;
        buf_reset(&line);
        buf_add_str(&line, h->name);
        if (h->value.n == 0) {
            buf_add_char(&line, ';'); /* libcurl's way to send a header without a value */
        } else {
            buf_add(&line, ": ", 2);
            buf_add_str(&line, h->value);
        }
        rc = add_header(&t->headers, line.p);
    }
    if (rc == 0 && !typed)
        rc = add_header(&t->headers, "Content-Type:");
    buf_clear(&line);
    return rc;
}

static bool is_idempotent(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(method, names[i]) == 0)
            return true;
    return false;
}

static CURLcode set_method(struct client_transfer *t, const struct client_call_spec *spec)
{
    bool body = spec->body.n > 0 || strcmp(spec->method, "POST") == 0 ||
                strcmp(spec->method, "PUT") == 0 || strcmp(spec->method, "PATCH") == 0;
    const char *implied = body ? "POST" : "GET";
    CURLcode rc;

    t->idempotent = is_idempotent(spec->method);
    if (body) {
        rc = curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        if (rc == CURLE_OK)
            rc = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->body.n);
        if (rc == CURLE_OK)
            rc =
                curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, spec->body.n > 0 ? spec->body.p : "");
    } else {
        rc = curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L); /* takes NOBODY back, too */
        if (rc == CURLE_OK && strcmp(spec->method, "HEAD") == 0) {
            implied = "HEAD";
            rc = curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        }
    }
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST,
                              strcmp(spec->method, implied) == 0 ? NULL : spec->method);
    return rc;
}

static CURLcode set_request(struct client_transfer *t, const struct client_call_spec *spec)
{
    CURLcode rc = set_method(t, spec);

    t->call_arg = spec->arg;
    t->too_large = false;
    t->resend_refused = false;
    t->error[0] = '\0';
    t->check.error[0] = '\0';
    buf_reset(&t->body);
    t->body.max = spec->response_bytes_max;
    if (make_headers(t, spec) < 0)
        return CURLE_OUT_OF_MEMORY;
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(t->easy, CURLOPT_URL, spec->url);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)spec->timeout_ms);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)spec->connect_timeout_ms);
    return rc;
}

int client_pool_start(struct client_pool *p, const struct client_call_spec *spec,
                      struct client_transfer **ret, struct err *err)
{
    struct client_transfer *t = transfer_get(p);
    CURLcode rc;
    CURLMcode mrc;

    if (t == NULL)
        return err_set(err, -ENOMEM, "libcurl gives no handle");
    rc = set_request(t, spec);
    if (rc != CURLE_OK) {
        transfer_put(t);
        return err_set(err, -EINVAL, "%s", curl_easy_strerror(rc));
    }
    mrc = curl_multi_add_handle(p->multi, t->easy);
    if (mrc != CURLM_OK) {
        transfer_put(t);
        return err_set(err, -EIO, "%s", curl_multi_strerror(mrc));
    }
    TAILQ_INSERT_TAIL(&p->busy, t, link);
    p->busy_n++;
    p->used_mono_ms = loop_now(p->loop).mono_ms;
    *ret = t;
    return 0;
}

static void take_off(struct client_pool *p, struct client_transfer *t)
{
    curl_multi_remove_handle(p->multi, t->easy);
    TAILQ_REMOVE(&p->busy, t, link);
    p->busy_n--;
}

void client_pool_abort(struct client_pool *p, struct client_transfer *t)
{
    take_off(p, t);
    transfer_put(t);
}

static enum client_outcome judge(const struct client_transfer *t, CURLcode rc, long sent)
{
    if (rc == CURLE_OK)
        return CLIENT_OK;
    if (t->too_large)
        return CLIENT_TOO_LARGE;
    if (sent > 0)
        return CLIENT_SENT_UNKNOWN;
    if (t->check.error[0] != '\0')
        return CLIENT_TLS;
    switch ((int)rc) {
    case CURLE_OPERATION_TIMEDOUT:
        return CLIENT_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return CLIENT_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return CLIENT_TLS;
    default:
        return CLIENT_FAILED;
    }
}

static void explain(const struct client_transfer *t, CURLcode rc, struct client_result *r)
{
    const char *why = t->error[0] != '\0' ? t->error : curl_easy_strerror(rc);

    if (r->outcome == CLIENT_OK)
        return;
    if (t->check.error[0] != '\0')
        why = t->check.error;
    else if (t->too_large)
        why = "the answer is longer than allowed";
    else if (t->resend_refused)
        why = "the connection closed before an answer came";
    snprintf(r->error, sizeof(r->error), "%s", why);
}

static void finish(struct client_pool *p, struct client_transfer *t, CURLcode rc)
{
    struct client_result r = {0};
    long sent = 0, status = 0, opened = 0;
    curl_off_t retry_after_s = 0;
    char *type = NULL;

    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &opened);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    p->connections += (uint64_t)opened;
    r.outcome = judge(t, rc, sent);
    r.timed_out = rc == CURLE_OPERATION_TIMEDOUT;
    r.status = (int)status;
    r.body = buf_str(&t->body);
    r.content_type = type != NULL ? str_from(type) : STR_EMPTY;
    r.retry_after_ms = clamp_i64(retry_after_s, 0, MS_PER_DAY) * MS_PER_S;
    explain(t, rc, &r);
    take_off(p, t);
    p->on_end(t->call_arg, &r, p->arg);
    transfer_put(t);
}

static void dispatch(struct client_pool *p, curl_socket_t fd, int what)
{
    CURLMsg *msg;
    int left, running;
    void *t = NULL;

    curl_multi_socket_action(p->multi, fd, what, &running);
    while ((msg = curl_multi_info_read(p->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(p, t, msg->data.result);
    }
    p->on_idle(p->arg); /* may free p */
}

int client_pool_new(const struct client_pool_options *opt, struct client_pool **ret,
                    struct err *err)
{
    struct client_pool *p;
    CURLM *multi = curl_multi_init();

    if (multi == NULL)
        return err_set(err, -ENOMEM, "libcurl gives no multi handle");
    p = xcalloc(1, sizeof(*p));
    p->multi = multi;
    p->loop = opt->loop;
    p->tls = opt->tls != NULL ? tls_client_ref(opt->tls) : NULL;
    p->generation = opt->tls != NULL ? tls_client_generation(opt->tls) : 0;
    p->peer = xstrndup(opt->peer.n > 0 ? opt->peer.p : "", opt->peer.n);
    p->user_agent = xstrdup(opt->user_agent);
    p->on_end = opt->on_end;
    p->on_idle = opt->on_idle;
    p->arg = opt->arg;
    p->used_mono_ms = loop_now(opt->loop).mono_ms;
    TAILQ_INIT(&p->free);
    TAILQ_INIT(&p->busy);
    loop_timer_init(&p->timer, opt->loop, on_timer, p);
    event_assign(&p->kick, loop_base(opt->loop), -1, 0, on_kick, p);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, p);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, p);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)opt->idle_max);
    *ret = p;
    return 0;
}

void client_pool_free(struct client_pool *p)
{
    struct client_transfer *t;

    if (p == NULL)
        return;
    while ((t = TAILQ_FIRST(&p->busy)) != NULL)
        client_pool_abort(p, t);
    curl_multi_cleanup(p->multi); /* closes the connections, whose checks lie in transfers */
    while ((t = TAILQ_FIRST(&p->free)) != NULL) {
        TAILQ_REMOVE(&p->free, t, link);
        transfer_free(t);
    }
    loop_timer_cancel(&p->timer);
    event_del(&p->kick);
    if (p->tls != NULL)
        tls_client_free(p->tls);
    free(p->peer);
    free(p->user_agent);
    free(p);
}

bool client_pool_fits(const struct client_pool *p, const struct tls_client *tls, struct str peer)
{
    return p->tls == tls && str_eq_c(peer, p->peer);
}

bool client_pool_stale(const struct client_pool *p)
{
    return p->tls != NULL && p->generation != tls_client_generation(p->tls);
}

size_t client_pool_busy(const struct client_pool *p)
{
    return p->busy_n;
}

int64_t client_pool_used_mono_ms(const struct client_pool *p)
{
    return p->used_mono_ms;
}

uint64_t client_pool_connections(const struct client_pool *p)
{
    return p->connections;
}

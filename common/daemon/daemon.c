#include "common/daemon/daemon_internal.h"

#include "common/io/clock.h"
#include "common/io/log_out.h"
#include "common/io/service_manager.h"

#include "common/base/rand.h"
#include "common/base/vec.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#define LOG_COMPONENT "daemon"

/* ---- steps ---- */

static void stop_if_done(struct daemon *d)
{
    if (d->stopping && d->http_stopped && d->sending == NULL)
        loop_stop(d->loop);
}

static void run_step(struct daemon *d, struct engine_input *in)
{
    struct engine_output o;

    if (d->tearing_down)
        return;
    d->steps++;
    in->now = loop_now(d->loop);
    o = engine_step(d->engine, in, d->arena);
    carry_out(d, &o);
    arena_reset(d->arena);
    if (in->kind == ENGINE_GONE) /* only now: the step under way may have answered it still */
        exchange_forget(&d->exchanges, exchange_find(&d->exchanges, in->request_id));
}

void daemon_pending_free(struct pending_input *p)
{
    free(p->body);
    free(p);
}

struct pending_input *daemon_later(struct daemon *d)
{
    struct pending_input *p = xcalloc(1, sizeof(*p));

    *d->pending_tail = p;
    d->pending_tail = &p->next;
    return p;
}

static struct pending_input *take_pending(struct daemon *d)
{
    struct pending_input *p = d->pending;

    if (p == NULL)
        return NULL;
    d->pending = p->next;
    if (d->pending == NULL)
        d->pending_tail = &d->pending;
    return p;
}

/* A request's texts live until its client is gone: one that waits is forgotten then, and the engine
 * never hears of it. */
static bool forget_waiting(struct daemon *d, uint64_t request_id)
{
    struct pending_input **at = &d->pending, *p;

    while ((p = *at) != NULL &&
           (p->input.kind != ENGINE_REQUEST || p->input.request.id != request_id))
        at = &p->next;
    if (p == NULL)
        return false;
    *at = p->next;
    if (p->next == NULL)
        d->pending_tail = at;
    daemon_pending_free(p);
    exchange_forget(&d->exchanges, exchange_find(&d->exchanges, request_id));
    return true;
}

/* Carrying out an output may lead to the next input at once: a reply ends a request, and the next
 * one of that connection has been read already. Such an input waits until the output has been
 * carried out, so that outputs are never interleaved: an older one would set the wake-up that a
 * newer one had set, and send what the newer one had cancelled. */
void daemon_step(struct daemon *d, struct engine_input *in)
{
    struct pending_input *p;

    if (d->tearing_down)
        return;
    if (d->stepping) {
        if (in->kind != ENGINE_GONE || !forget_waiting(d, in->request_id))
            daemon_later(d)->input = *in;
        return;
    }
    d->stepping = true;
    run_step(d, in);
    while ((p = take_pending(d)) != NULL) {
        run_step(d, &p->input);
        daemon_pending_free(p);
    }
    d->stepping = false;
    stop_if_done(d);
}

static void on_wake(void *arg)
{
    struct engine_input in = {.kind = ENGINE_TICK};

    log_out_flush();
    daemon_step(arg, &in);
}

static void on_health(void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_HEALTH,
                              .health = {.cert_ends_wall_ms = TIME_NEVER,
                                         .ca_ends_wall_ms = TIME_NEVER,
                                         .crl_ends_wall_ms = TIME_NEVER}};
    struct store_stats store;

    if (d->uplink_tls != NULL) {
        struct tls_client_info info;

        tls_client_info_get(d->uplink_tls, &info);
        in.health.cert_ends_wall_ms = info.cert_ends_wall_ms;
        in.health.ca_ends_wall_ms = info.ca_ends_wall_ms;
        in.health.crl_ends_wall_ms = info.crl_ends_wall_ms;
    } else if (d->federation_tls != NULL) {
        struct tls_server_info info;

        tls_server_info_get(d->federation_tls, &info);
        in.health.cert_ends_wall_ms = info.cert_ends_wall_ms;
        in.health.ca_ends_wall_ms = info.ca_ends_wall_ms;
        in.health.crl_ends_wall_ms = info.crl_ends_wall_ms;
    }
    store_stats(d->store, &store);
    in.health.store_failing = store.failing || store.busy_ms > DAEMON_STORE_HANGS_MS;
    in.health.free_bytes = store.free_bytes;
    daemon_step(d, &in);
    loop_timer_set(&d->health, loop_now(d->loop).mono_ms + DAEMON_HEALTH_MS);
}

/* Twice as often as the manager wants to hear from us. It hears from the loop, which does the
 * work. */
static void on_watchdog(void *arg)
{
    struct daemon *d = arg;

    if (d->watchdog_ms == 0)
        return;
    service_notify("WATCHDOG=1");
    loop_timer_set(&d->watchdog, loop_now(d->loop).mono_ms + max_i64(d->watchdog_ms / 2, 1));
}

/* ---- configuration ---- */

static int reload_files(struct daemon *d, struct err *err)
{
    struct engine_input in = {.kind = ENGINE_CONFIG, .edge_config = NULL};
    int r = d->program->configure(d, false, &in, err, d->program->arg);

    if (r == 0 && d->uplink_tls != NULL)
        r = tls_client_reload(d->uplink_tls, err);
    if (r == 0 && d->federation_tls != NULL)
        r = tls_server_reload(d->federation_tls, err);
    if (r == 0)
        r = web_config_reload(d->web, err);
    d->reload_ok = r == 0;
    if (r < 0 && in.edge_config == NULL) {
        log_error("reload failed, the running configuration stays", KV("err", err->text));
        return r;
    }
    if (r < 0) { /* each file by itself: what is good is taken */
        log_error("the configuration was reloaded, but certificates or web configuration stay",
                  KV("err", err->text));
        daemon_step(d, &in);
        return r;
    }
    d->reload_ok_wall_ms = loop_now(d->loop).wall_ms;
    daemon_step(d, &in);
    log_info("configuration reloaded");
    return 0;
}

int daemon_reload(struct daemon *d, struct err *err)
{
    int r;

    service_notify_reloading();
    r = reload_files(d, err);
    service_notify("READY=1");
    return r;
}

static void on_hangup(int signo, void *arg)
{
    struct err err;

    (void)signo;
    (void)daemon_reload(arg, &err);
}

/* ---- start ---- */

static void restore_row(uint32_t kind, struct str key, struct str value, void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_RESTORE,
                              .row = {.kind = kind, .key = key, .value = value}};

    daemon_step(d, &in);
}

static void wake_store(void *arg)
{
    struct daemon *d = arg;

    if (d->store != NULL) /* else posted before it was closed, and run by loop_free */
        store_dispatch(d->store);
}

static void post_wake_store(void *arg) /* on the writer's thread */
{
    struct daemon *d = arg;

    loop_post(d->loop, wake_store, d);
}

static int open_store(struct daemon *d, struct err *err)
{
    struct store_options options = {.path = d->settings->storage_path,
                                    .on_stored = daemon_on_stored,
                                    .wake = post_wake_store,
                                    .arg = d};

    if (store_open(&d->store, &options, &d->opening, err) < 0)
        return err_wrap(err, "store %s", d->settings->storage_path);
    return 0;
}

static int load_rows(struct daemon *d, struct err *err)
{
    if (store_load(d->store, &d->opening, restore_row, d, err) < 0)
        return err_wrap(err, "store %s", d->settings->storage_path);
    if (d->opening.damaged)
        log_error("the store was damaged and set aside; what could be read was taken over",
                  KV("file", (const char *)d->opening.set_aside),
                  KV("reason", (const char *)d->opening.reason),
                  KV("salvaged", d->opening.salvaged));
    if (d->opening.regressed)
        log_error("the store has lost rows that were committed; resyncing");
    log_info("store loaded", KV("path", d->settings->storage_path), KV("rows", d->opening.rows),
             KV("bad_rows", d->opening.bad_rows), KV("clean", d->opening.clean));
    return 0;
}

static int listen_one(struct daemon *d, struct http_listener_options *o, uint16_t *ret_port,
                      struct err *err)
{
    int listener = http_server_listen(d->http, o, ret_port, err);

    if (listener < 0 && o->fd > 0)
        return err_wrap(err, "--web.systemd-socket");
    if (listener < 0)
        return err_wrap(err, "--web.listen-address=%s", o->address);
    log_info("Listening on", KV("address", http_listener_address(d->http, listener)),
             KV("tls", (bool)(o->tls != NULL)));
    return 0;
}

static int listen_all(struct daemon *d, uint16_t *ret_port, struct err *err)
{
    const struct option_list *addresses = &d->settings->web_addresses;
    struct http_listener_options o = {.on_request = daemon_on_web_request,
                                      .on_close = daemon_on_gone,
                                      .on_drain = daemon_on_drain,
                                      .arg = d,
                                      .tls = web_config_tls(d->web),
                                      .guard = &d->guard};
    int n = (int)addresses->n;

    if (d->settings->systemd_socket && service_listen_fds(&n, err) < 0)
        return err->code;
    for (int i = 0; i < n; i++) {
        uint16_t port = 0;

        o.address = d->settings->systemd_socket ? NULL : addresses->v[i];
        o.fd = d->settings->systemd_socket ? 3 + i : 0;
        if (listen_one(d, &o, &port, err) < 0)
            return err->code;
        if (i == 0)
            *ret_port = port;
    }
    return 0;
}

static int settle_external_url(struct daemon *d, uint16_t port, struct err *err)
{
    const char *given = d->settings->external_url;
    char host[256] = "localhost";

    (void)gethostname(host, sizeof(host) - 1);
    if (given[0] != '\0')
        (void)snprintf(d->external_url, sizeof(d->external_url), "%s", given);
    else
        (void)snprintf(d->external_url, sizeof(d->external_url), "http%s://%s:%u",
                       web_config_tls(d->web) != NULL ? "s" : "", host, port);
    if (!str_starts(str_from(d->external_url), STR("http://")) &&
        !str_starts(str_from(d->external_url), STR("https://")))
        return err_set(err, -EINVAL,
                       "--web.external-url: \"%s\": only 'http' and 'https' are supported", given);
    for (size_t n = strlen(d->external_url); n > 0 && d->external_url[n - 1] == '/'; n--)
        d->external_url[n - 1] = '\0';
    return 0;
}

/* The prefix: as told, or the path of the external URL; "" for the root. */
static void settle_prefix(struct daemon *d)
{
    struct str p = str_from(d->settings->route_prefix), rest;

    if (p.n == 0) {
        rest = str_from(strstr(d->external_url, "://") + 3);
        p = str_sub(rest, str_find_char(rest, '/'), rest.n);
    }
    while (p.n > 0 && p.p[0] == '/')
        p = str_sub(p, 1, p.n);
    while (p.n > 0 && p.p[p.n - 1] == '/')
        p = str_sub(p, 0, p.n - 1);
    (void)snprintf(d->prefix, sizeof(d->prefix), "%s" STR_FMT, p.n > 0 ? "/" : "", STR_ARG(p));
}

static int listen_web(struct daemon *d, struct err *err)
{
    uint16_t port = 0;

    if (listen_all(d, &port, err) < 0 || settle_external_url(d, port, err) < 0)
        return err->code;
    settle_prefix(d);
    return 0;
}

static int listen_federation(struct daemon *d, struct err *err)
{
    struct http_listener_options o = {.address = d->program->federation_address,
                                      .on_request = daemon_on_federation_request,
                                      .on_close = daemon_on_gone,
                                      .on_drain = daemon_on_drain,
                                      .arg = d,
                                      .body_bytes_max = MIB(4)};
    int listener;

    if (o.address == NULL || o.address[0] == '\0')
        return 0;
    if (tls_server_new(d->loop, &d->program->federation_tls, &d->federation_tls, err) < 0)
        return err_wrap(err, "federation TLS");
    o.tls = d->federation_tls;
    listener = http_server_listen(d->http, &o, NULL, err);
    if (listener < 0)
        return err_wrap(err, "--federation.listen-address=%s", o.address);
    log_info("Listening for edges on", KV("address", http_listener_address(d->http, listener)));
    return 0;
}

static int load_web_config(struct daemon *d, struct err *err)
{
    struct mistakes mistakes;
    int r;

    mistakes_init(&mistakes);
    r = web_config_new(d->loop, d->settings->web_config_file, &d->web, &mistakes, err);
    daemon_log_mistakes(d->settings->web_config_file, &mistakes);
    mistakes_clear(&mistakes);
    return r < 0 ? err_wrap(err, "--web.config.file") : 0;
}

static void start_engine(struct daemon *d)
{
    struct engine_input in = {.kind = ENGINE_START};
    struct rand r;

    in.start.fresh = d->opening.fresh;
    in.start.clean = d->opening.clean;
    in.start.regressed = d->opening.regressed;
    rand_seed(&r, entropy_seed());
    rand_uuid(&r, in.start.uuid);
    (void)snprintf(in.start.boot, sizeof(in.start.boot), "%016lx", rand_u64(&r));
    daemon_step(d, &in);
}

static int start(struct daemon *d, struct err *err)
{
    struct engine_input config = {.kind = ENGINE_CONFIG};
    struct http_server_options http_options = {0};
    struct client_options client_options = {.user_agent = d->program->user_agent};

    if (d->program->configure(d, true, &config, err, d->program->arg) < 0)
        return err->code;
    d->reload_ok = true;
    d->reload_ok_wall_ms = d->start_wall_ms;
    if (open_store(d, err) < 0 || load_web_config(d, err) < 0 ||
        client_new(d->loop, &client_options, &d->client, err, daemon_on_delivered, d) < 0)
        return err->code;
    d->http = http_server_new(d->loop, &http_options);
    daemon_guard_init(d);
    if (listen_web(d, err) < 0 || listen_federation(d, err) < 0)
        return err->code;
    d->engine = d->program->make_engine(d, d->program->arg);
    daemon_step(d, &config);
    if (load_rows(d, err) < 0)
        return err->code;
    if (d->program->before_start != NULL)
        d->program->before_start(d, d->engine, d->program->arg);
    start_engine(d);
    on_health(d);
    return 0;
}

/* ---- stop ---- */

static void finish(void *arg)
{
    struct daemon *d = arg;

    loop_stop(d->loop);
}

static void on_http_stopped(void *arg)
{
    struct daemon *d = arg;

    d->http_stopped = true;
    stop_if_done(d);
}

/* What is being sent to receivers may end; nothing new begins (ENGINE_STOP). What is not answered
 * in time is owed: the log has no entry of it, so that the next start, or another member, sends it
 * again. */
static void on_terminate(int signo, void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_STOP};
    int64_t now_ms = loop_now(d->loop).mono_ms;

    if (d->stopping) {
        loop_stop(d->loop);
        return;
    }
    d->stopping = true;
    service_notify("STOPPING=1");
    log_info("stopping", KV("signal", signo),
             KV("notifications_under_way", HASH_COUNT(d->sending)));
    daemon_step(d, &in);
    http_server_stop(d->http, now_ms + DAEMON_STOP_MS, on_http_stopped, d);
    loop_timer_set(&d->stop_deadline, now_ms + DAEMON_STOP_SENDS_MS);
}

static void tear_down(struct daemon *d)
{
    if (d->store != NULL && d->engine != NULL && store_wait(d->store, DAEMON_STOP_MS) < 0)
        log_error("the last rows did not reach the disk in time");
    d->tearing_down = true; /* before it, what the store reports is a step that sets the wake-up */
    loop_timer_cancel(&d->wake);
    loop_timer_cancel(&d->health);
    loop_timer_cancel(&d->stop_deadline);
    loop_timer_cancel(&d->watchdog);
    loop_timer_cancel(&d->web_timeout);
    http_server_free(d->http);
    client_free(d->client);
    if (d->store != NULL && store_close(d->store) < 0)
        log_error("the store could not be closed cleanly");
    d->store = NULL;
    engine_free(d->engine);
    for (struct pending_input *p; (p = take_pending(d)) != NULL;)
        daemon_pending_free(p);
    web_config_free(d->web);
    tls_server_free(d->federation_tls);
    tls_client_free(d->uplink_tls);
    exchanges_clear(&d->exchanges);
    sending_clear(d);
    arena_free(d->arena);
    loop_free(d->loop);
    log_out_flush();
}

static int set_up_log(const struct daemon_settings *s, const char *name)
{
    enum log_level level;
    enum log_out_format format;

    if (!log_level_parse(str_from(s->log_level), &level) ||
        !log_out_format_parse(str_from(s->log_format), &format)) {
        fprintf(stderr,
                "%s: error: --log.level is debug, info, warn or error and --log.format logfmt or "
                "json, try --help\n",
                name);
        return -EINVAL;
    }
    log_out_setup(level, format);
    return 0;
}

int daemon_run(const struct daemon_settings *settings, const struct daemon_program *program)
{
    struct daemon d = {.settings = settings, .program = program};
    struct err err = {0};

    if (set_up_log(settings, program->name) < 0)
        return 1;
    if (loop_new(&d.loop) < 0) {
        log_error("no event loop");
        return 1;
    }
    d.arena = arena_new(KIB(256)); /* a whole POST fits, so that steps do not allocate */
    d.pending_tail = &d.pending;
    d.start_wall_ms = clock_wall_ms();
    loop_timer_init(&d.wake, d.loop, on_wake, &d);
    loop_timer_init(&d.health, d.loop, on_health, &d);
    loop_timer_init(&d.stop_deadline, d.loop, finish, &d);
    d.watchdog_ms = service_watchdog_ms();
    loop_timer_init(&d.watchdog, d.loop, on_watchdog, &d);
    loop_timer_init(&d.web_timeout, d.loop, daemon_on_web_timeout, &d);
    exchanges_init(&d.exchanges, settings->get_concurrency);
    log_info("starting", KV("program", program->name), KV("version", TOCSIN_VERSION));
    (void)loop_enter(d.loop);
    /* signals first: one that comes during the start is answered by the loop, not by our death */
    if (loop_signal(d.loop, SIGTERM, on_terminate, &d) < 0 ||
        loop_signal(d.loop, SIGINT, on_terminate, &d) < 0 ||
        loop_signal(d.loop, SIGHUP, on_hangup, &d) < 0 || start(&d, &err) < 0) {
        log_error("cannot start", KV("err", (const char *)err.text));
        d.exit_status = 1;
    } else {
        log_info("ready");
        service_notify("READY=1");
        on_watchdog(&d);
        (void)loop_run(d.loop);
    }
    tear_down(&d);
    log_info("stopped");
    log_out_flush();
    return d.exit_status;
}

struct loop *daemon_loop(struct daemon *d)
{
    return d->loop;
}

bool daemon_store_regressed(const struct daemon *d)
{
    return d->opening.regressed;
}

void daemon_give(struct daemon *d, struct engine_input *in)
{
    struct store_stats stats;

    daemon_step(d, in);
    store_stats(d->store, &stats);
    if (!stats.failing && store_wait(d->store, DAEMON_STOP_MS) < 0)
        log_warn("the disk is slow to take rows, going on");
}

const char *daemon_external_url(struct daemon *d)
{
    return d->external_url;
}

void daemon_set_uplink_tls(struct daemon *d, struct tls_client *tls, const char *trust_domain)
{
    assert(d->uplink_tls == NULL);
    d->uplink_tls = tls;
    (void)snprintf(d->trust_domain, sizeof(d->trust_domain), "%s", trust_domain);
}

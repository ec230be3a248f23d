/* The inside of struct daemon, shared by the files of this folder. */
#pragma once

#include "common/daemon/daemon.h"
#include "common/daemon/exchanges.h"
#include "common/io/http_server.h"
#include "common/io/store.h"
#include "common/io/web_config.h"

/* An input that came while an output was being carried out; it is given after that. Its texts are
 * static, the request's (see daemon_step), or lie in `error` and `body`. */
struct pending_input {
    struct engine_input input;
    char error[256];
    char *body; /* owned */
    struct pending_input *next;
};

/* A request to a receiver that was given to the client and has not come back. */
struct sending {
    uint64_t id;
    UT_hash_handle hh;
};

struct daemon {
    const struct daemon_settings *settings;
    const struct daemon_program *program;
    struct loop *loop;
    struct http_server *http;
    struct web_config *web;
    struct http_guard guard; /* web's, but health stays open when the program says so */
    struct tls_server *federation_tls;
    struct tls_client *uplink_tls;
    char trust_domain[256];
    struct client *client;
    struct store *store;
    struct store_opening opening;
    struct engine *engine;
    struct arena *arena; /* of the step under way */
    bool stepping;       /* an output is being carried out, or inputs that waited are given */
    struct pending_input *pending, **pending_tail;
    struct exchanges exchanges;
    struct sending *sending; /* a stop waits for them */
    struct loop_timer wake, health, stop_deadline, watchdog, web_timeout;
    int64_t watchdog_ms; /* 0: nobody watches */
    char external_url[512];
    char prefix[256]; /* "" or "/…", no trailing slash */
    int exit_status;
    bool stopping, http_stopped;
    bool tearing_down; /* the engine is no longer asked */
    bool store_failing;

    /* for /metrics */
    uint64_t ledger[LEDGER_VERDICTS];
    uint64_t steps;
    bool reload_ok;
    int64_t reload_ok_wall_ms;
    int64_t start_wall_ms;
};

/* Gives it to the engine, now or, from within carry_out, right after; fills in->now. Of an input
 * given from within carry_out only requests may lend texts. */
void daemon_step(struct daemon *d, struct engine_input *in);
struct pending_input *daemon_later(struct daemon *d); /* zeroed, queued: fill it */
void daemon_pending_free(struct pending_input *p);
int daemon_reload(struct daemon *d, struct err *err);

/* carry_out.c */
void carry_out(struct daemon *d, const struct engine_output *o);
void daemon_on_delivered(const struct client_result *r, void *arg);
void daemon_on_stored(const struct store_report *report, void *arg);
void sending_clear(struct daemon *d);

/* requests.c */
void daemon_on_web_request(const struct http_request *req, void *arg);
void daemon_on_federation_request(const struct http_request *req, void *arg);
void daemon_on_drain(struct http_server *server, uint64_t id, void *arg);
void daemon_on_gone(struct http_server *server, uint64_t id, void *arg);
void daemon_on_web_timeout(void *arg);
void daemon_guard_init(struct daemon *d);
void daemon_reply(struct daemon *d, const struct engine_reply *reply);

/* io_metrics.c */
void io_metrics_add(struct daemon *d, struct buf *b);

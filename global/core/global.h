/* tocsin-global's deciding part. Daemon and simulator use it through common/core/engine.h.
 *
 * Inputs it expects, in order: ENGINE_CONFIG, ENGINE_RESTORE for each row, ENGINE_START, then
 * anything. LISTENER_FEDERATION speaks docs/formats/federation.md, LISTENER_WEB the API. After
 * ENGINE_STOP it starts no page, answers heartbeats with `released` and ends long polls; the daemon
 * may go once the edges had a heartbeat's time to hear it. */
#pragma once

#include "common/core/engine.h"

#define GLOBAL_MEMBERS_MAX 200000
#define GLOBAL_STREAMS_MAX 4096
#define GLOBAL_MIRRORS_MAX 100000

struct global_limits {  /* 0: the default above */
    size_t members_max; /* registers of all sites together */
    size_t streams_max;
    size_t mirrors_max;
};

struct global_options {       /* copied */
    const char *node;         /* as in this node's certificate */
    const char *external_url; /* of the web listener, for links and 421 answers */
    const char *version;
    struct global_limits limits;
};

/* Released by engine_free. */
struct engine *global_new(const struct global_options *options);

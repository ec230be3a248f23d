/* The deciding part of tocsin-edge: alerts → route → group → notify, and what is forwarded. An
 * engine (common/core/engine.h): make it here, drive it by engine_step. */
#pragma once

#include "common/core/engine.h"
#include "common/core/mute/interval.h"
#include "edge/core/edge_config.h"

#define EDGE_ALERTS_MAX_DEFAULT 2000000
#define EDGE_GROUPS_MAX_DEFAULT 1000000
#define EDGE_STORE_QUEUE_BYTES_DEFAULT MIB(64)
#define EDGE_RETENTION_MS_DEFAULT (120 * MS_PER_H)
#define EDGE_MAINTENANCE_MS_DEFAULT (15 * MS_PER_MIN)
#define EDGE_ALERTS_GC_MS_DEFAULT (30 * MS_PER_MIN)

struct edge_options {        /* 0 and "" mean the default; texts are copied */
    struct str external_url; /* http://host:port, without a trailing slash */
    struct str version; /* of the Alertmanager that it stands for: /status, metrics, User-Agent */
    struct str program_version; /* its own, for tocsin_build_info */
    struct str node;            /* this node's name */
    int64_t retention_ms;       /* of notification log entries, at most, and of ended silences */
    int64_t maintenance_ms;     /* between two sweeps of the notification log */
    int64_t alerts_gc_ms;       /* between two sweeps of resolved alerts */
    size_t alerts_max;          /* a POST that would go beyond is answered 503 */
    size_t groups_max;
    uint64_t store_queue_bytes; /* what the store's queue holds; rows that can wait get a quarter */
    struct str cluster_name, cluster_address; /* "": clustering is off */
    bool cors_allow_writes;                   /* see common/core/api/cors.h */
    int64_t start_delay_ms;                   /* before the first flush */
    int64_t alertname_limit;                  /* firing alerts of one alertname; ≤ 0: no limit */
    bool alert_names_in_metrics;              /* of those refused for it */
    size_t silences_max;         /* stored ones, ended ones included; 0: SILENCES_MAX */
    size_t silence_bytes_max;    /* of one; 0: SILENCE_BYTES_MAX */
    bool keep_muted_resolved;    /* an end that was muted is told when it is so no longer */
    bool log_silences;           /* at level info instead of debug */
    enum matcher_mode matchers;  /* the dialect of queries; classic: of names, too */
    struct interval_zones zones; /* the tz database; no function: every location is UTC */
    uint64_t seed; /* of the backoff and of silences' ids; from entropy or the simulator */
};

struct engine *edge_new(const struct edge_options *options);

/* Whether that file of an Alertmanager has not been taken over yet: then, once the rows of the
 * store have been given, it is to be given as ENGINE_IMPORT. */
bool edge_wants_import(const struct engine *e, enum import_file file);
const char *edge_import_file_name(enum import_file file); /* in the data directory */

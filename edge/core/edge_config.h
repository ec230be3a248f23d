/* What an edge runs by: Alertmanager's file and, when it belongs to a federation, the file of
 * --federation.config. One immutable snapshot, shared and counted: notifications under way keep the
 * one they began with. */
#pragma once

#include "common/core/config/am_config.h"
#include "common/core/config/nodes_load.h"

#define UPLINK_GLOBALS_MAX CONFIG_NODES_MAX
#define SPOOL_BYTES_MIN MIB(1)
#define SPOOL_BYTES_MAX (MIB(1) << 20)
#define HEARTBEAT_MS_MIN MS_PER_S
#define HEARTBEAT_MS_MAX (60 * MS_PER_S)
#define LEASE_MS_MAX (10 * MS_PER_MIN)
#define LEASE_HEARTBEATS_MIN 3 /* a lease outlives two lost heartbeats */

/* The file of --federation.config. File names are as written, relative to that file. */
struct federation_config {
    struct str site;
    struct {
        struct str trust_domain;
        struct str cert_file, key_file, ca_file;
        struct str crl_file;               /* "": none */
        const struct config_node *globals; /* url: https://host:port; name: in its certificate */
        size_t globals_n;                  /* 1 … UPLINK_GLOBALS_MAX */
        size_t custody; /* nodes that must have a row; default 1 of 1-2, else a majority */
    } uplink;
    struct matchers forward; /* what goes up; default severity="critical" */
    uint64_t spool_bytes_max;
    int64_t lease_ms;     /* the duty's term; ≥ 3 × heartbeat_ms */
    int64_t heartbeat_ms; /* 1 s … 60 s */
};

struct edge_config {
    struct am_config *am;
    struct federation_config *federation; /* NULL: a plain Alertmanager */
    uint64_t hash;                        /* of the texts: equal texts, equal hash */
    uint64_t am_md5;                      /* as alertmanager_config_hash: md5_48 of am's text */
    struct arena *arena;                  /* federation lies in it */
    unsigned refs;
};

/* Reads one or both files; all mistakes of both are reported. federation_text and
 * federation_report are NULL without --federation.config. *ret comes with one reference. */
MUST_CHECK int edge_config_parse(struct str am_text, const struct str *federation_text,
                                 enum matcher_mode mode, struct edge_config **ret,
                                 struct config_report *am_report,
                                 struct config_report *federation_report);
struct edge_config *edge_config_ref(struct edge_config *c);
void edge_config_unref(struct edge_config *c); /* frees with the last; NULL is fine */

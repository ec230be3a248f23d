/* Alertmanager's --cluster.* flags: the table's rows, what is checked of them, and who we are in
 * the cluster: name and advertised address.
 *
 * There is no gossip yet. All flags are taken and checked, so that a unit file or StatefulSet need
 * not change; a node with clustering on lists itself as its cluster's only member. */
#pragma once

#include "common/base/err.h"
#include "common/daemon/options.h"

struct cluster_settings {
    const char *listen_address; /* "": no clustering */
    const char *advertise_address, *peer_name, *tls_config, *label;
    struct option_list peers;
    int64_t peer_timeout_ms, peers_resolve_timeout_ms, gossip_interval_ms, pushpull_interval_ms;
    int64_t tcp_timeout_ms, probe_timeout_ms, probe_interval_ms, settle_timeout_ms;
    int64_t reconnect_interval_ms, reconnect_timeout_ms;
    bool allow_public_address;
};

#define CLUSTER_OPTIONS(c) \
    {"cluster.listen-address", OPTION_TEXT, &(c)->listen_address, "0.0.0.0:9094", \
     "Address of the cluster's gossip; empty: no cluster."}, \
        {"cluster.advertise-address", OPTION_TEXT, &(c)->advertise_address, "", \
         "Address (ip:port) under which the other members reach this one."}, \
        {"cluster.peer-name", OPTION_TEXT, &(c)->peer_name, "", \
         "This member's name in the cluster; default: a new one at every start."}, \
        {"cluster.peer", OPTION_LIST, &(c)->peers, NULL, "Member to join at the start."}, \
        {"cluster.peer-timeout", OPTION_DURATION, &(c)->peer_timeout_ms, "15s", \
         "Wait between members before a notification is sent."}, \
        {"cluster.peers-resolve-timeout", OPTION_DURATION, &(c)->peers_resolve_timeout_ms, "15s", \
         "Time to resolve the names of the members to join."}, \
        {"cluster.gossip-interval", OPTION_DURATION, &(c)->gossip_interval_ms, "200ms", \
         "Interval between gossip messages."}, \
        {"cluster.pushpull-interval", OPTION_DURATION, &(c)->pushpull_interval_ms, "1m", \
         "Interval between exchanges of the whole state."}, \
        {"cluster.tcp-timeout", OPTION_DURATION, &(c)->tcp_timeout_ms, "10s", \
         "Time for a stream to another member."}, \
        {"cluster.probe-timeout", OPTION_DURATION, &(c)->probe_timeout_ms, "500ms", \
         "Time for the answer to a probe."}, \
        {"cluster.probe-interval", OPTION_DURATION, &(c)->probe_interval_ms, "1s", \
         "Interval between probes of other members."}, \
        {"cluster.settle-timeout", OPTION_DURATION, &(c)->settle_timeout_ms, "1m", \
         "Wait at most so long for the cluster to settle before notifying; a lone member does " \
         "not wait."}, \
        {"cluster.reconnect-interval", OPTION_DURATION, &(c)->reconnect_interval_ms, "10s", \
         "Interval between attempts to reach lost members."}, \
        {"cluster.reconnect-timeout", OPTION_DURATION, &(c)->reconnect_timeout_ms, "6h", \
         "Time after which a lost member is given up."}, \
        {"cluster.tls-config", OPTION_TEXT, &(c)->tls_config, "", \
         "File with the TLS settings of gossip."}, \
        {"cluster.allow-insecure-public-advertise-address-discovery", OPTION_BOOL, \
         &(c)->allow_public_address, NULL, \
         "Let a public address be advertised when none is set."}, \
    { \
        "cluster.label", OPTION_TEXT, &(c)->label, "", "Label of the cluster's messages." \
    }

#define CLUSTER_NAME_MAX 255
#define CLUSTER_ADDRESS_MAX 80

/* Who we are. name is empty without clustering. */
struct cluster_self {
    char name[CLUSTER_NAME_MAX + 1];
    char address[CLUSTER_ADDRESS_MAX]; /* ip:port */
};

/* What the values alone allow to say, for usage errors. */
MUST_CHECK int cluster_settings_check(const struct cluster_settings *c, struct err *err);

/* Settles name and address. With port 0 a free port is chosen, and kept from other processes as
 * long as *ret_fd is open (-1: none). Warns in the log of what is not in force yet. */
MUST_CHECK int cluster_self_settle(const struct cluster_settings *c, struct cluster_self *ret,
                                   int *ret_fd, struct err *err);

#include "common/core/gossip/gossip_metrics.h"

static void by_type(struct metrics *m, const char *name, const char *help, uint64_t state,
                    uint64_t update)
{
    metrics_family(m, name, "counter", help);
    metrics_u64(m, name, &(struct metric_label){"msg_type", STR("full_state")}, 1, state);
    metrics_u64(m, name, &(struct metric_label){"msg_type", STR("update")}, 1, update);
}

static void messages(struct metrics *m, const struct gossip_stats *s)
{
    by_type(m, "alertmanager_cluster_messages_received_total", "Messages that peers sent.",
            s->states_in.n, s->updates_in.n);
    by_type(m, "alertmanager_cluster_messages_received_size_total", "Their bytes.",
            s->states_in.bytes, s->updates_in.bytes);
    by_type(m, "alertmanager_cluster_messages_sent_total", "Messages sent to peers.",
            s->states_out.n, s->updates_out.n);
    by_type(m, "alertmanager_cluster_messages_sent_size_total", "Their bytes.", s->states_out.bytes,
            s->updates_out.bytes);
    metrics_gauge(m, "alertmanager_cluster_messages_queued", "Messages that wait to be gossiped.",
                  (int64_t)(s->broadcasts_waiting + s->oversize_waiting));
    metrics_counter(m, "alertmanager_cluster_messages_pruned_total",
                    "Messages given up because too many were waiting.",
                    s->broadcasts_dropped + s->oversize_dropped);
}

static void members(struct metrics *m, const struct gossip *g, const struct peers *p)
{
    const struct gossip_stats s = gossip_stats(g);
    const struct peers_stats ps = peers_stats(p);

    metrics_gauge(m, "alertmanager_cluster_members", "Members present, this one included.",
                  (int64_t)gossip_present(g));
    metrics_gauge(m, "alertmanager_cluster_failed_peers",
                  "Addresses of peers that are not reached and tried again.", (int64_t)ps.failed);
    metrics_gauge(m, "alertmanager_cluster_health_score",
                  "How slow this node thinks itself to be; 0 is well.", gossip_health(g));
    metrics_gauge(m, "alertmanager_peer_position", "Members whose names come before ours.",
                  (int64_t)gossip_position(g));
    metrics_counter(m, "alertmanager_cluster_peer_name_conflicts_total",
                    "Times that a name was used from another address.", s.conflicts);
    metrics_counter(m, "alertmanager_cluster_peers_joined_total", "Members that came.", ps.joined);
    metrics_counter(m, "alertmanager_cluster_peers_left_total", "Members that died or left.",
                    ps.left);
    metrics_counter(m, "alertmanager_cluster_peers_update_total", "Members that changed.",
                    ps.updated);
    metrics_counter(m, "alertmanager_cluster_reconnections_total", "Lost peers joined again.",
                    ps.reconnections);
    metrics_counter(m, "alertmanager_cluster_reconnections_failed_total",
                    "Lost peers that could not be joined.", ps.reconnections_failed);
    metrics_counter(m, "alertmanager_cluster_refresh_join_total", "Configured peers joined.",
                    ps.refreshes);
    metrics_counter(m, "alertmanager_cluster_refresh_join_failed_total",
                    "Configured peers that could not be joined.", ps.refreshes_failed);
}

static void ping_histogram(struct metrics *m, struct str peer, const struct gossip_member_stats *s,
                           struct arena *a)
{
    struct metric_label labels[2] = {{"peer", peer}, {"le", STR_EMPTY}};
    uint64_t n = 0;

    for (size_t i = 0; i < GOSSIP_PING_BUCKETS; i++) {
        n += s->pings[i];
        labels[1].value = i < GOSSIP_PING_BUCKETS - 1
                              ? arena_fmt(a, "%g", gossip_ping_bounds_ms[i] / 1000.0)
                              : STR("+Inf");
        metrics_u64(m, "alertmanager_cluster_pings_seconds_bucket", labels, 2, n);
    }
    metrics_milli(m, "alertmanager_cluster_pings_seconds_sum", labels, 1, (int64_t)s->pings_ms);
    metrics_u64(m, "alertmanager_cluster_pings_seconds_count", labels, 1, n);
}

static void by_peer(struct metrics *m, const struct gossip *g, struct arena *a)
{
    const struct gossip_member **v;
    size_t n = gossip_members(g, false, a, &v);

    metrics_family(m, "alertmanager_cluster_peer_info", "gauge", "The name of this peer.");
    metrics_u64(m, "alertmanager_cluster_peer_info",
                &(struct metric_label){"peer", gossip_self(g)->name}, 1, 1);
    metrics_family(m, "alertmanager_cluster_alive_messages_total", "counter",
                   "How often a peer was said to be alive.");
    for (size_t i = 0; i < n; i++)
        metrics_u64(m, "alertmanager_cluster_alive_messages_total",
                    &(struct metric_label){"peer", v[i]->name}, 1,
                    gossip_member_stats(g, v[i]->name).alive_messages);
    metrics_family(m, "alertmanager_cluster_pings_seconds", "histogram",
                   "Round trips of probes that were answered.");
    for (size_t i = 0; i < n; i++) {
        struct gossip_member_stats s = gossip_member_stats(g, v[i]->name);

        if (!v[i]->self)
            ping_histogram(m, v[i]->name, &s, a);
    }
}

static void ours(struct metrics *m, const struct gossip *g, const struct peers *p)
{
    const struct gossip_stats s = gossip_stats(g);

    metrics_family(m, "tocsin_gossip_nodes", "gauge", "Nodes known, by state.");
    for (enum gossip_state i = GOSSIP_ALIVE; i <= GOSSIP_LEFT; i++)
        metrics_u64(m, "tocsin_gossip_nodes",
                    &(struct metric_label){"state", str_from(gossip_state_text(i))}, 1,
                    s.by_state[i]);
    metrics_family(m, "tocsin_gossip_refused_total", "counter",
                   "What others sent and was not taken, by reason.");
    for (enum gossip_refusal i = 0; i < GOSSIP_REFUSALS; i++)
        metrics_u64(m, "tocsin_gossip_refused_total",
                    &(struct metric_label){"reason", str_from(gossip_refusal_text(i))}, 1,
                    s.refused[i]);
    metrics_counter(m, "tocsin_gossip_packets_received_total", "Datagrams.", s.packets_in.n);
    metrics_counter(m, "tocsin_gossip_packets_received_bytes_total", "Their bytes.",
                    s.packets_in.bytes);
    metrics_counter(m, "tocsin_gossip_packets_sent_total", "Datagrams.", s.packets_out.n);
    metrics_counter(m, "tocsin_gossip_packets_sent_bytes_total", "Their bytes.",
                    s.packets_out.bytes);
    metrics_counter(m, "tocsin_gossip_streams_accepted_total", "Conversations begun by others.",
                    s.streams_in.n);
    metrics_counter(m, "tocsin_gossip_streams_opened_total", "Conversations begun here.",
                    s.streams_out.n);
    metrics_counter(m, "tocsin_gossip_probes_total", "Probes of members.", s.probes);
    metrics_counter(m, "tocsin_gossip_probes_failed_total", "Probes that nobody answered.",
                    s.probes_failed);
    metrics_counter(m, "tocsin_gossip_probes_tcp_only_total", "Probes answered over TCP only.",
                    s.tcp_probes_ok);
    metrics_counter(m, "tocsin_gossip_suspicions_total", "Members suspected.", s.suspicions);
    metrics_counter(m, "tocsin_gossip_refutations_total",
                    "Times that this node was called suspect or dead and was not.", s.refutations);
    metrics_counter(m, "tocsin_gossip_untold_total",
                    "Messages over streams that did not reach a peer.", s.untold);
    metrics_counter(m, "tocsin_gossip_peers_given_up_total",
                    "Peers not tried any more, for time or room.",
                    peers_stats(p).given_up + peers_stats(p).forgotten);
}

void gossip_metrics(struct metrics *m, const struct gossip *g, const struct peers *p,
                    struct arena *arena)
{
    const struct gossip_stats s = gossip_stats(g);

    members(m, g, p);
    messages(m, &s);
    by_peer(m, g, arena);
    ours(m, g, p);
}

/* What io and the process can tell, in Prometheus' text format; appended to the engine's own
 * metrics. */
#include "common/daemon/daemon_internal.h"
#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/log_out.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

static void add(struct buf *b, const char *name, const char *type, const char *help, double value)
{
    buf_add_fmt(b, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_add_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The first two fields of statm: pages of the address space, and those in memory; 0 when it cannot
 * be read. */
static void read_pages(uint64_t *ret_virtual, uint64_t *ret_resident)
{
    struct str rest, field;
    struct buf b;

    *ret_virtual = *ret_resident = 0;
    buf_init(&b, KIB(4));
    if (file_read("/proc/self/statm", KIB(4), &b, NULL) == 0) {
        rest = buf_str(&b);
        if (!str_split(&rest, ' ', &field) || !str_to_u64(field, ret_virtual) ||
            !str_split(&rest, ' ', &field) || !str_to_u64(field, ret_resident))
            *ret_resident = 0;
    }
    buf_clear(&b);
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* without the two dots, and the folder itself */
}

static void add_process(struct daemon *d, struct buf *b)
{
    struct rusage u;
    struct rlimit limit = {0};
    uint64_t pages, resident;

    read_pages(&pages, &resident);
    (void)getrusage(RUSAGE_SELF, &u);
    add(b, "process_cpu_seconds_total", "counter", "User and system CPU time.",
        (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
            1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
    add(b, "process_resident_memory_bytes", "gauge", "Resident memory.",
        (double)resident * (double)sysconf(_SC_PAGESIZE));
    add(b, "process_virtual_memory_bytes", "gauge", "Address space.",
        (double)pages * (double)sysconf(_SC_PAGESIZE));
    add(b, "process_open_fds", "gauge", "Open file descriptors.", open_descriptors());
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    add(b, "process_max_fds", "gauge", "File descriptors allowed.", (double)limit.rlim_cur);
    add(b, "process_start_time_seconds", "gauge", "Start of the process, Unix time.",
        1e-3 * (double)d->start_wall_ms);
    add(b, "tocsin_engine_steps_total", "counter", "Inputs given to the engine.", (double)d->steps);
}

static void add_store(struct daemon *d, struct buf *b)
{
    struct store_stats s;

    store_stats(d->store, &s);
    add(b, "tocsin_store_commits_total", "counter", "Group commits that succeeded.",
        (double)s.commits);
    add(b, "tocsin_store_commit_seconds_total", "counter", "Time spent in those commits.",
        1e-6 * (double)s.commit_us_sum);
    add(b, "tocsin_store_transactions_total", "counter", "Transactions made durable.",
        (double)s.txns);
    add(b, "tocsin_store_errors_total", "counter", "Commits, openings and checkpoints that failed.",
        (double)s.errors);
    add(b, "tocsin_store_refused_total", "counter", "Transactions that found the queue full.",
        (double)s.refused);
    add(b, "tocsin_store_mark_errors_total", "counter", "High-water marks that were not written.",
        (double)s.hwm_errors);
    add(b, "tocsin_store_set_aside_total", "counter", "Databases set aside as damaged.",
        (double)s.set_aside);
    add(b, "tocsin_store_busy_seconds", "gauge", "Age of the commit under way; 0 when none is.",
        1e-3 * (double)s.busy_ms);
    add(b, "tocsin_store_queue_bytes", "gauge", "Waiting for the writer.", (double)s.queue_bytes);
    add(b, "tocsin_store_failing", "gauge", "1 while nothing can be made durable.", s.failing);
    add(b, "tocsin_store_db_bytes", "gauge", "Size of the database.", (double)s.db_bytes);
    add(b, "tocsin_store_free_bytes", "gauge", "Space left on its file system.",
        (double)s.free_bytes);
    add(b, "tocsin_store_bad_rows", "gauge", "Rows set aside at start because of their checksum.",
        (double)d->opening.bad_rows);
}

static void add_http(struct daemon *d, struct buf *b)
{
    const struct http_server_stats *s = http_server_stats(d->http);
    const struct {
        const char *reason;
        uint64_t n;
    } refused[] = {{"total_cap", s->refused_total_cap},     {"ip_cap", s->refused_ip_cap},
                   {"body_memory", s->refused_body_memory}, {"revoked", s->refused_revoked},
                   {"handshake", s->handshake_failures},    {"bad_request", s->bad_requests},
                   {"unauthorized", s->unauthorized}},
      timeouts[] = {{"handshake", s->timeouts_handshake},
                    {"head", s->timeouts_head},
                    {"body", s->timeouts_body},
                    {"drain", s->timeouts_drain}};

    add(b, "tocsin_http_connections", "gauge", "Open connections.", (double)s->connections_open);
    add(b, "tocsin_http_requests_total", "counter", "Requests read.", (double)s->requests);
    add(b, "tocsin_http_accept_pauses_total", "counter",
        "Times the listener paused because descriptors ran out.", (double)s->accept_pauses);
    head(b, "tocsin_http_refused_total", "counter", "Connections and requests refused.");
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        buf_add_fmt(b, "tocsin_http_refused_total{reason=\"%s\"} %lu\n", refused[i].reason,
                    refused[i].n);
    head(b, "tocsin_http_timeouts_total", "counter", "Connections closed at a deadline.");
    for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++)
        buf_add_fmt(b, "tocsin_http_timeouts_total{phase=\"%s\"} %lu\n", timeouts[i].reason,
                    timeouts[i].n);
}

static void add_client(struct daemon *d, struct buf *b)
{
    struct client_stats s;

    client_stats_get(d->client, &s);
    add(b, "tocsin_client_in_flight", "gauge", "Outgoing requests under way.", (double)s.in_flight);
    add(b, "tocsin_client_queued", "gauge", "Outgoing requests waiting.", (double)s.queued);
    add(b, "tocsin_client_connections_total", "counter", "Outgoing connections opened.",
        (double)s.connections);
    head(b, "tocsin_client_requests_total", "counter", "Outgoing requests ended, by outcome.");
    for (int i = 0; i < CLIENT_OUTCOMES; i++)
        buf_add_fmt(b, "tocsin_client_requests_total{outcome=\"%s\"} %lu\n",
                    client_outcome_name((enum client_outcome)i), s.done[i]);
}

static void add_certificate(struct buf *b, const char *what, int64_t ends_wall_ms)
{
    if (ends_wall_ms != TIME_NEVER)
        buf_add_fmt(b, "tocsin_tls_expiry_timestamp_seconds{what=\"%s\"} %.3f\n", what,
                    1e-3 * (double)ends_wall_ms);
}

static void add_tls(struct daemon *d, struct buf *b)
{
    head(b, "tocsin_tls_expiry_timestamp_seconds", "gauge",
         "When certificate, CA and CRL of the federation end, Unix time.");
    if (d->uplink_tls != NULL) {
        struct tls_client_info info;

        tls_client_info_get(d->uplink_tls, &info);
        add_certificate(b, "certificate", info.cert_ends_wall_ms);
        add_certificate(b, "ca", info.ca_ends_wall_ms);
        add_certificate(b, "crl", info.crl_ends_wall_ms);
        add(b, "tocsin_tls_reload_failures_total", "counter", "Certificate sets that did not load.",
            (double)info.reloads_failed);
    }
    if (d->federation_tls != NULL) {
        struct tls_server_info info;

        tls_server_info_get(d->federation_tls, &info);
        add_certificate(b, "certificate", info.cert_ends_wall_ms);
        add_certificate(b, "ca", info.ca_ends_wall_ms);
        add_certificate(b, "crl", info.crl_ends_wall_ms);
        add(b, "tocsin_tls_reload_failures_total", "counter", "Certificate sets that did not load.",
            (double)info.reloads_failed);
    }
}

static void add_ledger(struct daemon *d, struct buf *b)
{
    head(b, "tocsin_ledger_rows_total", "counter", "Verdicts reached, by kind.");
    for (int i = 0; i < LEDGER_VERDICTS; i++)
        buf_add_fmt(b, "tocsin_ledger_rows_total{verdict=\"%s\"} %lu\n",
                    ledger_verdict_name((enum ledger_verdict)i), d->ledger[i]);
}

void io_metrics_add(struct daemon *d, struct buf *b)
{
    struct log_out_stats logs;

    add(b, "alertmanager_config_last_reload_successful", "gauge",
        "Whether the last configuration load succeeded.", d->reload_ok);
    add(b, "alertmanager_config_last_reload_success_timestamp_seconds", "gauge",
        "Unix time of the last successful load.", 1e-3 * (double)d->reload_ok_wall_ms);
    exchanges_metrics(&d->exchanges, b);
    add_process(d, b);
    add_store(d, b);
    add_http(d, b);
    add_client(d, b);
    add_tls(d, b);
    add_ledger(d, b);
    log_out_stats(&logs);
    add(b, "tocsin_log_dropped_total", "counter", "Log records dropped because stderr was full.",
        (double)logs.dropped);
}

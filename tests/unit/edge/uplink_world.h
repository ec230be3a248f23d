/* An edge and two fake global nodes, for tests of the uplink. */
#pragma once

#include "tests/lib/edge_setup.h"
#include "tests/lib/fake_global.h"
#include "tests/lib/test.h"

#include "common/base/buf.h"
#include "common/base/vec.h"
#include "edge/core/edge_rows.h"

#define AM \
    "route: {receiver: team, group_wait: 1s}\n" \
    "receivers: [{name: team, webhook_configs: [{url: 'http://team.example/hook'}]}]\n"
#define FED_OF(globals) \
    "version: 1\nsite: fra1\nuplink:\n" \
    "  trust_domain: example.org\n" \
    "  tls: {cert_file: e.pem, key_file: e.key, ca_file: ca.pem}\n" \
    "  globals: " globals "\n"
#define G1 "{name: g1, url: 'https://g1:9195'}"
#define G2 "{name: g2, url: 'https://g2:9195'}"
#define FED FED_OF("[" G1 "]")
#define FED2 FED_OF("[" G1 ", " G2 "]")

struct world {
    struct driver d;
    struct fake_global g[2];
    size_t n;
    const char *fed;
};

static UNUSED void setup(struct world *w, const char *fed)
{
    w->fed = fed;
    w->n = strcmp(fed, FED2) == 0 ? 2 : 1;
    fake_global_init(&w->g[0], "g1");
    fake_global_init(&w->g[1], "g2");
    edge_setup(&w->d, AM, fed);
}

static UNUSED void teardown(struct world *w)
{
    edge_teardown(&w->d);
    fake_global_clear(&w->g[0]);
    fake_global_clear(&w->g[1]);
}

static UNUSED void run(struct world *w, int64_t ms)
{
    fake_globals_run(w->g, w->n, &w->d, ms);
}

static UNUSED int post(struct world *w, unsigned from, unsigned n, bool firing)
{
    struct buf b;
    int status;

    buf_init(&b, 0);
    buf_add_char(&b, '[');
    for (unsigned i = 0; i < n; i++)
        buf_add_fmt(&b,
                    "%s{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\","
                    "\"instance\":\"%u\"},\"startsAt\":\"2025-12-31T00:00:00Z\",\"endsAt\":\"%s\"}",
                    i > 0 ? "," : "", from + i,
                    firing ? "2027-01-01T00:00:00Z" : "2025-12-31T01:00:00Z");
    buf_add_char(&b, ']');
    status = edge_post(&w->d, b.p);
    buf_clear(&b);
    driver_settle(&w->d);
    return status;
}

static UNUSED bool has_alarm(struct world *w, const char *alertname)
{
    uint64_t id = driver_request(&w->d, "GET", "/api/v2/alerts", "active=true", "");
    const struct driver_reply *r;

    driver_more(&w->d, id);
    r = driver_reply(&w->d, id);
    assert_non_null(r);
    return strstr(r->body.p, alertname) != NULL;
}

static UNUSED size_t spool_rows(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->d.rows.n; i++)
        n += w->d.rows.v[i].kind == EDGE_ROW_SPOOL;
    return n;
}

#include "global/core/sites.h"

#include "common/base/json.h"
#include "common/core/bugs.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"

/* The wall time in a site's row is for people: it need not be fresher than this. */
#define SITE_ROW_EVERY_MS MS_PER_H

bool stream_live(const struct stream *s)
{
    return !s->silent;
}

int64_t silent_after_ms(const struct global *g)
{
    return g->config != NULL && g->config->silent_after_ms > 0 ? g->config->silent_after_ms
                                                               : SILENT_AFTER_MS;
}

static void site_put(const struct site *site, struct out *out)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "heard_ms", site->last_heard_wall_ms);
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_SITE, str_from(site->name), buf_str(&b));
    buf_clear(&b);
}

void sites_watch(struct global *g, struct stream *s)
{
    heap_set(&g->streams.silence, &s->silence, g->now.mono_ms + silent_after_ms(g));
}

static void site_changed(struct global *g, struct site *site, bool silent, struct out *out)
{
    site->silent = silent;
    site->since_wall_ms = g->now.wall_ms;
    if (silent)
        g->streams.silent_sites++;
    else
        g->streams.silent_sites--;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_SITE,
                                         .site = str_from(site->name),
                                         .cause = silent ? STR("silent") : STR("heard")});
    OUT_LOG(out, silent ? LOG_WARN : LOG_INFO, "sites",
            silent ? "site is silent" : "site is heard again", KV("site", site->name));
    incident_on_site(g, site, silent, out);
}

void site_heard(struct global *g, struct stream *s, struct out *out)
{
    struct site *site = s->site;
    bool was_silent = s->silent;

    s->last_heard_mono_ms = site->last_heard_mono_ms = g->now.mono_ms;
    if (site->last_heard_wall_ms == 0 ||
        g->now.wall_ms - site->last_heard_wall_ms >= SITE_ROW_EVERY_MS ||
        g->now.wall_ms < site->last_heard_wall_ms) {
        site->last_heard_wall_ms = g->now.wall_ms;
        site_put(site, out);
    }
    s->silent = false;
    sites_watch(g, s);
    if (was_silent)
        stream_put(s, out);
    if (site->silent)
        site_changed(g, site, false, out);
    members_on_heard(g, s, was_silent, out);
}

static bool site_has_live_stream(const struct site *site)
{
    const struct stream *s;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        if (stream_live(s))
            return true;
    }
    return false;
}

void site_start(struct global *g, struct site *site)
{
    site->silent = !site_has_live_stream(site);
    g->streams.silent_sites += site->silent;
    site->since_wall_ms = site->silent ? site->last_heard_wall_ms : g->now.wall_ms;
}

void sites_tick(struct global *g, struct out *out)
{
    struct heap *h = &g->streams.silence;
    struct heap_node *n;

    while ((n = heap_first(h)) != NULL && n->at_ms <= g->now.mono_ms) {
        struct stream *s = CONTAINER_OF(n, struct stream, silence);

        heap_remove(h, n);
        if (!s->silent) {
            s->silent = true;
            stream_put(s, out);
        }
        members_on_silent_stream(g, s, out);
        if (!s->site->silent && !site_has_live_stream(s->site)) {
            site_changed(g, s->site, true, out);
            if (BUG(BUG_RESOLVE_FROM_SILENCE))
                members_on_silent_site(g, s->site, out);
        }
    }
}

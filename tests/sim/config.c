/* The files that the nodes run by, as text, so that the real loaders read them. */
#include "tests/sim/sim.h"

#include "edge/core/edge_config.h"
#include "global/core/global_config.h"

#include <stdio.h>
#include <stdlib.h>

static const char alertmanager_yml[] =
    "global: {resolve_timeout: 5m}\n"
    "route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1m,\n"
    "        repeat_interval: 1h}\n"
    "receivers:\n"
    "- {name: team, webhook_configs: [{url: 'http://dc-%s/hook'}]}\n";

static const char global_head[] =
    "receivers:\n"
    "- {name: sre-pager, webhook_configs: [{url: 'http://sre-pager/page'}]}\n"
    "- {name: plat-pager, webhook_configs: [{url: 'http://plat-pager/page'}]}\n"
    "- {name: plat-lead, webhook_configs: [{url: 'http://plat-lead/page'}]}\n"
    "- {name: plat-chat, webhook_configs: [{url: 'http://plat-chat/page'}]}\n"
    "- {name: stor-pager, webhook_configs: [{url: 'http://stor-pager/page'}]}\n"
    "- {name: quiet-pager, webhook_configs: [{url: 'http://quiet-pager/page'}]}\n"
    "cluster: {secret_file: cluster.key}\n"
    "reopen_window: 2m\n"
    "teams:\n"
    "- {name: root, escalation_policy: sre, roles: {primary: sre-pager}}\n"
    "- {name: platform, parent: root, owns: ['team=~\"platform|storage\"'],\n"
    "   escalation_policy: default, roles: {primary: plat-pager, secondary: plat-lead}}\n"
    "- {name: storage, parent: platform, owns: ['team=\"storage\"'], roles: {primary: "
    "stor-pager}}\n"
    "- {name: quiet, parent: root, owns: ['team=\"quiet\"'], escalation_policy: ends,\n"
    "   roles: {primary: quiet-pager}}\n"
    "escalation_policies:\n"
    "- {name: sre, steps: [{notify: [{role: primary}], delay: 3m}], repeat: 1}\n"
    "- name: default\n"
    "  steps:\n"
    "  - {notify: [{role: primary}], delay: 2m}\n"
    "  - {notify: [{role: secondary}, {receiver: plat-chat}], delay: 3m}\n"
    "  - {notify: [{team: parent}], delay: 2m}\n"
    "  repeat: 1\n"
    "  ack_timeout: 20m\n"
    "- {name: ends, steps: [{notify: [{role: primary}], delay: 2m}], repeat: 1,\n"
    "   on_exhausted: stop}\n"
    "rules:\n"
    "- {name: wide, matchers: ['alertname=~\"Wide.*\"'], by: [alertname], on_sites: [2, 3]}\n"
    "- {name: local, matchers: ['alertname=~\"Local.*\"'], mode: per-site}\n"
    "- {name: single, matchers: ['alertname=~\"Single.*\"'], dedup: false}\n"
    "globals:\n";

void config_make(struct sim *s)
{
    static const char *const pagers[] = {"sre-pager", "plat-pager", "plat-lead", "stor-pager",
                                         "quiet-pager"};
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, str_from(global_head));
    for (int i = 0; i < s->globals_n; i++)
        buf_add_fmt(&b, "- {name: g%d, url: 'https://g%d:9193'}\n", i + 1, i + 1);
    s->global_yml = xstrndup(b.p, b.n);
    buf_clear(&b);
    for (size_t i = 0; i < ARRAY_SIZE(pagers); i++) {
        struct sim_receiver *r = &s->receivers[s->receivers_n++];

        (void)snprintf(r->name, sizeof(r->name), "%s", pagers[i]);
        r->pager = true;
    }
    (void)snprintf(s->receivers[s->receivers_n++].name, 24, "plat-chat");
    for (int i = 0; i < s->sites_n; i++)
        (void)snprintf(s->receivers[s->receivers_n++].name, 24, "dc-%s", s->site_names[i]);
}

static void fail(const struct config_report *r)
{
    struct buf b;

    buf_init(&b, 0);
    config_report_add_mistakes(&b, r);
    fprintf(stderr, "%s", b.p);
    abort();
}

struct edge_config *config_edge(const struct sim *s, const struct sim_node *n)
{
    struct config_report am, fed;
    struct edge_config *c = NULL;
    struct buf a, f;
    struct str fed_text;

    buf_init(&a, 0);
    buf_init(&f, 0);
    buf_add_fmt(&a, alertmanager_yml, n->site);
    buf_add_fmt(&f,
                "version: 1\nsite: %s\nuplink:\n  trust_domain: sim\n"
                "  tls: {cert_file: a, key_file: b, ca_file: c}\n  globals:\n",
                n->site);
    for (int i = 0; i < s->globals_n; i++)
        buf_add_fmt(&f, "  - {name: g%d, url: 'https://g%d:9195'}\n", i + 1, i + 1);
    buf_add_fmt(&f, "forward: {matchers: ['severity=~\"critical|error\"']}\n");
    config_report_init(&am, STR("alertmanager.yml"));
    config_report_init(&fed, STR("federation.yml"));
    fed_text = buf_str(&f);
    if (edge_config_parse(buf_str(&a), &fed_text, MATCHER_FALLBACK, &c, &am, &fed) < 0) {
        fail(&am);
        fail(&fed);
    }
    config_report_clear(&am);
    config_report_clear(&fed);
    buf_clear(&a);
    buf_clear(&f);
    return c;
}

struct global_config *config_global(const struct sim *s)
{
    struct config_report report;
    struct global_config *c = NULL;
    struct err err;

    config_report_init(&report, STR("global.yml"));
    if (global_config_parse(str_from(s->global_yml), MATCHER_FALLBACK, &c, &report) < 0)
        fail(&report);
    if (global_config_set_secret(c, STR("0123456789abcdef0123456789abcdef"), &err) < 0)
        abort();
    config_report_clear(&report);
    return c;
}

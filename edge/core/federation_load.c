#include "edge/core/federation_load.h"

#include "common/core/config/matchers_load.h"
#include "common/core/model/identity.h"

struct federation_loader {
    struct config_loader base; /* first: parsers get it and cast back */
    const struct am_config *am;
    enum matcher_mode mode;
};

/* The file as written. */
struct federation_file {
    int64_t version;
    struct str site;
    struct {
        struct str trust_domain;
        struct {
            struct str cert_file, key_file, ca_file, crl_file;
        } tls;
        struct config_nodes globals;
        int64_t custody;
    } uplink;
    struct matchers forward;
    struct {
        uint64_t max_bytes;
    } spool;
    struct {
        int64_t lease_ms, heartbeat_ms;
    } duty;
};

#define AT(member) .offset = offsetof(struct federation_file, member)
/* NOLINTBEGIN(bugprone-macro-parentheses): member designators take none */
#define IN(block, member) \
    .offset = \
        offsetof(struct federation_file, block.member) - offsetof(struct federation_file, block)
/* NOLINTEND(bugprone-macro-parentheses) */

static void parse_tls(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_globals(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_uplink(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_matchers(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_forward(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_spool(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_duty(struct config_loader *l, const struct yaml_node *n, void *ret);
static void check_standby(struct config_loader *l, const struct yaml_node *n, void *ret);
static void check_fallback(struct config_loader *l, const struct yaml_node *n, void *ret);
static void check_peers(struct config_loader *l, const struct yaml_node *n, void *ret);
static void check_covers(struct config_loader *l, const struct yaml_node *n, void *ret);

static const struct config_field tls_fields[] = {
    {.name = "cert_file",
     .kind = CONFIG_STR,
     IN(uplink.tls, cert_file),
     .required = true,
     .doc = "This edge's certificate, with its URI SAN."},
    {.name = "key_file", .kind = CONFIG_STR, IN(uplink.tls, key_file), .required = true},
    {.name = "ca_file",
     .kind = CONFIG_STR,
     IN(uplink.tls, ca_file),
     .required = true,
     .doc = "The private CA; no other is trusted."},
    {.name = "crl_file", .kind = CONFIG_STR, IN(uplink.tls, crl_file)},
};

static const struct config_field uplink_fields[] = {
    {.name = "trust_domain", .kind = CONFIG_STR, IN(uplink, trust_domain), .required = true},
    {.name = "tls", .kind = CONFIG_CUSTOM, IN(uplink, tls), .parse = parse_tls, .required = true},
    {.name = "globals",
     .kind = CONFIG_CUSTOM,
     IN(uplink, globals),
     .parse = parse_globals,
     .required = true},
    {.name = "custody",
     .kind = CONFIG_INT,
     IN(uplink, custody),
     .min = 1,
     .max = UPLINK_GLOBALS_MAX,
     .doc = "Global nodes that must have a row before its alarm ends."},
};

static const struct config_field forward_fields[] = {
    {.name = "matchers", .kind = CONFIG_CUSTOM, .parse = parse_matchers, .doc = "What goes up."},
};

static const struct config_field spool_fields[] = {
    {.name = "max_bytes",
     .kind = CONFIG_SIZE,
     IN(spool, max_bytes),
     .fallback = "1GiB",
     .min = SPOOL_BYTES_MIN,
     .max = SPOOL_BYTES_MAX},
};

static const struct config_field duty_fields[] = {
    {.name = "lease",
     .kind = CONFIG_DURATION,
     IN(duty, lease_ms),
     .fallback = "30s",
     .min = LEASE_HEARTBEATS_MIN * HEARTBEAT_MS_MIN,
     .max = LEASE_MS_MAX},
    {.name = "heartbeat",
     .kind = CONFIG_DURATION,
     IN(duty, heartbeat_ms),
     .fallback = "10s",
     .min = HEARTBEAT_MS_MIN,
     .max = HEARTBEAT_MS_MAX},
};

static const struct config_field file_fields[] = {
    {.name = "version", .kind = CONFIG_INT, AT(version), .required = true, .min = 1, .max = 1},
    {.name = "site",
     .kind = CONFIG_STR,
     AT(site),
     .required = true,
     .doc = "This datacenter, as in the certificate."},
    {.name = "uplink", .kind = CONFIG_CUSTOM, AT(uplink), .parse = parse_uplink, .required = true},
    {.name = "forward", .kind = CONFIG_CUSTOM, AT(forward), .parse = parse_forward},
    {.name = "spool", .kind = CONFIG_CUSTOM, AT(spool), .parse = parse_spool},
    {.name = "duty", .kind = CONFIG_CUSTOM, AT(duty), .parse = parse_duty},
    {.name = "standby", .kind = CONFIG_CUSTOM, .parse = check_standby},
    {.name = "fallback", .kind = CONFIG_CUSTOM, .parse = check_fallback},
    {.name = "peers", .kind = CONFIG_CUSTOM, .parse = check_peers},
    {.name = "covers", .kind = CONFIG_CUSTOM, .parse = check_covers},
};

static void parse_tls(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "tls", tls_fields, ARRAY_SIZE(tls_fields), ret);
}

static void parse_globals(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct config_nodes *nodes = ret;

    config_nodes_load(l, n, "globals", false, nodes);
    if (nodes->n == 0 && n->kind == YAML_LIST && n->n == 0)
        config_mistake(l, n->line, "globals must name at least one node");
}

static void parse_uplink(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "uplink", uplink_fields, ARRAY_SIZE(uplink_fields), ret);
}

static void parse_matchers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct federation_loader *fl = (struct federation_loader *)l;
    struct matchers *m = ret;

    matchers_load(l, n, "matchers", fl->mode, m);
    if (n->kind == YAML_LIST && n->n == 0)
        config_mistake(l, n->line, "forward.matchers must not be empty: it would forward all");
}

static void parse_forward(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "forward", forward_fields, ARRAY_SIZE(forward_fields), ret);
}

static void parse_spool(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "spool", spool_fields, ARRAY_SIZE(spool_fields), ret);
}

static void parse_duty(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "duty", duty_fields, ARRAY_SIZE(duty_fields), ret);
}

static void check_receiver(struct config_loader *l, int line, struct str name)
{
    const struct federation_loader *fl = (const struct federation_loader *)l;

    if (fl->am != NULL && receivers_find(&fl->am->receivers, name) == NULL)
        config_mistake(l, line, "undefined receiver \"" STR_FMT "\"",
                       STR_ARG(str_sub(name, 0, 100)));
}

/* ---- settings whose time comes later: read with care, said to be without effect ---- */

struct standby_step {
    int64_t delay_ms;
};

static void check_notify(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    (void)ret;
    if (!config_is_list(l, n, "notify"))
        return;
    if (n->n == 0)
        config_mistake(l, n->line, "notify must not be empty");
    for (size_t i = 0; i < n->n; i++) {
        struct str receiver = STR_EMPTY;
        static const struct config_field fields[] = {
            {.name = "receiver", .kind = CONFIG_STR, .required = true}};

        config_load(l, n->items[i], "notify", fields, ARRAY_SIZE(fields), &receiver);
        if (receiver.n > 0)
            check_receiver(l, n->items[i]->line, receiver);
    }
}

static void check_steps(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    static const struct config_field fields[] = {
        {.name = "notify", .kind = CONFIG_CUSTOM, .parse = check_notify, .required = true},
        {.name = "delay",
         .kind = CONFIG_DURATION,
         .offset = offsetof(struct standby_step, delay_ms),
         .fallback = "5m",
         .min = MS_PER_S,
         .max = 7 * MS_PER_DAY},
    };

    (void)ret;
    if (!config_is_list(l, n, "steps"))
        return;
    if (n->n == 0)
        config_mistake(l, n->line, "steps must not be empty");
    for (size_t i = 0; i < n->n; i++) {
        struct standby_step step;

        config_load(l, n->items[i], "step", fields, ARRAY_SIZE(fields), &step);
    }
}

static void check_standby(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    static const struct config_field fields[] = {
        {.name = "steps", .kind = CONFIG_CUSTOM, .parse = check_steps, .required = true},
        {.name = "repeat", .kind = CONFIG_INT, .max = 100},
    };
    int64_t repeat = 0;

    (void)ret;
    if (n->kind == YAML_NULL)
        return;
    config_load(l, n, "standby", fields, ARRAY_SIZE(fields), &repeat);
    config_warn(l, n->line, "standby is not in force yet");
}

static void check_fallback(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    (void)ret;
    if (!config_is_map(l, n, "fallback"))
        return;
    for (size_t i = 0; i < n->n; i++) {
        check_receiver(l, n->key_lines[i], n->keys[i]);
        check_receiver(l, n->items[i]->line, config_str(l, n->items[i], "fallback"));
    }
    config_warn(l, n->line, "fallback is not in force yet");
}

static void check_peers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    static const struct config_field fields[] = {
        {.name = "expected", .kind = CONFIG_INT, .required = true, .min = 1, .max = 64}};
    int64_t expected = 0;

    (void)ret;
    if (n->kind == YAML_NULL)
        return;
    config_load(l, n, "peers", fields, ARRAY_SIZE(fields), &expected);
    config_warn(l, n->line, "peers is not in force yet");
}

static void check_covers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct str_list sites = config_str_list(l, n, "covers");

    (void)ret;
    for (size_t i = 0; i < sites.n; i++) {
        if (!identity_name_valid(sites.v[i]))
            config_mistake(l, n->items[i]->line,
                           "site \"" STR_FMT "\" must be 1 to 63 of a-z, 0-9 and -",
                           STR_ARG(str_sub(sites.v[i], 0, 70)));
    }
    if (sites.n > 0)
        config_warn(l, n->line, "covers is not in force yet");
}

/* ---- the whole ---- */

static int line_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *n = yaml_find(map, key);

    return n != NULL ? n->line : map->line;
}

static void check_file(struct config_loader *l, const struct yaml_node *root,
                       const struct federation_file *f)
{
    int uplink_line = line_of(root, "uplink");

    if (f->site.n > 0 && !identity_name_valid(f->site))
        config_mistake(l, line_of(root, "site"),
                       "site \"" STR_FMT "\" must be 1 to 63 of a-z, 0-9 and -",
                       STR_ARG(str_sub(f->site, 0, 70)));
    if (f->uplink.trust_domain.n > 0 && !trust_domain_valid(f->uplink.trust_domain))
        config_mistake(l, uplink_line, "trust_domain must be 1 to 255 of a-z, 0-9, '.', '_', '-'");
    if (f->uplink.globals.n > 0 && (uint64_t)f->uplink.custody > f->uplink.globals.n)
        config_mistake(l, uplink_line, "custody is %lld, but there are only %zu globals",
                       (long long)f->uplink.custody, f->uplink.globals.n);
    if (f->duty.lease_ms < LEASE_HEARTBEATS_MIN * f->duty.heartbeat_ms)
        config_mistake(l, line_of(root, "duty"), "lease must be at least %d heartbeats",
                       LEASE_HEARTBEATS_MIN);
}

void federation_load(struct config_loader *l, const struct yaml_node *root,
                     const struct am_config *am, enum matcher_mode mode,
                     struct federation_config *ret)
{
    struct federation_loader fl = {.base = *l, .am = am, .mode = mode};
    struct federation_file f = {0};
    size_t before = l->mistakes->n;

    config_load(l, NULL, "spool", spool_fields, ARRAY_SIZE(spool_fields), &f.spool);
    config_load(l, NULL, "duty", duty_fields, ARRAY_SIZE(duty_fields), &f.duty);
    config_load(&fl.base, root, "the federation file", file_fields, ARRAY_SIZE(file_fields), &f);
    check_file(l, root, &f);

    const struct config_nodes *globals = &f.uplink.globals;
    size_t majority = globals->n <= 2 ? 1 : globals->n / 2 + 1;

    ret->site = f.site;
    ret->uplink.trust_domain = f.uplink.trust_domain;
    ret->uplink.cert_file = f.uplink.tls.cert_file;
    ret->uplink.key_file = f.uplink.tls.key_file;
    ret->uplink.ca_file = f.uplink.tls.ca_file;
    ret->uplink.crl_file = f.uplink.tls.crl_file;
    ret->uplink.globals = globals->v;
    ret->uplink.globals_n = globals->n;
    ret->uplink.custody = f.uplink.custody > 0 ? (size_t)f.uplink.custody : majority;
    ret->spool_bytes_max = f.spool.max_bytes;
    ret->lease_ms = f.duty.lease_ms;
    ret->heartbeat_ms = f.duty.heartbeat_ms;
    ret->forward = f.forward;
    if (ret->forward.n == 0 && l->mistakes->n == before) {
        struct matcher critical;

        if (matcher_make(MATCH_EQ, STR("severity"), STR("critical"), l->arena, &critical, NULL) ==
            0)
            matchers_add(&ret->forward, critical, l->arena);
    }
}

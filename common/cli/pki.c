/* tocsinctl pki: a private CA for those who have none. The work is done by common/io/pki. */
#include "common/io/pki.h"
#include "common/base/time_text.h"
#include "common/cli/cli.h"
#include "common/cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define CA_DAYS 3650
#define LEAF_DAYS 90 /* tocsin warns 30 days before the end */
#define USER_DAYS 365
#define CRL_DAYS 90
#define DAYS_MAX 36500
#define SANS_MAX 64

static int64_t wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * MS_PER_S + ts.tv_nsec / 1000000;
}

static int get_days(const struct cli_args *a, const char *option, int64_t fallback, int64_t *ret_ms,
                    struct err *err)
{
    const char *text = cli_get(a, option);
    uint64_t days = (uint64_t)fallback;

    if (text != NULL && (!str_to_u64(str_from(text), &days) || days == 0 || days > DAYS_MAX))
        return err_set(err, -EINVAL, "--%s %s: is no number of days from 1 to %d", option, text,
                       DAYS_MAX);
    *ret_ms = (int64_t)days * MS_PER_DAY;
    return 0;
}

static int get_time(const struct cli_args *a, const char *option, int64_t *ret, struct err *err)
{
    const char *text = cli_get(a, option);

    if (text == NULL)
        return 0;
    if (text[0] == '\0' || time_parse(str_from(text), ret, err) < 0 || *ret == WALL_ABSENT)
        return err_set(err, -EINVAL, "--%s %s: is no time such as 2026-11-22T18:00:00Z", option,
                       text);
    return 0;
}

/* --not-before and --not-after, or --days from now on. */
static int get_term(const struct cli_args *a, int64_t days, struct pki_term *ret, struct err *err)
{
    struct pki_term term = {.from_wall_ms = wall_ms() - PKI_BACKDATE_MS};
    int64_t length_ms = 0;
    int rc = get_days(a, "days", days, &length_ms, err);

    term.until_wall_ms = wall_ms() + length_ms;
    if (rc == 0)
        rc = get_time(a, "not-before", &term.from_wall_ms, err);
    if (rc == 0)
        rc = get_time(a, "not-after", &term.until_wall_ms, err);
    if (rc == 0)
        *ret = term;
    return rc;
}

static const char *get_dir(const struct cli_args *a)
{
    const char *dir = cli_get(a, "dir");

    return dir != NULL ? dir : "pki";
}

static int get_crl_until(const struct cli_args *a, int64_t *ret, struct err *err)
{
    int64_t length_ms = 0;
    int rc = get_days(a, "crl-days", CRL_DAYS, &length_ms, err);

    if (rc == 0)
        *ret = wall_ms() + length_ms;
    return rc;
}

static int run_init(const struct cli_args *a)
{
    const char *domain = cli_get(a, "trust-domain");
    struct pki_term term;
    int64_t crl_until = 0;
    struct err err;

    if (domain == NULL)
        domain = "example.org";
    if (get_term(a, CA_DAYS, &term, &err) < 0 || get_crl_until(a, &crl_until, &err) < 0 ||
        pki_init(get_dir(a), str_from(domain), &term, crl_until, wall_ms(), cli_on(a, "force"),
                 &err) < 0)
        return cli_fail("%s", err.text);
    printf("%s/ca.pem  the CA of %s: give it to every edge and global node\n"
           "%s/ca.crl  its revocation list: the same, and again after each revocation\n"
           "%s/ca.key  its key: keep it here, offline if you can\n",
           get_dir(a), domain, get_dir(a), get_dir(a));
    return 0;
}

static int set_name(char *to, struct str name, const char *what, struct err *err)
{
    if (!identity_name_valid(name))
        return err_set(err, -EINVAL, "%s \"" STR_FMT "\" is not 1 to %d of a-z 0-9 -", what,
                       STR_ARG(name), IDENTITY_NAME_MAX);
    memcpy(to, name.p, name.n);
    to[name.n] = '\0';
    return 0;
}

static int issue(const struct cli_args *a, struct pki_request *r, int64_t days)
{
    struct pki_entry entry;
    struct buf uri;
    struct err err;

    r->out_prefix = cli_get(a, "out");
    if (get_term(a, days, &r->term, &err) < 0 || pki_issue(get_dir(a), r, &entry, &err) < 0)
        return cli_fail("%s", err.text);
    buf_init(&uri, 0);
    time_add_rfc3339_ms(&uri, entry.term.until_wall_ms);
    printf("%s  certificate %s, until %s\n", entry.file, entry.serial, uri.p);
    printf("%.*s.key  its key\n", (int)(strlen(entry.file) - strlen(".pem")), entry.file);
    buf_clear(&uri);
    free(entry.file);
    return 0;
}

static int run_issue_site(const struct cli_args *a)
{
    struct pki_request r = {.identity = {.kind = IDENTITY_EDGE}};
    struct str node = str_from(a->args[0]), site;
    const char *group = cli_get(a, "group");
    struct err err;

    if (!str_split(&node, '/', &site) || node.p == NULL)
        return cli_fail("\"%s\" is not SITE/NODE, for example fra1/edge-1", a->args[0]);
    if (set_name(r.identity.site, site, "site", &err) < 0 ||
        set_name(r.identity.node, node, "node", &err) < 0 ||
        set_name(r.identity.group, str_from(group != NULL ? group : IDENTITY_GROUP_DEFAULT),
                 "group", &err) < 0)
        return cli_fail("%s", err.text);
    return issue(a, &r, LEAF_DAYS);
}

static int collect(const struct cli_args *a, const char *option, const char **values, size_t *ret_n)
{
    const char *value;
    size_t at = 0, n = 0;

    while ((value = cli_next(a, option, &at)) != NULL) {
        if (n == SANS_MAX)
            return cli_fail("more than %d times --%s", SANS_MAX, option);
        values[n++] = value;
    }
    *ret_n = n;
    return 0;
}

static int run_issue_global(const struct cli_args *a)
{
    struct pki_request r = {.identity = {.kind = IDENTITY_GLOBAL}};
    const char *dns[SANS_MAX], *ip[SANS_MAX];
    struct err err;

    if (set_name(r.identity.node, str_from(a->args[0]), "node", &err) < 0)
        return cli_fail("%s", err.text);
    if (collect(a, "dns", dns, &r.dns_n) != 0 || collect(a, "ip", ip, &r.ip_n) != 0)
        return 1;
    r.dns = dns;
    r.ip = ip;
    return issue(a, &r, LEAF_DAYS);
}

static int run_issue_user(const struct cli_args *a)
{
    struct pki_request r = {.identity = {.kind = IDENTITY_USER}};
    struct err err;

    if (set_name(r.identity.node, str_from(a->args[0]), "name", &err) < 0)
        return cli_fail("%s", err.text);
    return issue(a, &r, USER_DAYS);
}

static int run_revoke(const struct cli_args *a)
{
    int64_t crl_until = 0;
    struct err err;
    size_t n;

    if (get_crl_until(a, &crl_until, &err) < 0 ||
        pki_revoke(get_dir(a), str_from(a->args[0]), wall_ms(), crl_until, &n, &err) < 0)
        return cli_fail("%s", err.text);
    printf("revoked %zu certificate%s; now give %s/ca.crl to every edge and global node\n", n,
           n == 1 ? "" : "s", get_dir(a));
    return 0;
}

static int run_crl(const struct cli_args *a)
{
    int64_t crl_until = 0;
    struct err err;

    if (get_crl_until(a, &crl_until, &err) < 0 ||
        pki_crl(get_dir(a), wall_ms(), crl_until, &err) < 0)
        return cli_fail("%s", err.text);
    printf("%s/ca.crl  signed anew: give it to every edge and global node\n", get_dir(a));
    return 0;
}

static const char *state_of(const struct pki_entry *e, int64_t now)
{
    if (e->revoked)
        return "revoked";
    if (e->term.until_wall_ms < now)
        return "expired";
    return e->term.from_wall_ms > now ? "not yet" : "valid";
}

static int run_list(const struct cli_args *a)
{
    static const char *const columns[] = {"SERIAL", "STATE", "NAME", "UNTIL", "FILE"};
    int64_t now = wall_ms();
    struct pki_index x;
    struct table t;
    struct err err;

    if (pki_index_read(get_dir(a), &x, &err) < 0)
        return cli_fail("%s", err.text);
    table_init(&t, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < x.n; i++) {
        const struct pki_entry *e = &x.v[i];
        struct buf name, until;

        buf_init(&name, 0);
        buf_init(&until, 0);
        identity_format(&e->identity, str_from(x.trust_domain), &name);
        time_add_rfc3339_ms(&until, e->term.until_wall_ms);
        table_add(&t, str_from(e->serial));
        table_add(&t, str_from(state_of(e, now)));
        table_add(&t, buf_str(&name));
        table_add(&t, buf_str(&until));
        table_add(&t, str_from(e->file));
        buf_clear(&name);
        buf_clear(&until);
    }
    table_print(&t, stdout);
    table_clear(&t);
    pki_index_clear(&x);
    return 0;
}

#define OPTION_DIR \
    { \
        .name = "dir", .value = "DIR", .help = "the PKI's folder (default pki)" \
    }
#define OPTION_CRL_DAYS \
    { \
        .name = "crl-days", .value = "N", .help = "the CRL's nextUpdate, in days (default 90)" \
    }
#define OPTION_TIMES(days_default) \
    {.name = "days", .value = "N", .help = "days from now on (default " days_default ")"}, \
        {.name = "not-before", .value = "TIME", .help = "start, RFC 3339 (default an hour ago)"}, \
    { \
        .name = "not-after", .value = "TIME", .help = "end, RFC 3339; instead of --days" \
    }
#define OPTION_OUT \
    { \
        .name = "out", .value = "PREFIX", \
        .help = "write PREFIX.pem and PREFIX.key (default in the folder)" \
    }
#define SET(table) \
    { \
        .options = (table), .n = ARRAY_SIZE(table) \
    }

static const struct cli_option init_options[] = {
    OPTION_DIR,
    {.name = "trust-domain", .value = "NAME", .help = "in all identities (default example.org)"},
    OPTION_TIMES("3650"),
    OPTION_CRL_DAYS,
    {.name = "force", .help = "replace an existing CA; all its certificates become void"},
};

static const struct cli_option site_options[] = {
    OPTION_DIR,
    {.name = "group", .value = "TEAM", .help = "a team's own edges in the site (default main)"},
    OPTION_TIMES("30"),
    OPTION_OUT,
};

static const struct cli_option global_options[] = {
    OPTION_DIR,
    {.name = "dns", .value = "NAME", .help = "a DNS SAN for browsers and tools", .repeat = true},
    {.name = "ip", .value = "ADDRESS", .help = "an IP SAN", .repeat = true},
    OPTION_TIMES("30"),
    OPTION_OUT,
};

static const struct cli_option user_options[] = {OPTION_DIR, OPTION_TIMES("365"), OPTION_OUT};
static const struct cli_option crl_options[] = {OPTION_DIR, OPTION_CRL_DAYS};
static const struct cli_option list_options[] = {OPTION_DIR};

static const struct cli_command commands[] = {
    {
        .name = "pki init",
        .summary = "make a private CA with an empty revocation list",
        .text = "The identities of edges and global nodes are certificates of this CA. Keep its\n"
                "folder away from them: they need ca.pem and ca.crl only.",
        .sets = {SET(init_options)},
        .run = run_init,
    },
    {
        .name = "pki issue site",
        .args = "SITE/NODE",
        .args_min = 1,
        .args_max = 1,
        .summary = "issue the certificate of an edge",
        .text =
            "It speaks for that site only. Issue it again before it ends, into the same files:\n"
            "running edges take the new one within 5 seconds.",
        .sets = {SET(site_options)},
        .run = run_issue_site,
    },
    {
        .name = "pki issue global",
        .args = "NODE",
        .args_min = 1,
        .args_max = 1,
        .summary = "issue the certificate of a global node",
        .text =
            "NODE is its name in the edges' uplink.globals. --dns and --ip are for browsers and\n"
            "tools; edges look at the name only.",
        .sets = {SET(global_options)},
        .run = run_issue_global,
    },
    {
        .name = "pki issue user",
        .args = "NAME",
        .args_min = 1,
        .args_max = 1,
        .summary = "issue a client certificate for the global API",
        .text = "Acknowledgements made with it are recorded under NAME.",
        .sets = {SET(user_options)},
        .run = run_issue_user,
    },
    {
        .name = "pki revoke",
        .args = "NAME|SERIAL",
        .args_min = 1,
        .args_max = 1,
        .summary = "revoke a certificate and sign the revocation list",
        .text = "NAME is SITE/NODE, NODE, user/NAME, global/NODE or the whole URI; all its\n"
                "certificates are revoked. Then give ca.crl to every edge and global node.",
        .sets = {SET(crl_options)},
        .run = run_revoke,
    },
    {
        .name = "pki crl",
        .summary = "sign the revocation list anew, before its nextUpdate",
        .text = "An edge or global node goes on for 7 days with a list past its nextUpdate, then\n"
                "trusts nobody: run this from a timer, and give ca.crl to every node.",
        .sets = {SET(crl_options)},
        .run = run_crl,
    },
    {
        .name = "pki list",
        .summary = "list the certificates issued",
        .sets = {SET(list_options)},
        .run = run_list,
    },
};

const struct cli_table cli_pki = {.commands = commands, .n = ARRAY_SIZE(commands)};

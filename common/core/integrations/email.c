#include "common/core/config/am_global.h"
#include "common/core/config/http_config.h"
#include "common/core/config/scalar.h"
#include "common/core/integrations/integration.h"

#include <stdlib.h>

struct email_threading {
    bool enabled;
    struct str thread_by_date;
};

static const struct config_field threading_fields[] = {
    {.name = "enabled",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct email_threading, enabled),
     .doc = "Mails about a group make a thread."},
    {.name = "thread_by_date",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_threading, thread_by_date),
     .doc = "none or daily."},
};

static const struct config_section threading_section = {
    .name = "threading",
    .fields = threading_fields,
    .fields_n = ARRAY_SIZE(threading_fields),
    .size = sizeof(struct email_threading),
};

struct email_config {
    bool send_resolved;
    struct str to;
    struct str from;
    struct str hello;
    struct str smarthost;
    struct str auth_username;
    struct str auth_password;
    struct str auth_password_file;
    struct str auth_secret;
    struct str auth_secret_file;
    struct str auth_identity;
    struct labels headers;
    struct str html;
    struct str text;
    enum config_maybe require_tls;
    const struct tls_config *tls;
    enum config_maybe force_implicit_tls;
    struct email_threading threading;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct email_config, send_resolved),
     .fallback = "false",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    {.name = "to",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, to),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required: addresses, with commas between."},
    {.name = "from",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, from),
     .global = "smtp_from",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The sender's address."},
    {.name = "hello",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, hello),
     .global = "smtp_hello",
     .doc = "Our name in EHLO."},
    {.name = "smarthost",
     .kind = CONFIG_HOSTPORT,
     .offset = offsetof(struct email_config, smarthost),
     .global = "smtp_smarthost",
     .doc = "The server."},
    {.name = "auth_username",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, auth_username),
     .global = "smtp_auth_username",
     .doc = "For PLAIN, LOGIN and CRAM-MD5."},
    {.name = "auth_password",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct email_config, auth_password),
     .global = "smtp_auth_password",
     .global_with = "auth_password_file",
     .doc = "For PLAIN and LOGIN."},
    {.name = "auth_password_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct email_config, auth_password_file),
     .global = "smtp_auth_password_file",
     .global_with = "auth_password",
     .doc = "The same from a file."},
    {.name = "auth_secret",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct email_config, auth_secret),
     .global = "smtp_auth_secret",
     .global_with = "auth_secret_file",
     .doc = "For CRAM-MD5."},
    {.name = "auth_secret_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct email_config, auth_secret_file),
     .global = "smtp_auth_secret_file",
     .global_with = "auth_secret",
     .doc = "The same from a file."},
    {.name = "auth_identity",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, auth_identity),
     .global = "smtp_auth_identity",
     .doc = "For PLAIN."},
    {.name = "headers",
     .kind = CONFIG_MAP,
     .offset = offsetof(struct email_config, headers),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Further headers; Subject, To and From are there without them."},
    {.name = "html",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, html),
     .fallback = "{{ template \"email.default.html\" . }}",
     .rendering = CONFIG_AS_HTML,
     .doc = "The body as HTML."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct email_config, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The body as text."},
    {.name = "require_tls",
     .kind = CONFIG_MAYBE,
     .offset = offsetof(struct email_config, require_tls),
     .doc = "Encrypt or fail."},
    {.name = "tls_config",
     .kind = CONFIG_SECTION_REF,
     .offset = offsetof(struct email_config, tls),
     .section = &tls_config_section,
     .as_written = true,
     .doc = "Paths are as written."},
    {.name = "force_implicit_tls",
     .kind = CONFIG_MAYBE,
     .offset = offsetof(struct email_config, force_implicit_tls),
     .global = "smtp_force_implicit_tls",
     .doc = "TLS from the first byte; port 465 decides without it."},
    {.name = "threading",
     .kind = CONFIG_SECTION,
     .offset = offsetof(struct email_config, threading),
     .section = &threading_section,
     .doc = "References between mails."},
};

static int cmp_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

static int canonical_headers(struct email_config *c, struct arena *a, struct err *err)
{
    struct label *v = ARENA_ARRAY(a, struct label, c->headers.n);
    size_t n = c->headers.n;

    for (size_t i = 0; i < n; i++)
        v[i] = (struct label){.name = header_canonical(a, c->headers.v[i].name),
                              .value = c->headers.v[i].value};
    if (n > 1)
        qsort(v, n, sizeof(*v), cmp_name);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(v[i - 1].name, v[i].name))
            return err_set(err, -EINVAL, "duplicate header \"" STR_FMT "\" in email config",
                           STR_ARG(str_sub(v[i].name, 0, 128)));
    }
    c->headers = (struct labels){.v = v, .n = n};
    return 0;
}

static int check(void *config, struct arena *a, struct err *err)
{
    struct email_config *c = config;

    if (c->to.n == 0)
        return err_set(err, -EINVAL, "missing to address in email config");
    if (canonical_headers(c, a, err) < 0)
        return err->code;
    if (!c->threading.enabled)
        return 0;
    LABELS_EACH (&c->headers, it) {
        if (str_eq_c(it->name, "References") || str_eq_c(it->name, "In-Reply-To"))
            return err_set(
                err, -EINVAL,
                "conflicting configuration: threading.enabled conflicts with custom " STR_FMT
                " header",
                STR_ARG(it->name));
    }
    if (!str_eq_c(c->threading.thread_by_date, "none") &&
        !str_eq_c(c->threading.thread_by_date, "daily"))
        return err_set(err, -EINVAL, "threading.thread_by_date must be either 'none' or 'daily'");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct email_config *c = config;

    (void)a;
    if (c->smarthost.n == 0)
        return err_set(err, -EINVAL, "no global SMTP smarthost set");
    if (c->from.n == 0)
        return err_set(err, -EINVAL, "no global SMTP from set");
    if (c->require_tls == CONFIG_UNSET)
        c->require_tls = g->smtp_require_tls ? CONFIG_YES : CONFIG_NO;
    if (c->tls == NULL)
        c->tls = &g->smtp_tls_config;
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_email = {
    .name = "email",
    .config_key = "email_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct email_config),
    .send_resolved_offset = offsetof(struct email_config, send_resolved),
    .check = check,
    .complete = complete,
};

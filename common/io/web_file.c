#include "common/io/web_file.h"

#include "common/base/time_text.h"
#include "common/base/vec.h"
#include "common/core/config/schema.h"

#include <crypt.h>
#include <errno.h>

#define HEADER_VALUE_MAX 4096
#define USERS_MAX 1000

struct raw_tls {
    struct str cert, key, client_ca, cert_file, key_file, client_ca_file;
    struct str client_auth, min_version, max_version;
    struct str_list allowed_sans, ciphers, curves;
    bool prefer_server_ciphers;
};

struct raw_http {
    bool http2;
    const struct yaml_node *headers;
};

struct raw_rate {
    int64_t interval_ms, burst;
};

struct raw {
    const struct yaml_node *tls, *http, *users, *rate;
};

static void keep_node(struct config_loader *l UNUSED, const struct yaml_node *n, void *ret)
{
    *(const struct yaml_node **)ret = n;
}

#define FIELD(type, member, k) \
    { \
        .name = #member, .kind = (k), .offset = offsetof(type, member) \
    }

static const struct config_field tls_fields[] = {
    FIELD(struct raw_tls, cert, CONFIG_STR),
    FIELD(struct raw_tls, key, CONFIG_SECRET),
    FIELD(struct raw_tls, client_ca, CONFIG_STR),
    FIELD(struct raw_tls, cert_file, CONFIG_STR),
    FIELD(struct raw_tls, key_file, CONFIG_STR),
    FIELD(struct raw_tls, client_ca_file, CONFIG_STR),
    FIELD(struct raw_tls, min_version, CONFIG_STR),
    FIELD(struct raw_tls, max_version, CONFIG_STR),
    {.name = "client_auth_type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct raw_tls, client_auth)},
    {.name = "client_allowed_sans",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct raw_tls, allowed_sans)},
    {.name = "cipher_suites", .kind = CONFIG_STR_LIST, .offset = offsetof(struct raw_tls, ciphers)},
    {.name = "curve_preferences",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct raw_tls, curves)},
    {.name = "prefer_server_cipher_suites",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct raw_tls, prefer_server_ciphers),
     .fallback = "true"},
};

static const struct config_field http_fields[] = {
    {.name = "http2",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct raw_http, http2),
     .fallback = "true"},
    {.name = "headers",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct raw_http, headers),
     .parse = keep_node},
};

static const struct config_field rate_fields[] = {
    {.name = "interval",
     .kind = CONFIG_GO_DURATION,
     .offset = offsetof(struct raw_rate, interval_ms)},
    {.name = "burst",
     .kind = CONFIG_INT,
     .offset = offsetof(struct raw_rate, burst),
     .fallback = "1",
     .min = 0,
     .max = 1000000},
};

static const struct config_field top_fields[] = {
    {.name = "tls_server_config",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct raw, tls),
     .parse = keep_node},
    {.name = "http_server_config",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct raw, http),
     .parse = keep_node},
    {.name = "basic_auth_users",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct raw, users),
     .parse = keep_node},
    {.name = "rate_limit",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct raw, rate),
     .parse = keep_node},
};

struct name_value {
    const char *name;
    int value;
};

static const struct name_value auth_types[] = {
    {"", TLS_NO_CLIENT_CERT},
    {"NoClientCert", TLS_NO_CLIENT_CERT},
    {"RequestClientCert", TLS_REQUEST_CLIENT_CERT},
    {"RequireAnyClientCert", TLS_REQUIRE_ANY_CLIENT_CERT},
    {"VerifyClientCertIfGiven", TLS_VERIFY_CLIENT_CERT_IF_GIVEN},
    {"RequireAndVerifyClientCert", TLS_REQUIRE_AND_VERIFY_CLIENT_CERT},
};

/* Versions before 1.2 are taken and raised: a file that allows them also allows 1.2. */
static const struct name_value versions[] = {
    {"", 0},
    {"TLS10", TLS1_2_VERSION},
    {"TLS11", TLS1_2_VERSION},
    {"TLS12", TLS1_2_VERSION},
    {"TLS13", TLS1_3_VERSION},
};

struct parser {
    struct config_loader l;
    struct str base_dir;
    int line; /* of the block being read */
};

static void name_lookup(const struct parser *p, const char *what, struct str text,
                        const struct name_value *table, size_t n, int *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq_c(text, table[i].name))
            continue;
        *ret = table[i].value;
        return;
    }
    mistakes_add(p->l.mistakes, p->line, "%s \"" STR_FMT "\" is unknown", what, STR_ARG(text));
}

static const char *text_or_null(const struct parser *p, struct str s)
{
    return s.n > 0 ? arena_str(p->l.arena, s).p : NULL;
}

static const char *path_or_null(const struct parser *p, struct str s)
{
    if (s.n == 0 || s.p[0] == '/' || p->base_dir.n == 0)
        return text_or_null(p, s);
    return arena_fmt(p->l.arena, STR_FMT "/" STR_FMT, STR_ARG(p->base_dir), STR_ARG(s)).p;
}

static const char *ciphers_text(const struct parser *p, const struct str_list *names)
{
    struct str text = STR_EMPTY;

    for (size_t i = 0; i < names->n; i++) {
        const char *name = OPENSSL_cipher_name(arena_str(p->l.arena, names->v[i]).p);

        if (name == NULL || strcmp(name, "(NONE)") == 0) {
            mistakes_add(p->l.mistakes, p->line, "cipher suite \"" STR_FMT "\" is unknown",
                         STR_ARG(names->v[i]));
            continue;
        }
        if (str_starts(str_from(name), STR("TLS_"))) /* 1.3's are not chosen, in Go neither */
            continue;
        text = arena_fmt(p->l.arena, STR_FMT "%s%s", STR_ARG(text), text.n > 0 ? ":" : "", name);
    }
    return text.n > 0 ? text.p : NULL;
}

static const char *curves_text(const struct parser *p, const struct str_list *names)
{
    static const struct {
        const char *go, *openssl;
    } curves[] = {{"CurveP256", "P-256"},
                  {"CurveP384", "P-384"},
                  {"CurveP521", "P-521"},
                  {"X25519", "X25519"}};
    struct str text = STR_EMPTY;

    for (size_t i = 0; i < names->n; i++) {
        size_t k = 0;

        while (k < ARRAY_SIZE(curves) && !str_eq_c(names->v[i], curves[k].go))
            k++;
        if (k == ARRAY_SIZE(curves))
            mistakes_add(p->l.mistakes, p->line, "curve \"" STR_FMT "\" is unknown",
                         STR_ARG(names->v[i]));
        else
            text = arena_fmt(p->l.arena, STR_FMT "%s%s", STR_ARG(text), text.n > 0 ? ":" : "",
                             curves[k].openssl);
    }
    return text.n > 0 ? text.p : NULL;
}

static void one_of(const struct parser *p, const char *name, struct str text, struct str file,
                   bool required)
{
    if (text.n > 0 && file.n > 0)
        mistakes_add(p->l.mistakes, p->line, "only one of %s and %s_file can be given", name, name);
    else if (required && text.n + file.n == 0)
        mistakes_add(p->l.mistakes, p->line, "missing one of %s or %s_file", name, name);
}

static void tls_check(const struct parser *p, const struct raw_tls *raw, enum tls_client_auth auth)
{
    bool has_ca = raw->client_ca.n + raw->client_ca_file.n > 0;
    bool verifies =
        auth == TLS_VERIFY_CLIENT_CERT_IF_GIVEN || auth == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;

    one_of(p, "cert", raw->cert, raw->cert_file, true);
    one_of(p, "key", raw->key, raw->key_file, true);
    one_of(p, "client_ca", raw->client_ca, raw->client_ca_file, verifies);
    if (has_ca && auth == TLS_NO_CLIENT_CERT)
        mistakes_add(p->l.mistakes, p->line,
                     "client_ca has no effect without a client_auth_type that asks for it");
    if (raw->allowed_sans.n > 0 && !verifies)
        mistakes_add(p->l.mistakes, p->line,
                     "client_allowed_sans needs a client_auth_type that verifies");
}

static bool is_absent(const struct yaml_node *n)
{
    return n == NULL || n->kind == YAML_NULL || (n->kind == YAML_MAP && n->n == 0);
}

static void tls_load(struct parser *p, const struct yaml_node *n, struct web_file *file)
{
    struct raw_tls raw = {0};
    struct tls_server_options *o = &file->tls;
    const char **sans;
    int auth = TLS_NO_CLIENT_CERT;

    if (is_absent(n))
        return;
    p->line = n->line;
    config_load(&p->l, n, "tls_server_config", tls_fields, ARRAY_SIZE(tls_fields), &raw);
    file->has_tls = true;
    name_lookup(p, "client_auth_type", raw.client_auth, auth_types, ARRAY_SIZE(auth_types), &auth);
    name_lookup(p, "min_version", raw.min_version, versions, ARRAY_SIZE(versions), &o->version_min);
    name_lookup(p, "max_version", raw.max_version, versions, ARRAY_SIZE(versions), &o->version_max);
    tls_check(p, &raw, (enum tls_client_auth)auth);
    sans = ARENA_ARRAY(p->l.arena, const char *, raw.allowed_sans.n);
    for (size_t i = 0; i < raw.allowed_sans.n; i++)
        sans[i] = arena_str(p->l.arena, raw.allowed_sans.v[i]).p;
    o->client_auth = (enum tls_client_auth)auth;
    o->cert_file = path_or_null(p, raw.cert_file);
    o->key_file = path_or_null(p, raw.key_file);
    o->ca_file = path_or_null(p, raw.client_ca_file);
    o->cert_pem = text_or_null(p, raw.cert);
    o->key_pem = text_or_null(p, raw.key);
    o->ca_pem = text_or_null(p, raw.client_ca);
    o->allowed_sans = sans;
    o->allowed_sans_n = raw.allowed_sans.n;
    o->ciphers = ciphers_text(p, &raw.ciphers);
    o->groups = curves_text(p, &raw.curves);
}

/* Headers and the values they may have; none listed: any. An empty value leaves the header out. */
static const struct {
    const char *name, *values[2];
} header_rules[] = {
    {"Content-Security-Policy", {NULL}},         {"X-XSS-Protection", {NULL}},
    {"Strict-Transport-Security", {NULL}},       {"X-Content-Type-Options", {"nosniff", NULL}},
    {"X-Frame-Options", {"deny", "sameorigin"}},
};

static bool header_allowed(struct str name, struct str value)
{
    for (size_t i = 0; i < ARRAY_SIZE(header_rules); i++) {
        const char *const *values = header_rules[i].values;

        if (!str_eq_nocase(name, str_from(header_rules[i].name)))
            continue;
        return values[0] == NULL || value.n == 0 || str_eq_nocase(value, str_from(values[0])) ||
               (values[1] != NULL && str_eq_nocase(value, str_from(values[1])));
    }
    return false;
}

static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return s.n <= HEADER_VALUE_MAX;
}

static void headers_load(struct parser *p, const struct yaml_node *n, struct web_file *file)
{
    struct buf b;

    if (is_absent(n))
        return;
    if (n->kind != YAML_MAP) {
        mistakes_add(p->l.mistakes, n->line, "headers must be a map");
        return;
    }
    buf_init(&b, 0);
    for (size_t i = 0; i < n->n; i++) {
        struct str value = n->items[i]->kind == YAML_SCALAR ? n->items[i]->text : STR_EMPTY;

        if (!header_allowed(n->keys[i], value) || !is_one_line(value))
            mistakes_add(p->l.mistakes, n->key_lines[i],
                         "HTTP header \"" STR_FMT "\" with value \"" STR_FMT "\" is not allowed",
                         STR_ARG(n->keys[i]), STR_ARG(value));
        else if (value.n > 0)
            buf_add_fmt(&b, STR_FMT ": " STR_FMT "\r\n", STR_ARG(n->keys[i]), STR_ARG(value));
    }
    file->headers = arena_str(p->l.arena, buf_str(&b));
    buf_clear(&b);
}

static bool is_bcrypt(const char *hash)
{
    return strlen(hash) == 60 && hash[0] == '$' && hash[1] == '2' &&
           strchr("abxy", hash[2]) != NULL && hash[3] == '$' &&
           crypt_checksalt(hash) == CRYPT_SALT_OK;
}

static void users_load(struct parser *p, const struct yaml_node *n, struct web_file *file)
{
    struct web_user *users;

    if (is_absent(n))
        return;
    if (n->kind != YAML_MAP || n->n > USERS_MAX) {
        mistakes_add(p->l.mistakes, n->line, "basic_auth_users must be a map of at most %d users",
                     USERS_MAX);
        return;
    }
    users = ARENA_ARRAY(p->l.arena, struct web_user, n->n);
    for (size_t i = 0; i < n->n; i++) {
        struct str hash = n->items[i]->kind == YAML_SCALAR ? n->items[i]->text : STR_EMPTY;

        users[i].name = arena_str(p->l.arena, n->keys[i]);
        users[i].hash = arena_str(p->l.arena, hash);
        if (!is_bcrypt(users[i].hash.p)) /* never printed: it may be a password by mistake */
            mistakes_add(p->l.mistakes, n->key_lines[i], "user \"" STR_FMT "\": not a bcrypt hash",
                         STR_ARG(n->keys[i]));
    }
    file->users = users;
    file->users_n = n->n;
}

int web_file_parse(struct str text, struct str base_dir, struct arena *a, struct web_file *ret,
                   struct mistakes *m)
{
    struct parser p = {.l = {.arena = a, .mistakes = m}, .base_dir = base_dir};
    struct web_file file = {0};
    struct raw_http http = {0};
    struct raw_rate rate = {0};
    struct raw raw = {0};
    struct yaml_node *top;
    size_t before = m->n;
    int r = yaml_parse(text, a, &top, m);

    if (r < 0)
        return r;
    config_load(&p.l, top, "web configuration", top_fields, ARRAY_SIZE(top_fields), &raw);
    tls_load(&p, raw.tls, &file);
    if (!is_absent(raw.http))
        config_load(&p.l, raw.http, "http_server_config", http_fields, ARRAY_SIZE(http_fields),
                    &http);
    headers_load(&p, http.headers, &file);
    users_load(&p, raw.users, &file);
    if (!is_absent(raw.rate))
        config_load(&p.l, raw.rate, "rate_limit", rate_fields, ARRAY_SIZE(rate_fields), &rate);
    file.rate_interval_us = rate.interval_ms * 1000;
    file.rate_burst = rate.burst;
    if (m->n > before)
        return -EINVAL;
    *ret = file;
    return 0;
}

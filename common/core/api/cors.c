#include "common/core/api/cors.h"

/* "host:port" of a URL without path; the default port of its scheme is left out. */
static struct str authority_of(struct str url)
{
    struct str rest = url;
    bool tls = str_starts(url, STR("https://"));
    size_t end = 0;

    if (tls || str_starts(url, STR("http://")))
        rest = str_sub(url, tls ? 8 : 7, url.n);
    else
        return STR_EMPTY;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    rest = str_sub(rest, 0, end);
    if (str_ends(rest, tls ? STR(":443") : STR(":80")))
        rest = str_sub(rest, 0, rest.n - (tls ? 4 : 3));
    return rest;
}

/* The scheme is not compared with ours: before a proxy that ends TLS it is another one. */
bool cors_same_origin(struct str origin, struct str host, struct str external_url)
{
    struct str from = authority_of(origin);

    if (from.n == 0) /* "null", and what is no web page */
        return false;
    if (str_ends(host, STR(":443")) && str_starts(origin, STR("https://")))
        host = str_sub(host, 0, host.n - 4);
    if (str_ends(host, STR(":80")) && str_starts(origin, STR("http://")))
        host = str_sub(host, 0, host.n - 3);
    return str_eq_nocase(from, host) || str_eq_nocase(from, authority_of(external_url));
}

static bool only_reads(struct str method)
{
    return str_eq_c(method, "GET") || str_eq_c(method, "HEAD") || str_eq_c(method, "OPTIONS");
}

bool cors_refuses(struct str method, struct str origin, struct str host, struct str external_url,
                  bool allow_writes)
{
    return !allow_writes && origin.n > 0 && !only_reads(method) &&
           !cors_same_origin(origin, host, external_url);
}

bool cors_is_preflight(const struct engine_request *r)
{
    return str_eq_c(r->method, "OPTIONS") && r->cors_method.n > 0;
}

/* Alertmanager's list has no DELETE, and none of its clients in a browser can do without. */
static bool method_allowed(const struct engine_request *r, struct str external_url,
                           bool allow_writes)
{
    if (str_eq_c(r->cors_method, "GET") || str_eq_c(r->cors_method, "HEAD"))
        return true;
    return str_eq_c(r->cors_method, "POST") &&
           !cors_refuses(r->cors_method, r->origin, r->host, external_url, allow_writes);
}

static bool headers_allowed(struct str list)
{
    static const char *const allowed[] = {"accept", "content-type", "x-requested-with"};
    struct str one;

    while (list.n > 0 && str_split(&list, ',', &one)) {
        bool found = str_trim(one).n == 0;

        for (size_t i = 0; i < ARRAY_SIZE(allowed) && !found; i++)
            found = str_eq_nocase(str_trim(one), str_from(allowed[i]));
        if (!found)
            return false;
    }
    return true;
}

void cors_reply_preflight(const struct engine_request *r, struct str external_url,
                          bool allow_writes, struct out *out)
{
    struct engine_reply reply = {.request_id = r->id,
                                 .status = 204,
                                 .headers = {{"Cache-Control", STR("no-store")},
                                             {"Vary", STR("Origin, Access-Control-Request-Method, "
                                                          "Access-Control-Request-Headers")}}};

    if (r->origin.n > 0 && method_allowed(r, external_url, allow_writes) &&
        headers_allowed(r->cors_headers)) {
        reply.headers[2] = (struct engine_header){"Access-Control-Allow-Origin", STR("*")};
        reply.headers[3] = (struct engine_header){"Access-Control-Allow-Methods",
                                                  arena_str(out_arena(out), r->cors_method)};
        if (r->cors_headers.n > 0)
            reply.headers[4] = (struct engine_header){"Access-Control-Allow-Headers",
                                                      arena_str(out_arena(out), r->cors_headers)};
    }
    out_reply(out, &reply);
}

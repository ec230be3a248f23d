#include "common/core/model/identity.h"

#include <errno.h>

#define SCHEME STR("spiffe://")

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool identity_name_valid(struct str name)
{
    if (name.n == 0 || name.n > IDENTITY_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_char(name.p[i]))
            return false;
    return true;
}

bool trust_domain_valid(struct str domain)
{
    if (domain.n == 0 || domain.n > 255)
        return false;
    for (size_t i = 0; i < domain.n; i++)
        if (!is_name_char(domain.p[i]) && domain.p[i] != '.' && domain.p[i] != '_')
            return false;
    return true;
}

static void name_set(char ret[IDENTITY_NAME_MAX + 1], struct str name)
{
    memcpy(ret, name.p, name.n);
    ret[name.n] = '\0';
}

#define PARTS_MAX 7 /* one more than the longest form has */

static size_t path_split(struct str path, struct str parts[PARTS_MAX])
{
    size_t n = 0;

    while (n < PARTS_MAX) {
        size_t end = str_find_char(path, '/');

        parts[n++] = str_sub(path, 0, end);
        if (end == path.n)
            break;
        path = str_sub(path, end + 1, path.n);
    }
    return n;
}

static int path_parse(struct str path, struct identity *id, struct err *err)
{
    struct str part[PARTS_MAX];
    size_t n = path_split(path, part);
    struct str site = STR_EMPTY, group = STR(IDENTITY_GROUP_DEFAULT), node;

    if (n == 2 && str_eq_c(part[0], "global")) {
        id->kind = IDENTITY_GLOBAL;
    } else if (n == 2 && str_eq_c(part[0], "user")) {
        id->kind = IDENTITY_USER;
    } else if (n == 4 && str_eq_c(part[0], "site") && str_eq_c(part[2], "edge")) {
        id->kind = IDENTITY_EDGE;
        site = part[1];
    } else if (n == 6 && str_eq_c(part[0], "site") && str_eq_c(part[2], "group") &&
               str_eq_c(part[4], "edge")) {
        id->kind = IDENTITY_EDGE;
        site = part[1];
        group = part[3];
    } else {
        return err_set(err, -EINVAL,
                       "path is none of /site/SITE/edge/NODE, /site/SITE/group/TEAM/edge/NODE, "
                       "/global/NODE and /user/NAME");
    }
    node = part[n - 1];
    if (id->kind == IDENTITY_EDGE) {
        if (!identity_name_valid(site) || !identity_name_valid(group))
            return err_set(err, -EINVAL, "site and group must match [a-z0-9-]{1,63}");
        name_set(id->site, site);
        name_set(id->group, group);
    }
    if (!identity_name_valid(node))
        return err_set(err, -EINVAL, "node must match [a-z0-9-]{1,63}");
    name_set(id->node, node);
    return 0;
}

int identity_parse(struct str uri, struct str trust_domain, struct identity *ret, struct err *err)
{
    struct identity id = {0};
    struct str rest, domain;
    size_t slash;
    int r;

    if (uri.n > IDENTITY_URI_MAX)
        return err_set(err, -EINVAL, "URI is longer than %d bytes", IDENTITY_URI_MAX);
    if (!str_starts(uri, SCHEME))
        return err_set(err, -EINVAL, "URI does not start with spiffe://");
    rest = str_sub(uri, SCHEME.n, uri.n);
    slash = str_find_char(rest, '/');
    domain = str_sub(rest, 0, slash);
    if (!trust_domain_valid(domain))
        return err_set(err, -EINVAL, "trust domain must match [a-z0-9._-]{1,255}");
    if (!str_eq(domain, trust_domain))
        return err_set(err, -EPERM, "trust domain is \"" STR_FMT "\", not \"" STR_FMT "\"",
                       STR_ARG(domain), STR_ARG(trust_domain));
    r = path_parse(str_sub(rest, slash + 1, rest.n), &id, err);
    if (r < 0)
        return r;
    *ret = id;
    return 0;
}

void identity_format(const struct identity *id, struct str trust_domain, struct buf *b)
{
    buf_add_str(b, SCHEME);
    buf_add_str(b, trust_domain);
    if (id->kind == IDENTITY_GLOBAL || id->kind == IDENTITY_USER) {
        buf_add_fmt(b, "/%s/%s", id->kind == IDENTITY_GLOBAL ? "global" : "user", id->node);
        return;
    }
    if (str_eq_c(STR(IDENTITY_GROUP_DEFAULT), id->group))
        buf_add_fmt(b, "/site/%s/edge/%s", id->site, id->node);
    else
        buf_add_fmt(b, "/site/%s/group/%s/edge/%s", id->site, id->group, id->node);
}

bool identity_eq(const struct identity *a, const struct identity *b)
{
    return a->kind == b->kind && strcmp(a->site, b->site) == 0 && strcmp(a->group, b->group) == 0 &&
           strcmp(a->node, b->node) == 0;
}

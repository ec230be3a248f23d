#include "global/core/mirror_codec.h"

#include "global/core/global_internal.h"

#include <errno.h>

static bool incident_name_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    }
    return s.n > 0 && s.n <= MIRROR_INCIDENT_MAX;
}

static int check_body(struct str body, struct err *err)
{
    struct json_object *o = NULL;
    bool is_object;

    if (body.n > MIRROR_BODY_MAX || json_parse(body, (struct json_opt){0}, &o, NULL) < 0)
        return err_set(err, -EINVAL, "mirrors: body is too long or no JSON");
    is_object = json_object_is_type(o, json_type_object);
    json_object_put(o);
    return is_object ? 0 : err_set(err, -EINVAL, "mirrors: body is not an object");
}

int mirror_read(struct json_object *o, struct mirror_wire *ret, struct err *err)
{
    struct mirror_wire w = {
        .incident = STR_EMPTY, .origin = STR_EMPTY, .body = STR_EMPTY, .mac = STR_EMPTY};

    if (!json_object_is_type(o, json_type_object))
        return err_set(err, -EINVAL, "mirrors: not an array of objects");
    if (json_get_str(o, "incident", &w.incident, err) < 0 ||
        json_get_str(o, "origin", &w.origin, err) < 0 ||
        json_get_u64(o, "epoch", &w.epoch, err) < 0 || json_get_u64(o, "ver", &w.ver, err) < 0 ||
        json_get_str(o, "body", &w.body, err) < 0 || json_get_str(o, "mac", &w.mac, err) < 0)
        return -EINVAL;
    if (!incident_name_valid(w.incident) || !identity_name_valid(w.origin) || w.epoch == 0 ||
        w.ver == 0 || w.mac.n != MIRROR_MAC_HEX)
        return err_set(err, -EINVAL, "mirrors: a field is out of bounds");
    if (check_body(w.body, err) < 0)
        return -EINVAL;
    *ret = w;
    return 0;
}

void mirror_write(struct json_writer *w, const struct mirror *m)
{
    json_put_str(w, "incident", m->incident);
    json_put_str(w, "origin", m->origin);
    json_put_u64(w, "epoch", m->epoch);
    json_put_u64(w, "ver", m->ver);
    json_put_str(w, "body", m->body);
    json_put_str(w, "mac", (struct str){.p = m->mac, .n = MIRROR_MAC_HEX});
}

static struct str secret(const struct global *g)
{
    return g->config != NULL ? g->config->secret : STR_EMPTY;
}

static void compute(struct str key, const struct mirror_wire *w, char ret[MIRROR_MAC_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[SHA256_BYTES];
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, w->origin);
    buf_add_char(&b, '\n');
    buf_add_u64(&b, w->epoch);
    buf_add_char(&b, '\n');
    buf_add_u64(&b, w->ver);
    buf_add_char(&b, '\n');
    buf_add_str(&b, w->incident);
    buf_add_char(&b, '\n');
    buf_add_str(&b, w->body);
    hmac_sha256(key, buf_str(&b), mac);
    buf_clear(&b);
    for (size_t i = 0; i < sizeof(mac); i++) {
        ret[2 * i] = digits[mac[i] >> 4];
        ret[2 * i + 1] = digits[mac[i] & 15];
    }
    ret[MIRROR_MAC_HEX] = '\0';
}

void mirror_sign(const struct global *g, struct mirror *m)
{
    struct mirror_wire w = {.incident = m->incident,
                            .origin = m->origin,
                            .body = m->body,
                            .epoch = m->epoch,
                            .ver = m->ver};

    compute(secret(g), &w, m->mac);
}

bool mirror_authentic(const struct global *g, const struct mirror_wire *w)
{
    char want[MIRROR_MAC_HEX + 1];

    if (secret(g).n == 0)
        return false;
    compute(secret(g), w, want);
    return bytes_eq_const_time(want, w->mac.p, MIRROR_MAC_HEX);
}

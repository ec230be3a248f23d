#include "common/io/zoneinfo.h"

#include "common/base/map.h"
#include "common/base/tzif.h"
#include "common/io/files.h"

#include <errno.h>
#include <stdlib.h>

#define LOCALTIME "/etc/localtime"

struct zone {
    struct str name;
    const struct tzif *data; /* NULL: there is none */
    UT_hash_handle hh;
};

struct zoneinfo {
    char *dir;
    struct arena *arena; /* the zones */
    struct zone *zones;
};

struct zoneinfo *zoneinfo_new(const char *dir)
{
    struct zoneinfo *z = xcalloc(1, sizeof(*z));
    const char *from_env = getenv("ZONEINFO");

    if (dir == NULL)
        dir = from_env != NULL && from_env[0] == '/' ? from_env : ZONEINFO_DIR;
    z->dir = xstrdup(dir);
    z->arena = arena_new(0);
    return z;
}

void zoneinfo_forget(struct zoneinfo *z)
{
    HASH_CLEAR(hh, z->zones);
    arena_reset(z->arena);
}

void zoneinfo_free(struct zoneinfo *z)
{
    if (z == NULL)
        return;
    zoneinfo_forget(z);
    arena_free(z->arena);
    free(z->dir);
    free(z);
}

static const struct tzif *read_file(struct zoneinfo *z, const char *path)
{
    struct tzif *data = NULL;
    struct buf b;

    buf_init(&b, 0);
    if (file_read(path, TZIF_BYTES_MAX, &b, NULL) < 0 ||
        tzif_parse(buf_str(&b), z->arena, &data, NULL) < 0)
        data = NULL;
    buf_clear(&b);
    return data;
}

static const struct tzif *read_named(struct zoneinfo *z, struct str name)
{
    bool can_be = name.n > 0 && name.n <= 255 && name.p[0] != '/' &&
                  !str_contains(name, STR("..")) && strnlen(name.p, name.n) == name.n;

    return can_be ? read_file(z, arena_fmt(z->arena, "%s/" STR_FMT, z->dir, STR_ARG(name)).p)
                  : NULL;
}

static const struct tzif *read_local(struct zoneinfo *z)
{
    struct str tz = str_from(getenv("TZ"));

    if (tz.p == NULL)
        return read_file(z, LOCALTIME);
    if (str_starts(tz, STR(":")))
        tz = str_sub(tz, 1, tz.n);
    return str_starts(tz, STR("/")) ? read_file(z, tz.p) : read_named(z, tz);
}

static const struct tzif *find(struct zoneinfo *z, struct str name)
{
    struct zone *zone;

    HASH_FIND(hh, z->zones, name.p, name.n, zone);
    if (zone != NULL)
        return zone->data;
    if (HASH_COUNT(z->zones) >= ZONEINFO_ZONES_MAX) /* there are 600: somebody makes them up */
        zoneinfo_forget(z);
    zone = ARENA_NEW(z->arena, struct zone);
    zone->name = arena_str(z->arena, name);
    zone->data = str_eq(name, STR("Local")) ? read_local(z) : read_named(z, zone->name);
    HASH_ADD_KEYPTR(hh, z->zones, zone->name.p, zone->name.n, zone);
    return zone->data;
}

static bool is_utc(struct str location)
{
    return location.n == 0 || str_eq(location, STR("UTC"));
}

bool zoneinfo_known(struct str location, void *arg)
{
    return is_utc(location) || str_eq(location, STR("Local")) || find(arg, location) != NULL;
}

int zoneinfo_offset_s(struct str location, int64_t wall_ms, void *arg)
{
    const struct tzif *data = is_utc(location) ? NULL : find(arg, location);
    int64_t s = wall_ms / MS_PER_S - (wall_ms % MS_PER_S < 0);

    return data != NULL ? tzif_offset_s(data, s) : 0;
}

bool zoneinfo_at(struct str location, int64_t epoch_s, int *ret_offset_s,
                 struct str *ret_abbreviation, void *arg)
{
    const struct tzif *data = is_utc(location) ? NULL : find(arg, location);

    if (data == NULL && !is_utc(location) && !str_eq(location, STR("Local")))
        return false;
    *ret_abbreviation = STR("UTC");
    *ret_offset_s = data != NULL ? tzif_at(data, epoch_s, ret_abbreviation) : 0;
    return true;
}

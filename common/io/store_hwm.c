#include "common/io/store_hwm.h"

#include "common/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_BYTES 64
#define SLOT_DISTANCE 4096 /* no sector, and no page of a usual file system, holds both */
#define FLAG_CLEAN 1U
#define FLAG_MISSING 2U

static const char magic[8] = {'t', 'o', 'c', 's', 'i', 'n', 'H', '1'};

static void put_le(uint8_t *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void encode(uint8_t slot[SLOT_BYTES], uint64_t generation, const struct hwm_mark *mark)
{
    memset(slot, 0, SLOT_BYTES);
    memcpy(slot, magic, sizeof(magic));
    put_le(slot + 8, generation, 8);
    put_le(slot + 16, mark->seq, 8);
    memcpy(slot + 24, mark->store_id, STORE_ID_BYTES);
    put_le(slot + 40, (mark->clean ? FLAG_CLEAN : 0) | (mark->missing ? FLAG_MISSING : 0), 4);
    put_le(slot + 60, crc32c(0, slot, 60), 4);
}

static bool decode(const uint8_t slot[SLOT_BYTES], uint64_t *ret_generation,
                   struct hwm_mark *ret_mark)
{
    if (memcmp(slot, magic, sizeof(magic)) != 0 || get_le(slot + 60, 4) != crc32c(0, slot, 60))
        return false;
    *ret_generation = get_le(slot + 8, 8);
    ret_mark->seq = get_le(slot + 16, 8);
    memcpy(ret_mark->store_id, slot + 24, STORE_ID_BYTES);
    ret_mark->clean = (get_le(slot + 40, 4) & FLAG_CLEAN) != 0;
    ret_mark->missing = (get_le(slot + 40, 4) & FLAG_MISSING) != 0;
    return true;
}

static off_t slot_offset(uint64_t generation)
{
    return (off_t)(generation % 2) * SLOT_DISTANCE;
}

static bool reopen(struct hwm *h)
{
    if (h->fd < 0)
        h->fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return h->fd >= 0;
}

void hwm_open(struct hwm *h, const char *path, struct hwm_mark *ret_mark, bool *ret_found)
{
    bool found = false;

    *h = (struct hwm){.fd = -1, .path = xstrdup(path)};
    for (uint64_t i = 0; i < 2 && reopen(h); i++) {
        uint8_t slot[SLOT_BYTES];
        struct hwm_mark mark;
        uint64_t generation;

        if (pread(h->fd, slot, SLOT_BYTES, slot_offset(i)) != SLOT_BYTES ||
            !decode(slot, &generation, &mark))
            continue;
        if (found && generation < h->generation)
            continue;
        h->generation = generation;
        *ret_mark = mark;
        found = true;
    }
    *ret_found = found;
}

int hwm_write(struct hwm *h, const struct hwm_mark *mark)
{
    uint8_t slot[SLOT_BYTES];

    if (!reopen(h))
        return -errno;
    encode(slot, h->generation + 1, mark);
    errno = EIO; /* what a short write means here */
    if (pwrite(h->fd, slot, SLOT_BYTES, slot_offset(h->generation + 1)) != SLOT_BYTES)
        return -errno;
    if (fdatasync(h->fd) < 0) {
        int error = errno;

        /* The next attempt starts from a new descriptor and writes the same slot again. */
        close(h->fd);
        h->fd = -1;
        return -error;
    }
    h->generation++;
    return 0;
}

void hwm_close(struct hwm *h)
{
    if (h->fd >= 0)
        close(h->fd);
    free(h->path);
    *h = (struct hwm){.fd = -1};
}

#include "tests/lib/crash_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

/* A file as the process sees it. It outlives its handles, as the page cache does. */
struct image {
    struct image *next;
    dev_t dev;
    ino_t ino;
    int fd;
    unsigned char *bytes;
    bool *dirty; /* per sector */
    size_t n, cap;
    size_t on_disk; /* size of the real file */
    size_t cut;     /* < on_disk: a truncation waits, the smallest since the last sync */
};

struct handle {
    sqlite3_file base;
    sqlite3_file *real; /* locks and shared memory go there; it lies behind this struct */
    struct image *image;
    unsigned generation;
};

static struct {
    pthread_mutex_t mutex;
    sqlite3_vfs vfs;
    sqlite3_vfs *unix_vfs;
    struct image *images;
    uint64_t random;
    unsigned generation; /* of power */
    bool off;
    bool ignore_sync;
    unsigned writeback;
    enum crash_vfs_fault fault;
    const char *full_while;  /* path or NULL */
    const char *stall_while; /* the same */
    uint64_t calls, crash_at;
    void (*instead)(void);
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .random = 1};

static uint64_t draw(void) /* xorshift64* */
{
    disk.random ^= disk.random >> 12;
    disk.random ^= disk.random << 25;
    disk.random ^= disk.random >> 27;
    return disk.random * UINT64_C(0x2545f4914f6cdd1d);
}

static void *need(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static size_t sectors(size_t bytes)
{
    return (bytes + SECTOR - 1) / SECTOR;
}

static void grow(struct image *im, size_t n)
{
    size_t cap = im->cap > 0 ? im->cap : 65536;

    while (cap < n)
        cap *= 2;
    if (cap > im->cap) {
        im->bytes = need(realloc(im->bytes, cap));
        im->dirty = need(realloc(im->dirty, sectors(cap) * sizeof(bool)));
        memset(im->bytes + im->cap, 0, cap - im->cap);
        memset(im->dirty + sectors(im->cap), 0, sectors(cap) - sectors(im->cap));
        im->cap = cap;
    }
}

static void mark(struct image *im, size_t from, size_t to)
{
    for (size_t i = from / SECTOR; i < sectors(to); i++)
        im->dirty[i] = true;
}

static void set_size(struct image *im, size_t n)
{
    grow(im, n);
    if (n > im->n) {
        mark(im, im->n, n);
    } else {
        memset(im->bytes + n, 0, im->n - n);
        for (size_t i = sectors(n); i < sectors(im->n); i++)
            im->dirty[i] = false;
        if (n < im->cut)
            im->cut = n;
    }
    im->n = n;
}

static void write_sector(struct image *im, size_t i)
{
    size_t at = i * SECTOR;
    size_t n = im->n - at < SECTOR ? im->n - at : SECTOR;

    if (pwrite(im->fd, im->bytes + at, n, (off_t)at) != (ssize_t)n)
        abort();
    im->dirty[i] = false;
    if (at + n > im->on_disk)
        im->on_disk = im->cut = at + n; /* no cut is pending when a sector is written */
}

static void cut_file(struct image *im, size_t n)
{
    if (n >= im->on_disk)
        return;
    if (ftruncate(im->fd, (off_t)n) < 0)
        abort();
    im->on_disk = n;
}

static void write_back(struct image *im)
{
    cut_file(im, im->cut);
    for (size_t i = 0; i < sectors(im->n); i++)
        if (im->dirty[i])
            write_sector(im, i);
    if (im->on_disk < im->n && ftruncate(im->fd, (off_t)im->n) < 0)
        abort();
    im->on_disk = im->cut = im->n;
}

static struct image *find_image(const char *path)
{
    struct image *im;
    struct stat st;

    if (stat(path, &st) < 0)
        return NULL;
    for (im = disk.images; im != NULL; im = im->next)
        if (im->dev == st.st_dev && im->ino == st.st_ino)
            return im;
    im = need(calloc(1, sizeof(*im)));
    im->dev = st.st_dev;
    im->ino = st.st_ino;
    im->fd = open(path, O_RDWR | O_CLOEXEC);
    if (im->fd < 0) {
        free(im);
        return NULL;
    }
    grow(im, (size_t)st.st_size);
    if (pread(im->fd, im->bytes, (size_t)st.st_size, 0) != st.st_size)
        abort();
    im->n = im->on_disk = im->cut = (size_t)st.st_size;
    im->next = disk.images;
    disk.images = im;
    return im;
}

static void forget_images(void)
{
    while (disk.images != NULL) {
        struct image *im = disk.images;

        disk.images = im->next;
        close(im->fd);
        free(im->bytes);
        free(im->dirty);
        free(im);
    }
}

/* Some sectors make it: none, all, or each with a chance of its own. */
static void crash_locked(void)
{
    for (struct image *im = disk.images; im != NULL; im = im->next) {
        unsigned chance = (unsigned)(draw() % 5) * 64; /* of 256 */

        if (im->cut < im->on_disk && draw() % 2 == 0)
            cut_file(im, im->cut);
        else if (im->cut < im->on_disk)
            continue; /* nothing after a cut that did not happen */
        for (size_t i = 0; i < sectors(im->n); i++)
            if (im->dirty[i] && draw() % 256 < chance)
                write_sector(im, i);
    }
    disk.off = true;
    disk.generation++;
    disk.crash_at = 0;
    forget_images();
}

/* Counts a call; true when the power is off, perhaps since this very call. */
static bool tick(const struct handle *h)
{
    if (disk.off || h->generation != disk.generation)
        return true;
    disk.calls++;
    if (disk.crash_at == 0 || disk.calls < disk.crash_at)
        return false;
    crash_locked();
    if (disk.instead != NULL)
        disk.instead();
    return true;
}

static void lock(void)
{
    pthread_mutex_lock(&disk.mutex);
}

static int unlock(int rc)
{
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

static struct handle *handle_of(sqlite3_file *f)
{
    return (struct handle *)f;
}

static int on_close(sqlite3_file *f)
{
    struct handle *h = handle_of(f);

    return h->real->pMethods != NULL ? h->real->pMethods->xClose(h->real) : SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    struct handle *h = handle_of(f);
    size_t have;

    lock();
    if (disk.off || h->generation != disk.generation || disk.fault == CRASH_VFS_READ_ERROR)
        return unlock(SQLITE_IOERR_READ);
    have = (size_t)at < h->image->n ? h->image->n - (size_t)at : 0;
    if (have >= (size_t)n) {
        memcpy(p, h->image->bytes + at, (size_t)n);
        return unlock(SQLITE_OK);
    }
    memset(p, 0, (size_t)n);
    if (have > 0)
        memcpy(p, h->image->bytes + at, have);
    return unlock(SQLITE_IOERR_SHORT_READ);
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct handle *h = handle_of(f);
    struct image *im = h->image;
    size_t end = (size_t)at + (size_t)n;

    lock();
    if (tick(h))
        return unlock(SQLITE_IOERR_WRITE);
    if (disk.fault == CRASH_VFS_FULL ||
        (disk.full_while != NULL && access(disk.full_while, F_OK) == 0))
        return unlock(SQLITE_FULL);
    if (end > im->n)
        set_size(im, end);
    memcpy(im->bytes + at, p, (size_t)n);
    mark(im, (size_t)at, end);
    if (draw() % 10000 < disk.writeback && im->cut >= im->on_disk) {
        size_t i = (size_t)(draw() % sectors(im->n));

        if (im->dirty[i])
            write_sector(im, i);
    }
    return unlock(SQLITE_OK);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct handle *h = handle_of(f);

    lock();
    if (tick(h))
        return unlock(SQLITE_IOERR_TRUNCATE);
    set_size(h->image, (size_t)size);
    return unlock(SQLITE_OK);
}

/* Without the lock: other connections go on. */
static void wait_while_stalled(void)
{
    const char *path;

    lock();
    path = disk.stall_while;
    (void)unlock(SQLITE_OK);
    while (path != NULL && access(path, F_OK) == 0)
        (void)usleep(10000);
}

static int on_sync(sqlite3_file *f, int flags)
{
    struct handle *h = handle_of(f);
    struct image *im = h->image;

    (void)flags;
    wait_while_stalled();
    lock();
    if (tick(h))
        return unlock(SQLITE_IOERR_FSYNC);
    if (disk.fault == CRASH_VFS_SYNC_ERROR) {
        /* The pages count as clean now, though they never got there. */
        memset(im->dirty, 0, sectors(im->cap) * sizeof(bool));
        return unlock(SQLITE_IOERR_FSYNC);
    }
    if (!disk.ignore_sync)
        write_back(im);
    return unlock(SQLITE_OK);
}

static int on_file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    struct handle *h = handle_of(f);

    lock();
    if (disk.off || h->generation != disk.generation)
        return unlock(SQLITE_IOERR_FSTAT);
    *ret = (sqlite3_int64)h->image->n;
    return unlock(SQLITE_OK);
}

static int on_lock(sqlite3_file *f, int level)
{
    return handle_of(f)->real->pMethods->xLock(handle_of(f)->real, level);
}

static int on_unlock(sqlite3_file *f, int level)
{
    return handle_of(f)->real->pMethods->xUnlock(handle_of(f)->real, level);
}

static int on_check_reserved(sqlite3_file *f, int *ret)
{
    return handle_of(f)->real->pMethods->xCheckReservedLock(handle_of(f)->real, ret);
}

static int on_file_control(sqlite3_file *f, int op, void *arg)
{
    struct handle *h = handle_of(f);

    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_OK; /* would change the real file */
    return h->real->pMethods->xFileControl(h->real, op, arg);
}

static int on_sector_size(sqlite3_file *f)
{
    return handle_of(f)->real->pMethods->xSectorSize(handle_of(f)->real);
}

static int on_characteristics(sqlite3_file *f)
{
    return handle_of(f)->real->pMethods->xDeviceCharacteristics(handle_of(f)->real);
}

static int on_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return handle_of(f)->real->pMethods->xShmMap(handle_of(f)->real, page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return handle_of(f)->real->pMethods->xShmLock(handle_of(f)->real, at, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
    handle_of(f)->real->pMethods->xShmBarrier(handle_of(f)->real);
}

static int on_shm_unmap(sqlite3_file *f, int remove_it)
{
    return handle_of(f)->real->pMethods->xShmUnmap(handle_of(f)->real, remove_it);
}

/* Version 2: no memory-mapped reads, they would miss what is held here. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
    struct handle *h = handle_of(f);
    int rc;

    (void)vfs;
    memset(h, 0, sizeof(*h));
    h->real = (sqlite3_file *)(h + 1);
    if (path == NULL) /* a temporary file has nothing to lose */
        return disk.unix_vfs->xOpen(disk.unix_vfs, path, f, flags, ret_flags);
    lock();
    if (disk.off)
        return unlock(SQLITE_CANTOPEN);
    rc = disk.unix_vfs->xOpen(disk.unix_vfs, path, h->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return unlock(rc);
    h->image = find_image(path);
    h->generation = disk.generation;
    if (h->image == NULL) {
        h->real->pMethods->xClose(h->real);
        return unlock(SQLITE_CANTOPEN);
    }
    h->base.pMethods = &methods;
    return unlock(SQLITE_OK);
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    struct stat st;

    (void)vfs;
    lock();
    if (disk.off)
        return unlock(SQLITE_IOERR_DELETE);
    if (stat(path, &st) == 0) {
        for (struct image **at = &disk.images; *at != NULL; at = &(*at)->next) {
            struct image *im = *at;

            if (im->dev != st.st_dev || im->ino != st.st_ino)
                continue;
            *at = im->next;
            close(im->fd);
            free(im->bytes);
            free(im->dirty);
            free(im);
            break;
        }
    }
    return unlock(disk.unix_vfs->xDelete(disk.unix_vfs, path, sync_dir));
}

int crash_vfs_register(bool make_default)
{
    if (disk.unix_vfs != NULL)
        return SQLITE_OK;
    disk.unix_vfs = sqlite3_vfs_find("unix");
    if (disk.unix_vfs == NULL)
        return SQLITE_NOTFOUND;
    disk.vfs = *disk.unix_vfs;
    disk.vfs.pNext = NULL;
    disk.vfs.zName = CRASH_VFS_NAME;
    disk.vfs.szOsFile = (int)sizeof(struct handle) + disk.unix_vfs->szOsFile;
    disk.vfs.xOpen = on_open;
    disk.vfs.xDelete = on_delete;
    return sqlite3_vfs_register(&disk.vfs, make_default);
}

void crash_vfs_reset(uint64_t seed)
{
    lock();
    forget_images();
    disk.random = seed * 2 + 1;
    disk.off = false;
    disk.generation++;
    disk.ignore_sync = false;
    disk.writeback = 0;
    disk.fault = CRASH_VFS_HEALTHY;
    disk.calls = disk.crash_at = 0;
    disk.instead = NULL;
    unlock(0);
}

void crash_vfs_ignore_sync(bool on)
{
    lock();
    disk.ignore_sync = on;
    unlock(0);
}

void crash_vfs_writeback(unsigned per_10000)
{
    lock();
    disk.writeback = per_10000;
    unlock(0);
}

void crash_vfs_crash(void)
{
    lock();
    if (!disk.off)
        crash_locked();
    unlock(0);
}

void crash_vfs_crash_after(uint64_t n, void (*instead)(void))
{
    lock();
    disk.crash_at = n > 0 ? disk.calls + n : 0;
    disk.instead = instead;
    unlock(0);
}

bool crash_vfs_crashed(void)
{
    bool off;

    lock();
    off = disk.off;
    unlock(0);
    return off;
}

void crash_vfs_restart(void)
{
    lock();
    disk.off = false;
    unlock(0);
}

void crash_vfs_set_fault(enum crash_vfs_fault fault)
{
    lock();
    disk.fault = fault;
    unlock(0);
}

uint64_t crash_vfs_calls(void)
{
    uint64_t calls;

    lock();
    calls = disk.calls;
    unlock(0);
    return calls;
}

void crash_vfs_full_while(const char *path)
{
    lock();
    disk.full_while = path;
    unlock(SQLITE_OK);
}

void crash_vfs_stall_while(const char *path)
{
    lock();
    disk.stall_while = path;
    unlock(SQLITE_OK);
}

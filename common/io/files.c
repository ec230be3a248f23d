#include "common/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct err *err, int error, const char *what, const char *path)
{
    char text[128];

    return err_set(err, -error, "%s %s: %s", what, path, strerror_r(error, text, sizeof(text)));
}

static int read_up_to(int fd, size_t max_bytes, struct buf *ret)
{
    size_t total = 0;
    char block[16384];

    for (;;) {
        ssize_t got = read(fd, block, sizeof(block));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > max_bytes)
            return EFBIG;
        buf_add(ret, block, (size_t)got);
        if (ret->overflow)
            return EFBIG;
    }
}

bool file_is_public(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

int file_read(const char *path, size_t max_bytes, struct buf *ret, struct err *err)
{
    size_t before = ret->n;
    int error;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(err, errno, "open", path);
    error = read_up_to(fd, max_bytes, ret);
    close(fd);
    if (error == 0)
        return 0;
    if (ret->n > before) {
        ret->n = before;
        ret->p[before] = '\0';
    }
    if (error == EFBIG)
        return err_set(err, -EFBIG, "%s has more than %zu bytes", path, max_bytes);
    return fail(err, error, "read", path);
}

static int write_all(int fd, struct str content)
{
    while (content.n > 0) {
        ssize_t put = write(fd, content.p, content.n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        content = str_sub(content, (size_t)put, content.n);
    }
    return 0;
}

int dir_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = 0;

    if (fd < 0)
        return fail(err, errno, "open", path);
    /* Some file systems have no fsync for directories; theirs are written through. */
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        error = errno;
    close(fd);
    return error != 0 ? fail(err, error, "fsync", path) : 0;
}

static int sync_parent(const char *path, struct err *err)
{
    char *copy = xstrdup(path);
    int rc = dir_sync(dirname(copy), err);

    free(copy);
    return rc;
}

int file_write_atomic(const char *path, struct str content, mode_t mode, struct err *err)
{
    struct buf temporary;
    int fd;
    int error = 0;

    buf_init(&temporary, KIB(16));
    buf_add_fmt(&temporary, "%s.tmp-XXXXXX", path);
    fd = mkostemp(temporary.p, O_CLOEXEC);
    if (fd < 0) {
        error = errno;
        buf_clear(&temporary);
        return fail(err, error, "create a temporary file beside", path);
    }
    error = write_all(fd, content);
    if (error == 0 && fchmod(fd, mode) < 0)
        error = errno;
    if (error == 0 && fsync(fd) < 0)
        error = errno;
    if (close(fd) < 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temporary.p, path) < 0)
        error = errno;
    if (error != 0)
        (void)unlink(temporary.p);
    buf_clear(&temporary);
    if (error != 0)
        return fail(err, error, "write", path);
    return sync_parent(path, err);
}

/* Makes one folder; an existing one is fine, an existing something else is not. */
static int make_one(const char *path, mode_t mode, struct err *err)
{
    struct stat st;

    if (mkdir(path, mode) == 0) {
        int rc = sync_parent(path, err);

        return rc == -EACCES ? 0 : rc; /* a parent we may enter but not list */
    }
    if (errno != EEXIST)
        return fail(err, errno, "mkdir", path);
    if (stat(path, &st) < 0)
        return fail(err, errno, "stat", path);
    if (!S_ISDIR(st.st_mode))
        return fail(err, ENOTDIR, "mkdir", path);
    return 0;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
    char *copy;
    int rc = 0;

    if (path[0] == '\0')
        return err_set(err, -EINVAL, "empty path");
    copy = xstrdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = make_one(copy, mode, err);
        *slash = '/';
    }
    if (rc == 0)
        rc = make_one(copy, mode, err);
    free(copy);
    return rc;
}

int file_lock(const char *path, int *ret_fd, struct err *err)
{
    char pid[24] = "";
    ssize_t n;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(err, errno, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;

        n = read(fd, pid, sizeof(pid) - 1);
        close(fd);
        if (error != EWOULDBLOCK)
            return fail(err, error, "lock", path);
        for (ssize_t i = 0; i < n; i++)
            if (pid[i] < '0' || pid[i] > '9')
                pid[i] = '\0';
        return err_set(err, -EBUSY, "%s is locked: process %s uses this folder", path,
                       pid[0] != '\0' ? pid : "(unknown)");
    }
    /* For people only: on a full disk the lock holds all the same. */
    (void)snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
        errno = 0;
    *ret_fd = fd;
    return 0;
}

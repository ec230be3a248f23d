#include "common/io/file_mark.h"

#include <sys/stat.h>

void file_mark_take(const char *path, struct file_mark *ret)
{
    struct stat st;

    *ret = (struct file_mark){0};
    if (path == NULL || stat(path, &st) < 0)
        return;
    ret->device = st.st_dev;
    ret->inode = st.st_ino;
    ret->size = st.st_size;
    ret->modified = st.st_mtim;
}

bool file_mark_eq(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

#include "common/cli/template_files.h"

#include "common/io/files.h"

#include <glob.h>

static int add_file(struct template_set *set, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct buf text;
    int rc;

    buf_init(&text, 0);
    rc = file_read(path, TEMPLATE_TEXT_BYTES_MAX, &text, err);
    if (rc == 0)
        rc = template_set_add(set, str_from(slash != NULL ? slash + 1 : path), buf_str(&text), err);
    buf_clear(&text);
    return rc;
}

int template_files_add(struct template_set *set, const char *folder, struct str pattern,
                       struct err *err)
{
    bool joined = folder != NULL && pattern.n > 0 && pattern.p[0] != '/';
    glob_t found = {0};
    struct buf path;
    int rc;

    buf_init(&path, 0);
    buf_add_fmt(&path, "%s%s" STR_FMT, joined ? folder : "", joined ? "/" : "", STR_ARG(pattern));
    rc = glob(path.p, 0, NULL, &found);
    if (rc == GLOB_NOMATCH)
        rc = 0;
    else if (rc != 0)
        rc = err_set(err, -EIO, "%s: cannot be expanded", path.p);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        rc = add_file(set, found.gl_pathv[i], err);
    globfree(&found);
    buf_clear(&path);
    return rc;
}

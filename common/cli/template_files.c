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

int template_files_add(struct template_set *set, const char *pattern, struct err *err)
{
    glob_t found = {0};
    int rc = glob(pattern, 0, NULL, &found);

    if (rc == GLOB_NOMATCH)
        rc = 0;
    else if (rc != 0)
        rc = err_set(err, -EIO, "%s: cannot be expanded", pattern);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        rc = add_file(set, found.gl_pathv[i], err);
    globfree(&found);
    return rc;
}

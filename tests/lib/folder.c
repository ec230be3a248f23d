#include "tests/lib/folder.h"

#include <ftw.h>
#include <unistd.h>

char *folder_file(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = xmalloc(n);

    (void)snprintf(path, n, "%s/%s", folder, name);
    return path;
}

char *folder_new(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = folder_file(tmp != NULL ? tmp : "/tmp", "tocsin-test-XXXXXX");

    if (mkdtemp(path) == NULL)
        abort();
    return path;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *ftw UNUSED)
{
    return remove(path);
}

void folder_remove(char *folder)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
        abort();
    free(folder);
}

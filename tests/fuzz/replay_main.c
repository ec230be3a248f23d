/* Stands in for libFuzzer: runs the target on every file of the folders that are its arguments. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *data;
    FILE *f;
    long size;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(path);
        return -1;
    }
    rewind(f);
    data = xmalloc((size_t)size); /* of exactly this size, so that a byte too far is seen */
    if (fread(data, 1, (size_t)size, f) != (size_t)size) {
        perror(path);
        return -1;
    }
    (void)fclose(f);
    (void)fprintf(stderr, "%s\n", path); /* the last one named is the one that broke it */
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int n = scandir(argv[i], &entries, NULL, alphasort);

        if (n < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < n; k++) {
            if (entries[k]->d_name[0] != '.') {
                if (run_file(argv[i], entries[k]->d_name) < 0)
                    return 1;
                files++;
            }
            free(entries[k]);
        }
        free(entries);
    }
    (void)fprintf(stderr, "%d inputs\n", files);
    return files > 0 ? 0 : 1; /* an empty corpus tests nothing */
}

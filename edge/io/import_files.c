#include "edge/io/import_files.h"

#include "common/core/gossip/import.h"
#include "common/io/files.h"
#include "common/io/log_out.h"
#include "edge/core/edge.h"

#include <unistd.h>

#define LOG_COMPONENT "import"
#define PIECE_BYTES MIB(2) /* less than the store's queue takes, written as rows */

static void give(struct daemon *d, enum import_file file, struct str content)
{
    size_t at = 0;

    do { /* an empty file is a last piece, too */
        struct str rest = str_sub(content, at, content.n);
        size_t n = import_piece(rest, PIECE_BYTES);
        struct engine_input in = {.kind = ENGINE_IMPORT,
                                  .import = {.file = file,
                                             .records = str_sub(rest, 0, n),
                                             .at = at,
                                             .last = at + n == content.n}};

        daemon_give(d, &in);
        at += n;
    } while (at < content.n);
}

void import_files(struct daemon *d, struct engine *e, const char *storage_path)
{
    for (enum import_file file = IMPORT_SILENCES; file < IMPORT_FILES; file++) {
        char path[4096];
        struct buf content;
        struct err err;

        (void)snprintf(path, sizeof(path), "%s/%s", storage_path, edge_import_file_name(file));
        if (!edge_wants_import(e, file) || access(path, F_OK) < 0)
            continue;
        if (daemon_store_regressed(d)) {
            log_warn("an Alertmanager's file is taken over at the next start, after the store "
                     "has been resynced",
                     KV("file", (const char *)path));
            continue;
        }
        buf_init(&content, IMPORT_FILE_BYTES_MAX + 1);
        if (file_read(path, IMPORT_FILE_BYTES_MAX, &content, &err) < 0)
            log_error("an Alertmanager's file cannot be read, going on without it; the next start "
                      "tries again",
                      KV("err", (const char *)err.text));
        else
            give(d, file, buf_str(&content));
        buf_clear(&content);
    }
}

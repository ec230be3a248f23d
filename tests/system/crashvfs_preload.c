/* libcrashvfs.so: preloaded into a daemon it makes tests/lib/crash_vfs.h SQLite's default VFS, so
 * that kill -9 does to the database what a power failure would: unsynced writes are gone.
 *
 *     CRASHVFS_SEED=7            draws repeat; otherwise a new seed each time
 *     CRASHVFS_CRASH_AFTER=500   kills the process within one of the next 500 writes and syncs
 *     CRASHVFS_WRITEBACK=1000    chance in 10000 that a write has some sector reach the file early
 *     CRASHVFS_IGNORE_SYNC=1     syncs do nothing, as with PRAGMA synchronous=OFF
 *     CRASHVFS_FULL_WHILE=PATH   writes fail as on a full disk while PATH exists
 *     CRASHVFS_STALL_WHILE=PATH  syncs hang while PATH exists
 *
 * Into a program built with AddressSanitizer it goes with ASAN_OPTIONS=verify_asan_link_order=0. */
#include "tests/lib/crash_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static uint64_t env_number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

__attribute__((constructor)) static void take_over(void)
{
    uint64_t seed = 1;
    uint64_t most = env_number("CRASHVFS_CRASH_AFTER", 0);

    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        abort();
    seed = env_number("CRASHVFS_SEED", seed);
    crash_vfs_reset(seed);
    if (crash_vfs_register(true) != SQLITE_OK)
        abort();
    crash_vfs_writeback((unsigned)env_number("CRASHVFS_WRITEBACK", 0));
    crash_vfs_full_while(getenv("CRASHVFS_FULL_WHILE"));
    crash_vfs_stall_while(getenv("CRASHVFS_STALL_WHILE"));
    crash_vfs_ignore_sync(env_number("CRASHVFS_IGNORE_SYNC", 0) != 0);
    if (most > 0) /* splitmix64, so that neighbouring seeds die at different moments */
        crash_vfs_crash_after(
            1 + ((seed + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9) >> 20) % most,
            die);
}

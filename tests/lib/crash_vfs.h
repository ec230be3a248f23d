/* A SQLite VFS over the unix one whose disk forgets. A write stays in this process' memory until
 * xSync, so that a crash loses what was not synced: by crash_vfs_crash within the process, or by
 * kill -9 of a daemon into which tests/system/libcrashvfs.so was preloaded. Which sectors of the
 * unsynced writes reach the file nevertheless is drawn at random, as a disk would: sectors are torn
 * at 512 bytes and come in any order. Reads see what was written. Files are known by their inode,
 * so renaming one takes its unsynced writes along. Deleting takes effect at once.
 *
 * One per process; safe from every thread. Uses nothing but libc and SQLite. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CRASH_VFS_NAME "crash"

int crash_vfs_register(bool make_default); /* again: no effect; returns an SQLite code */

/* Forgets everything, as a new process with healthy files would, and starts the generator. */
void crash_vfs_reset(uint64_t seed);

void crash_vfs_ignore_sync(bool on); /* syncs succeed and do nothing: a disk that lies */
void crash_vfs_writeback(
    unsigned per_10000); /* chance that a write has some sector written early */

/* The power fails: sectors drawn at random reach the files, the rest is lost; from now on every
 * call and every opening fails until crash_vfs_restart. */
void crash_vfs_crash(void);
/* The same within the n-th write, truncation or sync from now; n = 0: never. `instead`, when not
 * NULL, is called after the sectors have been drawn (the preloaded library kills the process). */
void crash_vfs_crash_after(uint64_t n, void (*instead)(void));
bool crash_vfs_crashed(void);
void crash_vfs_restart(void);

enum crash_vfs_fault {
    CRASH_VFS_HEALTHY,
    CRASH_VFS_FULL,       /* writes fail as on a full disk */
    CRASH_VFS_SYNC_ERROR, /* xSync fails, and what it should have written is lost: as Linux does */
    CRASH_VFS_READ_ERROR, /* reads fail */
};
void crash_vfs_set_fault(enum crash_vfs_fault fault); /* until set to another */
/* Writes fail as on a full disk while this file exists. The path stays the caller's; NULL: never.
 */
void crash_vfs_full_while(const char *path);
void crash_vfs_stall_while(const char *path); /* the same: syncs hang, and succeed after that */

uint64_t crash_vfs_calls(void); /* writes, truncations and syncs since the reset */

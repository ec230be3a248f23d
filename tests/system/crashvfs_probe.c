/* Does libcrashvfs.so do what the tests with kill -9 rely on? A child with it preloaded commits
 * rows and is killed; the parent, without it, counts what is left. crashvfs_probe LIBRARY */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 20

static void check(int rc, const char *what)
{
    if (rc == SQLITE_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, sqlite3_errstr(rc));
    exit(1);
}

static int child(const char *path, const char *synchronous)
{
    char sql[256];
    sqlite3 *db = NULL;

    check(sqlite3_open(path, &db), "open");
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s;",
                   synchronous);
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), "configure");
    for (int i = 0; i < ROWS; i++)
        check(sqlite3_exec(db, "INSERT INTO t VALUES(randomblob(3000))", NULL, NULL, NULL),
              "insert");
    (void)raise(SIGKILL);
    return 0;
}

static int count(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int n = -1;

    check(sqlite3_open(path, &db), "open");
    check(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &stmt, NULL), "count");
    if (sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

/* Returns the rows left after the kill, or -1. */
static int run(const char *self, const char *library, const char *synchronous, const char *env)
{
    char folder[] = "/tmp/tocsin-crashvfs-XXXXXX";
    char path[128];
    sqlite3 *db = NULL;
    int status = 0;
    int left = -1;
    pid_t pid;

    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    check(sqlite3_open(path, &db), "open");
    check(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), "make");
    sqlite3_close(db);
    pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", library, 1);
        if (env != NULL)
            setenv(env, "1", 1);
        execl("/proc/self/exe", self, "child", path, synchronous, (char *)NULL);
        _exit(127);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
        WTERMSIG(status) == SIGKILL)
        left = count(path);
    for (size_t i = 0; i < 4; i++) {
        static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
        char name[160];

        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    (void)rmdir(folder);
    return left;
}

static int expect(const char *what, int got, int want)
{
    printf("%s: %d rows left, %d expected\n", what, got, want);
    return got == want ? 0 : 1;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3]);
    if (argc != 2)
        return 2;
    failed += expect("synchronous=FULL", run(argv[0], argv[1], "FULL", NULL), ROWS);
    failed += expect("synchronous=OFF", run(argv[0], argv[1], "OFF", NULL), 0);
    failed += expect("syncs ignored", run(argv[0], argv[1], "FULL", "CRASHVFS_IGNORE_SYNC"), 0);
    failed += expect("killed at the first write",
                     run(argv[0], argv[1], "FULL", "CRASHVFS_CRASH_AFTER"), 0);
    return failed > 0 ? 1 : 0;
}

/* config_probe [-c|-u] FILE…: what we say of configuration files, for test_config_conformance.py.
 * For each file a line "FILE valid" or "FILE invalid: first mistake | next …"; with -t the
 * configuration in force follows. With -m N, N mutants of each file are judged instead: they may be
 * good or bad, but nothing may crash, refuse without a word, or read back as something else. */
#include "common/core/config/am_config.h"
#include "tests/lib/config_again.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

static struct str read_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct buf b;
    int c;

    if (f == NULL) {
        perror(path);
        exit(2);
    }
    buf_init(&b, 0);
    while ((c = getc(f)) != EOF)
        buf_add_char(&b, (char)c);
    (void)fclose(f);

    struct str text = arena_str(a, buf_str(&b));

    buf_clear(&b);
    return text;
}

static bool judge(const char *path, struct str text, enum matcher_mode mode, bool tell,
                  bool with_text)
{
    struct arena *a = arena_new(0);
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, str_from(path));

    bool good = am_config_parse(text, mode, &c, &report) == 0;

    assert(good == (report.mistakes.n == 0));
    if (good)
        config_again(c, mode);
    if (tell) {
        (void)printf("%s %s", path, good ? "valid\n" : "invalid:");
        for (size_t i = 0; i < report.mistakes.n; i++)
            (void)printf("%s%s", i > 0 ? " | " : " ", report.mistakes.v[i].text);
        if (!good)
            (void)printf("\n");
        if (good && with_text)
            (void)printf(STR_FMT, STR_ARG(config_text(c, a)));
    }
    am_config_free(c);
    config_report_clear(&report);
    arena_free(a);
    return good;
}

/* ---- mutants ---- */

static uint64_t seed;

static size_t below(size_t n) /* xorshift: the same mutants everywhere */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return n > 0 ? (size_t)(seed % n) : 0;
}

/* What people get wrong: a line lost, doubled, indented anew; a value emptied, quoted or replaced.
 */
static void mutate(struct buf *to, struct str text)
{
    static const char *const values[] = {"null",       "''",
                                         "[]",         "{}",
                                         "yes",        "-1",
                                         "1e3",        "0x",
                                         "'{{ .x'",    "99999999999999999999",
                                         "[null]",     "!!binary aGk=",
                                         "*none",      "{a: b}",
                                         "https://",   "5",
                                         "1h30m",      "<secret>",
                                         "\"\\u0000\""};
    size_t lines = 1, victim, n = 0;
    unsigned kind = (unsigned)below(7);
    struct str rest = text, line;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    victim = below(lines);
    while (str_split(&rest, '\n', &line)) {
        size_t colon = str_find_char(line, ':');
        bool hit = n++ == victim;

        if (hit && kind == 0)
            continue;
        if (hit && kind == 1)
            buf_add_str(to, STR("  "));
        if (hit && kind == 2) {
            buf_add_str(to, line);
            buf_add_char(to, '\n');
        }
        if (hit && kind == 3 && line.n > 0)
            line = str_sub(line, 0, below(line.n));
        if (hit && kind >= 4 && colon < line.n) {
            buf_add_str(to, str_sub(line, 0, colon + 1));
            buf_add_fmt(to, " %s", values[below(ARRAY_SIZE(values))]);
            line = STR_EMPTY;
        }
        buf_add_str(to, line);
        buf_add_char(to, '\n');
    }
}

static void mutants(const char *path, struct str text, enum matcher_mode mode, size_t n)
{
    size_t good = 0;
    struct buf b;

    buf_init(&b, 0);
    seed = 0x9E3779B97F4A7C15u ^ text.n;
    for (size_t i = 0; i < n; i++) {
        buf_reset(&b);
        mutate(&b, text);
        good += judge(path, buf_str(&b), mode, false, false);
    }
    (void)printf("%s %zu mutants, %zu valid\n", path, n, good);
    buf_clear(&b);
}

int main(int argc, char **argv)
{
    enum matcher_mode mode = MATCHER_FALLBACK;
    bool with_text = false;
    size_t n = 0;
    int opt;

    while ((opt = getopt(argc, argv, "cutm:")) != -1) {
        if (opt == 'c')
            mode = MATCHER_CLASSIC;
        else if (opt == 'u')
            mode = MATCHER_UTF8;
        else if (opt == 't')
            with_text = true;
        else if (opt == 'm')
            n = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    for (int i = optind; i < argc; i++) {
        struct arena *a = arena_new(0);
        struct str text = read_file(a, argv[i]);

        if (n > 0)
            mutants(argv[i], text, mode, n);
        else
            (void)judge(argv[i], text, mode, true, with_text);
        arena_free(a);
    }
    return 0;
}

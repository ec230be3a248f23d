#include "common/cli/matcher_args.h"

#include "common/base/time_text.h"
#include "common/base/utf8.h"
#include "common/base/vec.h"

#define NS_PER_MS INT64_C(1000000)

const char *args_shorthand(const char *first, enum matcher_mode mode, struct arena *a)
{
    struct matcher m;
    struct buf quoted;
    const char *text;

    if (matcher_parse(str_from(first), mode, a, &m, NULL) == 0) {
        matcher_clear(&m);
        return first;
    }
    buf_init(&quoted, 0);
    m = (struct matcher){.op = MATCH_EQ, .name = STR("alertname"), .value = str_from(first)};
    matcher_add_text(&quoted, &m);
    text = arena_str(a, buf_str(&quoted)).p;
    buf_clear(&quoted);
    return text;
}

int args_matchers(const char *const *args, size_t n, enum matcher_mode mode, struct arena *a,
                  struct matchers *ret, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = i == 0 ? args_shorthand(args[i], mode, a) : args[i];
        struct matcher m;

        if (matcher_parse(str_from(text), mode, a, &m, err) < 0)
            return -EINVAL;
        matchers_add(ret, m, a);
    }
    return 0;
}

int args_labels(const char *const *args, size_t n, const char *what, enum matcher_mode mode,
                struct arena *a, struct labels *ret, struct err *err)
{
    struct label *v = ARENA_ARRAY(a, struct label, n);

    for (size_t i = 0; i < n; i++) {
        struct matcher m;
        enum matcher_op op;

        if (matcher_parse(str_from(args[i]), mode, a, &m, err) < 0)
            return -EINVAL;
        op = m.op;
        v[i] = (struct label){.name = m.name, .value = m.value};
        matcher_clear(&m);
        if (op != MATCH_EQ)
            return err_set(err, -EINVAL, "%s must be specified as key=value pairs", what);
    }
    *ret = (struct labels){.v = v, .n = labels_sort_all(v, n)};
    return 0;
}

int args_time(const char *text, struct go_time *ret, struct err *err)
{
    return go_time_parse(ret, STR("2006-01-02T15:04:05Z07:00"), str_from(text), err);
}

static int args_duration(const char *text, int64_t *ret_ms, struct err *err)
{
    if (duration_parse(str_from(text), ret_ms, err) < 0)
        return -EINVAL;
    if (*ret_ms <= 0)
        return err_set(err, -EINVAL, "silence duration must be greater than 0");
    return 0;
}

int args_span(const struct args_span *s, struct go_time from, struct go_time *ret_start,
              struct go_time *ret_end, struct err *err)
{
    struct go_time start = from, end = *ret_end;
    int64_t ms;
    int rc = s->start != NULL ? args_time(s->start, &start, err) : 0;

    if (rc == 0 && s->end != NULL) {
        rc = args_time(s->end, &end, err);
    } else if (rc == 0 && s->duration != NULL) {
        rc = args_duration(s->duration, &ms, err);
        if (rc == 0 && ms > INT64_MAX / NS_PER_MS)
            rc = err_set(err, -EINVAL, "duration out of range");
        if (rc == 0) {
            end = go_time_add(start, ms * NS_PER_MS);
            end.offset_s = 0; /* as amtool: the end that was not given is in UTC */
            end.zone = STR("UTC");
        }
    }
    if (rc == 0 && go_time_cmp(start, end) > 0)
        rc = err_set(err, -EINVAL, "silence cannot start after it ends");
    if (rc < 0)
        return rc;
    *ret_start = start;
    *ret_end = end;
    return 0;
}

struct str args_time_text(struct arena *a, struct go_time t)
{
    struct buf b;
    struct str text;

    buf_init(&b, 0);
    go_time_format(&b, STR("2006-01-02T15:04:05.000Z07:00"), t);
    text = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return text;
}

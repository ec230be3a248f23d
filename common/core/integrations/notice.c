#include "common/core/integrations/notice.h"

static struct labels notice_labels(const struct notice_alert *m, bool annotations)
{
    return annotations ? m->annotations : m->labels;
}

/* Annotations may be empty, so labels_get would not do. */
static bool has_pair(struct labels l, const struct label *pair)
{
    LABELS_EACH (&l, it) {
        if (str_eq(it->name, pair->name))
            return str_eq(it->value, pair->value);
    }
    return false;
}

static struct labels common(const struct notice_alert *v, size_t n, bool annotations,
                            struct arena *a)
{
    struct labels first;
    struct label *ret;
    size_t kept = 0;

    if (n == 0)
        return (struct labels){0};
    first = notice_labels(&v[0], annotations);
    ret = ARENA_ARRAY(a, struct label, first.n);
    for (size_t i = 0; i < first.n; i++) {
        bool everywhere = true;

        for (size_t j = 1; j < n && everywhere; j++)
            everywhere = has_pair(notice_labels(&v[j], annotations), &first.v[i]);
        if (everywhere)
            ret[kept++] = first.v[i];
    }
    return (struct labels){.v = ret, .n = kept};
}

struct labels notice_common_labels(const struct notice_alert *v, size_t n, struct arena *a)
{
    return common(v, n, false, a);
}

struct labels notice_common_annotations(const struct notice_alert *v, size_t n, struct arena *a)
{
    return common(v, n, true, a);
}

struct judgement notice_judge_http(const struct engine_delivery *d)
{
    if (d->status >= 200 && d->status < 300)
        return (struct judgement){.verdict = VERDICT_SENT};
    if (d->status == 429)
        return (struct judgement){.verdict = VERDICT_RETRY,
                                  .delay_ms = max_i64(d->retry_after_ms, 0),
                                  .reason = "rateLimited"};
    if (d->status >= 500)
        return (struct judgement){.verdict = VERDICT_RETRY, .reason = "serverError"};
    if (d->status == 401 || d->status == 403)
        return (struct judgement){.verdict = VERDICT_GIVE_UP, .reason = "authError"};
    return (struct judgement){.verdict = VERDICT_GIVE_UP,
                              .reason = d->status >= 400 ? "clientError" : "other"};
}

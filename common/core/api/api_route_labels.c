/* The labels of a group's route as the API shows them: templates, rendered against all alerts of
 * the group (core specification §2.6). One that cannot be rendered is left out. */
#include "common/core/api/api_list.h"

#include "common/core/integrations/notice.h"
#include "common/core/template/data.h"
#include "common/core/template/template.h"

#include <errno.h>
#include <stdlib.h>

static bool is_template(struct labels l)
{
    LABELS_EACH (&l, it) {
        if (str_contains(it->value, STR("{{")))
            return true;
    }
    return false;
}

static int compare(const void *x, const void *y)
{
    const struct notice_alert *a = x, *b = y;
    int c = labels_cmp_alert(a->labels, b->labels);

    return c != 0 ? c : a->fp < b->fp ? -1 : 1;
}

static struct notice notice_of(const struct api_v2 *api, const struct group *group, struct arena *a)
{
    struct notice_alert *v = ARENA_ARRAY(a, struct notice_alert, group_size(group));
    bool resolved = true;
    size_t n = 0;

    for (const struct group_member *m = group_members(group); m != NULL; m = TAILQ_NEXT(m, link)) {
        const struct alert *alert = m->alert;

        v[n++] =
            (struct notice_alert){.labels = alert_labels(alert, a),
                                  .annotations = alert_annotations(alert, a),
                                  .starts_wall_ms = alert->starts_wall_ms,
                                  .ends_wall_ms = alert->firing ? WALL_ABSENT : alert->ends_wall_ms,
                                  .resolved = !alert->firing,
                                  .generator_url = alert_generator_url(alert),
                                  .fp = alert->fp};
        resolved = resolved && !alert->firing;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), compare);
    return (struct notice){.receiver = group_route(group)->receiver->name,
                           .group_key = group_key(group),
                           .group_labels = group_labels(group),
                           .common_labels = notice_common_labels(v, n, a),
                           .common_annotations = notice_common_annotations(v, n, a),
                           .alerts = v,
                           .alerts_n = n,
                           .resolved = resolved,
                           .external_url = api->external_url,
                           .reason = STR("unknown")};
}

static int render(struct str text, struct tv data, const struct template_env *env, struct arena *a,
                  struct str *ret)
{
    struct template_set *set = template_set_new();
    struct template *t = NULL;
    struct err err;
    int r = template_parse(&t, set, text, &err);

    if (r == 0)
        r = template_render(t, data, env, a, ret, &err);
    template_free(t);
    template_set_free(set);
    return r;
}

void api_add_route_labels(const struct api_v2 *api, struct buf *b, const struct group *group,
                          struct arena *scratch, struct now now, size_t *cost)
{
    struct labels labels = group_route(group)->labels;
    struct template_env env = {.now = now, .raw_route_labels = true};
    struct label *v;
    struct notice notice;
    struct tv data;
    size_t n = 0;

    if (!is_template(labels)) {
        api_add_labels(b, labels);
        return;
    }
    notice = notice_of(api, group, scratch);
    data = data_from_notice(scratch, &notice, labels);
    env.route_labels = data_kv(scratch, labels);
    v = ARENA_ARRAY(scratch, struct label, labels.n);
    LABELS_EACH (&labels, it) {
        v[n].name = it->name;
        if (render(it->value, data, &env, scratch, &v[n].value) == 0)
            n++;
        *cost += API_COST_TEMPLATE;
    }
    api_add_labels(b, (struct labels){.v = v, .n = n});
}

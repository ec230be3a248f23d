#include "common/core/integrations/integration.h"

static const struct integration *const all[] = {
    &integration_webhook,
};

const struct integration *const *integrations_all(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(all);
    return all;
}

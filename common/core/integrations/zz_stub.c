#include "common/core/integrations/integration.h"
struct wh { struct str url; bool send_resolved; };
static const struct config_field f[] = {{.name="url",.kind=CONFIG_SECRET_URL,.offset=offsetof(struct wh,url)},{.name="send_resolved",.kind=CONFIG_BOOL,.offset=offsetof(struct wh,send_resolved)}};
const struct integration integration_webhook = {.name="webhook",.config_key="webhook_configs",.fields=f,.fields_n=2,.config_size=sizeof(struct wh),.send_resolved_default=true,.send_resolved_offset=offsetof(struct wh,send_resolved)};
static const struct integration *const all[] = {&integration_webhook};
const struct integration *const *integrations_all(size_t *n) { *n = 1; return all; }

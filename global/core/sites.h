/* Sites live and silent; streams.h has the structures. On each change incident_on_site is called.
 */
#pragma once

#include "global/core/streams.h"

/* The stream was heard: ends its silence and that of its site, ends doubts about its members. */
void site_heard(struct global *g, struct stream *s, struct out *out);
/* Streams whose silence is due by now, and then sites without any live stream. */
void sites_tick(struct global *g, struct out *out);
bool stream_live(const struct stream *s); /* heard within silent_after (or since the start) */

/* Sites live and silent; streams.h has the structures. On each change incident_on_site is called.
 */
#pragma once

#include "global/core/streams.h"

/* The stream was heard: ends its silence and that of its site, and doubts about its members. */
void site_heard(struct global *g, struct stream *s, struct out *out);
/* From now on the stream's silence is counted (again). */
void sites_watch(struct global *g, struct stream *s);
/* After the rows were given: a site that was silent before is silent still. */
void site_start(struct global *g, struct site *site);
/* Streams whose silence is due by now, and then sites without any live stream. */
void sites_tick(struct global *g, struct out *out);
/* Heard within silent_after. After a restart a stream that was silent before is not live until it
 * is heard; the others have silent_after from the start. */
bool stream_live(const struct stream *s);
int64_t silent_after_ms(const struct global *g);

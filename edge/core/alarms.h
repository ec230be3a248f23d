/* Alarms of the edge itself: alerts that it puts into its own table, so that the DC's routes tell
 * somebody. They are not offered to the spool: what is broken may be the way up, and global watches
 * its edges by itself.
 *
 *   TocsinUplinkDown          {node, severity=critical, site}
 *   TocsinSpoolFull           {node, severity=critical, site}
 *   TocsinStoreFailing        {node, severity=critical, site}
 *   TocsinCertificateExpiring {node, severity, site, what, within}
 *
 * `site` is absent without a federation. `what` is certificate, ca or crl; `within` is 30d
 * (severity warning), 7d or 1d (critical): each is an alert of its own, so that each is told. */
#pragma once

#include "common/core/alerts/alerts.h"
#include "common/core/engine.h"

struct edge;

/* Its labels are those of an alarm of this node. */
bool edge_is_alarm(const struct edge *e, const struct alert *a);

/* With a federation, at the end of every step. pending: the spool holds rows that some node lacks,
 * so that shortly after a start it cannot be known yet that a cause is gone. */
void edge_alarm_uplink(struct edge *e, bool down, bool spool_full, bool pending, struct now now,
                       struct out *out);

/* e->health is new. Does nothing before the start. */
void edge_alarm_health(struct edge *e, struct now now, struct out *out);

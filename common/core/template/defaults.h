/* The templates that every set starts with. Their names and what they render to are Alertmanager's,
 * which configurations rely on and override; how they get there is our own. */
#pragma once

#include "common/base/buf.h"

#define DEFAULTS_NAME "defaults" /* the file that messages blame */

void defaults_add_source(struct buf *b); /* all of them, as one text of defines */

void defaults_add_email(struct buf *b);       /* the body of email.default.html */
void defaults_add_email_alert(struct buf *b); /* of the rows of one alert in it */

/* The reference page of alertmanager.yml, from the tables that read it. */
#pragma once

#include "common/base/buf.h"

void config_reference_add(struct buf *b); /* Markdown */

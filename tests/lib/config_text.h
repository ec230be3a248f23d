/* Reports as text, for tests that compare what a loader had to say. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"

/* "line: text\n" for each. */
const char *config_text_mistakes(struct arena *a, const struct mistakes *m);

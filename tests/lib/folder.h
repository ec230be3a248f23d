/* A temporary folder for one test. */
#pragma once

#include "common/base/base.h"

char *folder_new(void);           /* below TMPDIR or /tmp; freed by folder_remove */
void folder_remove(char *folder); /* with all that is in it */
char *folder_file(const char *folder, const char *name); /* the path; freed by the caller */

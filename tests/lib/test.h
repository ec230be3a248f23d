/* cmocka with the headers that it needs first, and helpers that compare our types and print both.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/str.h"

#define assert_str_eq(got, want) test_assert_str((got), str_from(want), __FILE__, __LINE__)

void test_assert_str(struct str got, struct str want, const char *file, int line);

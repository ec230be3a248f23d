/* What every fuzz target includes. A target checks what the parser's header promises by assert. */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_text(const uint8_t *data, size_t size)
{
    return (struct str){.p = (const char *)data, .n = size};
}

/* Addresses to listen on and to call, as flags have them. */
#pragma once

#include "common/base/err.h"

struct address_text {
    char host[256]; /* "" in ":9093"; without brackets */
    char port[8];   /* decimal, 0 … 65535 */
};

/* "host:port", "[v6]:port", ":port" */
MUST_CHECK int address_split(const char *address, struct address_text *ret, struct err *err);

/* The way back of core/gossip/lzw.h, as real nodes compress: for tests, since we send plain. */
#pragma once

#include "common/base/buf.h"

void lzw_compress(struct str in, struct buf *out);

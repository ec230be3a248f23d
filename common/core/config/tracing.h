/* `tracing` and `event_recorder`: read and checked as Alertmanager does, written back, and without
 * effect. */
#pragma once

#include "common/core/config/http_config.h"

struct tracing_config {
    struct str client_type, endpoint;
    double sampling_fraction;
    bool insecure;
    const struct tls_config *tls;
    struct config_map headers; /* of struct http_header */
    struct str compression;
    int64_t timeout_ms;
};

struct event_recorder_config {
    struct config_list files, webhooks, kafkas, stdouts;
};

extern const struct config_section tracing_section, event_recorder_section;

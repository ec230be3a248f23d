#include "common/core/config/tracing.h"

#define OFFSET(type, member) .offset = offsetof(struct type, member)

static bool is_one_of(struct str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_c(s, words[i]))
            return true;
    }
    return false;
}

static int refuse(struct err *err, const char *text)
{
    return err_set(err, -EINVAL, "%s", text);
}

/* ---- tracing ---- */

#define TRACING(member) OFFSET(tracing_config, member)

static const struct config_field tracing_fields[] = {
    {.name = "client_type",
     .kind = CONFIG_STR,
     TRACING(client_type),
     .fallback = "grpc",
     .doc = "grpc or http."},
    {.name = "endpoint", .kind = CONFIG_STR, TRACING(endpoint), .doc = "Required."},
    {.name = "sampling_fraction",
     .kind = CONFIG_FLOAT,
     TRACING(sampling_fraction),
     .doc = "How many requests are traced, 0 to 1."},
    {.name = "insecure", .kind = CONFIG_BOOL, TRACING(insecure), .doc = "Without TLS."},
    {.name = "tls_config",
     .kind = CONFIG_SECTION_REF,
     TRACING(tls),
     .section = &tls_config_section,
     .as_written = true,
     .doc = "Paths are as written."},
    {.name = "headers",
     .kind = CONFIG_SECTION_MAP,
     TRACING(headers),
     .section = &http_header_section,
     .as_written = true,
     .doc = "Sent along."},
    {.name = "compression", .kind = CONFIG_STR, TRACING(compression), .doc = "gzip or empty."},
    {.name = "timeout",
     .kind = CONFIG_DURATION,
     TRACING(timeout_ms),
     .doc = "0: that of the protocol."},
};

static int check_tracing(void *config, struct arena *a, struct err *err)
{
    const struct tracing_config *c = config;

    (void)a;
    if (!str_eq_c(c->client_type, "grpc") && !str_eq_c(c->client_type, "http"))
        return err_set(err, -EINVAL,
                       "expected tracing client type to be to be http or grpc, but got " STR_FMT,
                       STR_ARG(str_sub(c->client_type, 0, 60)));
    if (c->endpoint.n == 0)
        return refuse(err, "tracing endpoint must be set");
    if (c->compression.n > 0 && !str_eq_c(c->compression, "gzip"))
        return err_set(err, -EINVAL,
                       "invalid compression type " STR_FMT " provided, valid options: gzip",
                       STR_ARG(str_sub(c->compression, 0, 60)));
    return 0;
}

const struct config_section tracing_section = {.name = "tracing",
                                               .fields = tracing_fields,
                                               .fields_n = ARRAY_SIZE(tracing_fields),
                                               .size = sizeof(struct tracing_config),
                                               .check = check_tracing};

/* ---- event_recorder ---- */

struct file_output {
    struct str path;
};

#define ANY_NUMBER .min = INT64_MIN, .max = INT64_MAX

static const struct config_field file_fields[] = {
    {.name = "path",
     .kind = CONFIG_PATH,
     OFFSET(file_output, path),
     .always = true,
     .doc = "Required: events are appended, one a line."},
};

static int check_file(void *config, struct arena *a, struct err *err)
{
    const struct file_output *c = config;

    (void)a;
    return c->path.n > 0 ? 0 : refuse(err, "event_recorder file output requires a path");
}

static const struct config_section file_section = {.name = "file output",
                                                   .fields = file_fields,
                                                   .fields_n = ARRAY_SIZE(file_fields),
                                                   .size = sizeof(struct file_output),
                                                   .check = check_file};

struct webhook_output {
    struct str url;
    const struct http_config *http_config;
    int64_t timeout_ms, workers, max_retries, retry_backoff_ms;
    bool batch;
    int64_t batch_max_events, batch_max_bytes, batch_flush_interval_ms;
};

#define WEBHOOK(member) OFFSET(webhook_output, member)

static const struct config_field webhook_fields[] = {
    {.name = "url",
     .kind = CONFIG_SECRET_URL,
     WEBHOOK(url),
     .always = true,
     .doc = "Required: where events are posted to."},
    {.name = "http_config",
     .kind = CONFIG_SECTION_REF,
     WEBHOOK(http_config),
     .section = &http_config_section,
     .doc = "How requests are made."},
    {.name = "timeout", .kind = CONFIG_DURATION, WEBHOOK(timeout_ms), .doc = "10s without it."},
    {.name = "workers",
     .kind = CONFIG_INT,
     WEBHOOK(workers),
     ANY_NUMBER,
     .doc = "Requests at a time; 4 without it."},
    {.name = "max_retries",
     .kind = CONFIG_INT,
     WEBHOOK(max_retries),
     ANY_NUMBER,
     .doc = "3 without it."},
    {.name = "retry_backoff",
     .kind = CONFIG_DURATION,
     WEBHOOK(retry_backoff_ms),
     .doc = "500ms without it."},
    {.name = "batch", .kind = CONFIG_BOOL, WEBHOOK(batch), .doc = "Several events a request."},
    {.name = "batch_max_events",
     .kind = CONFIG_INT,
     WEBHOOK(batch_max_events),
     ANY_NUMBER,
     .doc = "100 without it."},
    {.name = "batch_max_bytes",
     .kind = CONFIG_INT,
     WEBHOOK(batch_max_bytes),
     ANY_NUMBER,
     .doc = "1 MiB without it."},
    {.name = "batch_flush_interval",
     .kind = CONFIG_DURATION,
     WEBHOOK(batch_flush_interval_ms),
     .doc = "100ms without it."},
};

static int check_webhook(void *config, struct arena *a, struct err *err)
{
    const struct webhook_output *c = config;
    bool tuned =
        c->batch_max_events != 0 || c->batch_max_bytes != 0 || c->batch_flush_interval_ms != 0;

    (void)a;
    if (c->url.n == 0)
        return refuse(err, "event_recorder webhook output requires a url");
    if (str_eq_c(c->url, "<secret>"))
        return refuse(err, "event_recorder webhook output requires an absolute http(s) url");
    if (c->batch_max_events < 0 || c->batch_max_bytes < 0 || c->batch_flush_interval_ms < 0)
        return refuse(err, "event_recorder webhook batch settings cannot be negative");
    if (!c->batch && tuned)
        return refuse(err, "event_recorder webhook batch settings require batch: true");
    return 0;
}

static const struct config_section webhook_section = {.name = "webhook output",
                                                      .fields = webhook_fields,
                                                      .fields_n = ARRAY_SIZE(webhook_fields),
                                                      .size = sizeof(struct webhook_output),
                                                      .check = check_webhook};

struct kafka_output {
    struct str_list brokers;
    struct str topic, client_id, format, acks, compression;
    int64_t buffer_size;
    const struct tls_config *tls;
};

#define KAFKA(member) OFFSET(kafka_output, member)

static const struct config_field kafka_fields[] = {
    {.name = "brokers",
     .kind = CONFIG_STR_LIST,
     KAFKA(brokers),
     .always = true,
     .doc = "Required: host:port."},
    {.name = "topic", .kind = CONFIG_STR, KAFKA(topic), .always = true, .doc = "Required."},
    {.name = "client_id", .kind = CONFIG_STR, KAFKA(client_id), .doc = "Who we are."},
    {.name = "format",
     .kind = CONFIG_STR,
     KAFKA(format),
     .doc = "json or protobuf; json without it."},
    {.name = "acks", .kind = CONFIG_STR, KAFKA(acks), .doc = "none, leader or all."},
    {.name = "compression",
     .kind = CONFIG_STR,
     KAFKA(compression),
     .doc = "none, gzip, snappy, lz4 or zstd."},
    {.name = "buffer_size",
     .kind = CONFIG_INT,
     KAFKA(buffer_size),
     ANY_NUMBER,
     .doc = "1024 without it."},
    {.name = "tls_config",
     .kind = CONFIG_SECTION_REF,
     KAFKA(tls),
     .section = &tls_config_section,
     .doc = "Certificates."},
};

static int check_kafka(void *config, struct arena *a, struct err *err)
{
    static const char *const formats[] = {"", "json", "protobuf"};
    static const char *const acks[] = {"", "none", "leader", "all"};
    static const char *const compressions[] = {"", "none", "gzip", "snappy", "lz4", "zstd"};
    const struct kafka_output *c = config;

    (void)a;
    if (c->brokers.n == 0)
        return refuse(err, "event_recorder kafka: at least one broker must be configured");
    if (c->topic.n == 0)
        return refuse(err, "event_recorder kafka output requires a topic");
    if (!is_one_of(c->acks, acks, ARRAY_SIZE(acks)))
        return refuse(err, "event_recorder kafka: acks must be none, leader or all");
    if (!is_one_of(c->compression, compressions, ARRAY_SIZE(compressions)))
        return refuse(err, "event_recorder kafka: unknown compression");
    if (!is_one_of(c->format, formats, ARRAY_SIZE(formats)))
        return refuse(err, "event_recorder kafka: format must be json or protobuf");
    return 0;
}

static const struct config_section kafka_section = {.name = "kafka output",
                                                    .fields = kafka_fields,
                                                    .fields_n = ARRAY_SIZE(kafka_fields),
                                                    .size = sizeof(struct kafka_output),
                                                    .check = check_kafka};

/* It has no keys; the struct is there because C has no empty ones. */
static const struct config_section stdout_section = {.name = "stdout output", .size = sizeof(char)};

#define EVENTS(member) OFFSET(event_recorder_config, member)

static const struct config_field event_fields[] = {
    {.name = "file_outputs",
     .kind = CONFIG_SECTIONS,
     EVENTS(files),
     .section = &file_section,
     .null_items = true,
     .doc = "Into files."},
    {.name = "webhook_outputs",
     .kind = CONFIG_SECTIONS,
     EVENTS(webhooks),
     .section = &webhook_section,
     .null_items = true,
     .doc = "By HTTP."},
    {.name = "kafka_outputs",
     .kind = CONFIG_SECTIONS,
     EVENTS(kafkas),
     .section = &kafka_section,
     .null_items = true,
     .doc = "Into Kafka."},
    {.name = "stdout_outputs",
     .kind = CONFIG_SECTIONS,
     EVENTS(stdouts),
     .section = &stdout_section,
     .null_items = true,
     .doc = "To standard output; its items are {}."},
};

const struct config_section event_recorder_section = {.name = "event_recorder",
                                                      .fields = event_fields,
                                                      .fields_n = ARRAY_SIZE(event_fields),
                                                      .size = sizeof(struct event_recorder_config)};

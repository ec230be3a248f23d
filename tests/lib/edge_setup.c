#include "tests/lib/edge_setup.h"

#include "tests/lib/test.h"

static struct edge_config *parse(const char *am, const char *federation, enum matcher_mode mode)
{
    struct config_report am_report, fed_report;
    struct edge_config *c = NULL;
    struct str fed = str_from(federation);
    struct buf text;
    int r;

    config_report_init(&am_report, STR("alertmanager.yml"));
    config_report_init(&fed_report, STR("federation.yml"));
    r = edge_config_parse(str_from(am), federation != NULL ? &fed : NULL, mode, &c, &am_report,
                          federation != NULL ? &fed_report : NULL);
    if (r < 0) {
        buf_init(&text, 0);
        config_report_add_mistakes(&text, &am_report);
        config_report_add_mistakes(&text, &fed_report);
        print_error("%s", text.p);
        buf_clear(&text);
    }
    assert_int_equal(r, 0);
    config_report_clear(&am_report);
    config_report_clear(&fed_report);
    return c;
}

struct edge_options edge_setup_options = {.external_url = STR_INIT("http://edge.example:9093"),
                                          .version = STR_INIT("0.34.0"),
                                          .node = STR_INIT("e1"),
                                          .seed = 7};

static struct engine *make(enum matcher_mode mode)
{
    struct edge_options o = edge_setup_options;

    o.matchers = mode;
    return edge_new(&o);
}

static void configure(struct driver *d, const char *am, const char *federation,
                      enum matcher_mode mode)
{
    struct engine_input in = {.kind = ENGINE_CONFIG, .edge_config = parse(am, federation, mode)};

    driver_step(d, &in);
}

void edge_reconfigure(struct driver *d, const char *am, const char *federation)
{
    configure(d, am, federation, MATCHER_FALLBACK);
}

void edge_setup_mode(struct driver *d, const char *am, enum matcher_mode mode)
{
    driver_init(d, make(mode));
    configure(d, am, NULL, mode);
    driver_restore_and_start(d);
}

void edge_setup_unstarted(struct driver *d, const char *am)
{
    driver_init(d, make(MATCHER_FALLBACK));
    edge_reconfigure(d, am, NULL);
}

void edge_setup(struct driver *d, const char *am, const char *federation)
{
    driver_init(d, make(MATCHER_FALLBACK));
    edge_reconfigure(d, am, federation);
    driver_restore_and_start(d);
}

void edge_teardown(struct driver *d)
{
    driver_clear(d);
}

void edge_restart(struct driver *d, const char *am, const char *federation)
{
    driver_restart(d, make(MATCHER_FALLBACK));
    edge_reconfigure(d, am, federation);
    driver_restore_and_start(d);
}

int edge_post(struct driver *d, const char *body)
{
    uint64_t id = driver_request(d, "POST", "/api/v2/alerts", "", body);

    assert_non_null(driver_reply(d, id));
    return driver_reply(d, id)->status;
}

const struct driver_reply *edge_ask(struct driver *d, const char *method, const char *path,
                                    const char *query, const char *body)
{
    uint64_t id = driver_request(d, method, path, query, body);

    assert_non_null(driver_reply(d, id));
    driver_more(d, id);
    return driver_reply(d, id);
}

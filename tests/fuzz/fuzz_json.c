#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/base/utf8.h"

static void check_value(struct json_object *o, unsigned depth)
{
    assert(depth <= JSON_DEPTH_MAX);
    switch (json_object_get_type(o)) {
    case json_type_string:
        assert(utf8_valid(json_str(o)));
        break;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(o); i++)
            check_value(json_object_array_get_idx(o, i), depth + 1);
        break;
    case json_type_object: {
        json_object_object_foreach(o, key, value)
        {
            assert(utf8_valid(str_from(key)));
            check_value(value, depth + 1);
        }
        break;
    }
    default:
        break;
    }
}

/* What was accepted is written by json-c and accepted again, with the same meaning. */
static void check_parse(struct str text, struct json_opt opt)
{
    struct json_object *o = NULL, *again = NULL;
    struct err err = {0};

    if (json_parse(text, opt, &o, &err) < 0) {
        assert(err.text[0] != '\0' && utf8_valid(str_from(err.text)));
        return;
    }
    check_value(o, 0);
    if (o != NULL) {
        const char *written = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

        assert(json_parse(str_from(written), (struct json_opt){0}, &again, &err) == 0);
        assert(json_object_equal(o, again));
        json_object_put(again);
    }
    json_object_put(o);
}

/* What our reader takes, json-c takes as well, and for the same. */
static void check_against_json_c(struct str text)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    struct json_object *ours = NULL, *theirs;

    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    if (json_parse(text, (struct json_opt){0}, &ours, NULL) == 0) {
        theirs = json_tokener_parse_ex(tok, text.p, (int)text.n);
        if (json_tokener_get_error(tok) == json_tokener_continue)
            theirs = json_tokener_parse_ex(tok, "", 1);
        assert(json_tokener_get_error(tok) == json_tokener_success);
        assert(json_object_equal(ours, theirs));
        json_object_put(theirs);
        json_object_put(ours);
    }
    json_tokener_free(tok);
}

static void check_writer(struct str text)
{
    struct json_object *o = NULL;
    struct buf repaired, out;
    struct json_writer w;

    buf_init(&out, 0);
    buf_init(&repaired, 0);
    json_writer_init(&w, &out);
    json_add_str(&w, text);
    utf8_add_repaired(&repaired, text);
    assert(json_parse(buf_str(&out), (struct json_opt){0}, &o, NULL) == 0);
    assert(str_eq(json_str(o), buf_str(&repaired)));
    json_object_put(o);
    buf_clear(&out);
    buf_clear(&repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);

    for (unsigned bits = 0; bits < 4; bits++)
        check_parse(text, (struct json_opt){.repair_utf8 = bits & 1, .ignore_trailing = bits & 2});
    check_against_json_c(text);
    check_writer(text);
    return 0;
}

#include "tests/fuzz/fuzz.h"

#include "common/base/time_text.h"
#include "common/base/utf8.h"

/* What was read is written and read again as the same. */
static void check_time(struct str text, struct buf *b)
{
    struct err err = {0};
    int64_t ms, again;

    if (time_parse(text, &ms, &err) < 0) {
        assert(utf8_valid(str_from(err.text)));
        return;
    }
    buf_reset(b);
    time_add_rfc3339_ms(b, ms);
    assert(b->n == 24 && time_parse(buf_str(b), &again, &err) == 0);
    /* an offset may lead out of the years 1 to 9999, where writing stops */
    if (ms == WALL_ABSENT || (ms > INT64_C(-62135596800000) && ms <= INT64_C(253402300799999)))
        assert(again == ms);
}

static void check_duration(struct str text, struct buf *b)
{
    struct err err = {0};
    int64_t ms, again;
    uint64_t bytes;

    if (duration_parse(text, &ms, &err) == 0) {
        buf_reset(b);
        duration_add(b, ms);
        assert(ms >= 0 && duration_parse(buf_str(b), &again, &err) == 0 && again == ms);
    }
    if (go_duration_parse(text, &ms, &err) == 0)
        assert(ms >= -INT64_C(9223372036854) && ms <= INT64_C(9223372036854));
    if (size_parse(text, &bytes, &err) < 0)
        assert(err.text[0] != '\0');
    assert(utf8_valid(str_from(err.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);
    struct buf b;

    buf_init(&b, 0);
    check_time(text, &b);
    check_duration(text, &b);
    buf_clear(&b);
    return 0;
}

#include "tests/fuzz/fuzz.h"

#include "common/base/regex.h"
#include "common/base/utf8.h"

/* The first line is the pattern, the rest the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_text(data, size), pattern = STR_EMPTY;
    struct regex *r = NULL;
    struct err err = {0};

    if (size == 0 || !str_split(&rest, '\n', &pattern))
        pattern = STR_EMPTY;
    if (regex_new(pattern, &r, &err) < 0) {
        assert(r == NULL && utf8_valid(str_from(err.text)));
        return 0;
    }
    assert(regex_match(r, rest) == regex_match(r, rest));
    regex_free(r);
    return 0;
}

/* The first byte says what the others are: a part, a full state, or a run of silences or entries.
 * What is read is written, and that reads and writes the same again. */
#include "tests/fuzz/fuzz.h"

#include "common/core/gossip/nflog_record.h"
#include "common/core/gossip/parts.h"
#include "common/core/gossip/silence_record.h"

static void check_silence(struct str record, struct arena *a)
{
    struct silence s, again;
    struct buf first, second;
    struct err err = {0};

    if (silence_record_read(record, 0, a, &s, &err) < 0) {
        assert(err.text[0] != '\0');
        return;
    }
    assert(s.sets_n <= SILENCE_SETS_MAX);
    buf_init(&first, 0);
    buf_init(&second, 0);
    silence_record_add(&first, &s);
    /* with lengths of more bytes than were needed it may have been at the bound */
    if (first.n <= SILENCE_RECORD_BYTES_MAX) {
        int rc = silence_record_read(buf_str(&first), 0, a, &again, &err);

        assert(rc == 0);
        assert(silence_hash(&again) == silence_hash(&s));
        silence_record_add(&second, &again);
        assert(str_eq(buf_str(&first), buf_str(&second)));
    }
    buf_clear(&first);
    buf_clear(&second);
}

static void check_entry(struct str record, struct arena *a)
{
    struct nflog_record e, again;
    struct buf first, second;
    struct err err = {0};

    if (nflog_record_read(record, 0, a, &e, &err) < 0) {
        assert(err.text[0] != '\0');
        return;
    }
    buf_init(&first, 0);
    buf_init(&second, 0);
    nflog_record_add(&first, &e);
    if (first.n <= NFLOG_RECORD_BYTES_MAX) {
        int rc = nflog_record_read(buf_str(&first), 0, a, &again, &err);

        assert(rc == 0);
        assert(again.firing_n == e.firing_n && again.resolved_n == e.resolved_n);
        nflog_record_add(&second, &again);
        assert(str_eq(buf_str(&first), buf_str(&second)));
    }
    buf_clear(&first);
    buf_clear(&second);
}

static void check_run(struct str run, bool silences, struct arena *a)
{
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(run, 0, &fault);
    struct pb_field f;

    while (pb_next_delimited(&r, SILENCE_RECORD_BYTES_MAX, &f)) {
        if (silences)
            check_silence(f.bytes, a);
        else
            check_entry(f.bytes, a);
    }
}

static void check_parts(struct str bytes)
{
    struct full_state f;
    struct part p;
    struct err err = {0};

    full_state_begin(&f, bytes);
    while (full_state_next(&f, &p))
        assert(p.data.n == 0 || p.data_at + p.data.n <= bytes.n);
    if (full_state_result(&f, &err) < 0)
        assert(err.text[0] != '\0');
    if (part_read(bytes, &p, &err) == 0)
        assert(p.key.n + p.data.n <= bytes.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    struct str bytes = fuzz_text(data, size);

    if (size > 0 && data[0] == 'p')
        check_parts(str_sub(bytes, 1, size));
    else if (size > 0)
        check_run(str_sub(bytes, 1, size), data[0] == 's', a);
    arena_free(a);
    return 0;
}

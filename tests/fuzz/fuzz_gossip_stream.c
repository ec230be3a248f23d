/* A conversation: the same whether it comes whole or in pieces, within its bounds; and a node that
 * is told it stays sound. The first byte says how long the pieces are and from which side it comes.
 */
#include "tests/fuzz/fuzz.h"

#include "common/core/gossip/gossip.h"
#include "common/core/gossip/stream.h"

static int read_in_pieces(struct str bytes, size_t piece, bool from_dialler,
                          struct stream_reader *r, const char **why)
{
    int done = 0;

    stream_reader_init(r, from_dialler, STR_EMPTY);
    for (size_t at = 0; at < bytes.n && done == 0; at += piece)
        done = stream_reader_add(r, str_sub(bytes, at, at + piece), why);
    return done;
}

static void compare(struct str bytes, size_t piece, bool from_dialler, struct arena *a)
{
    struct stream_reader whole, cut;
    struct stream_message m, n;
    const char *why = NULL, *why_cut = NULL;
    int done = read_in_pieces(bytes, bytes.n, from_dialler, &whole, &why);

    /* Only a map that is too long may be seen earlier in one than in the other. */
    assert(read_in_pieces(bytes, piece, from_dialler, &cut, &why_cut) == done ||
           bytes.n > STREAM_PIECE_MAX);
    assert(whole.expanded.n <= STREAM_EXPANDED_MAX && whole.in.n <= bytes.n);
    if (done == 1 && cut.stage == STREAM_COMPLETE) {
        int r = stream_reader_message(&whole, a, &m, &why);

        assert(stream_reader_message(&cut, a, &n, &why_cut) == r);
        if (r == 0) {
            assert(m.type == n.type && m.head.nodes == n.head.nodes && str_eq(m.user, n.user));
            assert(m.head.nodes <= STREAM_NODES_MAX);
        }
    }
    stream_reader_clear(&whole);
    stream_reader_clear(&cut);
}

static void feed(struct str bytes, struct arena *a)
{
    struct gossip_options o = {.name = STR("me"),
                               .address = {.n = 4, .bytes = {10, 0, 0, 1}, .port = 9094},
                               .seed = 1,
                               .members_max = 20};
    struct gossip_address from = {.n = 4, .bytes = {10, 0, 0, 2}, .port = 9094};
    struct now now = {.mono_ms = 1000};
    struct gossip *g = gossip_new(&o, now);
    const struct gossip_member **v;
    struct gossip_output out;
    uint64_t id;

    gossip_output_init(&out, a);
    id = gossip_accept(g, now, &from);
    assert(id != 0);
    gossip_stream_bytes(g, now, id, bytes, &out);
    gossip_join(g, now, &from, &out);
    id = out.ops[out.ops_n - 1].id;
    gossip_stream_opened(g, now, id, &out);
    gossip_stream_bytes(g, now, id, bytes, &out);
    now.mono_ms += 20000;
    gossip_tick(g, now, &out);
    assert(gossip_members(g, true, a, &v) <= 20);
    assert(gossip_self(g)->state == GOSSIP_ALIVE);
    gossip_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a;

    if (size < 2)
        return 0;
    a = arena_new(0);
    compare(fuzz_text(data + 1, size - 1), 1 + (data[0] >> 1), (data[0] & 1) != 0, a);
    feed(fuzz_text(data + 1, size - 1), a);
    arena_free(a);
    return 0;
}

#include "tests/lib/lzw_compress.h"

#include <stdlib.h>

#define CLEAR 256
#define END 257
#define FULL 4095

struct packer {
    struct buf *out;
    uint32_t bits;
    unsigned bits_n, width;
    uint32_t high, over;
    uint16_t (*next)[256]; /* [code][byte]: the code for both; 0 for none */
};

static void put(struct packer *p, uint32_t code)
{
    p->bits |= code << p->bits_n;
    for (p->bits_n += p->width; p->bits_n >= 8; p->bits_n -= 8, p->bits >>= 8)
        buf_add_char(p->out, (char)p->bits);
}

static void reset(struct packer *p)
{
    p->width = 9;
    p->high = END;
    p->over = 512;
    memset(p->next, 0, sizeof(*p->next) * (FULL + 1));
}

/* Counts the code just written. False when that filled the table, which is then cleared. */
static bool count(struct packer *p)
{
    p->high++;
    if (p->high == p->over) {
        p->width++;
        p->over *= 2;
    }
    if (p->high != FULL)
        return true;
    put(p, CLEAR);
    reset(p);
    return false;
}

void lzw_compress(struct str in, struct buf *out)
{
    struct packer p = {.out = out, .next = xcalloc(FULL + 1, sizeof(*p.next))};
    uint32_t code;

    reset(&p);
    put(&p, CLEAR);
    if (in.n > 0) {
        code = (uint8_t)in.p[0];
        for (size_t i = 1; i < in.n; i++) {
            uint8_t byte = (uint8_t)in.p[i];

            if (p.next[code][byte] != 0) {
                code = p.next[code][byte];
                continue;
            }
            put(&p, code);
            if (count(&p))
                p.next[code][byte] = (uint16_t)p.high;
            code = byte;
        }
        put(&p, code);
        (void)count(&p);
    }
    put(&p, END);
    if (p.bits_n > 0)
        buf_add_char(out, (char)p.bits);
    free(p.next);
}

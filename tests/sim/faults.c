#include "tests/sim/sim.h"

void fault_cut(struct sim *s, int a, int b, bool on)
{
    s->links[a][b].cut = on ? s->links[a][b].cut + 1 : s->links[a][b].cut - 1;
    s->links[b][a].cut = on ? s->links[b][a].cut + 1 : s->links[b][a].cut - 1;
}

/* tests/sim: runs seeds and judges them. Use tests/sim/run. */
#include "tests/sim/sim.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct sim_options o = {.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, .trace = argc > 2};
    struct sim *s = sim_new(&o);

    work_start(s);
    sim_run_until(s, 64 * MS_PER_MIN);
    printf("events %lu requests %lu digest %016lx pages %lu episodes %lu\n", s->events,
           s->h.requests, s->digest, s->h.pages_accepted, s->h.episodes);
    for (int i = 0; i < MARKS; i++)
        printf("%6lu %s\n", s->h.marks[i], mark_names[i]);
    sim_free(s);
    return 0;
}

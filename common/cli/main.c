/* tocsinctl: the operator's tool for edges and the global tier. */
#include "common/cli/cli.h"

static const struct cli_table *const tables[] = {
    &cli_incidents,
    &cli_status,
    &cli_check_config,
    &cli_pki,
};

int main(int argc, char **argv)
{
    return cli_main(tables, ARRAY_SIZE(tables), argc, argv);
}

/* tocsinctl: the operator's tool for edges, the global tier and Alertmanager. */
#include "common/cli/cli.h"

static const struct cli_table *const tables[] = {
    &cli_alert,    &cli_silence,   &cli_check_config, &cli_config, &cli_cluster,
    &cli_template, &cli_incidents, &cli_status,       &cli_pki,
};

int main(int argc, char **argv)
{
    return cli_main(tables, ARRAY_SIZE(tables), argc, argv);
}

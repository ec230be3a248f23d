/* The kinds of row in an edge's store; docs/formats/edge-store.md has their keys and values. Kinds
 * are restored in this order. Numbers are never reused. */
#pragma once

enum edge_row_kind {
    EDGE_ROW_NFLOG = 1, /* notification log entries */
    EDGE_ROW_ALERT = 2, /* alerts that fire, or are not yet swept */
    EDGE_ROW_SILENCE = 3,
    EDGE_ROW_GROUP = 4, /* when each group is due */
    /* the uplink's own */
    EDGE_ROW_NODE = 10,   /* the stream's name and epoch, the spool's floor */
    EDGE_ROW_SPOOL = 11,  /* spool rows, by sequence number */
    EDGE_ROW_DUTY = 14,   /* the node last granted */
    EDGE_ROW_MIRROR = 15, /* mirrors of incidents */
    EDGE_ROW_IMPORT = 20  /* files of an Alertmanager that have been taken over */
};

/* The kinds of row in an edge's store; docs/formats/edge-store.md has their keys and values. Kinds
 * are restored in this order. Numbers are never reused. */
#pragma once

enum edge_row_kind {
    EDGE_ROW_NFLOG = 1, /* notification log entries */
    EDGE_ROW_ALERT = 2, /* forwarded alerts that are open, or not yet swept */
    /* the uplink's own */
    EDGE_ROW_NODE = 10,     /* uuid, epoch, sequence numbers */
    EDGE_ROW_SPOOL = 11,    /* spool rows, by sequence number */
    EDGE_ROW_CURSOR = 12,   /* per global node: what it has */
    EDGE_ROW_REGISTER = 13, /* per fingerprint: the newest row */
    EDGE_ROW_DUTY = 14,     /* the node last granted */
    EDGE_ROW_MIRROR = 15    /* mirrors of incidents */
};

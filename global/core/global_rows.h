/* Kinds of rows in a global node's store; docs/formats/global-store.md has keys and values. Rows
 * come back in the order of these numbers, so that what a row refers to is there before it. Numbers
 * are never reused. */
#pragma once

enum global_row {
    GLOBAL_ROW_META = 1,      /* this node's own counters */
    GLOBAL_ROW_SITE = 2,      /* a site heard of */
    GLOBAL_ROW_STREAM = 3,    /* a stream: to whom it is bound, epoch, cursor, window */
    GLOBAL_ROW_MEMBER = 4,    /* a member register */
    GLOBAL_ROW_MIRROR = 5,    /* a directive register, own or another node's */
    GLOBAL_ROW_INCIDENT = 16, /* from here on: incidents and pages */
    GLOBAL_ROW_TIMELINE = 17,
    GLOBAL_ROW_PAGE = 18,
};

/* Soft routing (软路由): which peer or adapter instance a message goes to, by insured area and narrower conditions.
 * Pure: tables in, target out. Longest area-code prefix first, explicit exceptions are simply longer prefixes; among
 * equal prefixes more conditions win, then the order in the file. */
#ifndef FEP_ROUTE_H
#define FEP_ROUTE_H

#include "header.h"

#define ROUTE_TARGETS 4

struct route_rule {
    char prefix[AREA_SIZE]; /* 0..6 digits of the insured area; "" matches all */
    char infno[INFNO_SIZE]; /* "" = any */
    char med_type[8], insutype[8], institution[13]; /* "" = any */
    uint32_t valid_from, valid_to; /* yyyymmdd inclusive, 0 = open */
    char targets[ROUTE_TARGETS][NODE_SIZE]; /* first is preferred; a peer or an instance; "" ends the list */
    int targets_local; /* bit i set: target i is an adapter instance of this gateway */
    char refuse[64];   /* not empty: requests that match are refused with this text (agreements, R3) */
    char file[128];
    int line; /* where it stands, for explain */
};

struct route_table; /* immutable once built */

struct route_query {
    const char *insured_area, *infno, *med_type, *insutype, *institution; /* NULL or "" = not known */
    uint32_t date; /* yyyymmdd */
};

struct route_table *route_table_create(const struct route_rule *rules, size_t count); /* copies; NULL: no memory */
void route_table_destroy(struct route_table *table);
/* The winning rule, or NULL. */
const struct route_rule *route_find(const struct route_table *table, const struct route_query *query);
/* All rules that match, best first, at most `room`; returns how many. For `fepctl route explain`. */
size_t route_explain(const struct route_table *table, const struct route_query *query, const struct route_rule **out,
                     size_t room);
size_t route_count(const struct route_table *table);

#endif

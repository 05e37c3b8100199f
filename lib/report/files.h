/* What a report is made from. */
#ifndef SIDMILL_REPORT_FILES_H
#define SIDMILL_REPORT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"

/* Paths, all borrowed; NULL, and lists that are empty: there is none. Operands are FILE or LABEL=FILE. */
typedef struct {
    const char *title;           /* NULL: the results' names */
    char *const *results;        /* [result_count] operands: metrics/1, comparison/1, ablation/1 */
    int result_count;
    cli_list_t per_user;         /* operands: ranks/1 of the result of that label, where it has none beside it */
    const char *published, *dataset;
    cli_list_t logs;             /* operands: log.jsonl */
    cli_list_t stages;           /* folders, made or not; what feeds a stage stands before it */
    const char *sids, *interactions, *embeddings;
    cli_list_t items;            /* items.jsonl; of an item in several of them, the first counts */
    const char *users;           /* what recommend says of users in full */
    bool pictures;
    const char *image_root;      /* where their paths count from; NULL: each file's own folder */
    int64_t max_items;
    uint64_t seed;               /* of the sample */
    const char *manual, *output; /* the manual's folder or URL; where the report will stand */
} report_files_t;

#endif

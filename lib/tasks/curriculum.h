/* Which tasks a generator learns, and from which texts: the options of sidgen-train that say so, put to work. */
#ifndef SIDMILL_TASKS_CURRICULUM_H
#define SIDMILL_TASKS_CURRICULUM_H

#include "bpe/tokenizer.h"
#include "data/strtab.h"
#include "tasks/text_tasks.h"

/* Tasks and the weights of their losses. */
typedef struct {
    bool on[TASKS];
    double weight[TASKS];
} task_list_t;

/* "1,4-8,2:0.5": tasks by number, or ranges of them, with a weight each if it is not 1. What is no task, comes twice or has no weight
 * ends the process with EX_USAGE. */
task_list_t task_list_parse(const char *spec);

/* The tasks that a model has learnt, from its metadata; NULL: recommendation alone. What is no list ends the process with EX_DATAERR;
 * `name` is what messages call the model. */
task_list_t task_list_learnt(const char *spec, const char *name);

/* Ends the process with EX_DATAERR where a model has not learnt a task. */
void task_list_need(const task_list_t *learnt, task_t task, const char *name);

bool task_list_has_texts(const task_list_t *l); /* any but TASK_NEXT */

/* Items whose texts no task reads or tells: this share of them, drawn by `seed`. */
typedef struct {
    double share;
    uint64_t seed;
} held_items_t;

bool item_held(held_items_t h, int64_t item);

/* A curriculum with its texts. */
typedef struct {
    task_list_t list;
    item_texts_t texts;    /* of the items, those held left out */
    char *digest;          /* of the items' file */
} curriculum_t;

/* Reads the texts of the items that `ids` names, by a tokenizer. */
curriculum_t curriculum_open(const task_list_t *list, const tokenizer_t *tokenizer, const char *items_path, int64_t most,
                             held_items_t held, const strtab_t *ids);
void curriculum_close(curriculum_t *c);

/* Adds its tasks' sequences, which borrow it, the interactions and the space. Where no item has what a task takes, the process ends with
 * EX_DATAERR. */
void curriculum_sequences(const curriculum_t *c, const space_t *space, const interactions_t *x, hold_back_t hold, sequences_t *to);

#endif

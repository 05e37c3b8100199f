/* What a generator on a base is asked: for every task (gen/task.h) a text around its input, in the words of the base's tokenizer, or several
 * such wordings, among which training draws; the first is what the model is asked later. As a file, a line a wording:
 *
 *     next: What a customer bought, the oldest first:\n{input}
 *
 * The names are next, titles-next, next-title, title-item, item-title, about-item, caption-item and caption-title, for tasks 1 to 8; what
 * follows the colon and one blank is the text, in which \n stands for a newline and \\ for a backslash; lines that are empty or begin with
 * # say nothing. */
#ifndef SIDMILL_GEN_TEMPLATES_H
#define SIDMILL_GEN_TEMPLATES_H

#include "bpe/frame.h"
#include "bpe/tokenizer.h"
#include "gen/space.h"

typedef struct {
    char *before, *after;
} wording_t;

typedef struct {
    wording_t *wording[TASKS];
    int count[TASKS];       /* 1 or more */
} templates_t;

/* Those that are built in, in our own words: "sidmill", "minionerec" and "lcrec", for what these papers ask (man/sidgen-train.1); or of the
 * file of that name; NULL: the first of these. A file that is missing ends the process with EX_NOINPUT. */
templates_t templates_open(const char *name);

/* Reads a file's text; tasks that it does not name are asked in our words. Lines that are none, a text without {input} or with two, what is
 * no UTF-8, and wordings of "next" of which some have text behind the input and some have none end the process with EX_DATAERR; `name` is
 * what messages call the file. */
templates_t templates_parse(const char *name, const char *text, size_t n);
void templates_free(templates_t *t);

/* As a file of all tasks. Caller frees. */
char *templates_text(const templates_t *t);

/* Puts the texts around the tasks of a space that has texts; the tokens that `frame` has before a text come first. A wording with none of
 * either ends the process with EX_DATAERR. */
void templates_apply(const templates_t *t, const tokenizer_t *tokenizer, const frame_t *frame, space_t *space);

#endif

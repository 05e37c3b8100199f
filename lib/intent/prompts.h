/* What language models are told when they mine intents or judge them, and the form in which they are to answer. */
#ifndef SIDMILL_INTENT_PROMPTS_H
#define SIDMILL_INTENT_PROMPTS_H

#include "base/buf.h"
#include "intent/intent_reply.h"
#include "text/item_text.h"

/* The system message for mining: the task (`task`, or our own where it is NULL), and what the answer must look like, which
 * follows from `form` alone. Caller frees. */
char *prompt_mine(const char *task, intent_reply_form_t form);

/* The `response_format` of a mining request: a strict JSON schema for replies of form {.schema = true, reasoning}. It uses only
 * what every server's strict mode knows; bounds are left to intent_reply_read(). */
const char *prompt_mine_format(bool reasoning);

/* The system message for judging one descriptor: likewise. */
char *prompt_judge(const char *task);

/* Appends the evidence object: title, description and caption, those the item has. False if it has none. */
bool prompt_evidence(const evidence_t *e, buf_t *out);

/* The text of a prompt file, for `task`; it must be UTF-8 and hold more than white space. Caller frees. */
char *prompt_read(const char *path);

#endif

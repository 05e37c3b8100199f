/* What a model answers when it is asked for an item's intents or for a label: read by the letter, or refused (sidmill-methods(7),
 * 1.2 and 1.3). Nothing is repaired or guessed, so that what enters the records is what the model said. */
#ifndef SIDMILL_INTENT_INTENT_REPLY_H
#define SIDMILL_INTENT_INTENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "intent/intents.h"

/* In bytes. A longer descriptor is no descriptor; and folding text takes time quadratic in a run of combining marks. */
enum { DESCRIPTOR_MAX = 1000 };

/* The form that was asked for. `schema`: the reply was held to a JSON schema, and is one object and nothing else. Without:
 * the object may stand in one Markdown fence. `reasoning`: with a schema, the object begins with a string `reasoning`;
 * without, any text may stand before the object. */
typedef struct {
    bool schema, reasoning;
} intent_reply_form_t;

/* Reads {"descriptors":[{"descriptor":string,"confidence":number}, ...]}, appending the intents to `out` strongest first
 * (equal confidences keep their order), white space in their texts folded. Returns NULL, or why the reply is refused (valid
 * until the next call), and then appends nothing: text that is not UTF-8 or not JSON; anything before or after the object
 * that the form does not allow; a key that is missing, repeats or is not known; a value of another type; no descriptors; a
 * descriptor that is empty, longer than DESCRIPTOR_MAX, or equal to another by descriptor_fold(); a confidence that is not
 * finite or not in [0, 1]. */
const char *intent_reply_read(const char *text, size_t n, intent_reply_form_t form, const char *source, intents_t *out);

/* Reads a label: the JSON integer 0 or 1, with nothing but white space around it. NULL, or why it is refused. */
const char *label_reply_read(const char *text, size_t n, int *label);

/* The text with its white space folded: runs of white space and control characters become one space, none at the ends. `text`
 * is UTF-8. Caller frees. */
char *text_fold_blanks(const char *text);

/* By what descriptors are compared: the text after NFKC, case folding (both as Unicode's toNFKC_Casefold, which drops
 * invisible characters) and white-space folding. Caller frees. */
char *descriptor_fold(const char *text);

#endif

/* Reasoning that a model writes before its answer, where the server does not split it off. */
#ifndef SIDMILL_SERVER_THINKING_H
#define SIDMILL_SERVER_THINKING_H

/* Finds the answer in a reply's text: behind the reasoning blocks that it begins with. A block ends with </think>, </thinking>,
 * </reasoning> or </thought> and begins with the same without the slash, or with the text, where the prompt's template had
 * opened it; [THINK], <seed:think> and the like count too, as do <unused94> and <unused95>, and case does not. Text with marks of
 * channels, <|channel|>, has no answer. A text that is one JSON value is an answer as it stands. Returns NULL and sets `*answer`, a part of `text`; or why there is no answer, a static text. */
const char *thinking_skip(const char *text, const char **answer);

#endif

/* The command line of mining and judging by language models. */
#ifndef SIDMILL_INTENT_INTENT_HTTP_CLI_H
#define SIDMILL_INTENT_INTENT_HTTP_CLI_H

#include "intent/intent_engine.h"
#include "server/endpoints.h"

/* Filled by cli_parse(). */
extern struct intent_http_flags {
    cli_list_t urls, models;
    const char *prompt;          /* a file; NULL: our own prompt */
    int64_t max_tokens;          /* 0: 1024, with `reasoning` 4096 */
    double temperature;
    bool reasoning, no_response_format, no_temperature;
    const char *judge_url, *judge_model, *judge_prompt; /* NULL: the first pair's, our own prompt */
    int64_t judge_max_tokens;
} intent_http_flags;

#define INTENT_HTTP_OPTIONS                                                                                                  \
    OPT_LIST('u', "url", "URL", &intent_http_flags.urls, "http: a server's base, e.g. http://127.0.0.1:8080/v1"),            \
    CONFIG_LIST(0, "model", "NAME", &intent_http_flags.models, "http: a model's name there; several: all mine every item"),  \
    CONFIG_STRING(0, "prompt", "FILE", &intent_http_flags.prompt, "http: what to mine, in place of the built-in words"),     \
    CONFIG_INT(0, "max-tokens", "N", &intent_http_flags.max_tokens, 0, 1000000,                                              \
               "http: of a reply; 0: 1024, with --reasoning 4096"),                                                          \
    CONFIG_REAL(0, "temperature", "T", &intent_http_flags.temperature, 0, 2, "http: of the model"),                          \
    CONFIG_FLAG(0, "no-temperature", &intent_http_flags.no_temperature, "http: leave it to the server"),                     \
    CONFIG_FLAG(0, "reasoning", &intent_http_flags.reasoning, "http: ask for steps before the result"),                      \
    CONFIG_FLAG(0, "no-response-format", &intent_http_flags.no_response_format, "http: for servers without JSON schemas"),   \
    OPT_STRING(0, "judge-url", "URL", &intent_http_flags.judge_url, "http: the judge's server (the first --url)"),           \
    CONFIG_STRING(0, "judge-model", "NAME", &intent_http_flags.judge_model, "http: the judge's model (the first --model)"),  \
    CONFIG_STRING(0, "judge-prompt", "FILE", &intent_http_flags.judge_prompt, "http: what to judge by"),                     \
    CONFIG_INT(0, "judge-max-tokens", "N", &intent_http_flags.judge_max_tokens, 1, 1000000, "http: of a judge's reply"),     \
    MODEL_CLIENT_OPTIONS

/* The engine and the judge that the flags describe, on endpoints that are added to `x`. They end the process with EX_USAGE
 * where URLs and models are missing or do not pair: as many of one as of the other, or one URL for all the models, no model
 * twice. */
intent_engine_t *intent_http_engine(endpoints_t *x);
intent_judge_t *intent_http_judge(endpoints_t *x);

#endif

#include "intent/intent_http_cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "intent/intent_http.h"
#include "intent/judge_http.h"
#include "intent/prompts.h"

struct intent_http_flags intent_http_flags = {.judge_max_tokens = 16};

static double temperature(void) { return intent_http_flags.no_temperature ? -1 : intent_http_flags.temperature; }

enum { REPLY_TOKENS = 1024, REASONED_REPLY_TOKENS = 4096 };

/* --url and --model as pairs, checked; returns their number. */
static int count_pairs(void)
{
    const cli_list_t *urls = &intent_http_flags.urls, *models = &intent_http_flags.models;
    if (!urls->count || !models->count) die(EX_USAGE, "--engine http needs --url and --model");
    if (urls->count != 1 && models->count != 1 && urls->count != models->count)
        die(EX_USAGE, "%d --url and %d --model, expected as many of both, or one of either", urls->count, models->count);
    for (int m = 0; m < models->count; m++)
        for (int k = 0; k < m; k++)
            if (!strcmp(models->items[k], models->items[m]))
                die(EX_USAGE, "--model %s is there twice, expected models that differ", models->items[m]);
    return models->count;
}

/* The servers of model m: one, or all where there is one model. */
static cli_list_t servers_of(int m)
{
    const cli_list_t *urls = &intent_http_flags.urls;
    if (intent_http_flags.models.count <= 1) return *urls;
    return (cli_list_t){.items = urls->items + (urls->count == 1 ? 0 : m), .count = 1};
}

intent_engine_t *intent_http_engine(endpoints_t *x)
{
    const struct intent_http_flags *f = &intent_http_flags;
    int n = count_pairs();
    endpoint_t **list = NEW_ARRAY(endpoint_t *, n);
    for (int m = 0; m < n; m++) list[m] = endpoints_get(x, servers_of(m), f->models.items[m]);
    char *task = f->prompt ? prompt_read(f->prompt) : NULL;
    intent_engine_t *engine = intent_http_new(&(intent_http_options_t){
        .task = task,
        .form = {.schema = !f->no_response_format, .reasoning = f->reasoning},
        .max_tokens = f->max_tokens ? f->max_tokens : f->reasoning ? REASONED_REPLY_TOKENS : REPLY_TOKENS,
        .temperature = temperature(),
    }, list, n);
    free(task);
    free(list);
    return engine;
}

intent_judge_t *intent_http_judge(endpoints_t *x)
{
    const struct intent_http_flags *f = &intent_http_flags;
    static const char *judge_urls[1];
    judge_urls[0] = f->judge_url;
    const cli_list_t urls = f->judge_url ? (cli_list_t){.items = judge_urls, .count = 1} : servers_of(0);
    const char *model = f->judge_model ? f->judge_model : f->models.count ? f->models.items[0] : NULL;
    if (!urls.count || !model) die(EX_USAGE, "--judge http needs --judge-url and --judge-model, or --url and --model");
    char *task = f->judge_prompt ? prompt_read(f->judge_prompt) : NULL;
    intent_judge_t *judge = judge_http_new(task, f->judge_max_tokens, temperature(), endpoints_get(x, urls, model));
    free(task);
    return judge;
}

#include "gen/losses_json.h"

#include <math.h>

void mean_json(double sum, int64_t count, buf_t *out) { buf_json_number(out, count > 0 ? sum / (double)count : NAN); }

void lesson_json(const lesson_loss_t *x, int levels, bool aligned, bool guided, buf_t *out)
{
    buf_puts(out, "{\"align\":");
    for (int l = 0; aligned && l < levels; l++) {
        buf_puts(out, l ? "," : "[");
        mean_json(x->align[l], x->aligned[l], out);
    }
    buf_puts(out, aligned ? "],\"guide\":" : "null,\"guide\":");
    mean_json(x->guide, guided ? x->guided : 0, out);
    buf_puts(out, ",\"follow\":");
    mean_json(x->follow, guided ? x->guided : 0, out);
    buf_puts(out, "}");
}

void tasks_json(const loss_t *x, buf_t *out)
{
    const char *before = "";
    buf_puts(out, "{");
    for (int i = 0; i < TASKS; i++) {
        const int64_t tokens = x->task_tokens[i], right = tokens - x->task_wrong[i];
        if (!tokens) continue;
        buf_printf(out, "%s\"%d\":{\"tokens\":%lld,\"loss\":", before, i + 1, (long long)tokens);
        mean_json(x->task_loss[i], tokens, out);
        buf_printf(out, ",\"accuracy\":%.6f}", (double)right / (double)tokens);
        before = ",";
    }
    buf_puts(out, "}");
}

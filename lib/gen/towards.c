#include "gen/towards.h"

#include "gen/stepper.h"

void thoughts_towards(const network_t *net, const space_t *space, const history_t *history, int32_t item, float *thoughts)
{
    const int64_t d = net->model->config.hidden_size;
    stepper_t *s = stepper_new(net, space);
    int32_t row = 0;
    stepper_reserve(s, stepper_measure(space, 1, history, 1, 1));
    stepper_begin(s, 1, history);
    for (int l = 0; l < space->vocab.levels; l++) {
        stepper_thought(s, row, thoughts + l * d);
        if (l + 1 == space->vocab.levels) break;
        row = stepper_push_token(s, row, space_sid(space, item)[l]);
        stepper_advance(s);
    }
    stepper_free(s);
}

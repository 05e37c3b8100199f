#include "policy/draw.h"

int draw_rank(int n, const draw_t *draws, int which)
{
    int rank = 1;
    for (int i = 0; i < n; i++)
        rank += draws[i].log_prob > draws[which].log_prob || (draws[i].log_prob == draws[which].log_prob && i < which);
    return rank;
}

#include "score/label.h"

#include <string.h>

size_t label_length(const char *operand)
{
    size_t n = strcspn(operand, "=/");
    return operand[n] == '=' ? n : 0;
}

#include "base/label.h"

#include <string.h>

#include "base/mem.h"

size_t label_length(const char *operand)
{
    size_t n = strcspn(operand, "=/");
    return operand[n] == '=' ? n : 0;
}

const char *label_file(const char *operand)
{
    const size_t label = label_length(operand);
    return label ? operand + label + 1 : operand;
}

char *label_name(const char *operand, const char *ending, const char *plain)
{
    const size_t label = label_length(operand), cut = strlen(ending);
    if (label) return xstrndup(operand, label);
    const char *end = operand + strlen(operand), *name = strrchr(operand, '/');
    name = name ? name + 1 : operand;
    if ((size_t)(end - name) > cut && !strcmp(end - cut, ending)) end -= cut;
    if ((size_t)(end - name) == strlen(plain) && !strncmp(name, plain, strlen(plain)) && name > operand + 1) {
        end = name - 1;
        for (name = end; name > operand && name[-1] != '/';) name--;
    }
    return xstrndup(name, (size_t)(end - name));
}

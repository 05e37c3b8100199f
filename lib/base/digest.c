#include "base/digest.h"

#include "base/mem.h"

char *digest_hex(XXH128_hash_t h)
{
    return xasprintf("%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

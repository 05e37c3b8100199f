#include "sid/foreign_sids.h"

#include <string.h>

#include "base/err.h"
#include "sid/foreign_forms.h"

const char *const foreign_forms[] = {"index.json", "tsv", "npy", NULL};

static const struct {
    foreign_sids_t (*read)(const char *path, bool last_is_suffix);
    void (*write)(const sids_t *s, out_t *o);
} forms[] = {
    {foreign_index_read, foreign_index_write},
    {foreign_table_read, foreign_table_write},
    {foreign_array_read, foreign_array_write},
};

static int form_number(const char *form)
{
    for (int i = 0; foreign_forms[i]; i++)
        if (!strcmp(foreign_forms[i], form)) return i;
    die(EX_SOFTWARE, "no form of SIDs is called '%s'", form);
}

foreign_sids_t foreign_sids_read(const char *form, const char *path, bool last_is_suffix)
{
    return forms[form_number(form)].read(path, last_is_suffix);
}

void foreign_sids_write(const char *form, const sids_t *s, out_t *o) { forms[form_number(form)].write(s, o); }

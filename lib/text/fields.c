#include "text/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static void check_field(const fields_t *f, const char *name)
{
    static const char *const known[] = {"title",   "description", "categories", "brand",
                                        "caption", "intents",     "image_labels"};
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->name[i], name)) die(EX_USAGE, "--fields: '%s' is there twice", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], name)) return;
    die(EX_USAGE, "--fields: unknown field '%s', expected title, description, categories, brand, caption, intents or "
        "image_labels", name);
}

fields_t fields_parse(const char *spec)
{
    fields_t f = {0};
    char *copy = xstrdup(spec), *rest = copy, *name;
    while ((name = strsep(&rest, ","))) {
        char *colon = strchr(name, ':'), *end = NULL;
        double weight = 1;
        if (colon) {
            *colon = 0;
            weight = strtod(colon + 1, &end);
            if (end == colon + 1 || *end || !(weight > 0 && weight <= 1000))
                die(EX_USAGE, "--fields: weight '%s' of %s, expected a number above 0 and up to 1000", colon + 1, name);
        }
        check_field(&f, name);
        f.name[f.count] = xstrdup(name);
        f.weight[f.count++] = weight;
    }
    free(copy);
    return f;
}

int fields_parts(fields_t *f, const items_t *items, const text_part_t **parts)
{
    size_t start[MAX_FIELDS];
    int count = 0;
    buf_clear(&f->text);
    for (int i = 0; i < f->count; i++) {
        start[count] = f->text.len;
        if (!items_field_text(items, f->name[i], &f->text)) continue;
        f->parts[count] = (text_part_t){NULL, f->text.len - start[count], f->weight[i]};
        count++;
    }
    for (int i = 0; i < count; i++) f->parts[i].text = f->text.data + start[i]; /* the buffer has come to rest */
    *parts = f->parts;
    return count;
}

char *fields_spec(const fields_t *f)
{
    buf_t spec = {0};
    for (int i = 0; i < f->count; i++) {
        if (f->weight[i] <= 0) continue;
        buf_printf(&spec, "%s%s", spec.len ? "," : "", f->name[i]);
        if (f->weight[i] == 1) continue;
        buf_puts(&spec, ":");
        buf_json_number(&spec, f->weight[i]);
    }
    return spec.data;
}

void fields_free(fields_t *f)
{
    for (int i = 0; i < f->count; i++) free(f->name[i]);
    buf_free(&f->text);
    *f = (fields_t){0};
}

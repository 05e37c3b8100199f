#include "sid/fit_weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/catalogue.h"
#include "data/interactions.h"

/* The first field that counts gets weight 1: only ratios matter to the rows of texts. */
static void scale_weights(int fields, double *weight)
{
    int first = 0;
    while (weight[first] <= 0) first++;
    for (int i = fields - 1; i >= first; i--) weight[i] /= weight[first];
}

static char *say(int count, const char *const *name, const double *weight)
{
    buf_t said = {0};
    for (int i = 0; i < count; i++) {
        buf_printf(&said, "%s%s ", i ? ", " : "", name[i]);
        buf_json_number(&said, weight[i]);
    }
    return said.data;
}

fit_weights_t fit_weights(const described_items_t *items, const char *interactions, const lsa_options_t *o, fields_t *fields)
{
    st_file_t *file = st_open(interactions);
    interactions_t x = interactions_read(file);
    catalogue_check_items(items->name, items->ids, file->name, &x.item_ids);
    follow_t follow = follow_sample(&x, file->name, o->seed);
    joined_t images = {.n = follow.items};
    if (items->image) images = joined_new(items->image_width, items->image, items->mask, follow.items, follow.item);
    lsa_options_t quick = *o;
    quick.iterations = 1; /* enough to tell weights apart */

    const char *name[MAX_FIELDS + 1];
    double weight[MAX_FIELDS + 1];
    const int texts = fields->count, count = texts + (items->image != NULL);
    memcpy(name, fields->name, (size_t)texts * sizeof *name);
    memcpy(weight, fields->weight, (size_t)texts * sizeof *weight);
    name[texts] = "image";
    weight[texts] = 0;
    const weighed_t w = {&follow, items->texts, &quick, &images, name};
    fit_weights_t r = {.digest = st_digest(file), .ranks = weigh(&w, weight)};
    scale_weights(texts, weight);
    memcpy(fields->weight, weight, (size_t)texts * sizeof *weight);
    r.image = weight[texts];
    r.said = say(count, name, weight);
    joined_free(&images);
    follow_free(&follow);
    interactions_free(&x);
    st_close(file);
    return r;
}

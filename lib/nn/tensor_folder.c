#include "nn/tensor_folder.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/folder_json.h"

struct tensor_folder {
    char *folder, *index; /* the index file; NULL where there is but one file */
    cJSON *json, *map;    /* its content; tensor name to file name */
    st_file_t **files;
    char **names;         /* of the files, as the index gives them */
    int count;
    XXH3_state_t *digest;
};

static const st_file_t *open_file(tensor_folder_t *t, const char *name)
{
    char *path = xasprintf("%s/%s", t->folder, name);
    t->files = xreallocarray(t->files, (size_t)t->count + 1, sizeof *t->files);
    t->names = xreallocarray(t->names, (size_t)t->count + 1, sizeof *t->names);
    st_file_t *f = t->files[t->count] = st_open(path);
    t->names[t->count++] = xstrdup(name);
    char *digest = st_digest(f);
    XXH3_128bits_update(t->digest, digest, strlen(digest));
    free(digest);
    free(path);
    return f;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void check_twice(const tensor_folder_t *t)
{
    int count;
    const char **names = tensor_folder_names(t, &count);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 1; i < count; i++)
        if (!strcmp(names[i - 1], names[i])) die_at(t->index, 0, "weight_map: tensor '%s' is there twice", names[i]);
    free(names);
}

static void read_index(tensor_folder_t *t)
{
    t->json = folder_json(t->index, NULL);
    t->map = cJSON_GetObjectItemCaseSensitive(t->json, "weight_map");
    if (!cJSON_IsObject(t->map)) die_at(t->index, 0, "no object \"weight_map\", expected one from tensors to files");
    check_twice(t);
}

static bool is_there(const tensor_folder_t *t, const char *name)
{
    char *path = xasprintf("%s/%s", t->folder, name);
    const bool there = !access(path, F_OK);
    free(path);
    return there;
}

tensor_folder_t *tensor_folder_open(const char *folder, const char *const *names, XXH3_state_t *digest)
{
    tensor_folder_t *t = NEW(tensor_folder_t);
    t->folder = xstrdup(folder);
    t->digest = digest;
    while (*names && !is_there(t, *names)) names++;
    if (*names) {
        open_file(t, *names);
        return t;
    }
    t->index = xasprintf("%s/model.safetensors.index.json", folder);
    if (access(t->index, F_OK))
        die(EX_NOINPUT, "%s: no model.safetensors and no model.safetensors.index.json%s", folder,
            is_there(t, "pytorch_model.bin") ? "; pytorch_model.bin, a program in disguise, is not read: convert it to safetensors" : "");
    read_index(t);
    return t;
}

void tensor_folder_close(tensor_folder_t *t)
{
    if (!t) return;
    for (int i = 0; i < t->count; i++) {
        st_close(t->files[i]);
        free(t->names[i]);
    }
    free(t->files);
    free(t->names);
    free(t->index);
    free(t->folder);
    cJSON_Delete(t->json);
    free(t);
}

const char **tensor_folder_names(const tensor_folder_t *t, int *count)
{
    *count = t->index ? cJSON_GetArraySize(t->map) : t->files[0]->count;
    const char **names = NEW_ARRAY(const char *, *count + 1);
    const cJSON *v = t->index ? t->map->child : NULL;
    for (int i = 0; i < *count; i++, v = v ? v->next : NULL) names[i] = v ? v->string : t->files[0]->tensors[i].name;
    return names;
}

const char *tensor_folder_where(const tensor_folder_t *t) { return t->index ? t->index : t->files[0]->name; }

/* A plain name within the folder: an index must not lead elsewhere. */
static bool plain_name(const char *name)
{
    size_t n = strlen(name), tail = strlen(".safetensors");
    return n > tail && name[0] != '.' && !strchr(name, '/') && !strcmp(name + n - tail, ".safetensors");
}

const st_file_t *tensor_folder_file(tensor_folder_t *t, const char *tensor)
{
    if (!t->index) return t->files[0];
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(t->map, tensor);
    if (!v) die_at(t->index, 0, "weight_map: no tensor '%s'", tensor);
    if (!cJSON_IsString(v) || !plain_name(v->valuestring))
        die_at(t->index, 0, "weight_map: '%s' is not in a file NAME.safetensors of this folder", tensor);
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->names[i], v->valuestring)) return t->files[i];
    return open_file(t, v->valuestring);
}

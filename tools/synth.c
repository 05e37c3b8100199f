/* synth: the demo catalogue. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "synth/synth.h"

static int64_t items = 2000, users = 5000, intents = SYNTH_INTENTS, image_size = 64;
static double drift = 0.15, mean_length = 9.5;
static bool no_images;
static const char *folder, *truth;

static const cli_option_t options[] = {
    OPT_STRING('o', "output", "DIR", &folder, "folder to fill; made if missing"),
    CONFIG_INT('n', "items", "N", &items, 10, 100e6, "items"),
    CONFIG_INT('u', "users", "N", &users, 1, 1e9, "users"),
    CONFIG_INT(0, "intents", "N", &intents, 6, SYNTH_INTENTS, "usage intents in play"),
    CONFIG_REAL(0, "mean-length", "X", &mean_length, SYNTH_MIN_LENGTH, 20, "mean events a user"),
    CONFIG_REAL(0, "drift", "P", &drift, 0, 1, "chance, before an event, that one of a user's intents changes"),
    CONFIG_INT(0, "image-size", "N", &image_size, 16, 1024, "pixels a side"),
    CONFIG_FLAG(0, "no-images", &no_images, "text and histories only"),
    OPT_STRING(0, "truth", "FILE", &truth, "also write every item's latent state, for analysis"),
    CLI_SEED,
    CLI_THREADS,
};

static const cli_t cli = {
    "synth", "[options] -o DIR", "Makes a demo catalogue: DIR/items.jsonl, DIR/interactions.tsv, DIR/images/.",
    options, CLI_COUNT(options),
};

static void make_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0777) == 0) return;
    if (errno != EEXIST) die_errno(EX_CANTCREAT, "%s: cannot make the folder", path);
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) die(EX_CANTCREAT, "%s: not a folder", path);
}

/* Makes the folder and those that lead to it. */
static void make_folders(const char *path)
{
    char *partial = xstrdup(path);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        make_folder(partial);
        *slash = '/';
    }
    make_folder(partial);
    free(partial);
}

/* Removes a file that makes the folder look complete: such files go first and come back last. */
static void remove_old(const char *path)
{
    if (unlink(path) && errno != ENOENT) die_errno(EX_CANTCREAT, "%s: cannot replace", path);
}

static void image_name(int64_t i, char name[40])
{
    char id[24];
    synth_item_id(i, id);
    snprintf(name, 40, "images/%s.png", id);
}

/* Writes a picture whole or not at all, without a sync for each: sync_images() does that once for all. */
static void write_image(const char *path, const unsigned char *bytes, size_t len)
{
    char *temp = xasprintf("%s.part", path);
    FILE *f = fopen(temp, "wb");
    if (!f) die_errno(EX_CANTCREAT, "%s", path);
    bool written = fwrite(bytes, 1, len, f) == len;
    if (fclose(f) || !written) {
        int cause = errno;
        unlink(temp);
        errno = cause;
        die_errno(EX_IOERR, "%s: write failed", path);
    }
    if (rename(temp, path)) die_errno(EX_CANTCREAT, "%s", path);
    free(temp);
}

static void one_image(void *ctx, int64_t i, int worker)
{
    (void)worker;
    char name[40];
    image_name(i, name);
    char *path = xasprintf("%s/%s", folder, name);
    picture_t p = picture_new((int)image_size);
    synth_picture(ctx, i, &p);
    size_t len;
    unsigned char *png = picture_png(&p, &len);
    write_image(path, png, len);
    free(png);
    picture_free(&p);
    free(path);
    progress_add(1);
}

static void sync_images(const char *images)
{
    int fd = open(images, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || syncfs(fd)) die_errno(EX_IOERR, "%s: sync failed", images);
    close(fd);
}

static void write_images(synth_t *s)
{
    char *images = xasprintf("%s/images", folder);
    make_folder(images);
    progress_start("pictures", "pictures", items);
    parallel_for(items, one_image, s);
    progress_end();
    sync_images(images);
    free(images);
}

static void write_truth(const synth_t *s)
{
    out_t *o = out_open(truth, false);
    buf_t line = {0};
    for (int64_t i = 0; i < items; i++) {
        buf_clear(&line);
        synth_truth_json(s, i, &line);
        out_write(o, line.data, line.len);
    }
    out_commit(o);
    buf_free(&line);
}

static void write_items(const synth_t *s, const char *path)
{
    out_t *o = out_open(path, false);
    buf_t line = {0};
    char name[40];
    for (int64_t i = 0; i < items; i++) {
        image_name(i, name);
        buf_clear(&line);
        synth_item_json(s, i, no_images ? NULL : name, &line);
        out_write(o, line.data, line.len);
    }
    out_commit(o);
    buf_free(&line);
}

static void write_interactions(const synth_t *s, const char *path)
{
    out_t *o = out_open(path, false);
    FILE *f = out_file(o);
    int64_t total = 0;
    fprintf(f, "user\titem\ttimestamp\trating\n");
    for (int64_t u = 0; u < users; u++) {
        synth_event_t events[SYNTH_MAX_LENGTH];
        char user[24], item[24];
        int n = synth_history(s, u, events);
        synth_user_id(u, user);
        for (int t = 0; t < n; t++) {
            synth_item_id(events[t].item, item);
            fprintf(f, "%s\t%s\t%lld\t%d\n", user, item, (long long)events[t].timestamp, events[t].rating);
        }
        total += n;
    }
    out_commit(o);
    note("%lld items, %lld users, %lld interactions", (long long)items, (long long)users, (long long)total);
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected '%s'; see synth --help", argv[1]);
    if (!folder || !*folder) die(EX_USAGE, "expected -o DIR");
    const synth_config_t config = {
        .items = items, .users = users, .seed = (uint64_t)cli_common.seed, .intents = (int)intents,
        .drift = drift, .mean_length = mean_length,
    };
    make_folders(folder);
    char *items_path = xasprintf("%s/items.jsonl", folder), *interactions_path = xasprintf("%s/interactions.tsv", folder);
    remove_old(items_path);
    remove_old(interactions_path);

    synth_t *s = synth_new(&config);
    if (!no_images) write_images(s);
    if (truth) write_truth(s);
    write_interactions(s, interactions_path);
    write_items(s, items_path);
    synth_free(s);
    free(items_path);
    free(interactions_path);
    return 0;
}

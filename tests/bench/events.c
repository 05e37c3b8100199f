/* Made-up catalogues and events of any size, for ingest.sh: prints what it is asked for. Few users and items come often, most
 * seldom, by a power law; the same numbers give the same events in every form, in no order of time or of users.
 *
 *     events FORM EVENTS     FORM: neutral-items, neutral-events, amazon2023-items, amazon2023-events
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { EVENTS_A_USER = 10, EVENTS_AN_ITEM = 20, YEARS = 10, MAX_WORDS = 64 };

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static const char *const words[MAX_WORDS] = {
    "a",     "about", "after", "again", "all",    "also",  "and",   "are",   "as",    "at",    "be",    "because", "been",
    "box",   "but",   "buy",   "came",  "can",    "clear", "color", "cover", "cream", "day",   "does",  "easy",    "even",
    "every", "feels", "fine",  "fit",   "for",    "from",  "good",  "great", "had",   "has",   "have",  "holds",   "in",
    "is",    "it",    "just",  "large", "light",  "like",  "made",  "more",  "my",    "nice",  "not",   "of",      "on",
    "price", "size",  "small", "soft",  "strong", "that",  "the",   "this",  "very",  "well",  "with",  "would",
};

static uint64_t stream;

/* Number of someone out of `n` whose share falls with the rank r as r^(-2/3); ranks are spread over the numbers. */
static uint64_t pick(uint64_t n, uint64_t at)
{
    double x = (double)(rng_u64(stream, at) >> 11) * 0x1p-53;
    uint64_t rank = (uint64_t)((double)n * x * x * x);
    return rank * 2654435761u % n;
}

/* Different numbers get different ids: 8 digits hold them. */
static void put_digits(char *out, int count, uint64_t n)
{
    for (int i = count - 1; i >= 0; i--, n /= 36) out[i] = digits[n % 36];
}

static void user_id(char out[32], uint64_t n)
{
    memcpy(out, "AG", 2);
    put_digits(out + 2, 8, n);
    put_digits(out + 10, 9, rng_u64(1, n));
    put_digits(out + 19, 9, rng_u64(2, n));
    out[28] = '\0';
}

static void item_id(char out[32], uint64_t n)
{
    memcpy(out, "B0", 2);
    put_digits(out + 2, 8, n);
    out[10] = '\0';
}

static void put_words(uint64_t key, uint64_t least, uint64_t most)
{
    uint64_t n = least + key % (most - least + 1);
    for (uint64_t i = 0; i < n; i++) {
        key = key * 6364136223846793005u + 1442695040888963407u;
        if (i) putchar_unlocked(' ');
        fputs_unlocked(words[key >> 58], stdout);
    }
}

static void put_item(bool amazon, uint64_t i)
{
    char id[32];
    uint64_t title = rng_u64(3, i), text = rng_u64(4, i);
    item_id(id, i);
    if (amazon) {
        printf("{\"main_category\": \"All Beauty\", \"title\": \"");
        put_words(title, 5, 14);
        printf("\", \"average_rating\": 4.1, \"rating_number\": 12, \"features\": [], \"description\": [\"");
        put_words(text, 0, 40);
        printf("\"], \"price\": null, \"images\": [{\"thumb\": \"https://images.invalid/%s._SS40_.jpg\", "
               "\"large\": \"https://images.invalid/%s.jpg\", \"variant\": \"MAIN\"}], \"videos\": [], \"store\": \"Store\", "
               "\"categories\": [], \"details\": {}, \"parent_asin\": \"%s\"}\n", id, id, id);
    } else {
        printf("{\"id\": \"%s\", \"title\": \"", id);
        put_words(title, 5, 14);
        printf("\", \"description\": \"");
        put_words(text, 0, 40);
        printf("\", \"categories\": [\"All Beauty\"], \"image_url\": \"https://images.invalid/%s.jpg\"}\n", id);
    }
}

static void put_event(bool amazon, uint64_t e, uint64_t users, uint64_t items)
{
    char user[32], item[32];
    uint64_t at = 4 * e, time = 1300000000 + rng_below(stream, at + 2, YEARS * 31557600ull);
    int rating = 1 + (int)rng_below(stream, at + 3, 5);
    user_id(user, pick(users, at));
    item_id(item, pick(items, at + 1));
    if (!amazon) {
        printf("%s\t%s\t%llu\t%d\n", user, item, (unsigned long long)time, rating);
        return;
    }
    printf("{\"rating\": %d.0, \"title\": \"", rating);
    put_words(rng_u64(5, e), 1, 6);
    printf("\", \"text\": \"");
    put_words(rng_u64(6, e), 2, 40);
    printf("\", \"images\": [], \"asin\": \"%s\", \"parent_asin\": \"%s\", \"user_id\": \"%s\", \"timestamp\": %llu, "
           "\"helpful_vote\": 0, \"verified_purchase\": true}\n", item, item, user, (unsigned long long)time * 1000 + e % 1000);
}

int main(int argc, char **argv)
{
    uint64_t events = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t users = events / EVENTS_A_USER + 1, items = events / EVENTS_AN_ITEM + 1;
    const bool amazon = argc == 3 && !strncmp(argv[1], "amazon2023-", 11);
    const char *what = argc == 3 ? strchr(argv[1], '-') : NULL;
    if (!events || !what) {
        fprintf(stderr, "usage: events neutral-items|neutral-events|amazon2023-items|amazon2023-events EVENTS\n");
        return 64;
    }
    stream = rng_stream(1, "bench events");
    if (!strcmp(what, "-items")) {
        for (uint64_t i = 0; i < items; i++) put_item(amazon, i);
    } else {
        if (!amazon) printf("user\titem\ttimestamp\trating\n");
        for (uint64_t e = 0; e < events; e++) put_event(amazon, e, users, items);
    }
    return fflush(stdout) ? 74 : 0;
}

#include "text/phrases.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/rng.h"
#include "text/caption_text.h"

#define IS_IN(word, list) is_in((word), (list), sizeof(list) / sizeof *(list))

static int compare(const void *a, const void *b) { return strcmp(a, *(const char *const *)b); }

/* `list` is sorted. */
static bool is_in(const char *word, const char *const *list, size_t n)
{
    return bsearch(word, list, n, sizeof *list, compare) != NULL;
}

bool word_is_stop(const char *word)
{
    static const char *const list[] = {
        "a", "about", "after", "all", "also", "always", "am", "an", "and", "any", "are", "as", "at", "be", "because",
        "been", "before", "being", "both", "but", "by", "can", "could", "did", "do", "does", "each", "either", "etc",
        "even", "ever", "every", "for", "from", "get", "gets", "had", "has", "have", "he", "her", "here", "him", "his",
        "how", "i", "if", "in", "into", "is", "it", "its", "just", "made", "make", "makes", "many", "may", "me", "more",
        "most", "much", "must", "my", "no", "nor", "not", "of", "off", "on", "once", "one", "only", "onto", "or",
        "other", "our", "out", "over", "own", "per", "plus", "s", "same", "she", "should", "so", "some", "such", "t",
        "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to",
        "too", "under", "until", "up", "upon", "us", "use", "used", "using", "very", "via", "vs", "was", "we", "were",
        "what", "when", "where", "which", "while", "who", "whom", "whose", "will", "with", "without", "would", "you",
        "your",
    };
    return IS_IN(word, list);
}

bool word_is_unit(const char *word)
{
    static const char *const list[] = {
        "bag", "bottle", "bottles", "box", "capsules", "cm", "color", "colors", "colour", "colours", "container", "count",
        "ct", "dollars", "ea", "each", "feet", "fl", "floz", "fluid", "foot", "ft", "g", "gallon", "gm", "gr", "gram",
        "grams", "inch", "inches", "jar", "kg", "kit", "l", "large", "lb", "lbs", "liter", "litre", "m", "may", "medium",
        "meter", "mg", "ml", "mm", "model", "ounce", "ounces", "oz", "pack", "package", "packaging", "packs",
        "pair", "pairs", "pc", "pcs", "piece", "pieces", "pk", "pound", "pounds", "qty", "quart", "set", "sets", "size",
        "sizes", "small", "tube", "tubes", "unit", "units", "value", "vary", "version", "x", "xl", "yard",
    };
    return IS_IN(word, list);
}

bool word_is_preposition(const char *word)
{
    static const char *const list[] = {
        "after", "along", "among", "around", "at", "before", "behind", "beside", "between", "beyond", "by", "during", "from",
        "in", "inside", "into", "near", "of", "off", "on", "outside", "over", "through", "to", "toward", "towards", "under",
        "up", "with", "without",
    };
    return IS_IN(word, list);
}

/* Words that mostly end a purpose: what follows tells of something else. */
static bool ends_purpose(const char *word)
{
    static const char *const list[] = {
        "and", "because", "but", "by", "for", "from", "if", "including", "nor", "or", "plus", "so", "than", "when",
        "where", "while", "with",
    };
    return IS_IN(word, list);
}

/* Words that always do: another clause begins. */
static bool ends_clause(const char *word)
{
    static const char *const list[] = {
        "are", "as", "can", "comes", "features", "featuring", "gives", "has", "have", "he", "her", "his", "include",
        "included", "includes", "is", "it", "its", "made", "makes", "may", "she", "that", "their", "then", "they", "this",
        "was", "we", "were", "which", "will", "you",
    };
    return IS_IN(word, list);
}

/* Words passed over between a cue and its purpose. */
static bool is_opener(const char *word)
{
    static const char *const list[] = {
        "a", "all", "an", "any", "both", "each", "easy", "every", "everyday", "extra", "her", "his", "maximum", "most",
        "my", "our", "some", "such", "that", "the", "their", "these", "this", "those", "use", "using", "very", "while",
        "your",
    };
    return IS_IN(word, list);
}

/* Words that begin no purpose: "for example", "for years", "for free", "for thirty days". */
static bool is_idle(const char *word)
{
    static const char *const list[] = {
        "added", "anyone", "anything", "best", "better", "complete", "convenience", "decades", "details", "ease", "eight",
        "ever", "everyone", "everything", "example", "fifteen", "five", "forty", "four", "free", "fun", "generations",
        "good", "him", "hot", "hours", "hundreds", "instance", "it", "lasting", "less", "life", "longer", "me",
        "minutes", "months", "more", "nine", "nothing", "one", "only", "optimal", "order", "others", "over", "perfect",
        "price", "product", "results", "sale", "seven", "six", "sixty", "someone", "something", "sure", "ten", "them",
        "thirty", "thousands", "three", "twelve", "twenty", "two", "type", "types", "up", "us", "weeks", "what", "which",
        "whom", "years", "you", "yourself",
    };
    return IS_IN(word, list);
}

/* Words after which "for" names no purpose: "known for", "look for", "returns for". */
static bool denies_purpose(const char *word)
{
    static const char *const list[] = {
        "account", "accounts", "allow", "allows", "ask", "asked", "call", "calls", "except", "famous", "known", "long",
        "look", "looked", "looking", "looks", "noted", "paid", "pay", "refund", "refunds", "return", "returns", "search",
        "searching", "stands", "wait", "waiting", "warranty",
    };
    return IS_IN(word, list);
}

bool word_is_gerund(const char *word)
{
    static const char *const nouns[] = {"bring", "clothing", "evening", "king", "lightning", "morning", "ring",
                                        "something", "spring", "sting", "string", "thing", "wedding", "wing"};
    size_t n = strlen(word);
    return n >= 5 && !strcmp(word + n - 3, "ing") && !IS_IN(word, nouns);
}

uint64_t stem_of(const char *word)
{
    size_t n = strlen(word);
    char copy[4 * WORD_MAX + 4];
    if (n < 4 || n >= sizeof copy || word[n - 1] != 's' || strchr("sui", word[n - 2])) return XXH3_64bits(word, n);
    if (n > 4 && !strcmp(word + n - 3, "ies")) {
        memcpy(copy, word, n - 3);
        copy[n - 3] = 'y';
        return XXH3_64bits(copy, n - 2);
    }
    if (n > 4 && word[n - 2] == 'e' && (strchr("xz", word[n - 3]) || !strncmp(word + n - 4, "ch", 2) ||
                                        !strncmp(word + n - 4, "sh", 2) || !strncmp(word + n - 4, "ss", 2)))
        return XXH3_64bits(word, n - 2);
    return XXH3_64bits(word, n - 1);
}

static bool is_debris(const char *word, bool follows)
{
    static const char *const entities[] = {"amp", "eacute", "egrave", "lt", "nbsp", "quot", "reg", "trade"};
    return IS_IN(word, entities) || (follows && word[0] == 's' && !word[1]);
}

static bool any_digit(const char *s)
{
    for (; *s; s++)
        if (*s >= '0' && *s <= '9') return true;
    return false;
}

void words_add(phrase_words_t *w, const char *text, size_t n, field_id_t field)
{
    tokens_split(&w->tokens, text, n);
    segments_join(&w->segmenter, &w->tokens);
    int32_t place = 0;
    bool follows = true; /* words that were passed over do not end a phrase, unless they began one */
    for (int64_t i = 0; i < w->tokens.count && place < FIELD_WORDS; i++) {
        size_t start = w->bytes.len;
        tokens_word(&w->tokens, i, &w->bytes);
        const char *word = w->bytes.data + start;
        const tokens_word_t *token = &w->tokens.words[i];
        const bool joined = i && token->start == token[-1].start + token[-1].length;
        follows = follows && token->follows;
        if (is_debris(word, token->follows)) {
            w->bytes.len = start;
            continue;
        }
        GROW(w->words, w->count, w->cap);
        w->words[w->count++] = (phrase_word_t){(int64_t)start, stem_of(word), place, (uint8_t)field, follows && place > 0, joined,
                                               any_digit(word), token->solitary || word_is_stop(word)};
        buf_add(&w->bytes, "", 1);
        follows = true;
        place++;
    }
}

void words_clear(phrase_words_t *w)
{
    buf_clear(&w->bytes);
    w->count = 0;
}

/* What builtin captions list as labels is worth no more than labels; what they say of colours is read by rules of its own. */
static void add_caption(phrase_words_t *w, const char *caption)
{
    const char *labels = caption_labels(caption);
    size_t n = labels ? (size_t)(labels - caption) : strlen(caption);
    if (n && !caption_is_pixels(caption)) words_add(w, caption, n, FIELD_CAPTION);
    if (labels) words_add(w, labels, strlen(labels), FIELD_LABELS);
}

void words_of_evidence(phrase_words_t *w, const evidence_t *e)
{
    words_clear(w);
    for (int f = 0; f < FIELDS; f++) {
        if (!e->text[f]) continue;
        if (f == FIELD_CAPTION) add_caption(w, e->text[f]);
        else words_add(w, e->text[f], strlen(e->text[f]), (field_id_t)f);
    }
}

void words_free(phrase_words_t *w)
{
    tokens_free(&w->tokens);
    segmenter_free(w->segmenter);
    buf_free(&w->bytes);
    free(w->words);
    *w = (phrase_words_t){0};
}

const char *word_text(const phrase_words_t *w, int64_t i) { return w->bytes.data + w->words[i].start; }

void words_join(const phrase_words_t *w, int64_t first, int n, buf_t *out)
{
    for (int i = 0; i < n; i++) {
        if (i && !w->words[first + i].joined) buf_puts(out, " ");
        buf_puts(out, word_text(w, first + i));
    }
}

uint64_t words_key(const phrase_words_t *w, int64_t first, int n)
{
    uint64_t key = 0;
    for (int i = 0; i < n; i++) key = rng_u64(key, w->words[first + i].stem);
    return key;
}

/* Letters of the Latin script have lower numbers than U+0250. */
static bool is_latin(const char *word) { return (unsigned char)*word < 0xca && (*word & 0x80 || (*word >= 'a' && *word <= 'z')); }

bool words_are_foreign(const phrase_words_t *w)
{
    int64_t latin = 0, others = 0;
    for (int64_t i = 0; i < w->count; i++) {
        if (w->words[i].has_digit) continue;
        if (is_latin(word_text(w, i))) latin++;
        else others++;
    }
    return others > latin;
}

/* Counts the words of the phrase that goes on at word i. */
static int words_left(const phrase_words_t *w, int64_t i)
{
    int n = 0;
    while (i + n < w->count && n <= PHRASE_WORDS + 4 && (n == 0 || w->words[i + n].follows)) n++;
    return n;
}

/* Finds the cue at word i; false where there is none. */
static bool cue_at(const phrase_words_t *w, int64_t i, phrase_cue_t *cue)
{
    static const char *const gift[] = {"gift", "gifts", "present", "presents"};
    static const char *const plain[] = {
        "choice", "designed", "excellent", "fit", "good", "great", "ideal", "intended", "it", "made", "meant", "perfect",
        "recommended", "right", "suitable", "suited", "them", "thought",
    };
    const char *word = word_text(w, i), *before = i > 0 && w->words[i].follows ? word_text(w, i - 1) : "";
    *cue = CUE_WHILE;
    if (!strcmp(word, "while") || !strcmp(word, "when"))
        return i + 1 < w->count && w->words[i + 1].follows && word_is_gerund(word_text(w, i + 1));
    *cue = IS_IN(before, gift) ? CUE_GIFT_FOR : IS_IN(before, plain) ? CUE_IDEAL_FOR : CUE_FOR;
    return !strcmp(word, "for") && !denies_purpose(before);
}

static bool may_stand(const phrase_words_t *w, int64_t i)
{
    return !w->words[i].has_digit && !word_is_unit(word_text(w, i)) && !ends_clause(word_text(w, i));
}

bool purpose_can_end(const phrase_words_t *w, const phrase_purpose_t *p, int n)
{
    const phrase_word_t *last = &w->words[p->first + n - 1];
    return !last->stop && !last->has_digit && !word_is_preposition(word_text(w, p->first + n - 1));
}

/* Counts the words between the cue and the purpose. */
static int openers(const phrase_words_t *w, int64_t i, int left)
{
    int skip = 1;
    while (skip < left && is_opener(word_text(w, i + skip))) {
        const char *next = skip + 1 < left ? word_text(w, i + skip + 1) : "";
        skip += !strcmp(word_text(w, i + skip), "use") && word_is_preposition(next) ? 2 : 1;
    }
    return skip;
}

bool purpose_at(const phrase_words_t *w, int64_t i, phrase_purpose_t *p)
{
    if (!cue_at(w, i, &p->cue)) return false;
    int left = words_left(w, i), skip = openers(w, i, left);
    p->first = i + skip;
    if (skip >= left || is_idle(word_text(w, p->first)) || w->words[p->first].stop) return false;
    bool clause = word_is_gerund(word_text(w, p->first));
    p->words = p->base = 0;
    for (int n = 0; skip + n < left && n < PHRASE_WORDS && may_stand(w, p->first + n); n++) {
        const char *word = word_text(w, p->first + n);
        if (!p->base && n && (ends_purpose(word) || (!clause && word_is_preposition(word)))) p->base = n;
        p->words = n + 1;
    }
    if (!p->base) p->base = p->words;
    while (p->words && !purpose_can_end(w, p, p->words)) p->words--;
    if (p->base > p->words) p->base = p->words;
    while (p->base && !purpose_can_end(w, p, p->base)) p->base--;
    return p->base > 0;
}

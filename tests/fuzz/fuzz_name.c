/* tests/fuzz/fuzz_name.c - names: any text and any bytes are refused, or are the same name in every form.
 *
 * The first byte chooses text or wire. ldns is the judge of what a text means.
 */
#include "common/name.h"

#include <assert.h>
#include <ctype.h>
#include <ldns/ldns.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { TEXT_LEN_MAX = 2 * NAME_TEXT_MAX };

/* What a text means is what ldns reads in it. */
static void ldns_agrees(const char *text, const uint8_t *wire, size_t len)
{
    ldns_rdf *name = ldns_dname_new_frm_str(text);
    assert(name && ldns_rdf_size(name) == len && memcmp(ldns_rdf_data(name), wire, len) == 0);
    ldns_rdf_deep_free(name);
}

static void suffixes_check(const uint8_t *wire, const uint8_t *lower)
{
    struct name_suffixes suffixes, folded;
    name_suffixes(wire, &suffixes);
    name_suffixes(lower, &folded);
    assert(suffixes.labels == name_labels(wire) && suffixes.off[0] == 0);
    assert(suffixes.hash[0] == name_hash(wire) && wire[suffixes.off[suffixes.labels]] == 0);
    for (unsigned i = 0; i <= suffixes.labels; i++) {
        assert(suffixes.hash[i] == folded.hash[i] && suffixes.off[i] == folded.off[i]);
        assert(name_hash(wire + suffixes.off[i]) == suffixes.hash[i]);
        assert(name_labels(wire + suffixes.off[i]) == suffixes.labels - i);
        assert(name_is_under(wire, lower + suffixes.off[i]));
        assert(name_is_under(wire + suffixes.off[i], wire) == (i == 0));
    }
}

/* All that holds for a well-formed name. */
static void name_holds(const uint8_t *wire, size_t len)
{
    char text[NAME_TEXT_MAX];
    uint8_t again[NAME_WIRE_MAX], lower[NAME_WIRE_MAX];
    size_t again_len;
    assert(len <= NAME_WIRE_MAX && name_len(wire) == len);
    assert(name_check(wire, len, &again_len) && again_len == len && !name_check(wire, len - 1, &again_len));
    assert(strlen(name_print(wire, text)) < NAME_TEXT_MAX);
    assert(name_parse(text, again, &again_len, NULL) == OK && again_len == len &&
           memcmp(again, wire, len) == 0);
    ldns_agrees(text, wire, len);
    assert(name_lower(wire, lower) == len && name_equal(wire, lower));
    for (size_t i = 0; i < len; i++)
        assert(lower[i] == tolower(wire[i]));
    suffixes_check(wire, lower);
}

/* Whether two names are equal, octet by octet. */
static bool plain_equal(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    bool equal = a_len == b_len;
    for (size_t i = 0; equal && i < a_len; i++)
        equal = tolower(a[i]) == tolower(b[i]);
    return equal;
}

static void wire_try(const uint8_t *bytes, size_t len)
{
    size_t first_len, second_len;
    if (!name_check(bytes, len, &first_len))
        return;
    const uint8_t *second = bytes + first_len;
    name_holds(bytes, first_len);
    if (!name_check(second, len - first_len, &second_len))
        return;
    const bool equal = plain_equal(bytes, first_len, second, second_len);
    assert(name_equal(bytes, second) == equal && name_equal(second, bytes) == equal);
    assert((name_hash(bytes) == name_hash(second)) == equal);
    const bool longer = first_len >= second_len;
    assert(!name_is_under(bytes, second) || longer);
}

/* A text, and behind a space another that it is relative to. */
static void text_try(char *text)
{
    char *origin_text = strchr(text, ' ');
    uint8_t wire[NAME_WIRE_MAX], origin[NAME_WIRE_MAX] = {0};
    size_t len;
    if (origin_text)
        *origin_text++ = '\0';
    if (name_parse(text, wire, &len, NULL) == OK) {
        name_holds(wire, len);
        ldns_agrees(text, wire, len);
    }
    if (!origin_text || name_parse(origin_text, origin, &len, NULL) != OK)
        return;
    if (name_parse_under(text, origin, wire, &len, NULL) != OK)
        return;
    name_holds(wire, len);
    const size_t text_len = strlen(text);
    assert(text[text_len - 1] == '.' || name_is_under(wire, origin));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[TEXT_LEN_MAX];
    if (len < 1 || len > sizeof text)
        return 0;
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    if (bytes[0] & 1)
        wire_try(bytes + 1, len - 1);
    else
        text_try(text);
    return 0;
}

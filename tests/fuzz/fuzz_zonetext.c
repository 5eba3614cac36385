/* tests/fuzz/fuzz_zonetext.c - lines and words of any bytes: what was read as a line reads as the same line
 * again.
 */
#include "zones/file/zonetext.h"

#include <assert.h>
#include <string.h>

enum { LINE_MAX_FOR_TEST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void try_line(const struct zonetext_line *line)
{
    const char *text = (const char *)line->text.bytes;
    const size_t len = line->text.len - 1;
    struct zonetext again = zonetext_of(text, len);
    struct zonetext_line copy = {0};
    enum err err;
    assert(strlen(text) == len && len <= LINE_MAX_FOR_TEST && text[0] != ' ' && !strchr(text, '\n'));
    assert(zonetext_next(&again, LINE_MAX_FOR_TEST, &copy, &err, NULL));
    assert(strcmp((const char *)copy.text.bytes, text) == 0);
    /* its words are what stands between the spaces */
    size_t at = 0;
    char *rest = (char *)copy.text.bytes;
    for (const char *word = zonetext_word(&rest); word; word = zonetext_word(&rest)) {
        const size_t size = strlen(word);
        assert(size > 0 && memcmp(text + at, word, size) == 0);
        at += size;
        assert(at == len || text[at] == ' ');
        at++;
    }
    assert(at == len + 1);
    buffer_fini(&copy.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct zonetext text = zonetext_of((const char *)bytes, len);
    struct zonetext_line line = {0};
    enum err err;
    uint32_t last = 0;
    while (zonetext_next(&text, LINE_MAX_FOR_TEST, &line, &err, NULL)) {
        assert(line.line > last || last == 0);
        last = line.line;
        try_line(&line);
    }
    buffer_fini(&line.text);
    return 0;
}

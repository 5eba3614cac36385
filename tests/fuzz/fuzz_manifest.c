/* tests/fuzz/fuzz_manifest.c - any text as a manifest: it is refused, or prints as one that reads and
 * prints the same. */
#include "tests/fuzz/scratch.h"
#include "zones/image/manifest.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct manifest *read_text(const void *bytes, size_t len)
{
    struct scratch file = scratch_open(bytes, len);
    struct manifest *manifest = NULL;
    struct diag diag = {.text = ""};
    const enum err err = manifest_read(file.path, &manifest, &diag);
    assert(err == OK || (!manifest && diag.text[0] != '\0'));
    scratch_close(&file);
    return manifest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct manifest *manifest = read_text(bytes, len), *again;
    char *text, *text_again;
    if (!manifest)
        return 0;
    assert(manifest_print(manifest, &text, NULL) == OK);
    again = read_text(text, strlen(text));
    assert(again && manifest_print(again, &text_again, NULL) == OK);
    assert(strcmp(text, text_again) == 0);
    free(text);
    free(text_again);
    manifest_free(&manifest);
    manifest_free(&again);
    return 0;
}

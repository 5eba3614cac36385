/* Any text as one of tor's files: it is refused, or every range of it is in the trees. */
#include "geoip/tortext.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    struct source *source = NULL;
    struct diag diag;
    if (size == 0 || size > sizeof text)
        return 0;
    memcpy(text, data, size);
    FILE *file = fmemopen(text, size, "r");
    if (!file)
        return 0;
    if (source_new("fuzz", &source, NULL) == OK && tortext_load(file, source, &diag) == OK &&
        source->facts.count == 0)
        __builtin_trap();
    fclose(file);
    source_free(&source);
    return 0;
}

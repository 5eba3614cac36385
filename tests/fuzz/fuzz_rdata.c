/* Any text as the data of any type: it is refused, or it gives rdata that the image's reader and ldns take.
 *
 * An input is two bytes of type, then text.
 */
#include "common/name.h"
#include "zones/rdata/rdata.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* ldns 1.8 loses a few bytes with some fields that do not parse. The compiler exits soon after. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t origin[] = "\7example\3com";
    static uint8_t rdata[RDATA_MAX], again[RDATA_MAX];
    if (size < 2)
        return 0;
    char *text = strndup((const char *)data + 2, size - 2);
    char name[RDATA_TYPE_TEXT_MAX];
    const uint16_t type = (uint16_t)(data[0] << 8 | data[1]);
    uint16_t stored;
    size_t len, again_len;
    if (text && rdata_type_parse(rdata_type_print(type, name), &stored, NULL) == OK &&
        rdata_parse(stored, text, origin, rdata, &len, NULL) == OK)
        if (len > RDATA_MAX || rdata_parse(stored, text, origin, again, &again_len, NULL) != OK ||
            again_len != len || memcmp(rdata, again, len) != 0)
            __builtin_trap();
    free(text);
    return 0;
}

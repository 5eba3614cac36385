#include "zones/compile/compress.h"

#include "zones/image/image.h"

enum {
    POINTER = 0xc000,
    PLACE_WIRE = IMAGE_PLACE_WIRE * IMAGE_PLACE_LEN,
    PLACE_OWNER = IMAGE_PLACE_OWNER * IMAGE_PLACE_LEN
};

static void suffix_put(struct compress *compress, uint64_t hash, const uint8_t *name, unsigned pointer)
{
    if (compress->count < COMPRESS_SUFFIXES_MAX)
        compress->suffixes[compress->count++] = (struct compress_suffix){hash, name, (uint16_t)pointer};
}

/* The pointer to a suffix; 0: it is not known. */
static uint16_t suffix_find(const struct compress *compress, uint64_t hash, const uint8_t *name)
{
    for (unsigned i = 0; i < compress->count; i++)
        if (compress->suffixes[i].hash == hash && name_equal(compress->suffixes[i].name, name))
            return compress->suffixes[i].pointer;
    return 0;
}

void compress_begin(struct compress *compress, const uint8_t *zone, const uint8_t *owner)
{
    const unsigned zone_labels = name_labels(zone);
    compress->count = 0;
    if (zone_labels > 0) /* to the root a pointer would be longer */
        suffix_put(compress, name_hash(zone), zone, IMAGE_ZONE_POINTER);
    if (!owner)
        return;
    struct name_suffixes suffixes;
    name_suffixes(owner, &suffixes);
    for (unsigned i = 0; i + zone_labels < suffixes.labels; i++)
        suffix_put(compress, suffixes.hash[i], owner + suffixes.off[i],
                   POINTER | PLACE_OWNER | suffixes.off[i]);
}

size_t compress_name(struct compress *compress, const uint8_t *name, uint32_t off, uint16_t *ret_pointer)
{
    struct name_suffixes suffixes;
    unsigned cut = 0;
    name_suffixes(name, &suffixes);
    for (*ret_pointer = 0; cut < suffixes.labels; cut++)
        if ((*ret_pointer = suffix_find(compress, suffixes.hash[cut], name + suffixes.off[cut])))
            break;
    for (unsigned i = 0; i < cut && off + suffixes.off[i] < IMAGE_PLACE_LEN; i++)
        suffix_put(compress, suffixes.hash[i], name + suffixes.off[i],
                   POINTER | PLACE_WIRE | (off + suffixes.off[i]));
    return *ret_pointer ? suffixes.off[cut] : suffixes.off[cut] + 1u;
}

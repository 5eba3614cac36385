#include "server/answer/identity.h"

#include "common/name.h"
#include "server/answer/query.h"

#include <stddef.h>

/* Names in wire form, and where in the identity their text is. */
static const struct {
    const char *name;
    size_t text_off;
} names[] = {
    {"\7version\4bind", offsetof(struct identity, version)},
    {"\7version\6server", offsetof(struct identity, version)},
    {"\10hostname\4bind", offsetof(struct identity, name)},
    {"\2id\6server", offsetof(struct identity, name)},
};

const struct identity_text *identity_find(const struct identity *identity, const uint8_t *name,
                                          uint16_t qtype)
{
    if (qtype != QTYPE_TXT && qtype != QTYPE_ANY)
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!name_equal(name, (const uint8_t *)names[i].name))
            continue;
        const void *text = (const char *)identity + names[i].text_off;
        return ((const struct identity_text *)text)->bytes ? text : NULL;
    }
    return NULL;
}

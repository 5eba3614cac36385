#include "server/answer/hint.h"

/* RFC 9460 14.3.2. */
enum { KEY_IPV4HINT = 4, KEY_IPV6HINT = 6 };

static void row_make(const struct choice *choice, enum kind kind, struct hint_row *ret)
{
    ret->key = kind == KIND_V4 ? KEY_IPV4HINT : KEY_IPV6HINT;
    ret->address_len = kind == KIND_V4 ? 4 : 16;
    ret->count = 0;
    ret->step = choice->step;
    ret->pool = choice->pool;
    if (choice->kind != CHOICE_ADDRESSES)
        return;
    while (ret->count < choice->count && ret->count < IMAGE_HINT_ADDRESSES_MAX) {
        ret->endpoints[ret->count] = choice->endpoints[ret->count];
        ret->count++;
    }
}

void hint_choose(const struct world *world, const struct image_zone *zone,
                 const struct image_rrset *rrset, const struct ip *client, struct rng *rng,
                 struct hints *ret)
{
    const struct image_hint *hint = image_at(zone, rrset->hints_off);
    ret->ttl_s = rrset->ttl_s;
    ret->scope = 0;
    ret->count = 0;
    for (uint32_t i = 0; i < rrset->hints_count; i++) {
        if (hint[i].choice < ret->count)
            continue;
        const struct image_node *node = image_at(zone, hint[i].node_off);
        const struct image_service *service = image_at(zone, node->service_off);
        const struct steer_case asked = {.zone = zone,
                                         .service = service,
                                         .geo = &world->policies[service->policy],
                                         .board = world->board,
                                         .client = client,
                                         .kind = (enum kind)hint[i].kind};
        struct choice choice;
        steer_choose(&asked, rng, NULL, &choice);
        row_make(&choice, asked.kind, &ret->rows[ret->count++]);
        if (choice.ttl_s < ret->ttl_s)
            ret->ttl_s = choice.ttl_s;
        if (choice.scope > ret->scope)
            ret->scope = choice.scope;
    }
}

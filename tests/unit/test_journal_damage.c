#include "journal_fixture.h"

#include "common/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What a reader of the journal looks at; a sanitizer sees what is not there. */
static size_t journal_read(const struct image_zone *zone)
{
    const struct image_delta *deltas = image_at(zone, zone->deltas_off);
    size_t sum = 0;
    if (zone->deltas_count == 0)
        return 1;
    for (uint32_t off = deltas->wire_off, end = image_deltas_end(zone); off < end;) {
        const uint8_t *rr = image_at(zone, off);
        const size_t len = image_delta_rr_len(rr);
        sum += rr[len - 1] + 1u;
        off += (uint32_t)len;
    }
    return sum;
}

/* A pack with a journal of three deltas, to be damaged. */
struct damage {
    uint8_t *bytes;
    struct image_zone *zone;
    struct image_delta *deltas;
    uint8_t *wire;  /* SOA, A, SOA; SOA, SOA, A; SOA, A, SOA */
    uint8_t *after; /* the second SOA */
};

static void deltas_count_damage(struct damage *damage)
{
    damage->zone->deltas_count = IMAGE_DELTAS_MAX + 1;
}

static void deltas_place_damage(struct damage *damage)
{
    damage->zone->deltas_off = damage->zone->len - 4;
}

static void deltas_align_damage(struct damage *damage)
{
    damage->zone->deltas_off += 2;
}

static void serial_damage(struct damage *damage)
{
    damage->deltas[0].serial++;
}

static void length_damage(struct damage *damage)
{
    damage->deltas[2].wire_len--;
}

static void place_damage(struct damage *damage)
{
    damage->deltas[2].wire_off = damage->zone->len - 8;
}

static void empty_damage(struct damage *damage)
{
    damage->deltas[2].wire_len = 0;
}

/* Four SOAs in one. */
static void two_in_one_damage(struct damage *damage)
{
    damage->deltas[0].wire_len += damage->deltas[1].wire_len;
}

/* The serials fit, but another delta stands between the two. */
static void gap_damage(struct damage *damage)
{
    damage->zone->deltas_count = 2;
    damage->deltas[1] = damage->deltas[2];
    damage->after[image_delta_rr_len(damage->after) - 17]++; /* 2 to 3 */
}

static void after_serial_damage(struct damage *damage)
{
    damage->after[image_delta_rr_len(damage->after) - 17] ^= 0x40;
}

static void first_type_damage(struct damage *damage)
{
    damage->wire[3] = 1;
}

static void after_type_damage(struct damage *damage)
{
    damage->after[3] = 1;
}

static void class_damage(struct damage *damage)
{
    damage->wire[5] = 3;
}

static void pointer_damage(struct damage *damage)
{
    damage->wire[1] = 13;
}

static void owner_damage(struct damage *damage)
{
    damage->wire[image_delta_rr_len(damage->wire)] = 0x40; /* the label "a" of the A */
}

static void test_a_damaged_journal_is_refused(void **state)
{
    (void)state;
    static const struct zone_record a = {"a", "A", "192.0.2.1", 5};
    static void (*const damages[])(struct damage *) = {
        deltas_count_damage, deltas_place_damage, deltas_align_damage, serial_damage,  length_damage,
        place_damage,        empty_damage,        two_in_one_damage,   gap_damage,     after_serial_damage,
        first_type_damage,   after_type_damage,   class_damage,        pointer_damage, owner_damage,

    };
    struct zone_fixture versions[4];
    for (uint32_t i = 0; i < 4; i++)
        version_make(&versions[i], i > 0 ? &versions[i - 1] : NULL, i + 1, &a, (i + 1) % 2);
    const struct buffer *pack = &versions[3].pack.bytes;
    const size_t zone_off = (size_t)((const uint8_t *)versions[3].zone - pack->bytes);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct image image;
        struct damage damage = {.bytes = malloc(pack->len)};
        assert_non_null(damage.bytes);
        memcpy(damage.bytes, pack->bytes, pack->len);
        damage.zone = (void *)(damage.bytes + zone_off);
        damage.deltas = (void *)((uint8_t *)damage.zone + damage.zone->deltas_off);
        damage.wire = (uint8_t *)damage.zone + damage.deltas->wire_off;
        damage.after = damage.wire + image_delta_rr_len(damage.wire);
        damage.after += image_delta_rr_len(damage.after);
        damages[i](&damage);
        frame_seal(damage.bytes, pack->len, FRAME_PACK, IMAGE_VERSION);
        assert_int_equal(image_open(damage.bytes, pack->len, &image, NULL), OK);
        if (image_check(&image, pack->len, NULL) != ERR_CORRUPT)
            fail_msg("damage %zu was not noticed", i);
        free(damage.bytes);
    }
    for (size_t i = 0; i < 4; i++)
        zone_fixture_free(&versions[i]);
}

static void test_every_flipped_byte_of_a_journal_is_noticed_or_harmless(void **state)
{
    (void)state;
    static const struct zone_record a = {"a.b", "A", "192.0.2.1", 5};
    struct zone_fixture versions[3];
    version_make(&versions[0], NULL, 1, &a, 0);
    version_make(&versions[1], &versions[0], 2, &a, 1);
    version_make(&versions[2], &versions[1], 3, &a, 0);
    const struct buffer *pack = &versions[2].pack.bytes;
    uint8_t *bytes = malloc(pack->len);
    assert_non_null(bytes);
    memcpy(bytes, pack->bytes, pack->len);
    const size_t zone_off = (size_t)((const uint8_t *)versions[2].zone - pack->bytes);
    const size_t head = zone_off + offsetof(struct image_zone, deltas_off);
    const size_t journal = zone_off + versions[2].zone->deltas_off;
    unsigned noticed = 0;
    for (size_t at = head; at < pack->len; at++) {
        if (at == head + 8)
            at = journal;
        for (unsigned bit = 0; bit < 8; bit++) {
            struct image image;
            bytes[at] ^= (uint8_t)(1u << bit);
            frame_seal(bytes, pack->len, FRAME_PACK, IMAGE_VERSION);
            if (image_open(bytes, pack->len, &image, NULL) == OK &&
                image_check(&image, pack->len, NULL) == OK)
                assert_true(journal_read((const void *)(bytes + zone_off)) > 0);
            else
                noticed++;
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    assert_true(noticed > 300);
    free(bytes);
    for (size_t i = 0; i < 3; i++)
        zone_fixture_free(&versions[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_damaged_journal_is_refused),
        cmocka_unit_test(test_every_flipped_byte_of_a_journal_is_noticed_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "geoip/tree.h"

#include "geoip/overlay.h"

#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The value of an address of 8 bits that hangs below a tree of 32, and the bits that it took to
 * tell. */
static uint32_t value_at(const struct tree *tree, uint32_t root, uint32_t address,
                         unsigned *ret_depth)
{
    unsigned depth = 0;
    for (; !tree_is_leaf(root); depth++)
        root = tree_child(tree, root, address >> (31 - depth) & 1);
    if (ret_depth)
        *ret_depth = depth;
    return tree_value(root);
}

static void test_a_node_of_equal_leaves_is_that_leaf(void **state)
{
    (void)state;
    struct tree tree = {0};
    assert_int_equal(tree_join(&tree, tree_leaf(5), tree_leaf(5)), tree_leaf(5));
    assert_int_equal(tree.count, 0);
    tree_fini(&tree);
}

static void test_a_node_of_equal_nodes_stays_since_a_bit_is_between(void **state)
{
    (void)state;
    struct tree tree = {0};
    const uint32_t below = tree_join(&tree, tree_leaf(1), tree_leaf(2));
    const uint32_t above = tree_join(&tree, below, below);
    assert_int_not_equal(above, below);
    assert_int_equal(tree_join(&tree, below, below), above);
    assert_int_equal(tree_join(&tree, tree_leaf(1), tree_leaf(2)), below);
    assert_int_equal(tree.count, 2);
    tree_fini(&tree);
}

static void test_ranges_give_each_address_its_value_at_the_least_depth(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_fill fill = tree_fill_of(&tree, 32);
    tree_fill_to(&fill, 0x00ffffff, tree_leaf(1));
    tree_fill_to(&fill, 0x01fffffe, tree_leaf(2));
    tree_fill_to(&fill, 0x7fffffff, tree_leaf(1));
    tree_fill_to(&fill, 0x00ffffff, tree_leaf(9)); /* behind us: nothing to do */
    const uint32_t root = tree_fill_end(&fill, tree_leaf(3));
    static const struct {
        uint32_t address;
        uint32_t value;
        unsigned depth;
    } cases[] = {
        {0, 1, 8},           {0x00ffffff, 1, 8},  {0x01000000, 2, 9},
        {0x01fffffe, 2, 32}, {0x01ffffff, 1, 32}, {0x02000000, 1, 7},
        {0x7fffffff, 1, 2},  {0x80000000, 3, 1},  {0xffffffff, 3, 1},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned depth;
        assert_int_equal(value_at(&tree, root, cases[i].address, &depth), cases[i].value);
        assert_int_equal(depth, cases[i].depth);
    }
    assert_int_equal(tree_check(&tree, NULL), OK);
    tree_fini(&tree);
}

static void test_neighbours_of_one_value_are_one_leaf(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_fill fill = tree_fill_of(&tree, 128);
    for (tree_bits i = 1; i <= 1000; i++)
        tree_fill_to(&fill, i << 100, tree_leaf(7));
    assert_int_equal(tree_fill_end(&fill, tree_leaf(7)), tree_leaf(7));
    assert_int_equal(tree.count, 0);
    tree_fini(&tree);
}

static void test_the_last_address_may_have_a_value_of_its_own(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_fill fill = tree_fill_of(&tree, 128);
    tree_fill_to(&fill, ~(tree_bits)0 - 1, tree_leaf(1));
    assert_false(fill.complete);
    tree_fill_to(&fill, ~(tree_bits)0, tree_leaf(2));
    assert_true(fill.complete);
    assert_int_equal(tree.count, 128);
    assert_int_equal(tree_fill_end(&fill, tree_leaf(3)), fill.root);
    tree_fini(&tree);
}

static uint32_t random_tree(struct tree *tree, struct rng *rng, uint8_t values[256])
{
    struct tree_fill fill = tree_fill_of(tree, 32);
    for (unsigned i = 0; i < 256; i++) {
        values[i] = (uint8_t)(i > 0 && rng_below(rng, 3) ? values[i - 1] : rng_below(rng, 4));
        tree_fill_to(&fill, ((tree_bits)i << 24) + 0xffffff, tree_leaf(values[i]));
    }
    return tree_fill_end(&fill, tree_leaf(0));
}

static uint32_t sum(void *context, uint32_t a, uint32_t b)
{
    ++*(unsigned *)context;
    return a + b;
}

static void test_an_overlay_combines_the_values_of_every_address_and_is_reduced(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (unsigned round = 0; round < 200; round++) {
        struct tree a = {0};
        struct tree b = {0};
        struct tree out = {0};
        struct tree plain = {0};
        uint8_t values_a[256];
        uint8_t values_b[256];
        uint32_t root;
        unsigned combined = 0;
        const struct overlay_layer over = {&a, random_tree(&a, &rng, values_a)};
        const struct overlay_layer under = {&b, random_tree(&b, &rng, values_b)};
        assert_int_equal(overlay_make(&out, &over, &under, sum, &combined, &root, NULL), OK);
        assert_true(combined <= 16); /* each pair of values once */
        struct tree_fill fill = tree_fill_of(&plain, 32);
        for (unsigned i = 0; i < 256; i++) {
            assert_int_equal(value_at(&out, root, i << 24, NULL), values_a[i] + values_b[i]);
            tree_fill_to(&fill, ((tree_bits)i << 24) + 0xffffff,
                         tree_leaf((uint32_t)values_a[i] + values_b[i]));
        }
        (void)tree_fill_end(&fill, tree_leaf(0));
        assert_int_equal(out.count, plain.count);
        tree_fini(&a);
        tree_fini(&b);
        tree_fini(&out);
        tree_fini(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_of_equal_leaves_is_that_leaf),
        cmocka_unit_test(test_a_node_of_equal_nodes_stays_since_a_bit_is_between),
        cmocka_unit_test(test_ranges_give_each_address_its_value_at_the_least_depth),
        cmocka_unit_test(test_neighbours_of_one_value_are_one_leaf),
        cmocka_unit_test(test_the_last_address_may_have_a_value_of_its_own),
        cmocka_unit_test(test_an_overlay_combines_the_values_of_every_address_and_is_reduced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "server/answer/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static struct ip address(const char *text)
{
    struct ip ip;
    assert_int_equal(ip_parse(text, &ip, NULL), OK);
    return ip;
}

static struct edns subnet_of(const char *text)
{
    struct edns edns = {.present = true};
    if (text)
        edns.subnet.present = true;
    if (text && *text)
        assert_int_equal(prefix_parse(text, &edns.subnet.prefix, NULL), OK);
    return edns;
}

/* docs/STEERING.md, the table: subnet in, resolver, who the client is, scope of a choice that 20
 * bits decided. */
static void test_the_client_is_the_subnet_if_it_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *subnet, *peer, *client;
        uint8_t scope;
    } rows[] = {
        {"198.51.100.0/24", "192.0.2.1", "198.51.100.0", 20},
        {"2001:db8::/32", "192.0.2.1", "2001:db8::", 20},
        {"198.0.0.0/8", "192.0.2.1", "198.0.0.0", 20},
        {"2002:c000:201::/48", "192.0.2.1", "2002:c000:201::", 20},
        {NULL, "192.0.2.1", "192.0.2.1", 0},
        {NULL, "::ffff:192.0.2.1", "192.0.2.1", 0},
        {NULL, "127.0.0.1", "127.0.0.1", 0},
        {"", "192.0.2.1", "192.0.2.1", 0}, /* family 0 */
        {"0.0.0.0/0", "192.0.2.1", "192.0.2.1", 0},
        {"::/0", "2001:db8::9", "2001:db8::9", 0},
        {"10.1.2.0/24", "192.0.2.1", "192.0.2.1", 24},
        {"100.64.0.0/10", "192.0.2.1", "192.0.2.1", 10},
        {"127.0.0.1/32", "192.0.2.1", "192.0.2.1", 32},
        {"169.254.1.0/24", "192.0.2.1", "192.0.2.1", 24},
        {"224.0.0.0/4", "192.0.2.1", "192.0.2.1", 4},
        {"fd00::/8", "::ffff:192.0.2.1", "192.0.2.1", 8},
        {"fe80::/10", "192.0.2.1", "192.0.2.1", 10},
        {"::1/128", "192.0.2.1", "192.0.2.1", 128},
        {"::ffff:198.51.100.0/120", "192.0.2.1", "198.51.100.0", 116},
        {"::ffff:10.0.0.0/104", "192.0.2.1", "192.0.2.1", 104},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct edns edns = subnet_of(rows[i].subnet);
        const struct ip peer = address(rows[i].peer), expected = address(rows[i].client);
        const struct client client = client_of(&edns, &peer);
        char text[IP_TEXT_MAX];
        if (!ip_equal(&client.ip, &expected) || client_scope(&client, 20) != rows[i].scope)
            fail_msg("row %zu: client %s, scope %u", i, ip_print(&client.ip, text),
                     client_scope(&client, 20));
    }
}

static void test_the_scope_of_a_whole_address_fits(void **state)
{
    (void)state;
    const struct edns mapped = subnet_of("::ffff:198.51.100.7/128");
    const struct ip peer = address("192.0.2.1");
    const struct client client = client_of(&mapped, &peer);
    assert_int_equal(client_scope(&client, 32), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_client_is_the_subnet_if_it_says_where),
        cmocka_unit_test(test_the_scope_of_a_whole_address_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

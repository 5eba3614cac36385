#include "server/answer/identity.h"

#include "common/name.h"
#include "server/answer/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct identity identity = {.version = {"gslbd 1", 7}, .name = {"a.example", 9}};

static const struct identity_text *find(const struct identity *from, const char *name, uint16_t qtype)
{
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    assert_int_equal(name_parse(name, wire, &len, NULL), OK);
    return identity_find(from, wire, qtype);
}

static void test_four_names_have_a_text(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t qtype;
        const struct identity_text *text;
    } rows[] = {
        {"version.bind", QTYPE_TXT, &identity.version},  {"VERSION.Bind", QTYPE_ANY, &identity.version},
        {"version.server", QTYPE_TXT, &identity.version}, {"hostname.bind", QTYPE_TXT, &identity.name},
        {"id.server", QTYPE_TXT, &identity.name},         {"version.bind", QTYPE_A, NULL},
        {"x.version.bind", QTYPE_TXT, NULL},              {"bind", QTYPE_TXT, NULL},
        {"authors.bind", QTYPE_TXT, NULL},                {".", QTYPE_TXT, NULL},
        {"hostname.server", QTYPE_TXT, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_ptr_equal(find(&identity, rows[i].name, rows[i].qtype), rows[i].text);
}

static void test_a_text_that_is_not_set_is_not_told(void **state)
{
    (void)state;
    static const struct identity none = {0};
    assert_null(find(&none, "version.bind", QTYPE_TXT));
    assert_null(find(&none, "id.server", QTYPE_TXT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_names_have_a_text),
        cmocka_unit_test(test_a_text_that_is_not_set_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/test_certificate.c - the control certificate: made once, kept, and refused when it is not
 * right. */
#include "server/control/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { NOW_S = 1800000000 };

struct place {
    char dir[48];
    char crt[80];
    char key[80];
};

static struct place make_place(void)
{
    struct place place = {.dir = "/tmp/certificate-test.XXXXXX"};
    assert_non_null(mkdtemp(place.dir));
    (void)snprintf(place.crt, sizeof place.crt, "%s/control.crt", place.dir);
    (void)snprintf(place.key, sizeof place.key, "%s/control.key", place.dir);
    return place;
}

static void remove_place(const struct place *place)
{
    (void)unlink(place->crt);
    (void)unlink(place->key);
    assert_int_equal(rmdir(place->dir), 0);
}

static enum err ensure(const struct place *place, struct diag *reterr)
{
    static struct listen controls[2];
    assert_int_equal(listen_parse("192.0.2.53@8443", &controls[0], NULL), OK);
    assert_int_equal(listen_parse("2001:db8::53@8443", &controls[1], NULL), OK);
    const struct certificate_setup setup = {
        .state_dir = place->dir, .controls = controls, .controls_count = 2, .now_s = NOW_S};
    return certificate_ensure(&setup, reterr);
}

static X509 *read_crt(const struct place *place)
{
    FILE *file = fopen(place->crt, "r");
    assert_non_null(file);
    X509 *crt = PEM_read_X509(file, NULL, NULL, NULL);
    assert_int_equal(fclose(file), 0);
    assert_non_null(crt);
    return crt;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    (void)unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_the_first_start_makes_both_files(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct stat st;
    assert_int_equal(ensure(&place, NULL), OK);
    assert_int_equal(stat(place.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(place.crt, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    remove_place(&place);
}

static void test_it_names_whoever_can_be_asked(void **state)
{
    (void)state;
    const struct place place = make_place();
    assert_int_equal(ensure(&place, NULL), OK);
    X509 *crt = read_crt(&place);
    assert_int_equal(X509_check_host(crt, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(crt, "gslbd-control", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(crt, "example.com", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(crt, "192.0.2.53", 0), 1);
    assert_int_equal(X509_check_ip_asc(crt, "2001:db8::53", 0), 1);
    assert_int_equal(X509_check_ip_asc(crt, "192.0.2.54", 0), 0);
    X509_free(crt);
    remove_place(&place);
}

static void test_a_wildcard_stands_for_the_addresses_of_this_host(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct listen any;
    assert_int_equal(listen_parse("0.0.0.0@8443", &any, NULL), OK);
    const struct certificate_setup setup = {
        .state_dir = place.dir, .controls = &any, .controls_count = 1, .now_s = NOW_S};
    assert_int_equal(certificate_ensure(&setup, NULL), OK);
    X509 *crt = read_crt(&place);
    assert_int_equal(X509_check_ip_asc(crt, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(crt, "0.0.0.0", 0), 0);
    X509_free(crt);
    remove_place(&place);
}

static void test_it_is_valid_from_yesterday_for_ten_years(void **state)
{
    (void)state;
    const struct place place = make_place();
    assert_int_equal(ensure(&place, NULL), OK);
    X509 *crt = read_crt(&place);
    time_t early = NOW_S - 86400, late = NOW_S + (time_t)CERTIFICATE_DAYS * 86400;
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(crt), early), 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(crt), late), 0);
    X509_free(crt);
    remove_place(&place);
}

static void test_a_second_start_keeps_them(void **state)
{
    (void)state;
    const struct place place = make_place();
    assert_int_equal(ensure(&place, NULL), OK);
    X509 *first = read_crt(&place);
    assert_int_equal(ensure(&place, NULL), OK);
    X509 *second = read_crt(&place);
    assert_int_equal(X509_cmp(first, second), 0);
    X509_free(first);
    X509_free(second);
    remove_place(&place);
}

static void test_a_start_that_was_cut_short_is_finished_with_its_key(void **state)
{
    (void)state;
    const struct place place = make_place();
    SSL_CTX *tls = NULL;
    assert_int_equal(ensure(&place, NULL), OK);
    assert_int_equal(unlink(place.crt), 0);
    assert_int_equal(ensure(&place, NULL), OK);
    assert_int_equal(certificate_open(place.dir, &tls, NULL), OK);
    SSL_CTX_free(tls);
    remove_place(&place);
}

static void test_what_is_not_right_is_refused_with_what_to_do(void **state)
{
    (void)state;
    enum broken { KEY_OPEN, KEY_GONE, KEY_BROKEN, CRT_BROKEN, KEY_OTHER };
    static const struct {
        enum broken broken;
        enum err err;
        const char *says;
    } cases[] = {
        {KEY_OPEN, ERR_REFUSED, "control.key"},
        {KEY_GONE, ERR_CORRUPT, "put the key back"},
        {KEY_BROKEN, ERR_CORRUPT, "control.key is not a private key"},
        {CRT_BROKEN, ERR_CORRUPT, "control.crt is not a certificate"},
        {KEY_OTHER, ERR_CORRUPT, "does not belong to"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct place place = make_place(), other = make_place();
        struct diag diag = {""};
        assert_int_equal(ensure(&place, NULL), OK);
        assert_int_equal(ensure(&other, NULL), OK);
        switch (cases[i].broken) {
        case KEY_OPEN:
            assert_int_equal(chmod(place.key, 0640), 0);
            break;
        case KEY_GONE:
            assert_int_equal(unlink(place.key), 0);
            break;
        case KEY_BROKEN:
            write_file(place.key, "-----BEGIN PRIVATE KEY-----\n", 0600);
            break;
        case CRT_BROKEN:
            write_file(place.crt, "nothing", 0644);
            break;
        case KEY_OTHER:
            assert_int_equal(rename(other.key, place.key), 0);
            break;
        }
        assert_int_equal(ensure(&place, &diag), cases[i].err);
        if (!strstr(diag.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", diag.text, cases[i].says);
        remove_place(&place);
        remove_place(&other);
    }
}

static void test_a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct place place = make_place();
    struct diag diag = {""};
    remove_place(&place);
    assert_int_equal(ensure(&place, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, place.dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_start_makes_both_files),
        cmocka_unit_test(test_it_names_whoever_can_be_asked),
        cmocka_unit_test(test_a_wildcard_stands_for_the_addresses_of_this_host),
        cmocka_unit_test(test_it_is_valid_from_yesterday_for_ten_years),
        cmocka_unit_test(test_a_second_start_keeps_them),
        cmocka_unit_test(test_a_start_that_was_cut_short_is_finished_with_its_key),
        cmocka_unit_test(test_what_is_not_right_is_refused_with_what_to_do),
        cmocka_unit_test(test_a_directory_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

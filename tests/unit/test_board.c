/* tests/unit/test_board.c - the board's words, its memfd and its seals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/board.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int create(uint32_t slots)
{
    int fd = -1;
    assert_int_equal(board_create(slots, &fd, NULL), OK);
    return fd;
}

static void assert_health(struct health got, struct health want)
{
    assert_int_equal(got.verdict, want.verdict);
    assert_int_equal(got.state, want.state);
    assert_int_equal(got.share, want.share);
    assert_int_equal(got.latency_ms, want.latency_ms);
}

static void test_every_field_of_a_word_comes_back_as_it_was_set(void **state)
{
    (void)state;
    static const struct health cases[] = {
        {VERDICT_UNKNOWN, STATE_AUTO, 0, 0},
        {VERDICT_DOWN, STATE_DOWN, BOARD_SHARE_ALL, UINT16_MAX},
        {VERDICT_UP, STATE_DRAIN, 1, 0},
        {VERDICT_UNKNOWN, STATE_UP, 0, 1},
        {VERDICT_DOWN, STATE_AUTO, 2048, 250},
    };
    struct board *board = NULL;
    assert_int_equal(board_new(3, &board, NULL), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        board_set(board, 1, cases[i]);
        assert_health(board_get(board, 1), cases[i]);
    }
    assert_health(board_get(board, 0), (struct health){.share = BOARD_SHARE_ALL});
    assert_health(board_get(board, 2), (struct health){.share = BOARD_SHARE_ALL});
    board_close(&board);
    assert_null(board);
}

static void test_a_reader_sees_what_the_writer_sets(void **state)
{
    (void)state;
    const int fd = create(300);
    struct board *writer = NULL, *reader = NULL;
    assert_int_equal(board_open_writer(fd, 300, &writer, NULL), OK);
    assert_int_equal(board_open(fd, 10, &reader, NULL), OK);
    assert_int_equal(board_slots(reader), 300);
    assert_health(board_get(reader, 299), (struct health){0});
    const struct health health = {VERDICT_UP, STATE_AUTO, BOARD_SHARE_ALL, 12};
    board_set(writer, 299, health);
    assert_health(board_get(reader, 299), health);
    board_close(&writer);
    board_close(&reader);
    close(fd);
}

static void test_whether_health_is_reported_is_no_slot_s_business(void **state)
{
    (void)state;
    const int fd = create(1);
    struct board *writer = NULL, *reader = NULL, *own = NULL;
    assert_int_equal(board_open_writer(fd, 1, &writer, NULL), OK);
    assert_int_equal(board_open(fd, 1, &reader, NULL), OK);
    assert_int_equal(board_new(1, &own, NULL), OK);
    assert_int_equal(board_sight_get(reader), BOARD_SEEING);
    board_sight_set(writer, BOARD_BLIND);
    assert_int_equal(board_sight_get(reader), BOARD_BLIND);
    assert_health(board_get(reader, 0), (struct health){0});
    assert_int_equal(board_sight_get(own), BOARD_SEEING);
    board_sight_set(own, BOARD_BLIND);
    assert_int_equal(board_sight_get(own), BOARD_BLIND);
    board_sight_set(writer, BOARD_SEEING);
    assert_int_equal(board_sight_get(reader), BOARD_SEEING);
    board_close(&writer);
    board_close(&reader);
    board_close(&own);
    close(fd);
}

static void test_a_board_outlives_its_writer(void **state)
{
    (void)state;
    const int fd = create(8);
    const struct health health = {VERDICT_DOWN, STATE_UP, 7, 9};
    struct board *board = NULL;
    assert_int_equal(board_open_writer(fd, 8, &board, NULL), OK);
    board_set(board, 5, health);
    board_close(&board);
    assert_int_equal(board_open_writer(fd, 8, &board, NULL), OK);
    assert_health(board_get(board, 5), health);
    board_close(&board);
    close(fd);
}

static void test_a_board_cannot_be_resized(void **state)
{
    (void)state;
    const int fd = create(16);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    close(fd);
}

static void test_create_refuses_too_many_slots_and_none(void **state)
{
    (void)state;
    int fd = -1;
    struct board *board = NULL;
    assert_int_equal(board_create(BOARD_SLOTS_MAX + 1, &fd, NULL), ERR_LIMIT);
    assert_int_equal(board_create(0, &fd, NULL), ERR_LIMIT);
    assert_int_equal(board_new(BOARD_SLOTS_MAX + 1, &board, NULL), ERR_LIMIT);
    assert_int_equal(fd, -1);
    assert_null(board);
}

static void test_open_refuses_fewer_slots_than_the_images_refer_to(void **state)
{
    (void)state;
    const int fd = create(16);
    struct board *board = NULL;
    struct diag diag;
    assert_int_equal(board_open(fd, 17, &board, &diag), ERR_CORRUPT);
    assert_string_equal(diag.text, "board: 16 slots, where 17 are needed");
    assert_null(board);
    close(fd);
}

static void test_open_refuses_what_is_not_a_board(void **state)
{
    (void)state;
    struct board *board = NULL;
    const int empty = memfd_create("empty", MFD_CLOEXEC);
    assert_int_equal(board_open(empty, 1, &board, NULL), ERR_CORRUPT);
    uint8_t zeros[512] = {0};
    assert_int_equal(write(empty, zeros, sizeof zeros), sizeof zeros);
    assert_int_equal(board_open(empty, 1, &board, NULL), ERR_CORRUPT);
    close(empty);
    assert_null(board);
}

/* Copy a good board into memory without seals, and change one of its bytes. */
static int forge(off_t off, uint8_t byte, size_t len)
{
    const int good = create(16);
    const int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    uint8_t bytes[BOARD_HEADER_LEN + 16 * 4];
    assert_int_equal(pread(good, bytes, sizeof bytes, 0), sizeof bytes);
    bytes[off] = byte;
    assert_int_equal(write(fd, bytes, len), len);
    close(good);
    return fd;
}

static void test_open_refuses_a_forged_header(void **state)
{
    (void)state;
    const size_t whole = BOARD_HEADER_LEN + 16 * 4;
    const struct {
        off_t off;
        uint8_t byte;
        size_t len;
        int seals;
        enum err err;
    } cases[] = {
        {0, 'g', whole, F_SEAL_SHRINK, OK},
        {0, 'G', whole, F_SEAL_SHRINK, ERR_CORRUPT},
        {8, 2, whole, F_SEAL_SHRINK, ERR_VERSION},
        {12, 17, whole, F_SEAL_SHRINK, ERR_CORRUPT},
        {15, 0xff, whole, F_SEAL_SHRINK, ERR_CORRUPT},
        {0, 'g', whole - 1, F_SEAL_SHRINK, ERR_CORRUPT},
        {0, 'g', whole, 0, ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct board *board = NULL;
        const int fd = forge(cases[i].off, cases[i].byte, cases[i].len);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
        assert_int_equal(board_open(fd, 16, &board, NULL), cases[i].err);
        board_close(&board);
        close(fd);
    }
}

static void test_names_of_verdicts_and_states_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i <= VERDICT_DOWN; i++) {
        enum verdict verdict;
        assert_true(verdict_parse(verdict_print((enum verdict)i), &verdict));
        assert_int_equal(verdict, i);
    }
    for (int i = 0; i <= STATE_DOWN; i++) {
        enum state parsed;
        assert_true(state_parse(state_print((enum state)i), &parsed));
        assert_int_equal(parsed, i);
    }
    enum verdict verdict;
    enum state parsed;
    assert_false(verdict_parse("", &verdict));
    assert_false(verdict_parse("UP", &verdict));
    assert_false(state_parse("unknown", &parsed));
    assert_false(state_parse("drained", &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_a_word_comes_back_as_it_was_set),
        cmocka_unit_test(test_a_reader_sees_what_the_writer_sets),
        cmocka_unit_test(test_whether_health_is_reported_is_no_slot_s_business),
        cmocka_unit_test(test_a_board_outlives_its_writer),
        cmocka_unit_test(test_a_board_cannot_be_resized),
        cmocka_unit_test(test_create_refuses_too_many_slots_and_none),
        cmocka_unit_test(test_open_refuses_fewer_slots_than_the_images_refer_to),
        cmocka_unit_test(test_open_refuses_what_is_not_a_board),
        cmocka_unit_test(test_open_refuses_a_forged_header),
        cmocka_unit_test(test_names_of_verdicts_and_states_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

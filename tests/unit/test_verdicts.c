/* tests/unit/test_verdicts.c - votes to words, rows and events; rosters that change; restarts. Time is an
 * argument. */
#include "server/control/verdicts.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "health/quorum.h"
#include "server/control/words.h"
#include "tests/unit/verdicts_rig.h"

static void test_everything_begins_unknown_and_serves(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    static const uint32_t slots[] = {0, 1, 2, 300, 301, 400, 401, 402, 403};
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        assert_int_equal(word(&rig, slots[i]), VERDICT_UNKNOWN);
        assert_int_equal(board_get(rig.board, slots[i]).share, BOARD_SHARE_ALL);
    }
    close_rig(&rig);
}

static void test_a_verdict_reaches_every_subject_of_its_check(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 2, "web 192.0.2.1", VERDICT_DOWN);
    assert_int_equal(word(&rig, 400), VERDICT_UNKNOWN);
    vote_all(&rig, 3, "web 192.0.2.1", VERDICT_DOWN);
    assert_int_equal(word(&rig, 400), VERDICT_DOWN);
    assert_int_equal(word(&rig, 402), VERDICT_DOWN);
    assert_int_equal(word(&rig, 401), VERDICT_UNKNOWN);
    assert_int_equal(word(&rig, 403), VERDICT_UNKNOWN);
    close_rig(&rig);
}

static void test_pools_and_regions_are_as_healthy_as_what_they_hold(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    static const struct {
        const char *check;
        enum verdict vote, pool, region;
    } steps[] = {
        {"web 192.0.2.1", VERDICT_UP, VERDICT_UP, VERDICT_UP},
        {"web 192.0.2.2", VERDICT_DOWN, VERDICT_UP, VERDICT_UP},
        {"web 192.0.2.1", VERDICT_DOWN, VERDICT_DOWN, VERDICT_DOWN},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        pass(&rig, 1000);
        vote_all(&rig, 3, steps[i].check, steps[i].vote);
        assert_int_equal(row(&rig, WWW, "eu", ""), steps[i].pool);
        assert_int_equal(row(&rig, "", "eu", ""), steps[i].region);
        assert_int_equal(word(&rig, 300), VERDICT_UNKNOWN); /* the board has what was voted on */
        assert_int_equal(word(&rig, 0), VERDICT_UNKNOWN);
    }
    assert_int_equal(row(&rig, WWW, "us", ""), VERDICT_UNKNOWN); /* one of two is not probed */
    close_rig(&rig);
}

static void test_a_region_with_a_monitor_has_its_own_verdict_on_the_board(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 3, "fast 192.0.2.200", VERDICT_DOWN);
    assert_int_equal(word(&rig, 1), VERDICT_DOWN);
    assert_int_equal(row(&rig, "", "us", ""), VERDICT_DOWN);
    vote_all(&rig, 3, "web 192.0.2.1", VERDICT_UP);
    assert_int_equal(row(&rig, "", "us", ""), VERDICT_DOWN);
    close_rig(&rig);
}

static void test_a_verdict_is_in_the_file_at_once_with_the_votes_that_made_it(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    verdicts_tick(rig.verdicts, rig.now);
    pass(&rig, 100); /* no second has passed */
    vote(&rig, 4, "web 192.0.2.2", VERDICT_UP, "");
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    assert_string_equal(ask(&rig,
                            "SELECT verdict || ' ' || up || ' ' || down || ' ' || unknown || ' ' || since"
                            " FROM endpoint_health WHERE address = '192.0.2.2'"),
                        "down 1 3 1 1700000000");
    assert_string_equal(ask(&rig, "SELECT was || ' ' || \"is\" || ' ' || reason FROM event"
                                  " WHERE subject = 'endpoint www.example.com eu 192.0.2.2'"),
                        "unknown down 3 of 5 down: timeout; down: v0 v1 v2; up: v4; unknown: v3");
    assert_string_equal(ask(&rig, "SELECT reason FROM pool_health WHERE region = 'eu'"),
                        "0 of 2 endpoints up");
    assert_string_equal(ask(&rig, "SELECT at * 1000 + ms FROM event"), "1700000000100");
    close_rig(&rig);
}

static void test_counts_are_in_the_file_a_second_later(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    static const char query[] =
        "SELECT up || ' ' || down || ' ' || unknown || ' ' || latency_ms || ' ' || reason"
        " FROM endpoint_health WHERE address = '192.0.2.1' AND region = 'eu'";
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, query), "0 0 5 0 no votes of 5");
    vote(&rig, 0, "web 192.0.2.1", VERDICT_UP, "");
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, query), "1 0 4 20 1 of 5 up");
    pass(&rig, 40000); /* it has aged */
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, query), "0 0 5 0 no votes of 5");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM endpoint_health"), "4");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM pool_health"), "2");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM region_health"), "3");
    close_rig(&rig);
}

static void test_who_joins_a_check_has_what_is_known_of_it(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    enum { WITHOUT_US = 4 };
    publish(&rig, rows, WITHOUT_US);
    vote(&rig, 3, "web 192.0.2.1", VERDICT_DOWN, "timeout");
    vote_all(&rig, 3, "web 192.0.2.1", VERDICT_UP);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    publish(&rig, rows, ROWS);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(
        ask(&rig, "SELECT verdict || ' ' || up || ' ' || down || ' ' || unknown || ' ' || latency_ms"
                  " || ' ' || reason FROM endpoint_health WHERE address = '192.0.2.1'"
                  " AND region = 'us'"),
        "up 3 1 1 20 3 of 5 up, 1 down: timeout");
    assert_int_equal(board_get(rig.board, 402).latency_ms, 20);
    close_rig(&rig);
}

static void test_what_vantage_points_say_is_in_the_file(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    verdicts_tick(rig.verdicts, rig.now);
    vote(&rig, 2, "web 192.0.2.1", VERDICT_DOWN, "connection refused");
    verdicts_sender(rig.verdicts, "v2")->seqs[INTAKE_VOTES] = 41;
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT vantage || ' ' || verdict || ' ' || reason FROM vote"
                                  " WHERE check_id = 'web 192.0.2.1'"),
                        "v2 down connection refused");
    assert_string_equal(ask(&rig, "SELECT last_seen || ' ' || votes || ' ' || suspect || ' ' || votes_seq"
                                  " FROM vantage_health WHERE name = 'v2'"),
                        "1700000000 1 0 41");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM vantage_health"), "5");
    close_rig(&rig);
}

static void test_votes_on_checks_that_are_not_ours_are_passed_over(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 5, "web 198.51.100.1", VERDICT_DOWN);
    vote_all(&rig, 5, "", VERDICT_DOWN);
    assert_string_equal(ask(&rig, "SELECT count(*) FROM vote"), "0");
    assert_null(verdicts_sender(rig.verdicts, "v5"));
    close_rig(&rig);
}

static void test_a_vantage_point_that_has_nothing_to_say_is_seen(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    const struct batch_votes nothing = {.results_count = 0};
    pass(&rig, 5000);
    verdicts_tally(rig.verdicts, verdicts_sender(rig.verdicts, "v3"), &nothing, rig.now);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT last_seen FROM vantage_health WHERE name = 'v3'"), "1700000005");
    assert_string_equal(ask(&rig, "SELECT last_seen FROM vantage_health WHERE name = 'v2'"), "0");
    stop(&rig);
    start(&rig);
    assert_int_equal(verdicts_vantage(rig.verdicts, 3).seen_ms, 1700000005000);
    close_rig(&rig);
}

static void test_a_restart_forgets_no_verdict(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    verdicts_sender(rig.verdicts, "v0")->seqs[INTAKE_CHECKS] = 12;
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    stop(&rig);
    board_close(&rig.board); /* all of gslbd goes */
    assert_int_equal(board_new(SLOTS, &rig.board, NULL), OK);
    board_set(rig.board, 401, (struct health){0});
    pass(&rig, 3600 * 1000);
    start(&rig);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    assert_int_equal(board_get(rig.board, 401).share, BOARD_SHARE_ALL);
    assert_int_equal(verdicts_get(rig.verdicts, fixture_find(&rig.fixture, WWW, "eu", "192.0.2.2")).since_ms,
                     1700000000000);
    assert_int_equal(verdicts_sender(rig.verdicts, "v0")->seqs[INTAKE_CHECKS], 12);
    vote_all(&rig, 5, "web 192.0.2.2", VERDICT_UP);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN); /* it has to stay up for a while */
    pass(&rig, 10001);
    verdicts_tick(rig.verdicts, rig.now);
    assert_int_equal(word(&rig, 401), VERDICT_UP);
    close_rig(&rig);
}

static void test_where_file_and_board_differ_it_is_down(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum verdict board, expected;
    } cases[] = {
        {"up", VERDICT_DOWN, VERDICT_DOWN},      {"down", VERDICT_UP, VERDICT_DOWN},
        {"unknown", VERDICT_UP, VERDICT_UP},     {"unknown", VERDICT_DOWN, VERDICT_DOWN},
        {"down", VERDICT_UNKNOWN, VERDICT_DOWN}, {"up", VERDICT_UNKNOWN, VERDICT_UP},
    };
    struct rig rig = open_rig();
    verdicts_tick(rig.verdicts, rig.now);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct history_health health = {
            SUBJECT_ENDPOINT, WWW, "eu", "192.0.2.2", cases[i].file, 1000, 0, 0, 0, 0, ""};
        assert_int_equal(history_begin(rig.history, NULL), OK);
        history_put_health(rig.history, &health);
        assert_int_equal(history_commit(rig.history, NULL), OK);
        stop(&rig);
        words_set_state(rig.board, 401, STATE_DRAIN);
        words_set_verdict(rig.board, 401, cases[i].board, 0);
        start(&rig);
        assert_int_equal(word(&rig, 401), cases[i].expected);
        assert_int_equal(board_get(rig.board, 401).state, STATE_DRAIN); /* nobody served it meanwhile */
    }
    close_rig(&rig);
}

static void test_verdicts_are_inherited_by_name(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    struct fixture_row next[ROWS];
    memcpy(next, rows, sizeof next);
    next[2] = (struct fixture_row){SUBJECT_ENDPOINT, 500, WWW, "eu", "192.0.2.7", "192.0.2.7", "web"};
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    vote_all(&rig, 3, "web 192.0.2.1", VERDICT_UP);
    words_set_state(rig.board, 500, STATE_DOWN); /* what another subject left behind */
    words_set_state(rig.board, 401, STATE_DRAIN);
    publish(&rig, next, ROWS);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    assert_int_equal(board_get(rig.board, 401).state, STATE_DRAIN);
    assert_int_equal(word(&rig, 500), VERDICT_UNKNOWN);
    assert_int_equal(board_get(rig.board, 500).state, STATE_AUTO);
    assert_int_equal(row(&rig, WWW, "eu", ""), VERDICT_UNKNOWN);
    assert_string_equal(ask(&rig, "SELECT count(*) FROM endpoint_health WHERE address = '192.0.2.1'"), "1");
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT verdict FROM endpoint_health WHERE address = '192.0.2.7'"),
                        "unknown");
    assert_string_equal(ask(&rig, "SELECT verdict FROM pool_health WHERE region = 'eu'"), "unknown");
    close_rig(&rig);
}

static void test_a_changed_monitor_does_not_hand_out_what_is_down(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    struct fixture_row next[ROWS];
    memcpy(next, rows, sizeof next);
    next[3].monitor = "fast";
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    publish(&rig, next, ROWS);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    for (int i = 0; i < 11; i++) {
        pass(&rig, 1000);
        vote_all(&rig, 3, "fast 192.0.2.2", VERDICT_UP);
    }
    assert_int_equal(word(&rig, 401), VERDICT_UP);
    close_rig(&rig);
}

static void test_what_loses_its_monitor_is_unknown(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    struct fixture_row next[ROWS];
    memcpy(next, rows, sizeof next);
    next[3].monitor = NULL;
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    publish(&rig, next, ROWS);
    assert_int_equal(word(&rig, 401), VERDICT_UNKNOWN);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT verdict || ' ' || down || ' ' || reason FROM endpoint_health"
                                  " WHERE address = '192.0.2.2'"),
                        "unknown 0 not probed");
    close_rig(&rig);
}

static void test_publishing_the_same_world_writes_nothing(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 4, "web 192.0.2.2", VERDICT_UP);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE endpoint_health SET reason = 'seen'; UPDATE vote SET reason = 'seen'", NULL,
                     NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    publish(&rig, rows, ROWS);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT count(*) FROM endpoint_health WHERE reason != 'seen'"), "0");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM vote WHERE reason != 'seen'"), "0");
    close_rig(&rig);
}

static void test_a_locked_file_delays_no_verdict(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    sqlite3 *db;
    verdicts_tick(rig.verdicts, rig.now);
    assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    assert_true(verdicts_failures(rig.verdicts) > 0);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    assert_string_equal(ask(&rig, "SELECT verdict FROM endpoint_health WHERE address = '192.0.2.2'"), "down");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM event WHERE subject LIKE 'endpoint%'"), "1");
    close_rig(&rig);
}

/* All but the first page, as a dying disk would. */
static void spoil(const struct rig *rig)
{
    sqlite3 *db;
    struct stat st;
    assert_int_equal(sqlite3_open(rig->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(stat(rig->path, &st), 0);
    FILE *file = fopen(rig->path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
    for (off_t at = 4096; at < st.st_size; at++)
        assert_int_not_equal(fputc(0x55, file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void test_a_broken_file_is_begun_anew_from_the_board(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    stop(&rig);
    spoil(&rig);
    start(&rig);
    assert_int_equal(history_epoch(rig.history), 0);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    vote_all(&rig, 1, "web 192.0.2.1", VERDICT_UP);
    assert_int_equal(history_epoch(rig.history), 1);
    assert_string_equal(ask(&rig, "SELECT verdict FROM endpoint_health WHERE address = '192.0.2.2'"), "down");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM endpoint_health"), "4");
    assert_string_equal(ask(&rig, "SELECT count(*) FROM vote"), "1");
    close_rig(&rig);
}

static void test_rows_are_in_a_file_that_somebody_else_has_begun_anew(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now);
    spoil(&rig);
    for (int i = 0; i < 2; i++) { /* it is found broken, and begun anew */
        if (history_begin(rig.history, NULL) == OK) {
            history_put_states(rig.history, NULL, 0);
            (void)!history_commit(rig.history, NULL);
        }
    }
    assert_int_equal(history_epoch(rig.history), 1);
    pass(&rig, 1000);
    verdicts_tick(rig.verdicts, rig.now); /* nobody votes */
    assert_string_equal(ask(&rig, "SELECT verdict FROM endpoint_health WHERE address = '192.0.2.2'"), "down");
    close_rig(&rig);
}

static void test_blindness_holds_everything_and_is_told_once(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 5, "web 192.0.2.2", VERDICT_DOWN);
    for (int i = 0; i < 60; i++) {
        pass(&rig, 1000);
        verdicts_tick(rig.verdicts, rig.now);
    }
    assert_true(verdicts_blind(rig.verdicts));
    assert_int_equal(board_sight_get(rig.board), BOARD_BLIND);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    assert_string_equal(ask(&rig, "SELECT count(*) FROM event WHERE subject = 'votes' AND \"is\" = 'none'"),
                        "1");
    vote_all(&rig, 1, "web 192.0.2.2", VERDICT_DOWN);
    assert_false(verdicts_blind(rig.verdicts));
    assert_int_equal(board_sight_get(rig.board), BOARD_SEEING);
    close_rig(&rig);
}

static void test_a_reply_asks_the_others_to_look(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    vote_all(&rig, 5, "web 192.0.2.2", VERDICT_UP);
    vote(&rig, 0, "web 192.0.2.2", VERDICT_UP, "timeout");
    struct buffer text = {0};
    struct batch_reply reply;
    assert_int_equal(verdicts_reply(rig.verdicts, verdicts_sender(rig.verdicts, "v3"), rig.now, &text, NULL),
                     OK);
    assert_int_equal(batch_parse_reply(text.bytes, text.len, &reply, NULL), OK);
    assert_int_equal(reply.rechecks_count, 1);
    assert_string_equal(reply.rechecks[0], "web 192.0.2.2");
    assert_int_equal(reply.checks_generation, verdicts_checks(rig.verdicts)->generation);
    assert_int_equal(reply.clock_ms, rig.now.wall_ms);
    batch_reply_fini(&reply);
    buffer_fini(&text);
    close_rig(&rig);
}

static void test_a_world_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    struct fixture_row next[ROWS];
    struct diag diag = {""};
    memcpy(next, rows, sizeof next);
    next[5].slot = SLOTS;
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    struct fixture fixture = fixture_open(next, ROWS, VANTAGES, NULL);
    assert_int_equal(verdicts_configure(rig.verdicts, fixture.roster, rig.now, &diag), ERR_LIMIT);
    fixture_close(&fixture);
    fixture = fixture_open(rows, ROWS, QUORUM_VOTERS_MAX + 1, NULL);
    assert_int_equal(verdicts_configure(rig.verdicts, fixture.roster, rig.now, &diag), ERR_LIMIT);
    fixture_close(&fixture);
    assert_int_equal(row(&rig, WWW, "eu", "192.0.2.2"), VERDICT_DOWN);
    assert_int_equal(verdicts_vantages(rig.verdicts), VANTAGES);
    close_rig(&rig);
}

static void test_without_a_file_verdicts_are_reached_all_the_same(void **state)
{
    (void)state;
    struct rig rig = open_rig();
    stop(&rig);
    assert_int_equal(verdicts_new(rig.board, NULL, rig.now, &rig.verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(rig.verdicts, rig.fixture.roster, rig.now, NULL), OK);
    vote_all(&rig, 3, "web 192.0.2.2", VERDICT_DOWN);
    publish(&rig, rows, ROWS);
    assert_int_equal(word(&rig, 401), VERDICT_DOWN);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_begins_unknown_and_serves),
        cmocka_unit_test(test_a_verdict_reaches_every_subject_of_its_check),
        cmocka_unit_test(test_pools_and_regions_are_as_healthy_as_what_they_hold),
        cmocka_unit_test(test_a_region_with_a_monitor_has_its_own_verdict_on_the_board),
        cmocka_unit_test(test_a_verdict_is_in_the_file_at_once_with_the_votes_that_made_it),
        cmocka_unit_test(test_counts_are_in_the_file_a_second_later),
        cmocka_unit_test(test_who_joins_a_check_has_what_is_known_of_it),
        cmocka_unit_test(test_what_vantage_points_say_is_in_the_file),
        cmocka_unit_test(test_votes_on_checks_that_are_not_ours_are_passed_over),
        cmocka_unit_test(test_a_vantage_point_that_has_nothing_to_say_is_seen),
        cmocka_unit_test(test_a_restart_forgets_no_verdict),
        cmocka_unit_test(test_where_file_and_board_differ_it_is_down),
        cmocka_unit_test(test_verdicts_are_inherited_by_name),
        cmocka_unit_test(test_a_changed_monitor_does_not_hand_out_what_is_down),
        cmocka_unit_test(test_what_loses_its_monitor_is_unknown),
        cmocka_unit_test(test_publishing_the_same_world_writes_nothing),
        cmocka_unit_test(test_a_locked_file_delays_no_verdict),
        cmocka_unit_test(test_a_broken_file_is_begun_anew_from_the_board),
        cmocka_unit_test(test_rows_are_in_a_file_that_somebody_else_has_begun_anew),
        cmocka_unit_test(test_blindness_holds_everything_and_is_told_once),
        cmocka_unit_test(test_a_reply_asks_the_others_to_look),
        cmocka_unit_test(test_a_world_that_does_not_fit_changes_nothing),
        cmocka_unit_test(test_without_a_file_verdicts_are_reached_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

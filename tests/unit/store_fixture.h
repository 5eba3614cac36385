/* tests/unit/store_fixture.h - a fresh store in a directory of its own, and a connection to it as a shell
 * would open it.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "common/file.h"
#include "zones/store/store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A statement that inserts so many vantage points, all but the first disabled. */
#define FIXTURE_VANTAGES(count)                                                                       \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " count ")"             \
    " INSERT INTO vantage(name, public_key, enabled)"                                                 \
    " SELECT 'v' || i, format('%042dA=', i), i = 1 FROM n"

struct fixture {
    char dir[32];
    char path[48];
    sqlite3 *db;
};

/* Run SQL as an operator's shell does; returns NULL or the error's text, lent until the next call. */
static inline const char *fixture_try(struct fixture *fixture, const char *sql)
{
    if (sqlite3_exec(fixture->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return NULL;
    return sqlite3_errmsg(fixture->db);
}

static inline void fixture_run(struct fixture *fixture, const char *sql)
{
    const char *error = fixture_try(fixture, sql);
    if (error)
        fail_msg("%s\n  gives: %s", sql, error);
}

/* The first value that a query gives, as a number. */
static inline int64_t fixture_number(struct fixture *fixture, const char *sql)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(fixture->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* tests/data/store/NAME, to be given back with buffer_fini(). */
static inline struct buffer fixture_file(const char *name)
{
    char path[256];
    struct buffer text;
    const char *srcdir = getenv("srcdir");
    (void)snprintf(path, sizeof path, "%s/tests/data/store/%s", srcdir ? srcdir : ".", name);
    assert_int_equal(file_read(path, 1 << 20, &text, NULL), OK);
    return text;
}

static inline int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/gslb.db", fixture->dir);
    struct diag diag = {.text = ""};
    if (store_init(fixture->path, &diag) != OK)
        fail_msg("%s", diag.text);
    assert_int_equal(sqlite3_open(fixture->path, &fixture->db), SQLITE_OK);
    *state = fixture;
    return 0;
}

/* With the rows of the first session of docs/STORE.md. */
static inline int fixture_setup_session(void **state)
{
    (void)fixture_setup(state);
    struct buffer session = fixture_file("first_session.sql");
    fixture_run(*state, (const char *)session.bytes);
    buffer_fini(&session);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[64];
    assert_int_equal(sqlite3_close(fixture->db), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -r %s", fixture->dir);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static inline struct store *fixture_reader(const struct fixture *fixture)
{
    struct diag diag = {.text = ""};
    struct store *store;
    if (store_open_read(fixture->path, &store, &diag) != OK)
        fail_msg("%s", diag.text);
    return store;
}

static inline struct store *fixture_writer(const struct fixture *fixture)
{
    struct diag diag = {.text = ""};
    struct store *store;
    if (store_open_write(fixture->path, &store, &diag) != OK)
        fail_msg("%s", diag.text);
    return store;
}

#endif

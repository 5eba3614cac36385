/* tests/fuzz/fuzz_zonefile.c - any text as a zone file: it is refused and nothing is imported, or what was
 * imported exports as a file that imports as the same, and compiles, unless the compiler says what is
 * wrong, into an image that passes its check.
 *
 * Behind a NUL is a second file, other.zone, that the first may include. Other files are left alone.
 */
#include "common/file.h"
#include "tests/zone_fixture.h"
#include "zones/file/zonefile_export.h"
#include "zones/file/zonefile_import.h"

#include <assert.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
const char *__asan_default_options(void);

/* ldns 1.8 loses a few bytes with some fields that do not parse. Who imports exits soon after. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define ZONE "example.com"

enum { INPUT_LEN_MAX = 16 * 1024 };

/* A store in memory's file system, and the two files. */
struct place {
    char dir[64], store_path[96], first_path[96], other_path[96];
    struct store *store;
    sqlite3 *db; /* the same store, to empty it */
};

static struct place place;

static void place_remove(void)
{
    char path[128];
    static const char *const ends[] = {"", "-wal", "-shm"};
    store_close(&place.store);
    (void)sqlite3_close(place.db);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(path, sizeof path, "%s%s", place.store_path, ends[i]);
        (void)unlink(path);
    }
    (void)unlink(place.first_path);
    (void)unlink(place.other_path);
    (void)rmdir(place.dir);
}

static void place_make(void)
{
    struct diag diag = {.text = ""};
    (void)snprintf(place.dir, sizeof place.dir, "%s/fuzz-zonefile.XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(place.dir));
    (void)snprintf(place.store_path, sizeof place.store_path, "%s/gslb.db", place.dir);
    (void)snprintf(place.first_path, sizeof place.first_path, "%s/first.zone", place.dir);
    (void)snprintf(place.other_path, sizeof place.other_path, "%s/other.zone", place.dir);
    zone_fixture_must(store_init(place.store_path, &diag) == OK &&
                          store_open_write(place.store_path, &place.store, &diag) == OK,
                      diag.text);
    assert(sqlite3_open(place.store_path, &place.db) == SQLITE_OK);
    (void)atexit(place_remove);
}

static enum err import(const void *text, size_t len, struct diag *reterr)
{
    struct zonefile_import_counts counts;
    assert(sqlite3_exec(place.db, "DELETE FROM record; DELETE FROM zone", NULL, NULL, NULL) == SQLITE_OK);
    assert(file_create(place.first_path, text, len, 0600, NULL) == OK);
    return zonefile_import(place.first_path, ZONE, place.store, &counts, reterr);
}

/* The serial goes up with every change, so it is made 0. */
static void serial_blank(char *text)
{
    char *serial = strstr(text, "\tSOA\t");
    for (int names = 0; serial && names < 2; names++)
        serial = strchr(serial + 1, ' ');
    assert(serial);
    const size_t digits = strspn(serial + 1, "0123456789");
    serial[1] = '0';
    memmove(serial + 2, serial + 1 + digits, strlen(serial + 1 + digits) + 1);
}

/* The zone as a file, or NULL when there is none. */
static char *export(void)
{
    char *text = NULL;
    size_t len;
    struct diag diag = {.text = ""};
    FILE *to = open_memstream(&text, &len);
    assert(to);
    const enum err err = zonefile_export(place.store, ZONE, to, &diag);
    assert(fclose(to) == 0);
    if (err == OK) {
        serial_blank(text);
        return text;
    }
    zone_fixture_must(err == ERR_MISSING, diag.text);
    free(text);
    return NULL;
}

/* Compile what is in the store. */
static void compile(void)
{
    struct zone_fixture zone;
    struct store_rows rows;
    struct store_record row;
    struct image image;
    struct diag diag = {.text = ""};
    zone_fixture_begin(&zone, ZONE);
    store_records(place.store, ZONE, &rows);
    while (store_record_next(&rows, &row))
        zone_fixture_record(&zone,
                            &(struct zone_record){row.name, row.type, row.data,
                                                  row.ttl_s == STORE_TTL_OF_ZONE ? 300 : row.ttl_s});
    assert(store_rows_end(&rows, &diag) == OK);
    if (zone_fixture_end(&zone) == 0) {
        const struct buffer *bytes = &zone.pack.bytes;
        zone_fixture_must(image_open(bytes->bytes, bytes->len, &image, &diag) == OK, diag.text);
        zone_fixture_must(image_check(&image, bytes->len, &diag) == OK, diag.text);
    }
    zone_fixture_free(&zone);
}

static bool includes_elsewhere(const char *text)
{
    return strcasestr(text, "$include") && strchr(text, '/');
}

static void text_try(const char *text, const char *other)
{
    struct diag diag = {.text = ""};
    if (includes_elsewhere(text) || includes_elsewhere(other))
        return;
    assert(file_create(place.other_path, other, strlen(other), 0600, NULL) == OK);
    const enum err err = import(text, strlen(text), &diag);
    char *exported = export();
    assert((err == OK) == (exported != NULL) && (err == OK || diag.text[0] != '\0'));
    if (err != OK)
        return;
    compile();
    zone_fixture_must(import(exported, strlen(exported), &diag) == OK, diag.text);
    char *again = export();
    if (!again || strcmp(again, exported) != 0) {
        (void)fprintf(stderr, "%s\nbecomes\n%s\n", exported, again ? again : "nothing");
        abort();
    }
    free(again);
    free(exported);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!place.store)
        place_make();
    if (len > INPUT_LEN_MAX)
        return 0;
    char *text = calloc(1, len + 2);
    assert(text);
    if (len > 0)
        memcpy(text, bytes, len);
    text_try(text, text + strlen(text) + 1);
    free(text);
    return 0;
}

#include "geoip/mmdb.h"

#include <maxminddb.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    V4_DEPTH = 96,     /* of the IPv4 addresses in an IPv6 tree (::/96) */
    TEXT_LEN_MAX = 64, /* of a text that we read */
};

/* What a search node has become. */
struct seen {
    uint32_t root;
    uint8_t height; /* bits below it, 1..128; 0: not met yet */
};

struct walk {
    MMDB_s db;
    struct source *source;
    struct seen *nodes;    /* by node number */
    struct intern offsets; /* offsets of data records met, and ... */
    struct buffer leaves;  /* ... the leaf of each */
    unsigned bits;         /* of an address: 32 or 128 */
    bool knows_something;  /* some record has a fact */
};

/* Fields ------------------------------------------------------------------------------------------ */

/* The value at `path` below `entry`; type 0 (none) where there is none. */
static MMDB_entry_data_s field(const MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_s start = *entry;
    MMDB_entry_data_s value;
    if (MMDB_aget_value(&start, &value, path) != MMDB_SUCCESS || !value.has_data)
        return (MMDB_entry_data_s){0};
    return value;
}

static MMDB_entry_data_s member(const MMDB_entry_s *entry, const char *name)
{
    return field(entry, (const char *const[]){name, NULL});
}

static MMDB_entry_data_s member2(const MMDB_entry_s *entry, const char *outer, const char *name)
{
    return field(entry, (const char *const[]){outer, name, NULL});
}

static bool text_of(const MMDB_entry_data_s *value, char ret[TEXT_LEN_MAX])
{
    if (value->type != MMDB_DATA_TYPE_UTF8_STRING || value->data_size >= TEXT_LEN_MAX)
        return false;
    memcpy(ret, value->utf8_string, value->data_size);
    ret[value->data_size] = '\0';
    return true;
}

/* A number, or text that is one. */
static bool number_of(const MMDB_entry_data_s *value, double *ret)
{
    char text[TEXT_LEN_MAX];
    char *end;
    if (value->type == MMDB_DATA_TYPE_DOUBLE) {
        *ret = value->double_value;
    } else if (value->type == MMDB_DATA_TYPE_FLOAT) {
        *ret = (double)value->float_value;
    } else {
        if (!text_of(value, text))
            return false;
        *ret = strtod(text, &end);
        return end != text && *end == '\0';
    }
    return true;
}

/* Copy a code of `min` to cap - 1 capital letters and digits; anything else is not one. */
static bool code_of(const MMDB_entry_data_s *value, size_t min, size_t cap, char *ret)
{
    if (value->type != MMDB_DATA_TYPE_UTF8_STRING || value->data_size < min || value->data_size >= cap)
        return false;
    for (uint32_t i = 0; i < value->data_size; i++) {
        const char c = value->utf8_string[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    memcpy(ret, value->utf8_string, value->data_size);
    ret[value->data_size] = '\0';
    return true;
}

static void read_country_code(const MMDB_entry_data_s *value, char ret[FACTS_CODE_MAX])
{
    if (ret[0] == '\0')
        (void)code_of(value, 2, FACTS_CODE_MAX, ret);
}

static void read_subdivision(const MMDB_entry_data_s *value, struct facts *facts)
{
    char code[FACTS_SUBDIVISION_MAX - FACTS_CODE_MAX + 1];
    if (facts->country[0] == '\0' || facts->subdivisions_count == FACTS_SUBDIVISIONS_MAX ||
        !code_of(value, 1, sizeof code, code))
        return;
    char *to = stpcpy(facts->subdivisions[facts->subdivisions_count++], facts->country);
    *to++ = '-';
    (void)stpcpy(to, code);
}

static void read_place(double latitude, double longitude, struct facts *facts)
{
    if (!(fabs(latitude) <= 90 && fabs(longitude) <= 180)) /* nor NaN */
        return;
    facts->has_place = true;
    facts->latitude = latitude;
    facts->longitude = longitude;
}

/* "37.4056,-122.0775" */
static void read_loc(const MMDB_entry_data_s *value, struct facts *facts)
{
    char text[TEXT_LEN_MAX];
    char *comma;
    char *end;
    if (!text_of(value, text))
        return;
    const double latitude = strtod(text, &comma);
    if (comma == text || *comma != ',')
        return;
    const double longitude = strtod(comma + 1, &end);
    if (end != comma + 1 && *end == '\0')
        read_place(latitude, longitude, facts);
}

/* The coordinates in two fields, if both are there. */
static void read_pair(const MMDB_entry_data_s *north, const MMDB_entry_data_s *east, struct facts *facts)
{
    double latitude;
    double longitude;
    if (!facts->has_place && number_of(north, &latitude) && number_of(east, &longitude))
        read_place(latitude, longitude, facts);
}

/* 15169, "15169" or "AS15169" */
static void read_asn(const MMDB_entry_data_s *value, struct facts *facts)
{
    char text[TEXT_LEN_MAX];
    if (value->type == MMDB_DATA_TYPE_UINT32)
        facts->asn = value->uint32;
    else if (value->type == MMDB_DATA_TYPE_UINT16)
        facts->asn = value->uint16;
    if (!text_of(value, text))
        return;
    const char *digits = strncmp(text, "AS", 2) == 0 ? text + 2 : text;
    const size_t len = strlen(digits);
    if (len == 0 || len > 10 || strspn(digits, "0123456789") != len)
        return;
    const unsigned long number = strtoul(digits, NULL, 10);
    if (number <= UINT32_MAX)
        facts->asn = (uint32_t)number;
}

/* Records ----------------------------------------------------------------------------------------- */

/* MaxMind's layout. */
static void read_nested(const MMDB_entry_s *entry, struct facts *facts)
{
    MMDB_entry_data_s value = member2(entry, "country", "iso_code");
    read_country_code(&value, facts->country);
    value = member2(entry, "continent", "code");
    read_country_code(&value, facts->continent);
    const MMDB_entry_data_s list = member(entry, "subdivisions");
    if (list.type == MMDB_DATA_TYPE_ARRAY) {
        static const char *const positions[FACTS_SUBDIVISIONS_MAX] = {"0", "1", "2", "3"};
        for (uint32_t i = 0; i < FACTS_SUBDIVISIONS_MAX && i < list.data_size; i++) {
            value = field(entry, (const char *const[]){"subdivisions", positions[i], "iso_code", NULL});
            read_subdivision(&value, facts);
        }
    }
    const MMDB_entry_data_s north = member2(entry, "location", "latitude");
    const MMDB_entry_data_s east = member2(entry, "location", "longitude");
    read_pair(&north, &east, facts);
    value = member(entry, "autonomous_system_number");
    read_asn(&value, facts);
}

/* IPinfo's layout: every field a text or number of the record itself. */
static void read_flat(const MMDB_entry_s *entry, struct facts *facts)
{
    static const char *const coordinates[][2] = {{"lat", "lng"}, {"latitude", "longitude"}};
    MMDB_entry_data_s value = member(entry, "country_code");
    read_country_code(&value, facts->country);
    value = member(entry, "country");
    read_country_code(&value, facts->country);
    value = member(entry, "continent_code");
    read_country_code(&value, facts->continent);
    value = member(entry, "continent");
    read_country_code(&value, facts->continent);
    value = member(entry, "region_code");
    if (value.type != MMDB_DATA_TYPE_UTF8_STRING)
        value = member(entry, "region");
    read_subdivision(&value, facts);
    value = member(entry, "loc");
    read_loc(&value, facts);
    for (unsigned i = 0; i < sizeof coordinates / sizeof coordinates[0]; i++) {
        const MMDB_entry_data_s north = member(entry, coordinates[i][0]);
        const MMDB_entry_data_s east = member(entry, coordinates[i][1]);
        read_pair(&north, &east, facts);
    }
    value = member(entry, "asn");
    read_asn(&value, facts);
}

static const struct facts nothing;

static void read_record(const MMDB_entry_s *entry, struct facts *facts)
{
    read_nested(entry, facts);
    if (memcmp(facts, &nothing, sizeof nothing) == 0)
        read_flat(entry, facts);
}

/* The leaf of a data record, which is read only once. */
static uint32_t record_leaf(struct walk *walk, const MMDB_entry_s *entry)
{
    const uint32_t known = walk->offsets.count;
    const uint32_t number = intern_put(&walk->offsets, &entry->offset, sizeof entry->offset);
    if (number == known && !walk->offsets.failed) {
        struct facts facts = {0};
        read_record(entry, &facts);
        walk->knows_something |= memcmp(&facts, &nothing, sizeof facts) != 0;
        const uint32_t leaf = source_leaf(walk->source, &facts);
        (void)buffer_put(&walk->leaves, &leaf, sizeof leaf);
    }
    if (walk->offsets.failed || walk->leaves.failed)
        return tree_leaf(0);
    uint32_t leaf;
    memcpy(&leaf, walk->leaves.bytes + (size_t)number * sizeof leaf, sizeof leaf);
    return leaf;
}

/* The search tree --------------------------------------------------------------------------------- */

static enum err broken(const struct walk *walk, uint64_t node, const char *what, struct diag *reterr)
{
    return diag_set(reterr, ERR_CORRUPT, "%s: broken search tree: node %llu (byte %llu) %s", walk->source->path,
                    (unsigned long long)node, (unsigned long long)(node * walk->db.full_record_byte_size), what);
}

static enum err walk_node(struct walk *walk, uint32_t number, unsigned depth, struct diag *reterr);

/* One of the two records of a node at `depth`: the tree below it and its height. */
static enum err walk_record(struct walk *walk, uint32_t node, uint64_t record, uint8_t type, const MMDB_entry_s *entry,
                            unsigned depth, struct seen *ret, struct diag *reterr)
{
    *ret = (struct seen){.root = tree_leaf(0)};
    switch (type) {
    case MMDB_RECORD_TYPE_EMPTY:
        return OK;
    case MMDB_RECORD_TYPE_DATA:
        ret->root = record_leaf(walk, entry);
        return OK;
    case MMDB_RECORD_TYPE_SEARCH_NODE: {
        const enum err err = walk_node(walk, (uint32_t)record, depth + 1, reterr);
        if (err == OK)
            *ret = walk->nodes[record];
        return err;
    }
    default:
        return broken(walk, node, "points to neither a node nor a record", reterr);
    }
}

/* Make the tree below a node. A loop in the file ends where an address has no more bits: at most 128 deep. */
static enum err walk_node(struct walk *walk, uint32_t number, unsigned depth, struct diag *reterr)
{
    MMDB_search_node_s node;
    struct seen zero;
    struct seen one;
    const uint8_t known = walk->nodes[number].height;
    if (depth >= walk->bits || depth + known > walk->bits)
        return broken(walk, number, "is deeper than an address has bits", reterr);
    if (known > 0)
        return OK;
    if (MMDB_read_node(&walk->db, number, &node) != MMDB_SUCCESS)
        return broken(walk, number, "cannot be read", reterr);
    enum err err = walk_record(walk, number, node.left_record, node.left_record_type, &node.left_record_entry, depth,
                               &zero, reterr);
    if (err == OK)
        err = walk_record(walk, number, node.right_record, node.right_record_type, &node.right_record_entry, depth,
                          &one, reterr);
    if (err != OK)
        return err;
    walk->nodes[number].root = tree_join(&walk->source->tree, zero.root, one.root);
    walk->nodes[number].height = (uint8_t)((zero.height > one.height ? zero.height : one.height) + 1);
    return OK;
}

/* An IPv6 database holds IPv4 addresses in ::/96. */
static uint32_t v4_root(const struct source *source)
{
    uint32_t root = source->v6;
    for (unsigned depth = 0; depth < V4_DEPTH; depth++)
        root = tree_child(&source->tree, root, 0);
    return root;
}

static enum err walk_all(struct walk *walk, struct diag *reterr)
{
    const MMDB_metadata_s *about = &walk->db.metadata;
    walk->bits = about->ip_version == 6 ? 128 : 32;
    walk->nodes = calloc((size_t)about->node_count + 1, sizeof *walk->nodes);
    if (!walk->nodes)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", walk->source->path);
    const enum err err = about->node_count > 0 ? walk_node(walk, 0, 0, reterr)
                                               : broken(walk, 0, "is missing", reterr);
    if (err != OK)
        return err;
    if (walk->offsets.failed || walk->leaves.failed)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", walk->source->path);
    if (!walk->knows_something)
        return diag_set(reterr, ERR_REFUSED, "%s is a database of type %s: no record has a country, continent, "
                                             "subdivision, AS number or coordinates",
                        walk->source->path, about->database_type ? about->database_type : "?");
    const uint32_t root = walk->nodes[0].root;
    walk->source->v6 = walk->bits == 128 ? root : tree_leaf(0);
    walk->source->v4 = walk->bits == 128 ? v4_root(walk->source) : root;
    return OK;
}

static enum err open_error(const char *path, int status, struct diag *reterr)
{
    if (status == MMDB_OUT_OF_MEMORY_ERROR)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", path);
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return diag_errno(reterr, "cannot open %s", path);
    return diag_set(reterr, ERR_CORRUPT, "%s is cut short or damaged: libmaxminddb says: %s", path,
                    MMDB_strerror(status));
}

enum err mmdb_load(struct source *source, struct diag *reterr)
{
    struct walk walk = {.source = source};
    const int status = MMDB_open(source->path, MMDB_MODE_MMAP, &walk.db);
    if (status != MMDB_SUCCESS)
        return open_error(source->path, status, reterr);
    const enum err err = walk_all(&walk, reterr);
    free(walk.nodes);
    intern_fini(&walk.offsets);
    buffer_fini(&walk.leaves);
    MMDB_close(&walk.db);
    return err;
}

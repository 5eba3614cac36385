/* ctl/cmd_vantage.c - gslbctl vantage: rows of vantage, and the private keys that belong to them. */
#include "ctl/command.h"
#include "health/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static enum err vantage_options(const struct command_input *input, struct store_vantage *ret,
                                struct diag *reterr)
{
    int64_t asn = 0;
    *ret = (struct store_vantage){.name = input->words[0], .enabled = true};
    if (option_count(input->options, "latitude") != option_count(input->options, "longitude"))
        return diag_set(reterr, ERR_SYNTAX, "give --latitude and --longitude together");
    ret->placed = option_count(input->options, "latitude") > 0;
    enum err err = option_real(input->options, "latitude", -90, 90, &ret->latitude, reterr);
    if (err == OK)
        err = option_real(input->options, "longitude", -180, 180, &ret->longitude, reterr);
    if (err == OK)
        err = option_number(input->options, "asn", 1, UINT32_MAX, 0, &asn, reterr);
    ret->asn = (uint32_t)asn;
    return err;
}

/* The row and the key file come together: without the row the file is taken back. */
static enum err vantage_put(struct store *store, const struct store_vantage *vantage, const struct key *key,
                            const char *key_path, struct diag *reterr)
{
    enum err err = store_change_begin(store, reterr);
    if (err != OK)
        return err;
    err = store_vantage_add(store, vantage, reterr);
    if (err == OK)
        err = key_save(key, key_path, reterr);
    if (err != OK) {
        store_change_undo(store);
        return err;
    }
    err = store_change_commit(store, reterr);
    if (err != OK)
        (void)unlink(key_path);
    return err;
}

enum err cmd_vantage_add(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    const char *key_path;
    struct store_vantage vantage;
    struct store *store = NULL;
    struct key *key = NULL;
    char text[KEY_PUBLIC_TEXT_MAX];
    enum err err = command_need(input, "key-out", "FILE", &key_path, reterr);
    if (err == OK)
        err = vantage_options(input, &vantage, reterr);
    if (err != OK)
        return command_misused(err, ret_end);
    err = store_open_write(input->store_path, &store, reterr);
    if (err == OK)
        err = key_generate(&key, reterr);
    if (err == OK) {
        const struct key_public public = key_public(key);
        vantage.public_key = key_print(&public, text);
        err = vantage_put(store, &vantage, key, key_path, reterr);
    }
    if (err == OK)
        printf("vantage point %s is registered; its private key is %s\n", vantage.name, key_path);
    key_free(&key);
    store_close(&store);
    return err;
}

enum err cmd_vantage_list(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    (void)ret_end;
    struct store *store;
    struct store_rows rows;
    struct store_vantage vantage;
    enum err err = store_open_read(input->store_path, &store, reterr);
    if (err != OK)
        return err;
    printf("%-20s %-8s %-10s %-20s %s\n", "NAME", "ENABLED", "ASN", "PLACE", "PUBLIC KEY");
    store_vantages(store, &rows);
    while (store_vantage_next(&rows, &vantage)) {
        char place[48] = "-", asn[16] = "-";
        if (vantage.placed)
            (void)snprintf(place, sizeof place, "%.3f,%.3f", vantage.latitude, vantage.longitude);
        if (vantage.asn)
            (void)snprintf(asn, sizeof asn, "%" PRIu32, vantage.asn);
        printf("%-20s %-8s %-10s %-20s %s\n", vantage.name, vantage.enabled ? "yes" : "no", asn, place,
               vantage.public_key);
    }
    err = store_rows_end(&rows, reterr);
    store_close(&store);
    return err;
}

enum err cmd_vantage_remove(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    (void)ret_end;
    struct store *store;
    enum err err = store_open_write(input->store_path, &store, reterr);
    if (err != OK)
        return err;
    err = store_vantage_remove(store, input->words[0], reterr);
    store_close(&store);
    if (err == OK)
        printf("vantage point %s is removed\n", input->words[0]);
    return err;
}

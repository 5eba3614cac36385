#include "server/control/certificate.h"

#include "common/buffer.h"
#include "common/file.h"

#include <ctype.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CERTIFICATE_PATH_MAX = 4096,
    CERTIFICATE_NAMES_LEN = CERTIFICATE_NAMES_MAX * (IP_TEXT_MAX + 4) + 512, /* bytes of all names in text */
    CERTIFICATE_FILE_MAX = 64 * 1024,                                        /* bytes; a chain has less */
    CERTIFICATE_DAY_S = 86400,
};

struct paths {
    char crt[CERTIFICATE_PATH_MAX];
    char key[CERTIFICATE_PATH_MAX];
};

static void find_paths(const char *state_dir, struct paths *ret)
{
    (void)snprintf(ret->crt, sizeof ret->crt, "%s/control.crt", state_dir);
    (void)snprintf(ret->key, sizeof ret->key, "%s/control.key", state_dir);
}

/* What OpenSSL said first; the rest of its queue is emptied. */
static enum err fail(struct diag *reterr, enum err err, const char *what, const char *path)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return diag_set(reterr, err, "%s %s: %s", what, path, reason ? reason : "out of memory");
}

/* Names ---------------------------------------------------------------------------------------- */

/* The subject's alternative names, as OpenSSL reads them: "DNS:localhost,IP:127.0.0.1". */
struct names {
    char text[CERTIFICATE_NAMES_LEN];
    size_t len;
    struct ip seen[CERTIFICATE_NAMES_MAX];
    size_t seen_count;
};

static void put_name(struct names *names, const char *kind, const char *value)
{
    const size_t room = sizeof names->text - names->len;
    const int len = snprintf(names->text + names->len, room, "%s%s:%s", names->len ? "," : "", kind, value);
    if (len > 0 && (size_t)len < room)
        names->len += (size_t)len;
    else
        names->text[names->len] = '\0'; /* one that does not fit is left out */
}

static void put_ip(struct names *names, const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < names->seen_count; i++)
        if (ip_equal(&names->seen[i], ip))
            return;
    if (names->seen_count == CERTIFICATE_NAMES_MAX)
        return;
    names->seen[names->seen_count++] = *ip;
    put_name(names, "IP", ip_print(ip, text));
}

/* Whether the host's name can stand among the others without being taken for more of them. */
static bool is_host_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
            return false;
    return name[0] != '\0';
}

static bool is_wildcard(const struct ip *ip)
{
    static const uint8_t zeros[16];
    return memcmp(ip->bytes, zeros, sizeof zeros) == 0;
}

/* The addresses of this host's interfaces, of one family; without them the certificate has fewer names. */
static void put_interfaces(struct names *names, uint8_t family)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) < 0)
        return;
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        const bool v4 = at->ifa_addr && at->ifa_addr->sa_family == AF_INET;
        const bool v6 = at->ifa_addr && at->ifa_addr->sa_family == AF_INET6;
        struct sockaddr_storage from = {0};
        if (!v4 && !v6)
            continue;
        memcpy(&from, at->ifa_addr, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        const struct listen found = listen_from_sockaddr(&from);
        if (found.ip.family == family || family == IP_V6) /* a socket on :: takes both */
            put_ip(names, &found.ip);
    }
    freeifaddrs(list);
}

static void put_names(const struct certificate_setup *setup, struct names *names)
{
    char host[256] = "";
    put_name(names, "DNS", "gslbd-control");
    put_name(names, "DNS", "localhost");
    if (gethostname(host, sizeof host - 1) == 0 && is_host_name(host))
        put_name(names, "DNS", host);
    for (size_t i = 0; i < setup->controls_count; i++) {
        const struct ip *ip = &setup->controls[i].ip;
        if (is_wildcard(ip))
            put_interfaces(names, ip->family);
        else
            put_ip(names, ip);
    }
}

/* Making --------------------------------------------------------------------------------------- */

static bool put_extension(X509 *crt, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, crt, crt, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    const bool put = extension && X509_add_ext(crt, extension, -1);
    X509_EXTENSION_free(extension);
    return put;
}

static bool put_serial(X509 *crt)
{
    uint64_t serial;
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(crt), serial >> 1 | 1);
}

static bool fill(X509 *crt, EVP_PKEY *key, const struct certificate_setup *setup, const char *names)
{
    const unsigned char common_name[] = "gslbd-control";
    X509_NAME *name = X509_get_subject_name(crt);
    const time_t from_s = (time_t)(setup->now_s - CERTIFICATE_DAY_S);
    const time_t to_s = (time_t)(setup->now_s + (int64_t)CERTIFICATE_DAYS * CERTIFICATE_DAY_S);
    return X509_set_version(crt, X509_VERSION_3) && put_serial(crt) &&
           ASN1_TIME_set(X509_getm_notBefore(crt), from_s) && ASN1_TIME_set(X509_getm_notAfter(crt), to_s) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) &&
           X509_set_issuer_name(crt, name) && X509_set_pubkey(crt, key) &&
           put_extension(crt, NID_basic_constraints, "critical,CA:FALSE") &&
           put_extension(crt, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           put_extension(crt, NID_ext_key_usage, "serverAuth") &&
           put_extension(crt, NID_subject_key_identifier, "hash") &&
           put_extension(crt, NID_subject_alt_name, names) && X509_sign(crt, key, EVP_sha256()) > 0;
}

/* Write what `bio` holds as the whole of a file. */
static enum err save(BIO *bio, const char *path, mode_t mode, struct diag *reterr)
{
    char *bytes;
    const long len = BIO_get_mem_data(bio, &bytes);
    return file_replace(path, bytes, (size_t)len, mode, reterr);
}

static enum err make_key(const char *path, EVP_PKEY **ret, struct diag *reterr)
{
    enum err err = OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    if (!key || !bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        err = fail(reterr, ERR_MEMORY, "cannot make", path);
    else
        err = save(bio, path, 0600, reterr);
    BIO_free(bio);
    if (err)
        EVP_PKEY_free(key);
    else
        *ret = key;
    return err;
}

static enum err make_crt(const struct certificate_setup *setup, const char *path, EVP_PKEY *key,
                         struct diag *reterr)
{
    enum err err = OK;
    struct names names = {.len = 0};
    put_names(setup, &names);
    X509 *crt = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    if (!crt || !bio || !fill(crt, key, setup, names.text) || !PEM_write_bio_X509(bio, crt))
        err = fail(reterr, ERR_MEMORY, "cannot make", path);
    else
        err = save(bio, path, 0644, reterr);
    BIO_free(bio);
    X509_free(crt);
    return err;
}

/* Reading -------------------------------------------------------------------------------------- */

static enum err read_key(const char *path, EVP_PKEY **ret, struct diag *reterr)
{
    struct buffer file = {0};
    enum err err = file_check_private(path, reterr);
    if (!err)
        err = file_read(path, CERTIFICATE_FILE_MAX, &file, reterr);
    if (err)
        return err;
    BIO *bio = BIO_new_mem_buf(file.bytes, (int)file.len);
    char none[] = ""; /* an encrypted key is refused, not asked about */
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, none) : NULL;
    if (key)
        *ret = key;
    else
        err = diag_set(reterr, ERR_CORRUPT,
                       "%s is not a private key in PEM; put it back, or remove it and control.crt to have "
                       "both made anew",
                       path);
    ERR_clear_error();
    BIO_free(bio);
    OPENSSL_cleanse(file.bytes, file.len);
    buffer_fini(&file);
    return err;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

enum err certificate_ensure(const struct certificate_setup *setup, struct diag *reterr)
{
    struct paths paths;
    EVP_PKEY *key = NULL;
    SSL_CTX *context = NULL;
    find_paths(setup->state_dir, &paths);
    const bool has_crt = is_there(paths.crt), has_key = is_there(paths.key);
    if (has_crt && !has_key)
        return diag_set(
            reterr, ERR_CORRUPT,
            "%s is there without %s; put the key back, or remove the certificate to have both made anew",
            paths.crt, paths.key);
    /* A key alone is what a first start leaves that was cut short. */
    enum err err = OK;
    if (!has_crt)
        err = has_key ? read_key(paths.key, &key, reterr) : make_key(paths.key, &key, reterr);
    if (!err && !has_crt)
        err = make_crt(setup, paths.crt, key, reterr);
    EVP_PKEY_free(key);
    if (!err)
        err = certificate_open(setup->state_dir, &context, reterr);
    SSL_CTX_free(context);
    return err;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(context,
                              SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context,
                                         SSL_SESS_CACHE_OFF); /* nothing is kept for a peer that is gone */
    return context;
}

enum err certificate_open(const char *state_dir, SSL_CTX **ret, struct diag *reterr)
{
    struct paths paths;
    EVP_PKEY *key = NULL;
    find_paths(state_dir, &paths);
    enum err err = read_key(paths.key, &key, reterr);
    if (!err && !is_there(paths.crt))
        err = diag_set(reterr, ERR_MISSING, "there is no %s", paths.crt);
    if (err) {
        EVP_PKEY_free(key);
        return err;
    }
    SSL_CTX *context = make_context();
    if (!context)
        err = fail(reterr, ERR_MEMORY, "cannot use", paths.crt);
    else if (SSL_CTX_use_certificate_chain_file(context, paths.crt) != 1)
        err = diag_set(reterr, ERR_CORRUPT,
                       "%s is not a certificate in PEM; put it back, or remove it and control.key to have "
                       "both made anew",
                       paths.crt);
    else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
        err = diag_set(
            reterr, ERR_CORRUPT,
            "%s does not belong to %s; put the right one back, or remove both to have them made anew",
            paths.key, paths.crt);
    ERR_clear_error();
    EVP_PKEY_free(key);
    if (err)
        SSL_CTX_free(context);
    else
        *ret = context;
    return err;
}

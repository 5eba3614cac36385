#include "server/control/control.h"

#include "common/clock.h"
#include "common/log.h"
#include "server/control/announce.h"
#include "server/control/api.h"
#include "server/control/certificate.h"
#include "server/control/credentials.h"
#include "server/control/publish.h"
#include "server/control/rebuild.h"
#include "server/control/states.h"
#include "server/control/timer.h"
#include "server/control/verdicts.h"
#include "server/control/watch.h"
#include "server/process/channel.h"
#include "server/process/state_dir.h"
#include "zones/history/history.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static void give_up(struct control *control, const struct diag *why)
{
    (void)fprintf(stderr, "gslbd: %s\n", why->text);
    control->exit_status = CONTROL_EXIT_CONFIGURATION;
    if (control->base)
        (void)event_base_loopbreak(control->base);
}

/* Parts ---------------------------------------------------------------------------------------- */

static enum err open_shared(struct control *control, struct diag *reterr)
{
    const struct control_setup *setup = control->setup;
    control->base = event_base_new();
    control->counters = calloc(setup->workers_count, sizeof(void *));
    if (!control->base || !control->counters)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    enum err err = board_open_writer(setup->board_fd, BOARD_SLOTS_MAX, &control->board, reterr);
    for (size_t i = 0; err == OK && i < setup->workers_count; i++)
        err = counters_open(setup->counters_fds[i], &control->counters[i], reterr);
    return err;
}

/* Without health.db there is no memory, and the answers are the same. Who writes to it tries to
 * open it again. */
static void open_history(struct control *control)
{
    char path[STATE_DIR_PATH_MAX];
    struct diag diag;
    enum err err = state_dir_file(control->settings->state_dir, "health.db", path, &diag);
    if (err == OK)
        err = history_open(path, &control->history, &diag);
    if (err == OK)
        return;
    log_message(LOG_LEVEL_ERROR, "history", diag.text);
    if (history_open_later(path, &control->history, &diag) != OK)
        control->history = NULL;
}

/* Without it secondaries find out what is new at their refresh time. */
static void open_announce(struct control *control)
{
    const struct announce_setup setup = {.base = control->base,
                                         .listens = control->settings->listens,
                                         .listens_count = control->settings->listens_count,
                                         .workers = control->counters,
                                         .workers_count = control->setup->workers_count};
    struct diag diag;
    if (announce_new(&setup, &control->announce, &diag) == OK)
        return;
    control->announce = NULL;
    log_message(LOG_LEVEL_ERROR, "notify", diag.text);
}

static enum err open_parts(struct control *control, struct diag *reterr)
{
    enum err err = open_shared(control, reterr);
    if (err != OK)
        return err;
    open_history(control);
    open_announce(control);
    err = verdicts_new(control->board, control->history, clock_now(), &control->verdicts, reterr);
    if (err == OK)
        err = states_new(control, &control->states, reterr);
    if (err == OK)
        err = publish_new(control, &control->publish, reterr);
    if (err == OK)
        err = rebuild_new(control, &control->rebuild, reterr);
    return err;
}

/* Answer from the last good world, if there is one, before anything else is looked at. */
static void recover(struct control *control)
{
    char path[STATE_DIR_PATH_MAX];
    struct diag diag;
    const int64_t begun_ms = clock_mono_ms();
    enum err err = state_dir_file(control->settings->state_dir, "manifest.json", path, &diag);
    if (err == OK)
        err = publish_world(control->publish, path, &diag);
    if (err == ERR_MISSING)
        return;
    if (err != OK) {
        log_message(LOG_LEVEL_ERROR, "last-world", diag.text);
        return;
    }
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "last-world");
    log_number(&line, "generation", (int64_t)control->metrics.generation);
    log_number(&line, "zones", (int64_t)control->metrics.zones);
    log_number(&line, "problems", (int64_t)control->metrics.problems);
    log_number(&line, "ms", clock_mono_ms() - begun_ms);
    log_end(&line);
    rebuild_recovered(control->rebuild);
}

/* Certificate and key of DNS over TLS; before the first world, so that no worker is without. */
static enum err open_credentials(struct control *control, struct diag *reterr)
{
    const struct settings *settings = control->settings;
    const struct credentials_setup setup = {.base = control->base,
                                            .cert_path = settings->tls_cert_path,
                                            .key_path = settings->tls_key_path,
                                            .channel_fd = control->setup->channel_fd};
    if (settings->tls_listens_count == 0)
        return OK;
    const enum err err = credentials_new(&setup, &control->credentials, reterr);
    control->view.credentials = control->credentials;
    return err == OK ? credentials_load(control->credentials, reterr) : err;
}

/* The api closes its sockets at its end; ours stay, for the next one. */
static void copy_sockets(const struct control_setup *setup, int ret_fds[SETTINGS_LISTENS_MAX])
{
    for (size_t i = 0; i < setup->listens_count; i++)
        ret_fds[i] = fcntl(setup->listen_fds[i], F_DUPFD_CLOEXEC, 0);
}

/* Serve the control port, with the certificate that is there now. On failure it is served as before. */
static enum err open_api(struct control *control, struct diag *reterr)
{
    int fds[SETTINGS_LISTENS_MAX];
    const struct settings *settings = control->settings;
    const struct certificate_setup certificate = {.state_dir = settings->state_dir,
                                                  .controls = settings->controls,
                                                  .controls_count = settings->controls_count,
                                                  .now_s = clock_wall_ms() / 1000};
    SSL_CTX *tls;
    enum err err = certificate_ensure(&certificate, reterr);
    if (err == OK)
        err = certificate_open(settings->state_dir, &tls, reterr);
    if (err != OK)
        return err;
    const struct api_setup setup = {.base = control->base,
                                    .tls = tls,
                                    .fds = fds,
                                    .fds_count = control->setup->listens_count,
                                    .verdicts = control->verdicts,
                                    .metrics = &control->metrics,
                                    .view = &control->view};
    struct api *next = NULL;
    copy_sockets(control->setup, fds);
    err = api_start(&setup, &next, reterr);
    SSL_CTX_free(tls);
    for (size_t i = 0; err != OK && i < control->setup->listens_count; i++)
        (void)close(fds[i]);
    if (err != OK)
        return err;
    api_stop(&control->api);
    control->api = next;
    return OK;
}

static enum err on_commit(void *context, struct store *store, struct diag *reterr)
{
    struct control *control = context;
    const enum err err = states_load(control->states, store, clock_now(), reterr);
    if (err == OK)
        rebuild_request(control->rebuild);
    return err;
}

static void on_geo(void *context)
{
    const struct control *control = context;
    rebuild_request(control->rebuild);
}

static enum err open_watch(struct control *control, struct diag *reterr)
{
    const struct settings *settings = control->settings;
    const struct watch_setup setup = {.base = control->base,
                                      .store_path = settings->store_path,
                                      .geo_paths = settings->geo_paths,
                                      .geo_paths_count = settings->geo_paths_count,
                                      .context = control,
                                      .commit = on_commit,
                                      .geo = on_geo};
    return watch_new(&setup, &control->watch, reterr);
}

/* Events --------------------------------------------------------------------------------------- */

static void on_tick(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    struct control *control = context;
    const struct moment now = clock_now();
    child_beat(control->setup->pulse);
    verdicts_tick(control->verdicts, now);
    states_tick(control->states, now);
    rebuild_tick(control->rebuild);
    if (control->announce)
        announce_tick(control->announce, now);
    abuse_tick(&control->abuse, now.mono_ms);
}

static void on_terminate(evutil_socket_t number, short events, void *context)
{
    (void)number, (void)events;
    const struct control *control = context;
    (void)event_base_loopbreak(control->base);
}

/* SIGHUP: look at everything again, the certificate too. */
static void reload(struct control *control)
{
    struct diag diag;
    log_message(LOG_LEVEL_NOTICE, "reload", "everything is looked at again");
    if (open_api(control, &diag) != OK)
        log_message(LOG_LEVEL_ERROR, "control-port", diag.text);
    if (control->credentials && credentials_load(control->credentials, &diag) != OK)
        credentials_log_failure(control->credentials, &diag);
    if (watch_check(control->watch, &diag) == OK)
        rebuild_request(control->rebuild);
}

static void on_message(evutil_socket_t fd, short events, void *context)
{
    (void)events;
    struct control *control = context;
    struct channel_packet packet;
    struct diag diag;
    const enum err err = channel_receive(fd, &packet, &diag);
    if (err == OK && packet.message.kind == MESSAGE_RELOAD)
        reload(control);
    else if (err != OK && err != ERR_BUSY)
        (void)event_base_loopbreak(control->base); /* the supervisor is gone */
}

/* The events that last as long as control does; freed with its base, at its end. */
struct standing {
    struct event *tick, *terminate, *message;
};

static enum err stand(struct control *control, struct standing *ret, struct diag *reterr)
{
    const struct timeval tick = {.tv_usec = VERDICTS_TICK_MS * 1000};
    ret->tick = event_new(control->base, -1, EV_PERSIST, on_tick, control);
    ret->terminate = evsignal_new(control->base, SIGTERM, on_terminate, control);
    ret->message =
        event_new(control->base, control->setup->channel_fd, EV_READ | EV_PERSIST, on_message, control);
    if (!ret->tick || !ret->terminate || !ret->message || event_add(ret->tick, &tick) != 0 ||
        event_add(ret->terminate, NULL) != 0 || event_add(ret->message, NULL) != 0)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    return OK;
}

static void unstand(const struct standing *standing)
{
    timer_free(standing->tick);
    timer_free(standing->terminate);
    timer_free(standing->message);
}

/* Life ----------------------------------------------------------------------------------------- */

/* The first look at the store, which may be locked. Without a world there is nothing else to do. */
static enum err look_first(const struct control *control, struct diag *reterr)
{
    const int64_t end_ms = clock_mono_ms() + STORE_BUSY_MS;
    enum err err = watch_check(control->watch, reterr);
    while (err == ERR_BUSY && !publish_manifest(control->publish) && clock_mono_ms() < end_ms)
        err = watch_check(control->watch, reterr);
    return err;
}

/* What may fail while there is a world to answer from: then it is logged. Without one it is the end. */
static enum err open_outside(struct control *control, struct diag *reterr)
{
    enum err err = open_api(control, reterr);
    if (err != OK && !publish_manifest(control->publish))
        return err;
    if (err != OK)
        log_message(LOG_LEVEL_ERROR, "control-port", reterr->text);
    err = open_watch(control, reterr);
    if (err != OK)
        return err;
    err = look_first(control, reterr);
    return publish_manifest(control->publish) ? OK : err;
}

/* Everything that is served. The certificate is looked at first, so that no worker has to wait for it; what
 * is wrong with it keeps nobody from being answered over UDP and TCP by a world that is there. */
static enum err open_service(struct control *control, struct diag *reterr)
{
    const enum err err = open_credentials(control, reterr);
    recover(control);
    if (err != OK && !publish_manifest(control->publish))
        return err;
    if (err != OK)
        credentials_log_failure(control->credentials, reterr);
    return open_outside(control, reterr);
}

static void close_parts(struct control *control)
{
    watch_free(&control->watch);
    rebuild_free(&control->rebuild);
    api_stop(&control->api);
    credentials_free(&control->credentials);
    if (control->verdicts)
        verdicts_tick(control->verdicts, clock_now());
    if (control->states)
        states_tick(control->states, clock_now());
    verdicts_free(&control->verdicts);
    states_free(&control->states);
    publish_free(&control->publish);
    announce_free(&control->announce);
    history_close(&control->history);
    board_close(&control->board);
    free(control->counters);
    if (control->base)
        event_base_free(control->base);
}

int control_run(const struct control_setup *setup)
{
    struct control control = {.setup = setup, .settings = setup->settings, .give_up = give_up};
    struct standing standing = {0};
    struct diag diag;
    control.metrics.started_ms = clock_wall_ms();
    enum err err = open_parts(&control, &diag);
    control.view = (struct metrics_view){.metrics = &control.metrics,
                                         .workers = control.counters,
                                         .workers_count = setup->workers_count,
                                         .verdicts = control.verdicts,
                                         .announce = control.announce};
    abuse_init(&control.abuse, control.counters, setup->workers_count, clock_mono_ms());
    if (err == OK)
        err = open_service(&control, &diag);
    if (err == OK)
        err = stand(&control, &standing, &diag);
    if (err != OK)
        give_up(&control, &diag);
    child_beat(setup->pulse);
    if (control.exit_status == 0)
        (void)event_base_dispatch(control.base);
    unstand(&standing);
    close_parts(&control);
    return control.exit_status;
}

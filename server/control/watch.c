#include "server/control/watch.h"

#include "common/change.h"
#include "common/log.h"
#include "server/control/timer.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watch {
    struct watch_setup setup;
    struct store *store; /* NULL: it cannot be opened */
    bool untold;         /* a commit that has not been told of */
    uint32_t counter;
    char complaint[DIAG_TEXT_MAX]; /* logged already; "" while all is well */
    const char *store_name;        /* the last part of its path */
    int inotify_fd;                /* -1: none, then we poll only */
    struct event *written, *poll, *geo_poll;
    int64_t wait_ms; /* of `poll` */
    struct change *geo_files;
};

/* The store ------------------------------------------------------------------------------------ */

/* Open it when it is not, or when it is another file by now. */
static enum err look_file(struct watch *watch, struct diag *reterr)
{
    if (watch->store && store_is_current(watch->store))
        return OK;
    store_close(&watch->store);
    const enum err err = store_open_poll(watch->setup.store_path, &watch->store, reterr);
    if (err != OK)
        watch->store = NULL;
    watch->untold = true;
    return err;
}

/* `untold` stays set until somebody has taken the commit. */
static enum err look_commit(struct watch *watch, struct diag *reterr)
{
    uint32_t counter;
    enum err err = store_change_counter(watch->store, &counter, reterr);
    if (err != OK)
        return err;
    if (counter == watch->counter && !watch->untold)
        return OK;
    watch->counter = counter;
    watch->untold = true;
    watch->wait_ms = WATCH_POLL_MS;
    err = watch->setup.commit(watch->setup.context, watch->store, reterr);
    watch->untold = err != OK;
    return err;
}

enum err watch_check(struct watch *watch, struct diag *reterr)
{
    const enum err err = look_file(watch, reterr);
    return err == OK ? look_commit(watch, reterr) : err;
}

/* Log what is wrong, once. */
static void complain(struct watch *watch, enum err err, const struct diag *diag)
{
    if (err == OK && watch->complaint[0])
        log_message(LOG_LEVEL_NOTICE, "store-back", watch->setup.store_path);
    if (err != OK && strcmp(watch->complaint, diag->text) != 0)
        log_message(LOG_LEVEL_ERROR, "store", diag->text);
    if (err == OK)
        watch->complaint[0] = '\0';
    else
        memcpy(watch->complaint, diag->text, sizeof watch->complaint);
}

static int64_t next_wait_ms(const struct watch *watch, enum err err)
{
    if (err == ERR_BUSY)
        return WATCH_POLL_MS;
    if (err != OK)
        return WATCH_RETRY_MS;
    return watch->wait_ms * 2 < WATCH_POLL_MS ? watch->wait_ms * 2 : WATCH_POLL_MS;
}

static void on_poll(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    struct watch *watch = context;
    struct diag diag;
    const enum err err = watch_check(watch, &diag);
    complain(watch, err, &diag);
    watch->wait_ms = next_wait_ms(watch, err);
    timer_arm(watch->poll, watch->wait_ms);
}

/* Whether an event is about the store or one of the files that SQLite keeps beside it. */
static bool is_ours(const struct watch *watch, const struct inotify_event *event)
{
    return event->len > 0 && strncmp(event->name, watch->store_name, strlen(watch->store_name)) == 0;
}

/* Something was written in the store's directory. */
static void on_written(evutil_socket_t fd, short events, void *context)
{
    (void)events;
    struct watch *watch = context;
    _Alignas(struct inotify_event) char room[4096];
    bool ours = false;
    ssize_t len;
    while ((len = read(fd, room, sizeof room)) > 0)
        for (const char *at = room; at < room + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            ours = ours || is_ours(watch, event);
            at += sizeof *event + event->len;
        }
    if (!ours)
        return;
    watch->wait_ms = WATCH_QUICK_MS;
    timer_arm(watch->poll, 0);
}

/* Without inotify a commit is seen by polling alone. */
static void open_inotify(struct watch *watch)
{
    char directory[PATH_MAX];
    const size_t len = (size_t)(watch->store_name - watch->setup.store_path);
    if (len >= sizeof directory)
        return;
    memcpy(directory, watch->setup.store_path, len);
    directory[len] = '\0';
    watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify_fd >= 0)
        (void)inotify_add_watch(watch->inotify_fd, len > 0 ? directory : ".",
                                IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

/* The geo databases ---------------------------------------------------------------------------- */

static void on_geo_poll(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    struct watch *watch = context;
    bool changed = false;
    for (size_t i = 0; i < watch->setup.geo_paths_count; i++)
        if (change_look(&watch->geo_files[i])) {
            log_message(LOG_LEVEL_NOTICE, "geo-changed", watch->geo_files[i].path);
            changed = true;
        }
    if (changed)
        watch->setup.geo(watch->setup.context);
    timer_arm(watch->geo_poll, WATCH_GEO_MS);
}

/* Start and end -------------------------------------------------------------------------------- */

static enum err start(struct watch *watch, struct diag *reterr)
{
    struct event_base *base = watch->setup.base;
    watch->poll = evtimer_new(base, on_poll, watch);
    watch->geo_poll = evtimer_new(base, on_geo_poll, watch);
    if (watch->inotify_fd >= 0)
        watch->written = event_new(base, watch->inotify_fd, EV_READ | EV_PERSIST, on_written, watch);
    if (!watch->poll || !watch->geo_poll || (watch->inotify_fd >= 0 && !watch->written))
        return diag_set(reterr, ERR_MEMORY, "out of memory to watch the store");
    timer_arm(watch->poll, WATCH_POLL_MS);
    if (watch->setup.geo_paths_count > 0)
        timer_arm(watch->geo_poll, WATCH_GEO_MS);
    if (watch->written)
        (void)event_add(watch->written, NULL);
    return OK;
}

enum err watch_new(const struct watch_setup *setup, struct watch **ret, struct diag *reterr)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return diag_set(reterr, ERR_MEMORY, "out of memory to watch the store");
    watch->setup = *setup;
    watch->inotify_fd = -1;
    watch->wait_ms = WATCH_POLL_MS;
    const char *slash = strrchr(setup->store_path, '/');
    watch->store_name = slash ? slash + 1 : setup->store_path;
    open_inotify(watch);
    watch->geo_files = calloc(setup->geo_paths_count + 1, sizeof *watch->geo_files);
    enum err err =
        watch->geo_files ? OK : diag_set(reterr, ERR_MEMORY, "out of memory to watch the geo databases");
    for (size_t i = 0; err == OK && i < setup->geo_paths_count; i++)
        change_init(&watch->geo_files[i], setup->geo_paths[i]);
    if (err == OK)
        err = start(watch, reterr);
    if (err == OK)
        *ret = watch;
    else
        watch_free(&watch);
    return err;
}

void watch_free(struct watch **watch)
{
    if (!*watch)
        return;
    timer_free((*watch)->written);
    timer_free((*watch)->poll);
    timer_free((*watch)->geo_poll);
    if ((*watch)->inotify_fd >= 0)
        close((*watch)->inotify_fd);
    store_close(&(*watch)->store);
    free((*watch)->geo_files);
    free(*watch);
    *watch = NULL;
}

#include "server/control/sweep.h"

#include "common/file.h"
#include "server/process/state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Whether `file` is what compilers keep of one of these databases. */
static bool is_of_database(const char *const *geo_paths, size_t count, const char *file)
{
    char kept[MANIFEST_FILE_MAX];
    for (size_t i = 0; i < count; i++) {
        manifest_source_file(file_identity(geo_paths[i]), kept);
        if (strcmp(kept, file) == 0)
            return true;
    }
    return false;
}

static bool is_named(const struct manifest *manifest, const char *file)
{
    for (size_t i = 0; i < PACKS_MAX; i++)
        if (strcmp(manifest->packs[i], file) == 0)
            return true;
    for (size_t i = 0; i < POLICIES_MAX; i++)
        if (manifest->policies[i].name && strcmp(manifest->policies[i].file, file) == 0)
            return true;
    return false;
}

void sweep_images(const char *state_dir, const struct manifest *manifest, const char *const *geo_paths,
                  size_t geo_paths_count)
{
    char path[STATE_DIR_PATH_MAX];
    if (state_dir_file(state_dir, "images", path, NULL) != OK)
        return;
    DIR *dir = opendir(path);
    if (!dir)
        return;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (strstr(entry->d_name, ".img") && !is_named(manifest, entry->d_name) &&
            !is_of_database(geo_paths, geo_paths_count, entry->d_name))
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
}

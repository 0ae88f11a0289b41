/* See place.h. Ends the program if the surroundings fail. */
#include "place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "body_cipher.h"
#include "log.h"

char place_base[PLACE_PATH];

void
place_make(void)
{
    const char *temporary = getenv("TMPDIR");
    struct fep_error error = {0};
    char path[PLACE_PATH + 64];
    const char *root = temporary ? temporary : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(place_base, sizeof place_base, "%.200s/fep-torture-XXXXXX", root);
    if (mkdtemp(place_base) == NULL)
        abort();
    snprintf(path, sizeof path, "%s/store.key", place_base);
    if (body_key_create(path, &error) != 0)
        abort();
    snprintf(path, sizeof path, "%s/log", place_base);
    if (getenv("FEP_TORTURE_LOG") == NULL && log_open("torture", "450000000001", path) != 0)
        abort();
}

static void
remove_tree(const char *path, int itself)
{
    char inner[PLACE_PATH + 400];
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            remove_tree(inner, 1);
    }
    closedir(folder);
    if (itself)
        rmdir(path);
}

void
place_remove(void)
{
    remove_tree(place_base, 1);
}

void
place_clear(const char *path)
{
    char inner[PLACE_PATH + 128];
    remove_tree(path, 0);
    snprintf(inner, sizeof inner, "%s/journal", path);
    if (mkdir(inner, 0700) != 0)
        abort();
}

void
place_fresh(const char *name, char out[PLACE_PATH + 64])
{
    snprintf(out, PLACE_PATH + 64, "%s/%s", place_base, name);
    remove_tree(out, 1);
    if (mkdir(out, 0700) != 0)
        abort();
    place_clear(out);
}

void
place_keep(const char *path)
{
    printf("# kept: %s\n", path);
    place_make(); /* what comes now goes elsewhere */
}

/* Files on their way: a form that carries one up, a folder's nameless file that one comes down into.
 *
 * Must never hold a file in memory as it comes: its bytes go to the disk, up to the bound of the options.
 * What comes instead of a file (an error as JSON, a page of HTML) is told by its first byte and its content
 * type and stays a message.
 */
#include "national.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "archive.h"

enum { BOUNDARY_ROOM = 48 };

FILE *
files_create(const struct national *national, struct fep_error *error)
{
    char path[512];
    int size = snprintf(path, sizeof path, "%s/national-XXXXXX", national->file_directory);
    int fd = national->file_directory[0] != '\0' && size < (int)sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (fd >= 0)
        (void)unlink(path); /* gone with the process, whatever happens */
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (file != NULL)
        return file;
    snprintf(error->text, sizeof error->text, "no file in option file_directory: %s",
             national->file_directory[0] != '\0' ? strerror(errno) : "it is not set");
    if (fd >= 0)
        close(fd);
    return NULL;
}

static bool
is_message(const struct task *task, char first)
{
    const char *type = NULL;
    (void)curl_easy_getinfo(task->easy, CURLINFO_CONTENT_TYPE, &type);
    return first == '{' || first == '<' || (type != NULL && strncasecmp(type, "text/", 5) == 0);
}

bool
files_take(struct task *task, const char *data, size_t size, bool *taken)
{
    struct fep_error error = {0};
    long status = 0;
    *taken = false;
    if (size == 0 || task->in.size > 0)
        return true;
    (void)curl_easy_getinfo(task->easy, CURLINFO_RESPONSE_CODE, &status);
    if (task->file == NULL && (status != 200 || is_message(task, data[0])))
        return true;
    *taken = true;
    if (task->file == NULL && (task->file = files_create(task->national, &error)) == NULL)
        return false;
    task->file_size += (int64_t)size;
    task->too_large = task->file_size > task->national->max_file;
    return !task->too_large && fwrite(data, 1, size, task->file) == size;
}

static void
add_part(struct writer *out, const char *boundary, const char *name, const char *more)
{
    writer_say(out, "--");
    writer_say(out, boundary);
    writer_say(out, "\r\nContent-Disposition: form-data; name=\"");
    writer_say(out, name);
    writer_say(out, "\"");
    writer_say(out, more);
    writer_say(out, "\r\n\r\n");
}

/* By chance, so that it stands in no file. */
static bool
draw_boundary(struct task *task, char out[BOUNDARY_ROOM])
{
    const struct fep_host *host = task->national->host;
    unsigned char random[16];
    if (host->fill_random(host->self, random, sizeof random) != 0)
        return false;
    size_t at = (size_t)snprintf(out, BOUNDARY_ROOM, "fep-");
    for (size_t i = 0; i < sizeof random; i++)
        at += (size_t)snprintf(out + at, BOUNDARY_ROOM - at, "%02x", random[i]);
    return true;
}

bool
files_wrap(struct task *task, const char *name, const char *file, size_t size)
{
    const struct profile_files *files = &task->national->profile.files;
    char boundary[BOUNDARY_ROOM], more[400];
    struct writer form = {0};
    if (!draw_boundary(task, boundary))
        return false;
    add_part(&form, boundary, files->message_part, "\r\nContent-Type: text/plain;charset=utf-8");
    writer_add(&form, task->out.data, task->out.size);
    writer_say(&form, "\r\n");
    snprintf(more, sizeof more, "; filename=\"%.200s\"\r\nContent-Type: application/octet-stream", name);
    add_part(&form, boundary, files->file_part, more);
    writer_add(&form, file, size);
    writer_say(&form, "\r\n--");
    writer_say(&form, boundary);
    writer_say(&form, "--\r\n");
    writer_free(&task->out);
    task->out = form;
    snprintf(task->content_type, sizeof task->content_type, "multipart/form-data; boundary=%s", boundary);
    return !form.failed;
}

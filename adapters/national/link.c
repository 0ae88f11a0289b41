/* Transfers: libcurl's multi interface in the host's loop.
 *
 * libcurl's defaults are not safe here, and each is set: no proxy from the environment, no `Expect`, no
 * redirects, no signals, HTTP and HTTPS only, bounds for answers and connections. It sends a request again on
 * a new connection when an old one turns out to be dead: harmless to a page, a double settlement here. So the
 * body comes from a callback that can not be wound back, and `left` is set before the first byte.
 */
#include "national.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_S = 20 }; /* a connection that was not used for longer is not used again */

static void drive(struct national *national, curl_socket_t fd, int events);

/* --- the loop --- */

static void
on_ready(void *arg, uint32_t events)
{
    struct socket_watch *watch = arg;
    int flags = ((events & FEP_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                ((events & FEP_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);
    drive(watch->national, watch->fd, flags);
}

static void
on_multi_timer(void *arg)
{
    struct national *national = arg;
    national->multi_timer = NULL;
    drive(national, CURL_SOCKET_TIMEOUT, 0);
}

static void
free_watch(struct national *national, struct socket_watch *watch)
{
    struct socket_watch **at = &national->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    national->host->unwatch(national->host->self, watch->watch);
    free(watch);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct national *national = arg;
    const struct fep_host *host = national->host;
    struct socket_watch *watch = assigned;
    uint32_t events = (what == CURL_POLL_OUT ? 0u : (uint32_t)FEP_READABLE) |
                      (what == CURL_POLL_IN ? 0u : (uint32_t)FEP_WRITABLE);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            free_watch(national, watch);
        return 0;
    }
    if (watch != NULL) {
        host->change_watch(host->self, watch->watch, events);
        return 0;
    }
    watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return -1;
    *watch = (struct socket_watch){.next = national->watches, .national = national, .fd = fd};
    watch->watch = host->watch_descriptor(host->self, fd, events, on_ready, watch);
    if (watch->watch == NULL) {
        free(watch);
        return -1;
    }
    national->watches = watch;
    curl_multi_assign(national->multi, fd, watch);
    return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
    struct national *national = arg;
    const struct fep_host *host = national->host;
    (void)multi;
    host->clear_timer(host->self, national->multi_timer);
    national->multi_timer = ms >= 0 ? host->set_timer(host->self, ms, on_multi_timer, national) : NULL;
    return ms >= 0 && national->multi_timer == NULL ? -1 : 0;
}

static void
drive(struct national *national, curl_socket_t fd, int events)
{
    int running, left;
    CURLMsg *message;
    (void)curl_multi_socket_action(national->multi, fd, events, &running);
    while (!national->closing && (message = curl_multi_info_read(national->multi, &left)) != NULL) {
        struct task *task = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&task) != CURLE_OK ||
            task == NULL)
            continue;
        client_transferred(task, code);
    }
}

/* --- one transfer --- */

static size_t
give_request(char *out, size_t size, size_t count, void *arg)
{
    struct task *task = arg;
    size_t piece = task->out.size - task->offset;
    if (piece > size * count)
        piece = size * count;
    memcpy(out, task->out.data + task->offset, piece);
    task->offset += piece;
    return piece;
}

/* A body whose first byte was given is never given again. */
static int
refuse_rewind(void *arg, curl_off_t offset, int origin)
{
    const struct task *task = arg;
    return origin == SEEK_SET && offset == 0 && task->offset == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static size_t
take_answer(char *data, size_t size, size_t count, void *arg)
{
    struct task *task = arg;
    size_t piece = size * count;
    bool taken = false;
    if (task->step == STEP_DOWNLOAD && !files_take(task, data, piece, &taken))
        return CURL_WRITEFUNC_ERROR;
    if (taken)
        return piece;
    if (task->in.size + piece > MAX_BODY) {
        task->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    writer_add(&task->in, data, piece);
    return task->in.failed ? CURL_WRITEFUNC_ERROR : piece;
}

static int
on_leaving(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct task *task = arg;
    (void)to, (void)from, (void)to_port, (void)from_port;
    bool posts = task->posts || task->step == STEP_UNDO;
    if (task->left &&
        posts) /* on another connection, because the first one broke: what it had is not known */
        return CURL_PREREQFUNC_ABORT;
    task->left = true;
    return CURL_PREREQFUNC_OK;
}

static bool
add_header(struct task *task, const char *text)
{
    struct curl_slist *grown = curl_slist_append(task->headers, text);
    if (grown != NULL)
        task->headers = grown;
    return grown != NULL;
}

static bool
add_headers(struct task *task)
{
    char text[160];
    snprintf(text, sizeof text, "Content-Type: %s",
             task->content_type[0] != '\0' ? task->content_type : task->national->profile.content_type);
    if (!add_header(task, text))
        return false;
    if (task->national->profile.sign_in.bearer && task->operation != OP_SIGN_IN) {
        snprintf(text, sizeof text, "Authorization: Bearer %s", task->national->sign_no);
        if (!add_header(task, text))
            return false;
    }
    return add_header(task, "Expect:") && add_header(task, "Accept:");
}

static bool
set_tls(CURL *easy, const struct national *national)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK && national->ca_file != NULL && national->ca_file[0] != '\0')
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, national->ca_file);
    if (code == CURLE_OK && national->certificate_file != NULL && national->certificate_file[0] != '\0')
        code = curl_easy_setopt(easy, CURLOPT_SSLCERT, national->certificate_file);
    if (code == CURLE_OK && national->key_file != NULL && national->key_file[0] != '\0')
        code = curl_easy_setopt(easy, CURLOPT_SSLKEY, national->key_file);
    return code == CURLE_OK;
}

static bool
set_common(CURL *easy, struct task *task, const char *path)
{
    const struct national *national = task->national;
    char url[512];
    snprintf(url, sizeof url, "%s%s", national->base, path);
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, task) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)national->connect_ms) == CURLE_OK &&
           (national->connect_to == NULL ||
            curl_easy_setopt(easy, CURLOPT_CONNECT_TO, national->connect_to) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S) == CURLE_OK && set_tls(easy, national);
}

static bool
set_body(CURL *easy, struct task *task)
{
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)task->out.size) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, task) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKDATA, task) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, task) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_leaving) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, task) == CURLE_OK && add_headers(task) &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, task->headers) == CURLE_OK;
}

bool
link_send(struct task *task, const char *path)
{
    struct national *national = task->national;
    CURL *easy = curl_easy_init();
    task->offset = 0;
    task->left = task->too_large = false;
    writer_free(&task->in);
    if (easy == NULL)
        return false;
    bool good = set_common(easy, task, path);
    good = good && (task->operation == OP_PROBE ? curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK
                                                : set_body(easy, task));
    if (good && curl_multi_add_handle(national->multi, easy) == CURLM_OK) {
        task->easy = easy;
        return true;
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(task->headers);
    task->headers = NULL;
    return false;
}

void
link_drop(struct task *task)
{
    if (task->easy != NULL) {
        (void)curl_multi_remove_handle(task->national->multi, task->easy);
        curl_easy_cleanup(task->easy);
    }
    task->easy = NULL;
    curl_slist_free_all(task->headers);
    task->headers = NULL;
}

int
link_open(struct national *national, struct fep_error *error)
{
    static bool ready;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        national_copy(error->text, sizeof error->text, "libcurl can not be used");
        return -1;
    }
    ready = true;
    national->multi = curl_multi_init();
    bool good = national->multi != NULL &&
                curl_multi_setopt(national->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_SOCKETDATA, national) == CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_TIMERDATA, national) == CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_MAXCONNECTS, national->connections) == CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_MAX_HOST_CONNECTIONS, national->connections) ==
                    CURLM_OK &&
                curl_multi_setopt(national->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
    if (!good)
        national_copy(error->text, sizeof error->text, "no memory for connections");
    return good ? 0 : -1;
}

void
link_close(struct national *national)
{
    const struct fep_host *host = national->host;
    if (national->multi != NULL)
        (void)curl_multi_cleanup(national->multi);
    national->multi = NULL;
    while (national->watches != NULL)
        free_watch(national, national->watches);
    host->clear_timer(host->self, national->multi_timer);
    national->multi_timer = NULL;
}

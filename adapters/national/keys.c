/* Signing and encrypting, by the library adapters/seal and the profile's group `seal`. Must never send a
 * message unsealed that the profile wants sealed. */
#include "national.h"

#include <stdio.h>

int
keys_open(struct national *national, struct fep_error *error)
{
    const struct fep_host *host = national->host;
    const char *folder = host->get_text(national->config, "secrets");
    const char *path = host->get_text(national->config, "profile");
    struct seal_profile profile;
    if (seal_load_profile(path, NULL, NULL, &profile, error) < 0)
        return -1;
    if (profile.header == SEAL_HEADER_NONE && profile.message == SEAL_MESSAGE_NONE)
        return 0;
    return seal_open(&profile, folder != NULL && folder[0] != '\0' ? folder : NULL,
                     national->serves ? SEAL_SERVER : SEAL_CLIENT, &national->seal, error);
}

void
keys_close(struct national *national)
{
    seal_close(national->seal);
    national->seal = NULL;
}

static bool
add_headers(struct task *task, const struct seal_message *wire)
{
    char text[sizeof(struct seal_header) + 4];
    for (size_t i = 0; i < wire->header_count; i++) {
        snprintf(text, sizeof text, "%s: %s", wire->headers[i].name, wire->headers[i].value);
        struct curl_slist *grown = curl_slist_append(task->headers, text);
        if (grown == NULL)
            return false;
        task->headers = grown;
    }
    return true;
}

bool
keys_sign_form(struct task *task)
{
    struct national *national = task->national;
    struct seal_moment moment = {.wall_ms = national_wall_ms(national)};
    struct seal_message wire = {0};
    struct fep_error error;
    curl_slist_free_all(task->headers);
    task->headers = NULL;
    if (national->seal == NULL)
        return true;
    bool good = seal_sign_headers(national->seal, &moment, task->out.data, task->out.size, &wire, &error) ==
                    SEAL_GOOD &&
                add_headers(task, &wire);
    seal_message_finish(&wire);
    return good;
}

int
keys_seal_request(struct task *task, struct fep_error *error)
{
    struct national *national = task->national;
    struct seal_moment moment = {.wall_ms = national_wall_ms(national)};
    struct seal_message wire = {0};
    int status = seal_request(national->seal, &moment, task->out.data, task->out.size, &wire, error);
    if (status == SEAL_GOOD) {
        writer_free(&task->out);
        writer_add(&task->out, wire.body, wire.body_size);
        status = task->out.failed ? SEAL_FAILED : SEAL_GOOD;
    }
    if (status == SEAL_GOOD && !add_headers(task, &wire))
        status = SEAL_FAILED;
    seal_message_finish(&wire);
    return status;
}

/* The HTTP server: libevent's evhttp in a thread of its own. It has an event loop of its own whose descriptor can not be
 * watched from outside, so it can not live in the host's loop; in return TLS handshakes never hold that loop up.
 *
 * An exchange is one request and its one answer. It is the server's until on_request was called on the host's thread, then
 * the host's until server_answer, then the server's again. */
#ifndef FEP_NATIONAL_SERVER_H
#define FEP_NATIONAL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fep/adapter.h>

struct server;

struct exchange_header {
    char *name, *value;
};
struct exchange {
    struct server *server;
    char path[256];
    char *body;
    size_t body_size;
    struct exchange_header *headers;
    size_t header_count;
    int status; /* of the answer */
    char *answer;
    size_t answer_size;
    bool is_file; /* the answer is one */
    /* the server's own */
    void *request; /* NULL: the caller has gone */
    struct exchange *next;
};

struct server_settings {
    const char *address; /* numeric ADDRESS:PORT */
    const char *content_type;
    const char *certificate_file, *key_file, *client_ca_file; /* no certificate: plain HTTP */
    size_t max_connections, max_per_address, max_body;
    int64_t request_ms; /* a request must be there, and a kept connection used, within this time */
    /* On the host's thread, once for each request. Ends in server_answer. */
    void (*on_request)(void *arg, struct exchange *exchange);
    void *arg;
    const struct fep_host *host;
};

/* Listens and starts the thread. NULL with the error. */
struct server *server_open(const struct server_settings *settings, struct fep_error *error);
/* Host's thread. `answer` is malloc'd and taken (NULL: an empty body). The exchange is gone afterwards. */
void server_answer(struct exchange *exchange, int status, char *answer, size_t size);
/* Takes no new connections; who is being answered gets the answer. */
void server_stop_listening(struct server *server);
/* Ends the thread. Exchanges that the host still holds are given back by server_answer afterwards. */
void server_close(struct server *server);

#endif

/* The floor: what the ground under a chain of gateways allows. Each node receives over ZeroMQ, commits what
 * has come to SQLite (WAL, synchronous=FULL, one transaction for all that arrived meanwhile), passes it on
 * and acknowledges. No parsing, routing, ordering, encryption at rest, journal or log: the same number of
 * commits and hops, nothing else.
 *
 *   floor_chain DIRECTORY NODES BYTES IN_FLIGHT SECONDS
 *
 * caller -> node 1 -> ... -> node N -> echo, and back; links between nodes with CURVE, the two ends over ipc,
 * as in a gateway. Prints: updates/s, p50, p99, p99.9 in microseconds, CPU microseconds per update.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "measure.h"

enum { MOST_NODES = 8, BATCH = 512, HEAD = 64 };

enum what { REQUEST = 1, ANSWER, REQUEST_STORED, ANSWER_STORED };

struct head {
    uint64_t what, number, sent_ns;
    char key[40];
};
_Static_assert(sizeof(struct head) == HEAD, "a head is 64 bytes");

static char server_public[41], server_secret[41], client_public[41], client_secret[41];

static void
must(int ok, const char *doing)
{
    if (!ok) {
        fprintf(stderr, "floor_chain: %s: %s\n", doing, zmq_strerror(errno));
        exit(1);
    }
}

static void
set_number(void *socket, int option, int value)
{
    must(zmq_setsockopt(socket, option, &value, sizeof value) == 0, "socket option");
}

static void *
open_socket(void *context, int type, const char *endpoint, int listening)
{
    void *socket = zmq_socket(context, type);
    must(socket != NULL, "socket");
    set_number(socket, ZMQ_SNDHWM, 0);
    set_number(socket, ZMQ_RCVHWM, 0);
    set_number(socket, ZMQ_LINGER, 0);
    if (strncmp(endpoint, "tcp", 3) == 0) {
        if (listening) {
            set_number(socket, ZMQ_CURVE_SERVER, 1);
            must(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, server_secret, 41) == 0, "key");
        } else {
            must(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_public, 41) == 0 &&
                     zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, client_public, 41) == 0 &&
                     zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, client_secret, 41) == 0,
                 "keys");
        }
    }
    must((listening ? zmq_bind : zmq_connect)(socket, endpoint) == 0, endpoint);
    return socket;
}

struct node {
    sqlite3 *database;
    sqlite3_stmt *insert, *remove, *begin, *commit;
    void *front, *back;
    char caller[32];
    size_t caller_size;
    zmq_msg_t taken[BATCH];
    int from_back[BATCH];
    size_t count;
    int64_t *gone;
    size_t gone_count, gone_room;
};

static void
must_sql(struct node *node, int status)
{
    if (status == SQLITE_OK || status == SQLITE_DONE)
        return;
    fprintf(stderr, "floor_chain: %s\n", sqlite3_errmsg(node->database));
    exit(1);
}

static void
run(struct node *node, sqlite3_stmt *statement)
{
    must_sql(node, sqlite3_step(statement));
    sqlite3_reset(statement);
}

static void
open_database(struct node *node, const char *path)
{
    must_sql(node, sqlite3_open(path, &node->database));
    must_sql(node,
             sqlite3_exec(node->database,
                          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
                          "CREATE TABLE message(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB)",
                          NULL, NULL, NULL));
    const char *texts[] = {"INSERT INTO message VALUES(?1,?2,?3)", "DELETE FROM message WHERE id=?1",
                           "BEGIN IMMEDIATE", "COMMIT"};
    sqlite3_stmt **statements[] = {&node->insert, &node->remove, &node->begin, &node->commit};
    for (int i = 0; i < 4; i++)
        must_sql(node, sqlite3_prepare_v3(node->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                          statements[i], NULL));
}

static void
note_gone(struct node *node, int64_t id)
{
    if (node->gone_count == node->gone_room) {
        node->gone_room = node->gone_room == 0 ? 4096 : node->gone_room * 2;
        node->gone = realloc(node->gone, node->gone_room * sizeof *node->gone);
        if (node->gone == NULL)
            abort();
    }
    node->gone[node->gone_count++] = id;
}

static void
drain(struct node *node, int back)
{
    while (node->count < BATCH) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (!back) {
            int size = zmq_recv(node->front, node->caller, sizeof node->caller, ZMQ_DONTWAIT);
            if (size < 0)
                return;
            node->caller_size = (size_t)size;
        }
        if (zmq_msg_recv(&part, back ? node->back : node->front, back ? ZMQ_DONTWAIT : 0) < 0)
            return;
        const struct head *head = zmq_msg_data(&part);
        if (head->what == REQUEST_STORED || head->what == ANSWER_STORED) {
            note_gone(node, (int64_t)(head->number * 2 + (head->what == ANSWER_STORED)));
            zmq_msg_close(&part);
            continue;
        }
        node->from_back[node->count] = back;
        node->taken[node->count++] = part;
    }
}

static void
store_batch(struct node *node)
{
    run(node, node->begin);
    for (size_t i = 0; i < node->gone_count; i++) {
        sqlite3_bind_int64(node->remove, 1, node->gone[i]);
        run(node, node->remove);
    }
    node->gone_count = 0;
    for (size_t i = 0; i < node->count; i++) {
        const struct head *head = zmq_msg_data(&node->taken[i]);
        char key[48];
        snprintf(key, sizeof key, "%c%s", node->from_back[i] ? 'a' : 'q', head->key);
        sqlite3_bind_int64(node->insert, 1, (int64_t)(head->number * 2 + (unsigned)node->from_back[i]));
        sqlite3_bind_text(node->insert, 2, key, -1, SQLITE_TRANSIENT);
        sqlite3_bind_blob(node->insert, 3, head, (int)zmq_msg_size(&node->taken[i]), SQLITE_STATIC);
        run(node, node->insert);
    }
    run(node, node->commit);
}

static void
pass_on(struct node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        struct head stored = *(struct head *)zmq_msg_data(&node->taken[i]);
        int back = node->from_back[i];
        stored.what = back ? ANSWER_STORED : REQUEST_STORED;
        if (back)
            zmq_send(node->front, node->caller, node->caller_size, ZMQ_SNDMORE);
        zmq_msg_send(&node->taken[i], back ? node->front : node->back, 0);
        if (!back)
            zmq_send(node->front, node->caller, node->caller_size, ZMQ_SNDMORE);
        zmq_send(back ? node->back : node->front, &stored, sizeof stored, 0);
        if (back)
            note_gone(node, (int64_t)(stored.number * 2)); /* answered: the request is not needed any more */
    }
    node->count = 0;
}

static void
run_node(const char *path, const char *front, const char *back)
{
    static struct node node;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_database(&node, path);
    void *context = zmq_ctx_new();
    node.front = open_socket(context, ZMQ_ROUTER, front, 1);
    node.back = open_socket(context, ZMQ_DEALER, back, 0);
    for (;;) {
        zmq_pollitem_t items[2] = {{node.front, 0, ZMQ_POLLIN, 0}, {node.back, 0, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, 2, 1000) < 0)
            continue;
        drain(&node, 0);
        drain(&node, 1);
        if (node.count == 0 && node.gone_count < 4096)
            continue;
        store_batch(&node);
        pass_on(&node);
    }
}

static void
run_echo(const char *endpoint)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void *socket = open_socket(zmq_ctx_new(), ZMQ_ROUTER, endpoint, 1);
    for (;;) {
        zmq_msg_t from, message;
        zmq_msg_init(&from);
        zmq_msg_init(&message);
        if (zmq_msg_recv(&from, socket, 0) < 0 || zmq_msg_recv(&message, socket, 0) < 0)
            continue;
        struct head *head = zmq_msg_data(&message);
        if (head->what == REQUEST) {
            head->what = ANSWER;
            zmq_msg_send(&from, socket, ZMQ_SNDMORE);
            zmq_msg_send(&message, socket, 0);
        }
        zmq_msg_close(&from);
        zmq_msg_close(&message);
    }
}

struct caller {
    void *socket;
    size_t bytes;
    char *body;
    uint64_t sent, back;
    struct latencies latencies;
};

static void
send_request(struct caller *caller)
{
    zmq_msg_t message;
    must(zmq_msg_init_size(&message, HEAD + caller->bytes) == 0, "memory");
    struct head *head = zmq_msg_data(&message);
    *head = (struct head){.what = REQUEST, .number = ++caller->sent, .sent_ns = measure_now_ns()};
    snprintf(head->key, sizeof head->key, "H4501001000120261122%010llu", (unsigned long long)caller->sent);
    memcpy(head + 1, caller->body + caller->sent % 4096, caller->bytes);
    must(zmq_msg_send(&message, caller->socket, 0) >= 0, "send");
}

static void
take_answer(struct caller *caller)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    must(zmq_msg_recv(&message, caller->socket, 0) >= 0, "receive");
    struct head head = *(struct head *)zmq_msg_data(&message);
    zmq_msg_close(&message);
    if (head.what != ANSWER)
        return;
    measure_add(&caller->latencies, measure_now_ns() - head.sent_ns);
    caller->back++;
    head.what = ANSWER_STORED;
    zmq_send(caller->socket, &head, sizeof head, 0);
}

static uint64_t
drive(struct caller *caller, uint64_t in_flight, double seconds)
{
    uint64_t end = measure_now_ns() + (uint64_t)(seconds * 1e9), start = caller->back;
    caller->latencies.count = 0;
    while (measure_now_ns() < end) {
        while (caller->sent - caller->back < in_flight)
            send_request(caller);
        take_answer(caller);
    }
    return caller->back - start;
}

static double
sum_cpu(const pid_t *pids, int count)
{
    double sum = measure_cpu_s(getpid());
    for (int i = 0; i < count; i++)
        sum += measure_cpu_s(pids[i]);
    return sum;
}

int
main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: floor_chain DIRECTORY NODES BYTES IN_FLIGHT SECONDS\n", stderr);
        return 2;
    }
    int nodes = atoi(argv[2]);
    uint64_t in_flight = strtoull(argv[4], NULL, 10);
    double seconds = strtod(argv[5], NULL);
    struct caller caller = {.bytes = strtoul(argv[3], NULL, 10)};
    if (nodes < 1 || nodes > MOST_NODES || in_flight == 0)
        return 2;
    must(zmq_curve_keypair(server_public, server_secret) == 0 &&
             zmq_curve_keypair(client_public, client_secret) == 0,
         "keys");

    char endpoints[MOST_NODES + 1][256], path[512];
    pid_t pids[MOST_NODES + 1];
    for (int i = 0; i <= nodes; i++)
        if (i == 0 || i == nodes)
            snprintf(endpoints[i], sizeof endpoints[i], "ipc:///tmp/fep-floor.%d.%d", (int)getpid(), i);
        else
            snprintf(endpoints[i], sizeof endpoints[i], "tcp://127.0.0.1:%d",
                     20000 + (int)(getpid() % 20000) + i);
    for (int i = 0; i < nodes; i++) {
        snprintf(path, sizeof path, "%s/floor%d.db", argv[1], i);
        if ((pids[i] = fork()) == 0)
            run_node(path, endpoints[i], endpoints[i + 1]);
    }
    if ((pids[nodes] = fork()) == 0)
        run_echo(endpoints[nodes]);

    caller.body = malloc(caller.bytes + 4096);
    must(caller.body != NULL, "memory");
    measure_fill_body(caller.body, caller.bytes + 4096, 1);
    caller.socket = open_socket(zmq_ctx_new(), ZMQ_DEALER, endpoints[0], 0);
    drive(&caller, in_flight, seconds / 5); /* to working size */
    double cpu = sum_cpu(pids, nodes + 1);
    uint64_t start = measure_now_ns(), done = drive(&caller, in_flight, seconds);
    double elapsed = (double)(measure_now_ns() - start) / 1e9;
    cpu = sum_cpu(pids, nodes + 1) - cpu;
    measure_sort(&caller.latencies);
    printf("%.0f %.0f %.0f %.0f %.0f\n", (double)done / elapsed, measure_quantile_us(&caller.latencies, .5),
           measure_quantile_us(&caller.latencies, .99), measure_quantile_us(&caller.latencies, .999),
           cpu / (double)(done != 0 ? done : 1) * 1e6);

    for (int i = 0; i <= nodes; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    unlink(endpoints[0] + 6);
    unlink(endpoints[nodes] + 6);
    return 0;
}

/* A gateway's configuration: one libconfig file (with includes), read into plain structs. All problems are reported at
 * once, each as "file:line: what is wrong; what was expected". Read-only after loading; any thread. */
#ifndef FEP_CONF_H
#define FEP_CONF_H

#include "header.h"
#include "core.h"
#include "route.h"

#define CONF_PATH  512
#define CONF_TEXT  256
#define CONF_PEERS 64
#define CONF_INSTANCES 32
#define CONF_OPTIONS 48
#define CONF_OPERATORS 64

/* Where a setting stands, for problems that only show when what it names is opened. line 0: it is not there. */
struct conf_place {
    char file[CONF_PATH];
    int line;
};

struct conf_peer {
    char name[NODE_SIZE];           /* the peer gateway's node code */
    char endpoint[CONF_TEXT];       /* we dial it; empty: it dials us */
    char public_key_file[CONF_PATH];
    struct conf_place at, public_key_at;
    uint32_t window;
};

struct conf_option {
    char name[48];
    char value[CONF_TEXT]; /* as text; integers and flags checked against the module's table by the host */
    char file[CONF_PATH];
    int line;
    bool unread; /* the value is wrong and was reported; only in what conf_load_partly gives */
};

struct conf_instance {
    char name[NODE_SIZE];
    char module[CONF_PATH];  /* path of the shared object, or a bare name found in the adapters directory */
    char mapping[CONF_PATH]; /* empty: bodies pass through as they are */
    uint32_t window;         /* calls open at once */
    int caller_inquires;     /* the local system's protocol has an inquiry (hop rule 10) */
    struct conf_place at, module_at, mapping_at;
    struct conf_option options[CONF_OPTIONS];
    size_t option_count;
    bool options_unread; /* there may be more; only in what conf_load_partly gives */
};

struct conf {
    char file[CONF_PATH];
    char node[NODE_SIZE];     /* 12-character node code, e.g. GW4501000001 */
    char name[CONF_TEXT];     /* for people */
    char region[AREA_SIZE];   /* empty for a platform */
    char listen[CONF_TEXT];   /* endpoint for peers, or empty */
    char state_directory[CONF_PATH], run_directory[CONF_PATH];
    char schema_directory[CONF_PATH], adapter_directory[CONF_PATH];
    char routes_file[CONF_PATH], transactions_file[CONF_PATH];
    char link_key_file[CONF_PATH];      /* CURVE secret */
    char body_key_file[CONF_PATH];      /* empty: bodies at rest in clear (said at start) */
    char pseudonym_key_file[CONF_PATH]; /* key of order keys and pseudonyms */
    struct conf_place link_key_at, body_key_at, pseudonym_key_at, schema_at, adapters_at, routes_at, transactions_at;
    char log_socket[CONF_PATH];         /* empty: standard error */
    int log_debug;
    int capture_allowed; /* operators may have exchanges written down, masked */
    struct core_config bounds;          /* node, max_* and times filled in */
    uint32_t max_body_bytes;
    uint64_t min_free_bytes, ballast_bytes, batch_bytes;
    uint32_t router_silent_ms;
    struct conf_peer peers[CONF_PEERS];
    size_t peer_count;
    struct conf_instance instances[CONF_INSTANCES];
    size_t instance_count;
    bool is_read;      /* there was a tree to read */
    bool names_unread; /* a peer or an instance has no name; only in what conf_load_partly gives */
    char operators_socket[CONF_PATH]; /* where operators change what moves money; empty: nowhere */
    uint32_t operators[CONF_OPERATORS]; /* their user ids */
    size_t operator_count;
    char control_endpoint[CONF_PATH + 16]; /* ipc endpoint of hosts and fepctl, from run_directory */
};

typedef void conf_report_fn(void *arg, const char *line);

/* NULL with every problem reported and the first (with their number) in `error`. Relative paths start at the file's
 * directory. */
struct conf *conf_load(const char *path, conf_report_fn *report, void *arg, struct fep_error *error);
/* The same for a check, never to run on: hands out what could be read in spite of problems, with defaults for the rest
 * (paths that were not read are empty), and counts them. NULL without memory only, with the error. */
struct conf *conf_load_partly(const char *path, conf_report_fn *report, void *arg, size_t *problems,
                              struct fep_error *error);
void conf_destroy(struct conf *conf);

/* routes.cfg against the peers and instances of `conf`: unknown targets, two rules that say different things under
 * the same conditions, bad prefixes and dates are problems. NULL with all of them reported. */
struct route_table *conf_load_routes(const struct conf *conf, conf_report_fn *report, void *arg,
                                     struct fep_error *error);
/* Prints the bounds in force, one "name = value unit" a line. */
void conf_print_bounds(const struct conf *conf, conf_report_fn *print, void *arg);
/* 64 hex digits -> 32 bytes; the file's mode must be 0600 or tighter. */
int conf_read_key(const char *path, uint8_t key[32], struct fep_error *error);

#endif

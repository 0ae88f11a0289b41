/* What the files of this folder share. */
#ifndef FEP_CONF_LOAD_H
#define FEP_CONF_LOAD_H

#include "conf.h"
#include "config_reader.h"

struct conf_loading {
    struct config_reader reader;
    struct conf *conf;
    char directory[CONF_PATH]; /* of the file: relative paths start here */
};

/* `path` made absolute below `directory`; false if it does not fit. Empty stays empty. */
bool conf_join_path(char *out, size_t size, const char *directory, const char *path);
/* A path member of `group`, made absolute; the member keeps its value if absent. */
bool conf_read_path(struct conf_loading *loading, const config_setting_t *group, const char *name,
                    unsigned flags, char *out, size_t size);
/* Where the member of `group` stands; nowhere if there is none. */
void conf_read_place(struct conf_loading *loading, const config_setting_t *group, const char *name,
                     struct conf_place *place);
/* The lists, and what must hold between their elements. */
void conf_read_peers(struct conf_loading *loading, const config_setting_t *root);
void conf_read_instances(struct conf_loading *loading, const config_setting_t *root);
void conf_check_endpoint(struct conf_loading *loading, const config_setting_t *group, const char *name,
                         const char *endpoint);
bool conf_node_code_is_valid(const char *code);

#endif

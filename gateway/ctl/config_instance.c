/* fepctl config check, one instance: its module, the options against the module's own table, its mapping.
 * Must not start anything: a module is loaded for its descriptor only. */
#include "config_check.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "module.h"
#include "options.h"

static bool
is_unread(const struct conf_instance *instance, const char *name, size_t size)
{
    for (size_t i = 0; i < instance->option_count; i++) {
        const struct conf_option *option = &instance->options[i];
        if (option->unread && strlen(option->name) == size && memcmp(option->name, name, size) == 0)
            return true;
    }
    return instance->options_unread;
}

/* An option that is missing stands nowhere: the line is the instance's. One that is there and wrong is not
 * missing. */
static void
option_line(void *arg, const char *line)
{
    static const char missing[] = ":0: option ";
    struct checking *checking = arg;
    const struct conf_instance *instance = checking->instance;
    size_t name = strlen(instance->name);
    char text[CONF_PATH + FEP_ERROR_TEXT];
    if (strncmp(line, instance->name, name) != 0 || strncmp(line + name, missing, strlen(missing)) != 0) {
        checking_line(checking, line);
        return;
    }
    const char *option = line + name + strlen(missing);
    if (is_unread(instance, option, strcspn(option, " ")))
        return;
    snprintf(text, sizeof text, "%s:%d: %s: option %.400s", instance->at.file, instance->at.line,
             instance->name, option);
    checking_line(checking, text);
}

static void
check_options(struct checking *checking, const struct fep_adapter *adapter)
{
    const struct conf_instance *instance = checking->instance;
    struct fep_error error = {0};
    struct given_option given[CONF_OPTIONS];
    size_t count = 0;
    for (size_t i = 0; i < instance->option_count; i++) {
        const struct conf_option *option = &instance->options[i];
        if (!option->unread)
            given[count++] = (struct given_option){
                .name = option->name, .value = option->value, .file = option->file, .line = option->line};
    }
    struct fep_config *config =
        options_check(adapter->options, given, count, instance->name, option_line, checking, &error);
    options_destroy(config);
}

static void
check_mapping(struct checking *checking, const struct fep_adapter *adapter)
{
    const struct conf_instance *instance = checking->instance;
    struct fep_error error = {0};
    size_t before = checking->problems;
    struct mapping *mapping =
        mapping_file_load(instance->mapping, NULL, &checking->tables, checking_line, checking, &error);
    if (mapping == NULL && checking->problems == before)
        checking_error(checking, &instance->mapping_at, instance->name, &error);
    if (mapping != NULL && adapter != NULL && strcmp(mapping_family(mapping), adapter->name) != 0) {
        error_set(&error, 0, FEP_E_MAPPING_INVALID, "the mapping %s is for the family %s, the module is %s",
                  mapping_name(mapping), mapping_family(mapping), adapter->name);
        checking_error(checking, &instance->mapping_at, instance->name, &error);
    }
    mapping_destroy(mapping);
}

void
checking_instance(struct checking *checking, const struct conf_instance *instance)
{
    struct fep_error error = {0};
    checking->instance = instance;
    const struct fep_adapter *adapter =
        instance->module[0] != '\0' ? module_load(instance->module, &error) : NULL;
    if (adapter != NULL)
        check_options(checking, adapter);
    else if (instance->module[0] != '\0')
        checking_error(checking, &instance->module_at, instance->name, &error);
    if (instance->mapping[0] != '\0')
        check_mapping(checking, adapter);
    printf("%s: %s %s, %s\n", instance->name, adapter != NULL ? adapter->name : instance->module,
           adapter != NULL ? adapter->version : "?",
           instance->mapping[0] != '\0'
               ? instance->mapping
               : ctl_text(checking->ctl, "报文原样通过", "bodies pass through as they are"));
}

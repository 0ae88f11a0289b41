/* fepctl adapter describe: what a module is and which options it has, from its exported data. Must not call
 * any of its operations. A module that the adapter host would refuse is refused here in the same words. */
#include "ctl_adapter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "module.h"

static const struct {
    uint32_t bit;
    const char *name, *zh, *en;
} abilities[] = {
    {FEP_CALLS_OUT, "calls_out", "呼叫本地系统", "calls the local system"},
    {FEP_SERVES_IN, "serves_in", "受理本地系统的请求", "takes the local system's requests"},
    {FEP_INQUIRES, "inquires", "可查询一笔业务的结果", "can ask what became of a request"},
    {FEP_REVERSES, "reverses", "可冲正", "can reverse a request"},
    {FEP_REPLAYS, "replays", "重复的流水号得到原答复", "a repeated serial is answered from its store"},
    {FEP_RELOADS, "reloads", "可重新加载", "can load its options again"},
};

const struct fep_adapter *
adapter_load(const struct ctl *ctl, const char *module, char path[CONF_PATH])
{
    struct fep_error error = {0};
    size_t problems;
    int size = snprintf(path, CONF_PATH, "%s", module);
    if (strchr(module, '/') == NULL) {
        struct conf *conf = conf_load_partly(ctl->conf_path, NULL, NULL, &problems, &error);
        if (conf == NULL) {
            ctl_fail(ctl, &error, CTL_SURROUNDINGS);
            return NULL;
        }
        size = snprintf(path, CONF_PATH, "%s/%s/%s.so", conf->adapter_directory, module, module);
        if (size > 0 && size < CONF_PATH && access(path, F_OK) != 0)
            size = snprintf(path, CONF_PATH, "%s/%s.so", conf->adapter_directory, module);
        conf_destroy(conf);
    }
    if (size < 0 || size >= CONF_PATH) {
        error_set(&error, 0, FEP_E_MODULE_LOAD, "the path of the module is too long");
        ctl_fail(ctl, &error, CTL_MISUSED);
        return NULL;
    }
    const struct fep_adapter *adapter = module_load(path, &error);
    if (adapter == NULL)
        ctl_fail(ctl, &error, CTL_BAD);
    return adapter;
}

const char *
adapter_type_name(uint32_t type)
{
    switch (type) {
    case FEP_TEXT:
        return "text";
    case FEP_INTEGER:
        return "number";
    case FEP_FLAG:
        return "flag";
    case FEP_DURATION_MS:
        return "duration";
    case FEP_SECRET_FILE:
        return "secret file";
    default:
        return "?";
    }
}

static bool
has_range(const struct fep_option *option)
{
    return option->minimum != 0 || option->maximum != 0;
}

static const char *
text_or(const char *text, const char *other)
{
    return text != NULL ? text : other;
}

/* --- for people ---------------------------------------------------------------------------------- */

static void
print_option(const struct ctl *ctl, const struct fep_option *option)
{
    printf("\n  %s  (%s%s%s%s)\n", option->name, adapter_type_name(option->type),
           option->unit != NULL ? " " : "", text_or(option->unit, ""),
           (option->flags & FEP_OPTION_RELOADABLE) != 0 ? ctl_text(ctl, "；可重新加载", "; reloadable") : "");
    printf("      %s\n      ", ctl_text(ctl, text_or(option->help_zh, "-"), text_or(option->help_en, "-")));
    if ((option->flags & FEP_OPTION_REQUIRED) != 0)
        printf("%s", ctl_text(ctl, "必填", "required"));
    else if (option->def != NULL)
        printf("%s \"%s\"", ctl_text(ctl, "缺省", "default"), option->def);
    else
        printf("%s", ctl_text(ctl, "无缺省", "no default"));
    if (has_range(option))
        printf("%s %" PRId64 " .. %" PRId64, ctl_text(ctl, "，范围", ", range"), option->minimum,
               option->maximum);
    putchar('\n');
}

static void
print_adapter(const struct ctl *ctl, const struct fep_adapter *adapter, const char *path)
{
    printf("%s %s  (ABI %u.%u)\n%s\n%s\n", adapter->name, text_or(adapter->version, "?"), adapter->abi_major,
           adapter->abi_minor, text_or(adapter->summary, ""), path);
    for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++)
        printf("  %s %-10s %s\n", (adapter->abilities & abilities[i].bit) != 0 ? "+" : "-", abilities[i].name,
               ctl_text(ctl, abilities[i].zh, abilities[i].en));
    for (const struct fep_option *option = adapter->options; option != NULL && option->name != NULL; option++)
        print_option(ctl, option);
}

/* --- for a README -------------------------------------------------------------------------------- */

/* A bar would end the table's cell. */
static void
print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            putchar('\\');
        putchar(*text);
    }
}

static void
print_markdown_type(const struct ctl *ctl, const struct fep_option *option)
{
    if (option->type == FEP_TEXT && option->unit != NULL) {
        putchar('`');
        print_cell(option->unit);
        putchar('`');
        return;
    }
    static const struct {
        uint32_t type;
        const char *zh, *en;
    } names[] = {{FEP_TEXT, "文本", "text"},
                 {FEP_INTEGER, "整数", "number"},
                 {FEP_FLAG, "是否", "flag"},
                 {FEP_DURATION_MS, "时长", "duration"},
                 {FEP_SECRET_FILE, "密文件（0600）", "secret file (0600)"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].type == option->type)
            fputs(ctl_text(ctl, names[i].zh, names[i].en), stdout);
    }
}

/* 300000 ms reads badly: whole hours, minutes and seconds as such. */
static void
print_amount(const struct fep_option *option, int64_t value)
{
    if (option->type != FEP_DURATION_MS)
        printf("%" PRId64 "%s%s", value, option->unit != NULL ? " " : "", text_or(option->unit, ""));
    else if (value >= 7200000 && value % 3600000 == 0)
        printf("%" PRId64 " h", value / 3600000);
    else if (value >= 120000 && value % 60000 == 0)
        printf("%" PRId64 " min", value / 60000);
    else if (value >= 1000 && value % 1000 == 0)
        printf("%" PRId64 " s", value / 1000);
    else
        printf("%" PRId64 "%s", value, value == 0 ? "" : " ms");
}

static void
print_markdown_default(const struct ctl *ctl, const struct fep_option *option)
{
    int64_t value;
    int used = 0;
    if ((option->flags & FEP_OPTION_REQUIRED) != 0) {
        fputs(ctl_text(ctl, "必填", "required"), stdout);
    } else if (option->def == NULL || option->def[0] == '\0') {
        fputs("–", stdout);
    } else if (option->type == FEP_DURATION_MS && sscanf(option->def, "%" SCNd64 "%n", &value, &used) == 1 &&
               option->def[used] == '\0') {
        print_amount(option, value);
    } else {
        putchar('`');
        print_cell(option->def);
        putchar('`');
    }
}

static void
print_markdown(const struct ctl *ctl, const struct fep_adapter *adapter)
{
    fputs(ctl_text(ctl, "| 选项 | 类型 | 缺省 | 范围 | 说明 |\n",
                   "| option | type | default | range | meaning |\n"),
          stdout);
    fputs("| --- | --- | --- | --- | --- |\n", stdout);
    for (const struct fep_option *option = adapter->options; option != NULL && option->name != NULL;
         option++) {
        printf("| `%s` | ", option->name);
        print_markdown_type(ctl, option);
        fputs(" | ", stdout);
        print_markdown_default(ctl, option);
        fputs(" | ", stdout);
        if (has_range(option)) {
            print_amount(option, option->minimum);
            fputs(" to ", stdout);
            print_amount(option, option->maximum);
        }
        fputs(" | ", stdout);
        print_cell(ctl_text(ctl, text_or(option->help_zh, ""), text_or(option->help_en, "")));
        fputs(" |\n", stdout);
    }
}

/* --- for programs -------------------------------------------------------------------------------- */

static void
add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, text != NULL ? json_object_new_string(text) : NULL);
}

static struct json_object *
describe_option(const struct fep_option *option)
{
    struct json_object *entry = json_object_new_object();
    add_text(entry, "name", option->name);
    add_text(entry, "type", adapter_type_name(option->type));
    add_text(entry, "unit", option->unit);
    add_text(entry, "default", option->def);
    if (has_range(option)) {
        json_object_object_add(entry, "minimum", json_object_new_int64(option->minimum));
        json_object_object_add(entry, "maximum", json_object_new_int64(option->maximum));
    }
    json_object_object_add(entry, "required",
                           json_object_new_boolean((option->flags & FEP_OPTION_REQUIRED) != 0));
    json_object_object_add(entry, "reloadable",
                           json_object_new_boolean((option->flags & FEP_OPTION_RELOADABLE) != 0));
    json_object_object_add(entry, "secret", json_object_new_boolean(option->type == FEP_SECRET_FILE));
    add_text(entry, "help_zh", option->help_zh);
    add_text(entry, "help_en", option->help_en);
    return entry;
}

static void
print_json(const struct fep_adapter *adapter, const char *path)
{
    struct json_object *object = json_object_new_object(), *able = json_object_new_array(),
                       *options = json_object_new_array();
    char abi[16];
    snprintf(abi, sizeof abi, "%u.%u", adapter->abi_major, adapter->abi_minor);
    add_text(object, "name", adapter->name);
    add_text(object, "version", adapter->version);
    add_text(object, "summary", adapter->summary);
    add_text(object, "abi", abi);
    add_text(object, "path", path);
    for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++) {
        if ((adapter->abilities & abilities[i].bit) != 0)
            json_object_array_add(able, json_object_new_string(abilities[i].name));
    }
    for (const struct fep_option *option = adapter->options; option != NULL && option->name != NULL; option++)
        json_object_array_add(options, describe_option(option));
    json_object_object_add(object, "abilities", able);
    json_object_object_add(object, "options", options);
    ctl_print_json(object);
}

int
ctl_adapter_describe(struct ctl *ctl)
{
    char path[CONF_PATH];
    const struct fep_adapter *adapter = adapter_load(ctl, ctl->words[0], path);
    if (adapter == NULL)
        return CTL_BAD;
    if (ctl->json)
        print_json(adapter, path);
    else if (ctl->markdown)
        print_markdown(ctl, adapter);
    else
        print_adapter(ctl, adapter, path);
    return CTL_GOOD;
}

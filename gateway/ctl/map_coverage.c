/* fepctl map coverage: what the goldens beside a mapping exercise of it, and what they do not. Must not call
 * a mapping covered whose goldens fail: what they were to show was then not shown. */
#include <stdio.h>
#include <stdlib.h>

#include "map_golden.h"
#include "mapping_file.h"

struct listing {
    const struct ctl *ctl;
    size_t required;
};

static void
print_line(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

static void
print_gap(void *arg, const struct mapping_gap *gap)
{
    struct listing *listing = arg;
    static const char *const zh[] = {"交易", "必填字段", "规则", "分支", "代码"}, *const en[] = {
                                                                                      "transaction",
                                                                                      "required field",
                                                                                      "rule", "branch",
                                                                                      "code"};
    listing->required += gap->required;
    printf("%s %s: %s\n", gap->required ? "!!" : "- ", ctl_text(listing->ctl, zh[gap->kind], en[gap->kind]),
           gap->text);
}

static int
report(struct ctl *ctl, const struct mapping *mapping, const struct map_golden_run *run)
{
    static const char *const zh[] = {"交易", "必填字段", "其他规则", "条件分支", "代码"},
                             *const en[] = {"transactions", "required fields", "other rules", "branches",
                                            "codes"};
    struct listing listing = {.ctl = ctl};
    struct mapping_cover cover = mapping_find_gaps(mapping, print_gap, &listing);
    for (size_t i = 0; i < MAPPING_GAP_KINDS; i++)
        printf("%s %zu / %zu\n", ctl_text(ctl, zh[i], en[i]), cover.covered[i], cover.all[i]);
    printf("%zu %s, %zu %s; %s %zu\n", run->cases, ctl_text(ctl, "个样本", "goldens"), run->wrong,
           ctl_text(ctl, "个不符", "not as expected"),
           ctl_text(ctl, "必须覆盖而未覆盖：", "required and not covered:"), listing.required);
    return run->wrong == 0 && listing.required == 0 ? CTL_GOOD : CTL_BAD;
}

int
ctl_map_coverage(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct map_goldens goldens = {.count = 0};
    struct mapping *mapping = mapping_file_load(ctl->words[0], ctl->base, NULL, ctl_report, NULL, &error);
    if (mapping == NULL)
        return ctl_fail(ctl, &error, CTL_MISUSED);
    int exit_code = CTL_MISUSED;
    if (mapping_watch(mapping, &error) < 0 ||
        map_goldens_open(&goldens, ctl->words[0], mapping, ctl->count > 1 ? ctl->words[1] : NULL, &error) <
            0) {
        exit_code = ctl_fail(ctl, &error, CTL_MISUSED);
    } else {
        struct map_golden_run run = map_goldens_run(&goldens, mapping, false, print_line, NULL);
        exit_code = report(ctl, mapping, &run);
    }
    map_goldens_close(&goldens);
    mapping_destroy(mapping);
    return exit_code;
}

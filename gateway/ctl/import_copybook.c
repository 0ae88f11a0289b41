/* fepctl map import-copybook: a COBOL copybook as the text of `layouts` for a mapping file. Must not print
 * half of them: what can not be read is said, and nothing is printed. */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "copybook.h"
#include "error.h"

enum { LINE_WIDTH = 100 };

static void
print_fields(const struct copybook_field *fields, size_t count)
{
    size_t column = LINE_WIDTH;
    for (size_t i = 0; i < count; i++) {
        char text[200], scale[16] = "";
        const struct copybook_field *field = &fields[i];
        if (strcmp(field->type, "decimal") == 0 || strcmp(field->type, "ratio") == 0)
            snprintf(scale, sizeof scale, ", %u", field->scale);
        int size = snprintf(text, sizeof text, "(\"%s\", \"%s\", %u%s%s%s%s)%s", field->name, field->type,
                            field->length, scale, field->flags[0] != '\0' ? ", \"" : "", field->flags,
                            field->flags[0] != '\0' ? "\"" : "", i + 1 < count ? "," : "");
        bool wraps = column + (size_t)size + 1 > LINE_WIDTH;
        printf("%s%s", wraps ? "\n      " : " ", text);
        column = (wraps ? 6 : column + 1) + (size_t)size;
    }
}

static void
print_layout(const struct copybook_record *record, const char *name)
{
    printf("  { name = \"%s\"; fields = (", name);
    print_fields(record->fields, record->field_count);
    fputs(" );", stdout);
    if (record->group[0] != '\0') {
        printf("\n    group = { name = \"%s\"; max = %u; fields = (", record->group, record->most_rows);
        print_fields(record->rows, record->row_count);
        fputs(" ); };", stdout);
    }
    fputs(" }", stdout);
}

static void
print_all(const struct copybook *copybook)
{
    puts("layouts = (");
    for (size_t i = 0; i < copybook->count; i++) {
        const struct copybook_record *record = &copybook->records[i];
        for (size_t j = 0; j < record->layout_count; j++) {
            print_layout(record, record->layouts[j]);
            puts(i + 1 < copybook->count || j + 1 < record->layout_count ? "," : "");
        }
    }
    puts(");");
}

int
ctl_map_import_copybook(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct copybook copybook;
    FILE *file = fopen(ctl->words[0], "re");
    if (file == NULL) {
        error_set(&error, 0, FEP_E_USAGE, "%s: %s", ctl->words[0], strerror(errno));
        return ctl_fail(ctl, &error, CTL_MISUSED);
    }
    int status = copybook_read(&copybook, ctl->words[0], file, &error);
    fclose(file);
    if (status == 0)
        print_all(&copybook);
    copybook_free(&copybook);
    return status == 0 ? CTL_GOOD : ctl_fail(ctl, &error, CTL_MISUSED);
}

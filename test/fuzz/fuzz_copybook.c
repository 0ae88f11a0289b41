/* Fuzzes the reader of COBOL copybooks. What is accepted is within its bounds and can be a layout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copybook.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"01 ",
                                  "05 ",
                                  "10 ",
                                  "PIC X(20).",
                                  "PIC 9(8).",
                                  "PIC S9(10)V9(2)",
                                  "SIGN LEADING SEPARATE",
                                  "OCCURS 10 TIMES",
                                  "DEPENDING ON A",
                                  "COMP-3",
                                  "REDEFINES",
                                  "FILLER",
                                  "VALUE \"",
                                  "USAGE",
                                  "      *",
                                  "*>",
                                  ".",
                                  "\n",
                                  "[",
                                  "]",
                                  "88 ",
                                  "(99999)",
                                  "COPY X.",
                                  NULL};

static void
fields_must_be_sound(const struct copybook_field *fields, size_t count)
{
    must(count <= COPYBOOK_FIELDS, "fields are bounded");
    for (size_t i = 0; i < count; i++) {
        must(memchr(fields[i].name, '\0', COPYBOOK_NAME) != NULL && fields[i].name[0] != '\0',
             "a field has a name");
        must(fields[i].type != NULL && fields[i].length > 0, "a field has a type and a length");
        must(fields[i].scale < fields[i].length, "an amount has digits before its decimals");
        for (size_t k = 0; k < i; k++)
            must(strcmp(fields[i].name, fields[k].name) != 0, "a name stands once in a record");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct copybook copybook = {0};
    struct fep_error error = {0};
    if (size == 0 || size > 16384)
        return 0;
    char *text = fuzz_copy(data, size);
    FILE *file = fmemopen(text, size, "r");
    must(file != NULL, "memory");
    if (copybook_read(&copybook, "book.cpy", file, &error) < 0) {
        must_be_clean(error.text);
    } else {
        must(copybook.count <= COPYBOOK_RECORDS, "records are bounded");
        for (size_t i = 0; i < copybook.count; i++) {
            const struct copybook_record *record = &copybook.records[i];
            must(record->layout_count <= COPYBOOK_LAYOUTS, "layouts are bounded");
            fields_must_be_sound(record->fields, record->field_count);
            fields_must_be_sound(record->rows, record->row_count);
        }
    }
    copybook_free(&copybook);
    must(fclose(file) == 0, "a file in memory is closed");
    free(text);
    return 0;
}

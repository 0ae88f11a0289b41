/* COBOL copybooks as layouts: what import-copybook reads of them. */
#ifndef FEP_COPYBOOK_H
#define FEP_COPYBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <fep/adapter.h>

enum { COPYBOOK_NAME = 64, COPYBOOK_FIELDS = 400, COPYBOOK_RECORDS = 200, COPYBOOK_LAYOUTS = 4 };

struct copybook_field {
    char name[COPYBOOK_NAME], flags[40];
    const char *type; /* of schema/mapping.md */
    unsigned length, scale;
};
struct copybook_record {
    char layouts[COPYBOOK_LAYOUTS][COPYBOOK_NAME];
    size_t layout_count;
    struct copybook_field *fields, *rows; /* COPYBOOK_FIELDS each */
    size_t field_count, row_count;
    char group[COPYBOOK_NAME]; /* "": none */
    unsigned group_level, most_rows;
    bool group_ended;
};
struct copybook {
    struct copybook_record *records;
    size_t count;
};

/* Reads the whole of it; what can not be a layout is an error with file, line and the reason. Free in both cases. */
int copybook_read(struct copybook *copybook, const char *path, FILE *file, struct fep_error *error);
void copybook_free(struct copybook *copybook);

#endif

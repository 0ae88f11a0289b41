/* The tables of schema/frames.md and schema/host_link.md say what frame_kinds.h says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

#include "error.h"
#include "frame_layout.h"
#include "sample_frames.h"

static const char *const columns[SECTION_COUNT] = {"header", "travel", "index",  "result", "attempt", "hello",
                                                   "text",   "body",   "answer", "seal",   "calls"};

/* The next cell of a table's row, trimmed; NULL at the end. */
static char *
next_cell(char **rest)
{
    char *cell = *rest, *bar = cell != NULL ? strchr(cell, '|') : NULL, *end = bar;

    if (bar == NULL)
        return NULL;
    while (*cell == ' ')
        cell++;
    while (end > cell && end[-1] == ' ')
        end--;
    *end = '\0';
    *rest = bar + 1;
    return cell;
}

/* One row; returns 1 if it is about a kind. */
static int
compare_row(char *line, unsigned char seen[256])
{
    char *rest = line + 1, *number = next_cell(&rest), *name = next_cell(&rest);
    unsigned kind = number != NULL ? (unsigned)strtoul(number, NULL, 10) : 0;
    const struct kind_rule *rule = frame_find_rule(kind);

    if (kind == 0)
        return 0;
    if (rule == NULL || name == NULL || strcasecmp(rule->name, name) != 0)
        fail_msg("kind %u is not %s", kind, name);
    for (size_t section = 0; section < SECTION_COUNT; section++) {
        char *cell = next_cell(&rest);
        const char *want = rule->required >> section & 1 ? "r" : rule->allowed >> section & 1 ? "o" : "";
        assert_non_null(cell);
        if (strcmp(cell, want) != 0)
            fail_msg("%s, %s: the document says \"%s\", the code \"%s\"", name, columns[section], cell, want);
    }
    seen[kind] = 1;
    return 1;
}

static void
compare_document(const char *name, unsigned char seen[256])
{
    char path[4096], line[512];
    const char *source = getenv("FEP_SOURCE");
    bool inside = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/schema/%s", source, name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "| no. |", 7) == 0) {
            char *rest = line + 1;
            inside = true;
            assert_true(next_cell(&rest) != NULL && next_cell(&rest) != NULL);
            for (size_t section = 0; section < SECTION_COUNT; section++)
                assert_string_equal(next_cell(&rest), columns[section]);
        } else if (inside && line[0] == '|') {
            (void)compare_row(line, seen);
        } else {
            inside = false;
        }
    }
    fclose(file);
}

static void
the_documents_say_what_the_code_says(void **state)
{
    (void)state;
    unsigned char seen[256] = {0};

    if (getenv("FEP_SOURCE") == NULL)
        skip();
    compare_document("frames.md", seen);
    compare_document("host_link.md", seen);
    for (unsigned kind = 0; kind < 256; kind++) {
        if (frame_find_rule(kind) != NULL && !seen[kind])
            fail_msg("kind %u (%s) is not documented", kind, frame_find_rule(kind)->name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_documents_say_what_the_code_says)};
    return cmocka_run_group_tests_name("frame_documents", tests, NULL, NULL);
}

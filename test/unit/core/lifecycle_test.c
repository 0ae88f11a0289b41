/* The table of an exchange's life: the one that people read (schema/lifecycle.md) and the one in the code are
 * the same. That it is also what happens, cells_test.c tries. */
#include "rig.h"

#include <ctype.h>
#include <stdlib.h>

#include "lifecycle.h"

static const char *const role_names[] = {"", "origin", "transit", "destination"};

/* --- the text --- */

static char *
read_text(const char *name)
{
    char path[512];
    const char *source = getenv("FEP_SOURCE");
    snprintf(path, sizeof path, "%s/%s", source != NULL ? source : ".", name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    char *text = calloc(1, 1 << 17);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 17) - 1, file) > 0);
    fclose(file);
    return text;
}

static enum exchange_state
state_named(const char *name)
{
    for (int state = STATE_NONE; state < STATE_COUNT; state++)
        if (strcmp(exchange_state_name((enum exchange_state)state), name) == 0)
            return (enum exchange_state)state;
    fail_msg("lifecycle.md: no state is called \"%s\"", name);
    return STATE_NONE;
}

static enum cell_event
event_named(const char *name)
{
    for (int event = 0; event < CELL_COUNT; event++)
        if (strcmp(cell_event_name((enum cell_event)event), name) == 0)
            return (enum cell_event)event;
    fail_msg("lifecycle.md: no event is called \"%s\"", name);
    return CELL_COUNT;
}

/* The next text between bars, without blanks around it; NULL at the end of the line. */
static char *
next_cell(char **line)
{
    char *start = *line, *end = start != NULL ? strchr(start, '|') : NULL;
    if (end == NULL)
        return NULL;
    *line = end + 1;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    while (isspace((unsigned char)*start))
        start++;
    return start;
}

static uint32_t
parse_cell(char *text)
{
    uint32_t bits = 0;
    char *save = NULL;
    if (strcmp(text, "ignored") == 0)
        return CELL_IGNORED;
    if (strcmp(text, "n/a") == 0)
        return CELL_NOT_POSSIBLE;
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        bits |= STATE_BIT(state_named(word));
    return bits;
}

static size_t
parse_row(char *line, enum exchange_role role, const enum exchange_state *columns, size_t count)
{
    enum cell_event event = event_named(next_cell(&line));
    size_t column = 0;
    for (char *cell; (cell = next_cell(&line)) != NULL; column++) {
        assert_true(column < count);
        uint32_t bits = parse_cell(cell), code = core_cell(role, columns[column], event);
        if (bits != code)
            fail_msg("lifecycle.md says %x, the code %x: %s, %s, %s", bits, code, role_names[role],
                     cell_event_name(event), exchange_state_name(columns[column]));
    }
    assert_int_equal(column, count);
    return 1;
}

static size_t
parse_grid(char *text, enum exchange_role role)
{
    enum exchange_state columns[STATE_COUNT];
    size_t count = 0, rows = 0;
    char heading[64], *save = NULL;
    snprintf(heading, sizeof heading, "### grid: %s", role_names[role]);
    char *start = strstr(text, heading);
    assert_non_null(start);
    char *copy = strdup(start + strlen(heading));
    for (char *line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '#')
            break;
        if (line[0] != '|' || line[2] == '-')
            continue;
        char *at = line + 1;
        if (count == 0) {
            assert_string_equal(next_cell(&at), "event");
            for (char *cell; (cell = next_cell(&at)) != NULL; count++)
                columns[count] = state_named(cell);
        } else {
            rows += parse_row(at, role, columns, count);
        }
    }
    free(copy);
    return rows;
}

/* An event that no state of the role can meet needs no row; a state that the role never has needs no
 * column. */
static size_t
rows_wanted(enum exchange_role role)
{
    size_t rows = 0;
    for (int event = 0; event < CELL_COUNT; event++) {
        bool any = false;
        for (int state = 0; state < STATE_COUNT; state++)
            any = any ||
                  core_cell(role, (enum exchange_state)state, (enum cell_event)event) != CELL_NOT_POSSIBLE;
        rows += any;
    }
    return rows;
}

static void
text_and_code_are_the_same(void **state)
{
    (void)state;
    char *text = read_text("schema/lifecycle.md");
    for (enum exchange_role role = ROLE_ORIGIN; role <= ROLE_DESTINATION; role++)
        assert_int_equal(parse_grid(text, role), rows_wanted(role));
    free(text);
}

static void
cells_are_legal_moves_and_moves_have_cells(void **state)
{
    (void)state;
    for (enum exchange_role role = ROLE_ORIGIN; role <= ROLE_DESTINATION; role++)
        for (int from = 0; from < STATE_COUNT; from++) {
            uint32_t all = 0;
            for (int event = 0; event < CELL_COUNT; event++) {
                uint32_t cell = core_cell(role, (enum exchange_state)from, (enum cell_event)event);
                all |= cell == CELL_NOT_POSSIBLE ? 0 : cell;
            }
            assert_int_equal(all, core_legal_moves(role, (enum exchange_state)from));
        }
}

static void
kill_points_are_listed(void **state)
{
    (void)state;
    char *text = read_text("schema/lifecycle.md");
    for (enum exchange_role role = ROLE_ORIGIN; role <= ROLE_DESTINATION; role++)
        for (int to = STATE_QUEUED; to < STATE_COUNT; to++) {
            struct exchange_record record = {.role = (uint8_t)role, .state = (uint8_t)to};
            char quoted[64];
            bool reached = false;
            for (int from = 0; from < STATE_COUNT; from++)
                reached = reached || (core_legal_moves(role, (enum exchange_state)from) & STATE_BIT(to));
            reached = reached && to != STATE_RELAYED; /* not committed by itself */
            snprintf(quoted, sizeof quoted, "`%s`", core_kill_point_name(&record));
            if ((strstr(text, quoted) != NULL) != reached)
                fail_msg("lifecycle.md and kill point %s disagree", quoted);
        }
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_code_are_the_same),
        cmocka_unit_test(cells_are_legal_moves_and_moves_have_cells),
        cmocka_unit_test(kill_points_are_listed),
    };
    return cmocka_run_group_tests_name("core lifecycle", tests, NULL, NULL);
}

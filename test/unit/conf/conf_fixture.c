/* Files for the tests of the loaders: one directory a test, removed behind it. */
#include "conf_fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const char good_conf[] =
    "gateway = {\n"
    "    node = \"GW4501000001\"; name = \"南宁\"; region = \"450100\";\n"
    "    listen = \"tcp://127.0.0.1:5555\";\n"
    "    state_directory = \"state\"; run_directory = \"run\";\n"
    "    link_key_file = \"keys/link\"; body_key_file = \"keys/body\"; pseudonym_key_file = "
    "\"keys/pseudonym\";\n"
    "};\n"
    "peers = (\n"
    "    { name = \"GW4500000001\"; endpoint = \"tcp://10.0.0.1:5555\"; public_key_file = \"keys/p.pub\"; "
    "},\n"
    "    { name = \"GW4509000001\"; public_key_file = \"keys/y.pub\"; window = 50; }\n"
    ");\n"
    "instances = (\n"
    "    { name = \"danxian\"; module = \"caret\"; mapping = \"mapping/d.cfg\"; window = 4; caller_inquires "
    "= true;\n"
    "      options = { listen = \"127.0.0.1:17021\"; limit = 300; wait = 5000000000L; strict = true; }; },\n"
    "    { name = \"second\"; module = \"./modules/null.so\"; }\n"
    ");\n"
    "routes = \"routes.cfg\";\n"
    "bounds = { max_in_flight = 500; };\n"
    "log = { socket = \"log/socket\"; debug = true; };\n";

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int
fixture_create(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    const char *base = getenv("TMPDIR");
    snprintf(fixture->directory, sizeof fixture->directory, "%.200s/fep-conf-XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    char *real = realpath(fixture->directory, NULL);
    assert_non_null(real);
    snprintf(fixture->directory, sizeof fixture->directory, "%.255s", real);
    free(real);
    *state = fixture;
    return 0;
}

int
fixture_remove(void **state)
{
    struct fixture *fixture = *state;
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

void
fixture_write(struct fixture *fixture, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void
fixture_keep_line(void *arg, const char *line)
{
    struct fixture *fixture = arg;
    size_t used = strlen(fixture->said);
    int size = snprintf(fixture->said + used, sizeof fixture->said - used, "%s\n", line);
    assert_true(size > 0 && (size_t)size < sizeof fixture->said - used);
    fixture->problems++;
}

void
fixture_forget(struct fixture *fixture)
{
    fixture->said[0] = '\0';
    fixture->problems = 0;
    memset(&fixture->error, 0, sizeof fixture->error);
}

struct conf *
fixture_load(struct fixture *fixture, const char *text)
{
    fixture_forget(fixture);
    if (text != NULL)
        fixture_write(fixture, "fepd.conf", text);
    snprintf(fixture->path, sizeof fixture->path, "%s/fepd.conf", fixture->directory);
    return conf_load(fixture->path, fixture_keep_line, fixture, &fixture->error);
}

bool
fixture_said(const struct fixture *fixture, const char *file, int line, const char *part)
{
    char place[400];
    snprintf(place, sizeof place, "%s/%s:%d: ", fixture->directory, file, line);
    for (const char *at = fixture->said; *at != '\0';) {
        const char *end = strchr(at, '\n');
        const char *found = strstr(at, part);
        if (strncmp(at, place, strlen(place)) == 0 && found != NULL && found < end)
            return true;
        at = end + 1;
    }
    print_message("expected \"%s... %s\" in:\n%s", place, part, fixture->said);
    return false;
}

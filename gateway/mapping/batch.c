/* A request of more lines than one posting takes, in several requests, and their answers as one (rule 6).
 * Must never lose a line, nor count one twice: the requests' lines, one after the other, are the original's.
 */
#include "canonical.h"

#include <string.h>

#include "decimal.h"
#include "error.h"
#include "translation.h"

enum { MONEY_SCALE = 2 };

void
load_batch(struct loader *loader, const config_setting_t *group, struct transaction_map *map)
{
    static const char *const keys[] = {"most", "sum", NULL};
    const config_setting_t *at = config_reader_group(&loader->reader, group, "batch", 0);
    if (at == NULL)
        return;
    int64_t most = 0;
    config_reader_check_keys(&loader->reader, at, keys);
    config_reader_integer(&loader->reader, at, "most", CONFIG_REQUIRED, 1, 10000, &most);
    map->batch.most = (size_t)most;
    const char *sum = load_member(loader, at, "sum", 0);
    if (sum != NULL)
        map->batch.has_sum = load_path(loader, at, sum, &map->batch.sum);
    if (!map->request_group.present)
        config_reader_problem(&loader->reader, at, "batch is for transactions with a request_group");
    else if (map->question != NULL && map->batch.most > map->question->group_max_rows)
        config_reader_problem(&loader->reader, at, "most = %zu; the group of %s holds %zu", map->batch.most,
                              map->question->name, (size_t)map->question->group_max_rows);
}

static const struct transaction_map *
batched(const struct mapping *mapping, const struct message_header *header)
{
    const struct transaction_map *map = map_by_infno(mapping, header->infno);
    return map != NULL && map->batch.most > 0 ? map : NULL;
}

size_t
mapping_batch_lines(const struct mapping *mapping, const struct message_header *header)
{
    const struct transaction_map *map = batched(mapping, header);
    return map != NULL ? map->batch.most : 0;
}

static int
no_memory(struct fep_error *error)
{
    return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a batch");
}

/* The sum over the lines of the member that the sum has the name of; a sum that was not there stays so. */
static int
set_sum(const struct batch_map *batch, struct json_object *root, struct json_object *lines,
        struct fep_error *error)
{
    char text[DECIMAL_TEXT];
    int64_t sum = 0, amount;
    struct json_object *old = batch->has_sum ? canonical_find(root, &batch->sum) : NULL;
    if (old == NULL)
        return 0;
    const char *member = batch->sum.steps[batch->sum.count - 1].name;
    for (size_t i = 0; i < canonical_count(lines); i++) {
        struct fep_bytes value = {NULL, 0};
        struct json_object *line = canonical_element(lines, i);
        if (!canonical_text(canonical_member(line, member), &value) ||
            !decimal_parse((const char *)value.data, value.size, MONEY_SCALE, &amount) ||
            !decimal_add(sum, amount, &sum))
            return error_set(error, FEP_REFUSED, FEP_E_INVALID_FIELD,
                             "line %zu: no %s that a sum can be made of", i + 1, member);
    }
    decimal_write(sum, MONEY_SCALE, text);
    struct json_object *number = canonical_new_number(text);
    if (number == NULL || canonical_set(root, &batch->sum, number) < 0)
        return no_memory(error);
    return 0;
}

/* Takes `lines`. */
static int
set_lines(struct json_object *root, const struct group_map *group, struct json_object *lines,
          struct fep_error *error)
{
    if (canonical_set(root, &group->path, lines) < 0)
        return no_memory(error);
    return 0;
}

/* The request with the lines from `first` on only. */
static int
cut_one(const struct transaction_map *map, struct slice body, size_t first, size_t count, struct slice *part,
        struct fep_error *error)
{
    struct json_object *tree = canonical_parse(body, error), *lines = json_object_new_array();
    struct json_object *input = canonical_member(tree, "input");
    struct json_object *all = canonical_find(input, &map->request_group.path);
    int status = tree != NULL && lines != NULL ? 0 : no_memory(error);
    for (size_t i = first; status == 0 && i < first + count; i++) {
        struct json_object *line = json_object_get(canonical_element(all, i));
        if (json_object_array_add(lines, line) < 0) {
            json_object_put(line);
            status = no_memory(error);
        }
    }
    if (status == 0) {
        status = set_lines(input, &map->request_group, lines, error);
        if (status == 0)
            status = set_sum(&map->batch, input, lines, error);
        lines = NULL;
    }
    if (status == 0)
        status = canonical_write(tree, part, error);
    json_object_put(lines);
    json_object_put(tree);
    return status;
}

int
mapping_count_lines(const struct mapping *mapping, const struct message_header *header, struct slice body,
                    size_t *lines, struct fep_error *error)
{
    const struct transaction_map *map = batched(mapping, header);
    *lines = 0;
    if (map == NULL)
        return 0;
    struct json_object *tree = canonical_parse(body, error);
    if (tree == NULL)
        return -1;
    *lines = canonical_count(canonical_find(canonical_member(tree, "input"), &map->request_group.path));
    json_object_put(tree);
    return 0;
}

int
mapping_cut_batches(const struct mapping *mapping, const struct message_header *header, struct slice body,
                    struct slice *parts, size_t room, struct fep_error *error)
{
    const struct transaction_map *map = batched(mapping, header);
    size_t lines;
    if (mapping_count_lines(mapping, header, body, &lines, error) < 0)
        return -1;
    if (map == NULL || lines <= map->batch.most)
        return 0;
    size_t most = map->batch.most, count = (lines + most - 1) / most;
    if (count > room)
        return error_set(error, FEP_REFUSED, 2204, "%zu lines; at most %zu fit, and nothing took effect",
                         lines, most * room);
    for (size_t i = 0; i < count; i++) {
        size_t first = i * most, left = lines - first;
        if (cut_one(map, body, first, left < most ? left : most, &parts[i], error) < 0) {
            while (i-- > 0)
                slice_release(&parts[i]);
            return -1;
        }
    }
    return (int)count;
}

static int
add_lines(struct json_object *lines, struct json_object *output, const struct group_map *group,
          struct fep_error *error)
{
    struct json_object *own = canonical_find(output, &group->path);
    for (size_t i = 0; i < canonical_count(own); i++) {
        struct json_object *line = json_object_get(canonical_element(own, i));
        if (json_object_array_add(lines, line) < 0) {
            json_object_put(line);
            return no_memory(error);
        }
    }
    return 0;
}

int
mapping_join_batches(const struct mapping *mapping, const struct message_header *header,
                     const struct slice *answers, size_t count, struct slice *whole, struct fep_error *error)
{
    const struct transaction_map *map = batched(mapping, header);
    if (map == NULL || count == 0)
        return error_set(error, 0, FEP_E_INTERNAL, "answers of batches that were none");
    struct json_object *first = canonical_parse(answers[0], error), *lines = json_object_new_array();
    struct json_object *output = canonical_member(first, "output");
    int status = first == NULL ? -1 : lines == NULL ? no_memory(error) : 0;
    for (size_t i = 0; status == 0 && map->answer_group.present && i < count; i++) {
        struct json_object *tree = i == 0 ? json_object_get(first) : canonical_parse(answers[i], error);
        status =
            tree != NULL ? add_lines(lines, canonical_member(tree, "output"), &map->answer_group, error) : -1;
        json_object_put(tree);
    }
    if (status == 0 && map->answer_group.present && output != NULL) {
        status = set_lines(output, &map->answer_group, lines, error);
        if (status == 0)
            status = set_sum(&map->batch, output, lines, error);
        lines = NULL;
    }
    if (status == 0)
        status = canonical_write(first, whole, error);
    json_object_put(lines);
    json_object_put(first);
    return status;
}

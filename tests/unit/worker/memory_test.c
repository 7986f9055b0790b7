/* memory_test.c: what a sink remembers of a stream survives, and goes when there is nothing to remember. */
#include "sink_memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(memory, survives)
{
    char dir[] = "/tmp/homeport-memory-XXXXXX", command[128];
    struct hp_error err = {.size = sizeof err};
    struct log_map *map;
    struct sink_memory m = {NULL, 0, false, 0}, got;
    cr_assert(mkdtemp(dir));
    cr_assert_eq(sink_memory_open(dir, "a/b", &map, &err), HP_OK, "%s", err.message);
    cr_assert_eq(sink_memory_load(map, "s/1", &got, &err), HP_IDLE);
    cr_assert(sink_memory_set(&m, "t.\"1\"", 5) && sink_memory_set(&m, "u", 0) && sink_memory_set(&m, "u", 9));
    m.pending = true;
    m.offset = UINT64_MAX;
    cr_assert_eq(sink_memory_store(map, "s/1", &m, &err), HP_OK, "%s", err.message);
    log_map_close(map);
    cr_assert_eq(sink_memory_open(dir, "a/b", &map, &err), HP_OK);
    cr_assert_eq(sink_memory_load(map, "s/1", &got, &err), HP_OK);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(sink_memory_find(&got, "t.\"1\"")->floor, 5);
    cr_assert_eq(sink_memory_find(&got, "u")->floor, 9);
    cr_assert(got.pending && got.offset == UINT64_MAX);
    sink_memory_finish(&got);
    cr_assert_eq(sink_memory_store(map, "s/1", &got, &err), HP_OK);
    cr_assert_eq(sink_memory_load(map, "s/1", &got, &err), HP_IDLE);
    sink_memory_finish(&m);
    log_map_close(map);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    (void)!system(command);
}

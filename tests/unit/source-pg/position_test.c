/* Positions and their JSON. */
#include "json_read.h"
#include "position.h"

#include <criterion/criterion.h>

static struct position parse(const char *json)
{
    struct hp_error err = {.size = sizeof err};
    struct position p;
    cr_assert(position_parse(hp_bytes_of(json), &p, &err) == HP_OK, "%s: %s", json, err.message);
    return p;
}

static void refuse(const char *json)
{
    struct hp_error err = {.size = sizeof err};
    struct position p;
    cr_assert(position_parse(hp_bytes_of(json), &p, &err) == HP_ERROR, "%s was taken", json);
    cr_assert(err.klass == HP_ERROR_CONFIG);
}

Test(position, none)
{
    struct position p = parse("");
    cr_assert(!p.known && p.lsn == 0);
}

Test(position, round_trip)
{
    struct hp_error err = {.size = sizeof err};
    struct position p = {.known = true,
                         .lsn = 24023128,
                         .message_lsn = 24023000,
                         .xid = 555,
                         .commit_us = 1700000000123456,
                         .identified = true,
                         .slot = "debezium",
                         .slot_lsn = 24000000,
                         .system_id = UINT64_C(7711563763082527659),
                         .timeline = 3,
                         .branched = 4711,
                         .snapshot_running = true};
    struct position q;
    struct text t = {0};
    cr_assert(position_add_table(&p, 24000000, 16385, &err) == HP_OK);
    cr_assert(position_add_table(&p, 24000000, 16390, &err) == HP_OK);
    cr_assert(position_add_table(&p, 24010000, 16395, &err) == HP_OK);
    cr_assert(position_format(&p, &t, &err) == HP_OK);
    q = parse(t.data);
    cr_assert(q.known && q.lsn == p.lsn && q.message_lsn == p.message_lsn && q.xid == 555 &&
              q.commit_us == p.commit_us);
    cr_assert(q.identified && q.system_id == p.system_id && q.timeline == 3 && q.branched == 4711 &&
              q.slot_lsn == p.slot_lsn);
    cr_assert_str_eq(q.slot, "debezium");
    cr_assert(q.snapshot_running && !q.snapshot_done);
    cr_assert(position_table_lsn(&q, 16390) == 24000000 && position_table_lsn(&q, 16395) == 24010000);
    cr_assert(position_table_lsn(&q, 1) == 0 && position_snapshot_lsn(&q) == 24010000);
    position_finish(&p);
    position_finish(&q);
    text_finish(&t);
}

Test(position, debezium_offset)
{
    /* lsn lies inside of a transaction: start behind the last one that ended */
    struct position p = parse(
        "{\"transaction_id\":null,\"lsn_proc\":300,\"messageType\":\"INSERT\",\"lsn_commit\":200,\"lsn\":300,"
        "\"txId\":571,\"ts_usec\":1700000000000000,\"lsn_events_processed\":3,\"extra\":{\"a\":[1,{\"b\":null}]}}");
    cr_assert(p.known && !p.identified && p.lsn == 200 && p.xid == 571);
}

Test(position, users_offset)
{
    struct position p = parse(" { \"lsn\" : \"12345\" } ");
    cr_assert(p.lsn == 12345 && !p.identified);
}

Test(position, forgets_tables_only_when_behind)
{
    struct hp_error err = {.size = sizeof err};
    struct position p = {.known = true, .lsn = 100};
    cr_assert(position_add_table(&p, 150, 1, &err) == HP_OK);
    position_forget_tables(&p);
    cr_assert(p.n_runs == 1);
    p.lsn = 150;
    p.snapshot_running = true;
    position_forget_tables(&p);
    cr_assert(p.n_runs == 1, "an unfinished snapshot needs them");
    p.snapshot_running = false;
    position_forget_tables(&p);
    cr_assert(p.n_runs == 0);
    position_finish(&p);
}

Test(position, malformed)
{
    static const char *const bad[] = {"x",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"lsn\":}",
                                      "{\"lsn\":\"a\"}",
                                      "{\"lsn\":1",
                                      "{\"lsn\":1}}",
                                      "{\"lsn\":1,}",
                                      "{\"lsn\":99999999999999999999}",
                                      "{\"lsn\":0}",
                                      "{\"lsn\":1,\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}",
                                      "{\"lsn\":1,\"snapshot_tables\":[{\"oids\":[1]}]}",
                                      "{\"lsn\":1,\"snapshot_tables\":[{\"lsn\":5,\"oids\":[-1]}]}",
                                      "{\"lsn\":1,\"a\":\"\n\"}",
                                      "{\"lsn\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuse(bad[i]);
    }
}

Test(position, every_prefix_is_refused)
{
    static const char json[] = "{\"lsn\":77,\"slot\":\"s\",\"system_id\":\"5\",\"timeline\":1,\"snapshot\":true,"
                               "\"snapshot_tables\":[{\"lsn\":5,\"oids\":[1,2]}]}";
    for (size_t n = 1; n < sizeof json - 1; n++) {
        char copy[sizeof json];
        memcpy(copy, json, n);
        copy[n] = 0;
        refuse(copy);
    }
    struct position p = parse(json);
    position_finish(&p);
}

Test(position, lsn_text)
{
    cr_assert_str_eq(lsn_text(UINT64_C(0x16B374D848)).s, "16/B374D848");
    cr_assert_str_eq(lsn_text(0).s, "0/0");
}

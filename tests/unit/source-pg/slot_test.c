/* The slot's identity: every way in which a slot can be another one (E5, F20, F21, F25). */
#include "slot.h"

#include <criterion/criterion.h>

static struct position stored(uint64_t lsn)
{
    struct position p = {
        .known = true, .identified = true, .lsn = lsn, .slot = "s", .slot_lsn = 100, .system_id = 7, .timeline = 1};
    return p;
}

static const struct server_identity server = {.system_id = 7, .timeline = 1, .wal_end = 9000};

static hp_status judge(const struct position *p, const struct slot_state *slot, const struct server_identity *who,
                       struct hp_error *err)
{
    return slot_judge(p, slot, who, "s", err);
}

Test(slot, same_slot)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 500};
    struct position at = stored(500), ahead = stored(600);
    cr_assert(judge(&at, &slot, &server, &err) == HP_OK);
    cr_assert(judge(&ahead, &slot, &server, &err) == HP_OK, "stored before confirmed: normal after a crash (P3)");
}

Test(slot, moved_or_made_anew)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 501};
    struct position p = stored(500);
    cr_assert(judge(&p, &slot, &server, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(strstr(err.message, "0/1F4") && strstr(err.message, "0/1F5"), "both LSNs: %s", err.message);
    cr_assert(strstr(err.message, "reset its offsets"), "the way out: %s", err.message);
}

Test(slot, gone)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = false};
    struct position p = stored(500);
    cr_assert(judge(&p, &slot, &server, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(strstr(err.message, "0/1F4"));
}

Test(slot, invalidated)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .lost = true, .confirmed = 400, .reason = "wal_status lost"};
    struct position p = stored(500);
    cr_assert(judge(&p, &slot, &server, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(strstr(err.message, "wal_status lost"));
}

Test(slot, server_from_an_older_state)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 400};
    struct position p = stored(9001);
    cr_assert(judge(&p, &slot, &server, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(strstr(err.message, "0/2329") && strstr(err.message, "0/2328"));
}

Test(slot, other_server)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 400};
    struct server_identity other = {.system_id = 8, .timeline = 1};
    struct position p = stored(500);
    cr_assert(judge(&p, &slot, &other, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
}

/* F18, F19: a standby is waited for while its promotion may bring the slot; a promoted one has no excuse. */
Test(slot, standby)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state gone = {.exists = false}, synced = {.exists = true, .synced = true, .confirmed = 400};
    struct slot_state own = {.exists = true, .confirmed = 400};
    struct server_identity standby = server, other = {.system_id = 8, .timeline = 1, .in_recovery = true};
    struct position p = stored(500);
    standby.in_recovery = true;
    cr_assert(judge(&p, &gone, &standby, &err) == HP_ERROR && err.klass == HP_ERROR_RETRY);
    cr_assert(judge(&p, &synced, &standby, &err) == HP_ERROR && err.klass == HP_ERROR_RETRY);
    cr_assert(strstr(err.message, "promoted"), "%s", err.message);
    cr_assert(judge(&p, &own, &standby, &err) == HP_OK, "a standby decodes slots of its own");
    cr_assert(judge(&p, &gone, &other, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(judge(&p, &synced, &server, &err) == HP_OK, "promoted: the flag stays, the slot is of use");
}

static const char history_of_3[] = "1\t0/200\tno recovery target specified\n\n2\t0/300\tno recovery target specified\n";

static hp_status timeline(uint32_t then, uint64_t branched, uint64_t lsn, uint32_t now, uint64_t now_branched,
                          const char *history)
{
    struct hp_error err = {.size = sizeof err};
    struct position p = stored(lsn);
    struct server_identity who = {.system_id = 7, .timeline = now, .branched = now_branched, .wal_end = 9000};
    hp_status st;
    p.timeline = then;
    p.branched = branched;
    st = slot_judge_timeline(&p, &who, history, &err);
    cr_assert(st == HP_OK || (err.klass == HP_ERROR_FATAL && strcmp(err.code, "HP006") == 0 &&
                              strstr(err.message, "reset its offsets")));
    return st;
}

Test(slot, timelines)
{
    cr_assert(timeline(3, 0x300, 0x400, 3, 0x300, history_of_3) == HP_OK);
    cr_assert(timeline(1, 0, 0x200, 3, 0x300, history_of_3) == HP_OK, "up to the switch it is one history");
    cr_assert(timeline(1, 0, 0x201, 3, 0x300, history_of_3) == HP_ERROR);
    cr_assert(timeline(2, 0x200, 0x300, 3, 0x300, history_of_3) == HP_OK);
    cr_assert(timeline(2, 0x200, 0x301, 3, 0x300, history_of_3) == HP_ERROR);
    cr_assert(timeline(4, 0x400, 0x150, 3, 0x300, history_of_3) == HP_ERROR, "back to an older one");
    cr_assert(timeline(2, 0x200, 0x150, 1, 0, "") == HP_ERROR, "back to the first");
    cr_assert(timeline(1, 0, 0x150, 3, 0, "") == HP_ERROR, "its history was removed");
    cr_assert(timeline(3, 0x2f0, 0x400, 3, 0x300, history_of_3) == HP_ERROR,
              "two standbys promoted to the same number");
    cr_assert(timeline(3, 0, 0x400, 3, 0x300, history_of_3) == HP_OK, "an offset that does not tell");
}

Test(slot, other_name)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 400};
    struct position p = stored(500);
    cr_assert(slot_judge(&p, &slot, &server, "other", &err) == HP_ERROR && strstr(err.message, "\"other\""));
}

Test(slot, offset_without_identity)
{
    struct hp_error err = {.size = sizeof err};
    struct slot_state slot = {.exists = true, .confirmed = 400};
    struct position p = {.known = true, .lsn = 500};
    cr_assert(judge(&p, &slot, &server, &err) == HP_OK);
    p.lsn = 300;
    cr_assert(judge(&p, &slot, &server, &err) == HP_ERROR);
}

Test(slot, usable)
{
    struct hp_error err = {.size = sizeof err};
    struct settings c = {.slot = (char *)"s", .dbname = (char *)"db"};
    struct slot_state good = {.exists = true, .plugin = "pgoutput", .database = "db", .confirmed = 1};
    struct slot_state unfinished = {.exists = true, .plugin = "pgoutput", .database = "db"};
    struct slot_state plugin = {.exists = true, .plugin = "wal2json", .database = "db"};
    struct slot_state database = {.exists = true, .plugin = "pgoutput", .database = "other", .confirmed = 1};
    cr_assert(slot_usable(&good, &c, &err) == HP_OK);
    cr_assert(slot_usable(&unfinished, &c, &err) == HP_ERROR && err.klass == HP_ERROR_RETRY);
    cr_assert(slot_usable(&plugin, &c, &err) == HP_ERROR && strstr(err.message, "wal2json"));
    cr_assert(slot_usable(&database, &c, &err) == HP_ERROR && strstr(err.message, "other"));
}

Test(slot, lsn)
{
    cr_assert(slot_parse_lsn("16/B374D848") == UINT64_C(0x16B374D848));
    cr_assert(slot_parse_lsn("") == 0 && slot_parse_lsn("x") == 0);
}

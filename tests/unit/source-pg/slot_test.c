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

/* redact_test.c: SHA-256 and HMAC against the standards' vectors, and what masks and hashes look like by type. */
#include "builder.h"
#include "redact.h"

#include <criterion/criterion.h>

static void hex(const uint8_t *p, size_t n, char *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        (void)sprintf(out + 2 * i, "%02x", p[i]);
    }
}

Test(sha256, vectors)
{
    static const struct {
        const char *text;
        int times;
        const char *expected;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sha256 s;
        uint8_t digest[SHA256_SIZE];
        char text[65];
        sha256_init(&s);
        for (int k = 0; k < rows[i].times; k++) {
            sha256_add(&s, rows[i].text, strlen(rows[i].text));
        }
        sha256_end(&s, digest);
        hex(digest, sizeof digest, text);
        cr_expect_str_eq(text, rows[i].expected);
    }
}

Test(sha256, hmac_vectors)
{
    struct hmac h;
    uint8_t digest[SHA256_SIZE], key[131];
    char text[65];
    hmac_init(&h, "Jefe", 4); /* RFC 4231, case 2 */
    hmac_of(&h, "what do ya want for nothing?", 28, digest);
    hex(digest, sizeof digest, text);
    cr_expect_str_eq(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key); /* case 6: a key longer than a block */
    hmac_init(&h, key, sizeof key);
    hmac_of(&h, "Test Using Larger Than Block-Size Key - Hash Key First", 54, digest);
    hex(digest, sizeof digest, text);
    cr_expect_str_eq(text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* One cell through redact_cell; its bytes in hex, or "null", or "none". */
static void run(const struct hp_column *column, enum policy_action action, const struct hp_cell *cell,
                const struct hp_record *rec, char *out)
{
    struct hp_error err = {.size = sizeof err};
    struct builder b;
    struct redact r;
    struct hmac key;
    uint32_t row;
    const struct hp_cell *made;
    hmac_init(&key, "0123456789abcdef", 16);
    cr_assert_eq(redact_prepare(column, action, &r, &err), HP_OK, "%s", err.message);
    cr_assert_eq(builder_init(&b, 1u << 16, 1u << 16, &err), HP_OK);
    cr_assert_eq(hp_record_begin(&b.b, HP_RECORD_CHANGE, HP_OP_CREATE), HP_OK);
    row = hp_record_row(&b.b, 1);
    redact_cell(&r, &key, rec, cell, &b.b, row, 0);
    made = (const struct hp_cell *)(const void *)((const uint8_t *)hp_record_open(&b.b) + row);
    if (made->type == HP_NONE || made->type == HP_NULL) {
        (void)strcpy(out, made->type == HP_NONE ? "none" : "null");
    } else {
        struct hp_bytes v = hp_cell_bytes(hp_record_open(&b.b), made);
        hex(v.data, (size_t)v.len, out);
    }
    builder_finish(&b);
}

Test(redact, by_type)
{
    static const struct {
        uint32_t oid;
        int32_t typmod;
        uint32_t flags;
        enum policy_action action;
        const char *expected; /* hex of a value "secret" afterwards; or its length in bytes, "#n" */
    } rows[] = {
        {25, -1, HP_COLUMN_OPTIONAL, POLICY_MASK, "2a2a2a2a"},
        {1043, 6, 0, POLICY_MASK, "2a2a"},
        {1700, -1, HP_COLUMN_OPTIONAL, POLICY_MASK, "null"},
        {1700, -1, 0, POLICY_MASK, "0000000000000000"},
        {2950, -1, 0, POLICY_MASK, "00000000000000000000000000000000"},
        {16, -1, 0, POLICY_MASK, "00"},
        {17, -1, 0, POLICY_MASK, ""},
        {3802, -1, 0, POLICY_MASK, "016e756c6c"},
        {25, -1, 0, POLICY_ALLOW, "736563726574"},
        {25, -1, 0, POLICY_HASH, "#64"},
        {1043, 24, 0, POLICY_HASH, "#20"},
        {17, -1, 0, POLICY_HASH, "#32"},
        {2950, -1, 0, POLICY_HASH, "#16"},
        {20, -1, 0, POLICY_HASH, "#8"},
    };
    struct hp_record rec = {0};
    struct hp_cell cell = {.type = HP_NATIVE, .flags = HP_CELL_INLINE, .len = 6, .u.inl = "secret"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hp_column column = {.size = sizeof column,
                                   .type = HP_NATIVE,
                                   .native_oid = rows[i].oid,
                                   .native_typmod = rows[i].typmod,
                                   .native_kind = 'b',
                                   .flags = rows[i].flags};
        char is[256], size[32];
        run(&column, rows[i].action, &cell, &rec, is);
        (void)snprintf(size, sizeof size, "#%zu", strlen(is) / 2);
        cr_expect_str_eq(rows[i].expected[0] == '#' ? size : is, rows[i].expected, "row %zu", i);
    }
}

Test(redact, same_value_same_hash_and_nothing_stays_nothing)
{
    struct hp_column column = {
        .size = sizeof column, .type = HP_NATIVE, .native_oid = 25, .native_typmod = -1, .native_kind = 'b'};
    struct hp_record rec = {0};
    struct hp_cell cell = {.type = HP_NATIVE, .flags = HP_CELL_INLINE, .len = 6, .u.inl = "secret"};
    struct hp_cell null = {.type = HP_NULL}, unchanged = {.type = HP_NONE, .flags = HP_CELL_UNCHANGED};
    char one[256], two[256];
    run(&column, POLICY_HASH, &cell, &rec, one);
    run(&column, POLICY_HASH, &cell, &rec, two);
    cr_expect_str_eq(one, two);
    run(&column, POLICY_HASH, &null, &rec, one);
    cr_expect_str_eq(one, "null");
    run(&column, POLICY_HASH, &unchanged, &rec, one);
    cr_expect_str_eq(one, "none");
    run(&column, POLICY_MASK, &unchanged, &rec, one);
    cr_expect_str_eq(one, "none");
    run(&column, POLICY_MASK, &null, &rec, one);
    cr_expect_str_eq(one, "2a2a2a2a", "that a value is NULL is told neither");
}

Test(redact, refuses)
{
    static const struct {
        uint32_t type, oid;
        int32_t typmod;
        enum policy_action action;
    } rows[] = {{HP_NATIVE, 23, -1, POLICY_HASH},
                {HP_NATIVE, 1043, 19, POLICY_HASH},
                {HP_NATIVE, 600, -1, POLICY_MASK},
                {HP_ARRAY, 0, -1, POLICY_ALLOW},
                {HP_MAP, 0, -1, POLICY_ALLOW}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hp_column column = {.size = sizeof column,
                                   .type = rows[i].type,
                                   .native_oid = rows[i].oid,
                                   .native_typmod = rows[i].typmod,
                                   .native_kind = 'b'};
        struct hp_error err = {.size = sizeof err};
        struct redact r;
        cr_expect_eq(redact_prepare(&column, rows[i].action, &r, &err), HP_ERROR, "row %zu", i);
        cr_expect_eq(err.klass, HP_ERROR_CONFIG);
    }
}

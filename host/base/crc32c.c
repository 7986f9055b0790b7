/*
 * crc32c.c: see crc32c.h. The processor's instruction where there is one (SSE 4.2), three streams at
 * once on long runs because the instruction takes three cycles but one can start every cycle; otherwise a table of
 * eight bytes a step. All tables are made at load, before any thread can ask. [any] thread.
 */
#include "crc32c.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLY 0x82f63b78u /* Castagnoli, reflected */
#define LANE 2048u       /* bytes of one of the three streams */

static uint32_t table[8][256];

static uint32_t crc_portable(uint32_t crc, const uint8_t *p, size_t len)
{
    while (len && ((uintptr_t)p & 7)) {
        crc = table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
        len--;
    }
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t lo = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][lo & 0xff] ^ table[6][(lo >> 8) & 0xff] ^ table[5][(lo >> 16) & 0xff] ^ table[4][lo >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    while (len--) {
        crc = table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

#if defined(__x86_64__)
/* shift[k][b][v]: the effect on a CRC of appending LANE * (k + 1) zero bytes, for byte b of it having value v. */
static uint32_t shift[2][4][256];
static bool have_sse42;

static uint32_t crc_shift(unsigned k, uint32_t crc)
{
    return shift[k][0][crc & 0xff] ^ shift[k][1][(crc >> 8) & 0xff] ^ shift[k][2][(crc >> 16) & 0xff] ^
           shift[k][3][crc >> 24];
}

static void shift_init(void)
{
    static const uint8_t zeros[LANE];
    uint32_t bit[2][32];
    for (unsigned i = 0; i < 32; i++) {
        bit[0][i] = crc_portable(1u << i, zeros, LANE);
        bit[1][i] = crc_portable(bit[0][i], zeros, LANE);
    }
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned b = 0; b < 4; b++) {
            for (unsigned v = 0; v < 256; v++) {
                uint32_t crc = 0;
                for (unsigned i = 0; i < 8; i++) {
                    crc ^= (v >> i & 1) ? bit[k][b * 8 + i] : 0;
                }
                shift[k][b][v] = crc;
            }
        }
    }
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t a = crc;
    while (len >= 3 * LANE) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = _mm_crc32_u64(a, load64(p + i));
            b = _mm_crc32_u64(b, load64(p + LANE + i));
            c = _mm_crc32_u64(c, load64(p + 2 * LANE + i));
        }
        a = crc_shift(1, (uint32_t)a) ^ crc_shift(0, (uint32_t)b) ^ (uint32_t)c;
        p += 3 * LANE;
        len -= 3 * LANE;
    }
    for (; len >= 8; len -= 8, p += 8) {
        a = _mm_crc32_u64(a, load64(p));
    }
    crc = (uint32_t)a;
    while (len--) {
        crc = _mm_crc32_u8(crc, *p++);
    }
    return crc;
}
#endif

__attribute__((constructor)) static void crc_init(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (crc >> 1) ^ POLY : crc >> 1;
        }
        table[0][i] = crc;
    }
    for (unsigned k = 1; k < 8; k++) {
        for (unsigned i = 0; i < 256; i++) {
            table[k][i] = table[0][table[k - 1][i] & 0xff] ^ (table[k - 1][i] >> 8);
        }
    }
#if defined(__x86_64__)
    have_sse42 = __builtin_cpu_supports("sse4.2");
    if (have_sse42) {
        shift_init();
    }
#endif
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
    if (have_sse42) {
        return ~crc_sse42(~crc, data, len);
    }
#endif
    return ~crc_portable(~crc, data, len);
}

uint32_t crc32c_table(uint32_t crc, const void *data, size_t len)
{
    return ~crc_portable(~crc, data, len);
}

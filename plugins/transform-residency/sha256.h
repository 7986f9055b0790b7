/* sha256.h: SHA-256 and HMAC-SHA256 (FIPS 180-4, RFC 2104). Pure. */
#ifndef RESIDENCY_SHA256_H
#define RESIDENCY_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE]);

/* An HMAC whose key is already in: copy it, add the message to `inner`, and finish. */
struct hmac {
    struct sha256 inner, outer;
};

void hmac_init(struct hmac *h, const void *key, size_t len);
void hmac_of(const struct hmac *h, const void *data, size_t len, uint8_t out[SHA256_SIZE]);

#endif

/* crc32c.h: CRC-32C (Castagnoli), with the processor's instruction where there is one. [any] thread. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len);       /* start with 0; chains: crc of a+b from crc of a */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t len); /* the same without the instruction */

#endif

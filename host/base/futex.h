/*
 * futex.h: a word in memory, possibly shared between processes, that one side bumps and others wait on
 * (design D20).
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <stdint.h>

#define FUTEX_WORDS_MAX 128u /* the kernel's FUTEX_WAITV_MAX */

void futex_bump(uint32_t *word); /* ++*word, wake all */
/* Until any of words[i] != seen[i], or timeout_ms (< 0: none) is over. n <= FUTEX_WORDS_MAX. */
void futex_wait_any(uint32_t *const *words, const uint32_t *seen, unsigned n, int64_t timeout_ms);

#endif

/*
 * failpoint.h: named places where a test can make the process fail.
 *
 * HOMEPORT_FAILPOINTS="name=action[;name=action...]", action one of
 *   kill          SIGKILL to itself                error        the step fails as it could in real life
 *   pause:MS      sleep that long (a signal or kill may come meanwhile)
 * each with an optional "@N" (from the N-th hit on; default 1), e.g. "log.commit=kill@3". A hit of
 * kill or error at N happens once. If HOMEPORT_FAILPOINTS_ONCE names a folder, a point that has
 * fired leaves a file with its name there and never fires again while the file exists (so that a
 * restarted worker gets past it); the file is also the test's proof that it fired. Hits are then
 * counted over all processes, in a file NAME.hits there: work that is begun again where it was
 * left comes to the N-th hit all the same.
 * Costs one predictable branch when the variable is unset.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#include <stdbool.h>

extern bool failpoints_armed;
bool failpoint_hit(const char *name); /* true: fail the step now */
void failpoints_init(void);           /* reads the environment; first thing in main */

static inline bool failpoint(const char *name)
{
    return __builtin_expect(failpoints_armed, 0) && failpoint_hit(name);
}

#endif

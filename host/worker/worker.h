/* worker.h: the process of one connector. Reads the start message from CONTROL_FD and runs until told to stop. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

int worker_main(void); /* `homeport worker`: exit status */

#endif

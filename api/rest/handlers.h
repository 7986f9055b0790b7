/* handlers.h: the handlers that the route table names, by noun. Each replies to its request exactly once. */
#ifndef REST_HANDLERS_H
#define REST_HANDLERS_H

#include "request.h"

/* root.c */
void root_get(struct request *rq);
void health_get(struct request *rq);
void metrics_get(struct request *rq);
/* connectors.c */
void connectors_list(struct request *rq);
void connectors_create(struct request *rq);
void connector_get(struct request *rq);
void connector_delete(struct request *rq);
void config_get(struct request *rq);
void config_put(struct request *rq);
void config_patch(struct request *rq);
/* states.c */
void status_get(struct request *rq);
void pause_put(struct request *rq);
void resume_put(struct request *rq);
void stop_put(struct request *rq);
void restart_post(struct request *rq);
void tasks_get(struct request *rq);
void task_status_get(struct request *rq);
void task_restart_post(struct request *rq);
void topics_get(struct request *rq);
/* offsets_rest.c */
void offsets_get(struct request *rq);
void offsets_patch(struct request *rq);
void offsets_delete(struct request *rq);
/* plugins.c */
void plugins_list(struct request *rq);
void plugin_config_get(struct request *rq);
void plugin_validate(struct request *rq);

/* The connector that the first parameter names; NULL: replied with 404, the name between these texts. */
const struct connector *named_connector(struct request *rq, const char *before, const char *behind);

#endif

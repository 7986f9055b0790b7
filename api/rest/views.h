/* views.h: the JSON objects of the REST interface (connect-conformance 1.2, 1.3), made of what the supervisor knows.
   New references; NULL: no memory. Pure. */
#ifndef REST_VIEWS_H
#define REST_VIEWS_H

#include "supervisor.h"

#include <jansson.h>

json_t *view_info(const struct connector *c, bool just_created); /* ConnectorInfo; T8: no tasks yet when just created */
json_t *view_status(const struct supervisor *s, const struct connector *c);      /* REST-11 */
json_t *view_task_status(const struct supervisor *s, const struct connector *c); /* of task 0 */
json_t *view_tasks(const struct connector *c);                                   /* REST-12 */
json_t *view_plugins(const struct plugin_list *list, bool connectors_only);      /* REST-27 */

#endif

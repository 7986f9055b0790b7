/* validate.h: hp_plugin_desc.validate of this plugin. */
#ifndef SOURCE_PG_VALIDATE_H
#define SOURCE_PG_VALIDATE_H

#include <homeport/homeport.h>

void validate_config(const struct hp_config *config, const struct hp_config_report *report);

#endif

/* homeport.h: the plugin SDK, whole. The only include a plugin needs. */
#ifndef HOMEPORT_H
#define HOMEPORT_H

#include "abi.h"
#include "batch.h"
#include "config.h"
#include "host.h"
#include "plugin.h"
#include "schema.h"
#include "sink.h"
#include "source.h"
#include "status.h"
#include "transform.h"
#include "util.h"
#include "value.h"

#endif

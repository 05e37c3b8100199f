/* Names of stages' folders, STAGE-HASH: pipelines/stages.mk makes them. */
#ifndef SIDMILL_REPORT_STAGE_NAME_H
#define SIDMILL_REPORT_STAGE_NAME_H

#include "base/buf.h"

/* Appends `"name":NAME,"stage":STAGE`, a name without a hash being its own stage. */
void stage_name_add(buf_t *out, const char *name);

/* A folder's path without slashes at its end. Caller frees. */
char *stage_folder(const char *path);

#endif

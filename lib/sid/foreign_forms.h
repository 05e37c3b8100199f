/* The readers and writers behind foreign_sids.h, a file a form. */
#ifndef SIDMILL_SID_FOREIGN_FORMS_H
#define SIDMILL_SID_FOREIGN_FORMS_H

#include "base/out.h"
#include "sid/foreign_rows.h"

foreign_sids_t foreign_index_read(const char *path, bool last_is_suffix);
foreign_sids_t foreign_table_read(const char *path, bool last_is_suffix);
foreign_sids_t foreign_array_read(const char *path, bool last_is_suffix);
void foreign_index_write(const sids_t *s, out_t *o);
void foreign_table_write(const sids_t *s, out_t *o);
void foreign_array_write(const sids_t *s, out_t *o);

#endif

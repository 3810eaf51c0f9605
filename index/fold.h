/* SPDX-License-Identifier: Apache-2.0 */
/* fold: texts made alike for lookups: upper case, Latin letters without accents, one space for several, no padding, no control
 * characters. It is coarser than any matching of PS3.4 C.2.2.2, so a lookup finds a superset, and the row's own text is compared
 * after. The tables are ours and frozen: a C library's would change under rows that were written with it. Pure; any thread. */
#ifndef LEAT_INDEX_FOLD_H
#define LEAT_INDEX_FOLD_H

#include "engine/base/slice.h"

/* UTF-8 to folded UTF-8; cut at a whole character at `capacity`; the length. Bytes that aren't UTF-8 stay. */
size_t fold_text(struct slice text, char *out, size_t capacity);

/* The same for one component group of a person name: besides, spaces around '^' and trailing '^' go. */
size_t fold_name(struct slice group, char *out, size_t capacity);

/* yyyymmdd of a DA value (also yyyy.mm.dd of ACR-NEMA); 0 when it isn't one. */
uint32_t fold_day(struct slice date);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* scan_inflate: the one allocation of scan, zlib's inflate for the deflated transfer syntaxes (PS3.5 A.5). Part of scan;
 * zlib is included in its .c file only. */
#ifndef LEAT_DICOM_SCAN_INFLATE_H
#define LEAT_DICOM_SCAN_INFLATE_H

#include "engine/base/fault.h"
#include "engine/base/slice.h"

struct scan_inflate;

/* NULL: no memory. Destroy takes NULL too. */
struct scan_inflate *scan_inflate_create(void);
void scan_inflate_destroy(struct scan_inflate *state);

/* Inflates from the front of *in, which moves on, into out[0..capacity). *produced may be 0 with *in empty: more input is
 * needed. After the end of the stream nothing is produced and *in is swallowed. false: the stream is broken; offset counts
 * deflated bytes. */
bool scan_inflate_step(struct scan_inflate *state, struct slice *in, uint8_t *out, size_t capacity, size_t *produced,
                       struct fault *fault);

/* Whether the stream came to its end; bytes behind it (one pad byte belongs there); whether it has a zlib header (RFC
 * 1950), which it must not. */
bool scan_inflate_ended(const struct scan_inflate *state);
uint64_t scan_inflate_trailing(const struct scan_inflate *state);
bool scan_inflate_is_wrapped(const struct scan_inflate *state);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* dcmtk_abi: DCMTK's dcmdata behind a C ABI, for tools and tests, never for the path of an object: it allocates, and it reads
 * a file whole. No C++ type and no exception crosses. Library leat_dcmtk. Any thread, one call at a time per buffer. */
#ifndef LEAT_DICOM_DCMTK_ABI_H
#define LEAT_DICOM_DCMTK_ABI_H

#ifdef __cplusplus
extern "C" {
#define DCMTK_ABI_NOEXCEPT noexcept
#else
#define DCMTK_ABI_NOEXCEPT
#endif
#include <stdbool.h>
#include <stddef.h>

enum dcmtk_abi_format {
    DCMTK_ABI_TEXT, /* as dcmdump prints it */
    DCMTK_ABI_JSON, /* the DICOM JSON model (PS3.18 F), without bulk data */
    DCMTK_ABI_XML,  /* DCMTK's XML */
};

/* part10: a whole file. Writes at most `capacity` bytes (terminated when capacity > 0, cut when it does not fit) and *length,
 * the bytes that the whole text needs without the terminator. false: dcmdata can't read it; `out` then holds the reason. `out`
 * is the caller's. */
bool dcmtk_abi_dump(const void *part10, size_t part10_bytes, enum dcmtk_abi_format format, char *out, size_t capacity,
                    size_t *length) DCMTK_ABI_NOEXCEPT;

/* The file written anew in another uncompressed encoding (a transfer syntax UID), bytes into out as above. false: reason in
 * `out`. */
bool dcmtk_abi_convert(const void *part10, size_t part10_bytes, const char *transfer_syntax, char *out, size_t capacity,
                       size_t *length) DCMTK_ABI_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif

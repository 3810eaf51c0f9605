/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_charset: the bytes up to the first NUL are the Specific Character Set, the others the value. The result is valid UTF-8
 * and fits. */
#include <stdlib.h>

#include "codec/dicom/charset.h"
#include "engine/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    struct slice charset = slice_of(data, nul ? (size_t)(nul - data) : 0);
    struct slice raw = slice_of(nul ? nul + 1 : data, nul ? size - charset.length - 1 : size);
    charset_is_standard(charset);
    bool lossy, again;
    size_t need = charset_to_utf8(charset, raw, size & 1, NULL, 0, &lossy);
    invariant(need <= raw.length * 4);
    char *out = malloc(need + 1), *twice = malloc(need + 1);
    invariant(charset_to_utf8(charset, raw, size & 1, out, need, &lossy) == need);
    /* what came out is UTF-8, so reading it as such changes nothing */
    invariant(charset_to_utf8(slice_text("ISO_IR 192"), slice_of(out, need), false, twice, need, &again) == need);
    invariant(!again && (need == 0 || memcmp(out, twice, need) == 0));
    free(out);
    free(twice);
    return 0;
}

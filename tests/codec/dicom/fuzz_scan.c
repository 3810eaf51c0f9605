/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_scan: any bytes as a data set. The first byte chooses the encoding, the second one the size of the pieces; the scan
 * in pieces has to end like the scan of the whole, and the captured block has to be well-formed. */
#include "scanned.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct scanned whole, pieces;
    if (size < 2) return 0;
    enum scan_encoding encoding = (enum scan_encoding)(data[0] & 3);
    size_t step = data[1] ? data[1] : 1;
    scanned_in_steps(&whole, encoding, data + 2, size - 2, 0);
    scanned_in_steps(&pieces, encoding, data + 2, size - 2, step);
    if (encoding == SCAN_DEFLATED && whole.status == SCAN_FAULT) return 0; /* a broken stream is noticed at other places */
    if (scanned_difference(&whole, &pieces)) abort();
    struct reader r = reader_over(slice_of(whole.block, whole.length));
    struct attribute a;
    while (attributes_next(&r, &a)) {
        if (!indexed_find(a.tag)) abort();
    }
    if (r.failed) abort();
    return 0;
}

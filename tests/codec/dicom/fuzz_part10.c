/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_part10: any bytes as the beginning of a file. What is accepted stays inside the bytes, and its meta information,
 * written anew, reads the same. */
#include <stdlib.h>

#include "codec/dicom/part10.h"
#include "codec/dicom/uid.h"
#include "engine/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct part10 *first) {
    struct part10_meta meta = {first->sop_class,  first->sop_instance, first->transfer_syntax,
                               first->source_aet, first->sending_aet,  first->receiving_aet};
    size_t capacity = PART10_HEADER_BYTES + meta.sop_class.length + meta.sop_instance.length + meta.transfer_syntax.length +
                      meta.source_aet.length + meta.sending_aet.length + meta.receiving_aet.length;
    uint8_t *out = malloc(capacity);
    size_t n = part10_write_header(out, capacity, &meta);
    struct part10 second;
    if (n > 0) {
        invariant(part10_parse(slice_of(out, n), &second, NULL));
        invariant(second.data_set_offset == n && second.remarks == 0);
        invariant(slice_equal(second.transfer_syntax, first->transfer_syntax) &&
                  slice_equal(second.sop_instance, first->sop_instance));
        invariant(slice_equal(second.receiving_aet, first->receiving_aet));
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct part10 out;
    struct fault fault;
    enum scan_encoding encoding;
    part10_guess_encoding(slice_of(data, size), &encoding);
    if (!part10_parse(slice_of(data, size), &out, &fault)) {
        invariant(fault.code == FAULT_MALFORMED || fault.code == FAULT_LIMIT);
        return 0;
    }
    invariant(out.data_set_offset <= size && out.transfer_syntax.length > 0);
    write_and_read(&out);
    return 0;
}

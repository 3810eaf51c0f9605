/* SPDX-License-Identifier: Apache-2.0 */
/* scan: the life of a scan, from init to release, with inflation in front where the data set is deflated. What the bytes mean is
 * scan_walk's, single headers are scan_element's, captured values scan_capture's. */
#include "codec/dicom/scan.h"

#include "codec/dicom/scan_element.h"
#include "codec/dicom/scan_inflate.h"
#include "codec/dicom/scan_walk.h"
#include "engine/base/check.h"

#include <inttypes.h>

#define INFLATE_STEP_BYTES (16u * 1024u)

/* ---- feeding ---- */

void scan_init(struct scan *scan, enum scan_encoding encoding, struct attributes *out) {
    static const uint8_t syntaxes[] = {
        [SCAN_IMPLICIT_LE] = SCAN_SYNTAX_IMPLICIT,
        [SCAN_EXPLICIT_LE] = SCAN_SYNTAX_EXPLICIT,
        [SCAN_EXPLICIT_BE] = SCAN_SYNTAX_BIG,
        [SCAN_DEFLATED] = SCAN_SYNTAX_EXPLICIT,
    };
    invariant((unsigned)encoding < array_count(syntaxes));
    memset(scan, 0, offsetof(struct scan, frames));
    scan->out = out;
    scan->encoding = (uint8_t)encoding;
    scan->syntax = syntaxes[encoding];
    scan->closed_syntax = SCAN_SYNTAX_NONE;
    scan->header_need = SCAN_HEADER_BYTES_MIN;
    scan->pixel_data_offset = scan->pixel_data_value = scan->pixel_data_length = SCAN_NONE;
    scan->garbage_offset = scan->overrun_end = SCAN_NONE;
    if (encoding == SCAN_DEFLATED) scan->inflate = scan_inflate_create();
}

static bool feed_deflated(struct scan *scan, struct slice in, struct fault *fault) {
    uint8_t buffer[INFLATE_STEP_BYTES];
    if (!scan->inflate) return fault_set(fault, FAULT_MEMORY, 0, "no memory to inflate a data set");
    size_t produced;
    do {
        if (!scan_inflate_step(scan->inflate, &in, buffer, sizeof buffer, &produced, fault)) return false;
        if (!scan_walk_span(scan, buffer, buffer + produced, fault)) return false;
    } while (in.length || produced == sizeof buffer);
    return true;
}

static enum scan_status failed(struct scan *scan) {
    scan->failed = true;
    attributes_abandon(scan->out);
    return SCAN_FAULT;
}

static enum scan_status failed_before(struct scan *scan, struct fault *fault) {
    fault_set(fault, FAULT_MALFORMED, scan->element_offset, "the scan of this data set has failed before");
    return SCAN_FAULT;
}

enum scan_status scan_feed(struct scan *scan, const void *bytes, size_t n, struct fault *fault) {
    if (scan->failed) return failed_before(scan, fault);
    if (n == 0) return SCAN_MORE;
    const uint8_t *at = bytes;
    bool deflated = scan->encoding == SCAN_DEFLATED;
    bool good = deflated ? feed_deflated(scan, slice_of(at, n), fault) : scan_walk_span(scan, at, at + n, fault);
    return good ? SCAN_MORE : failed(scan);
}

/* ---- the end ---- */


static bool finish_deflated(struct scan *scan, struct fault *fault) {
    if (!scan->inflate || !scan_inflate_ended(scan->inflate)) {
        return fault_set(fault, FAULT_MALFORMED, scan->offset,
                         "the deflated data set is cut short, after %" PRIu64 " inflated bytes",
                         scan->offset + scan->header_have);
    }
    if (scan_inflate_is_wrapped(scan->inflate)) scan->remarks |= SCAN_REMARK_ZLIB_WRAPPED;
    if (scan_inflate_trailing(scan->inflate) > 1) scan->remarks |= SCAN_REMARK_TRAILING_GARBAGE;
    return true;
}

static bool finish(struct scan *scan, struct fault *fault) {
    if (scan->encoding == SCAN_DEFLATED && !finish_deflated(scan, fault)) return false;
    return scan_walk_end(scan, fault);
}

enum scan_status scan_finish(struct scan *scan, struct fault *fault) {
    if (scan->failed) return failed_before(scan, fault);
    if (!finish(scan, fault)) return failed(scan);
    scan->offset += scan->header_have;
    scan->header_have = 0;
    if (fault) *fault = (struct fault){0};
    return SCAN_DONE;
}

void scan_release(struct scan *scan) {
    scan_inflate_destroy(scan->inflate);
    scan->inflate = NULL;
}

const char *scan_remark_text(uint32_t remark) {
    static const char *const texts[] = {
#define SCAN_REMARK_WORDS(bit, name, text) [bit] = text,
        SCAN_REMARK_TABLE(SCAN_REMARK_WORDS)
#undef SCAN_REMARK_WORDS
    };
    unsigned bit = remark ? (unsigned)__builtin_ctz(remark) : 32;
    return bit < array_count(texts) ? texts[bit] : "";
}

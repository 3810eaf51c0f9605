/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/dicom/uid.h"

static bool is_padding(uint8_t byte) { return byte == 0 || byte == ' '; }

struct slice uid_trim(struct slice uid) {
    while (uid.length && is_padding(uid.bytes[uid.length - 1])) uid.length--;
    while (uid.length && is_padding(uid.bytes[0])) {
        uid.bytes++;
        uid.length--;
    }
    return uid;
}

/* One component: digits, no leading zero unless it is the only digit. */
static bool component_is_valid(const uint8_t *digits, size_t count) {
    if (count == 0 || (count > 1 && digits[0] == '0')) return false;
    for (size_t i = 0; i < count; i++)
        if (digits[i] < '0' || digits[i] > '9') return false;
    return true;
}

bool uid_is_valid(struct slice uid) {
    if (uid.length == 0 || uid.length > UID_BYTES) return false;
    size_t start = 0;
    for (size_t i = 0; i <= uid.length; i++) {
        if (i < uid.length && uid.bytes[i] != '.') continue;
        if (!component_is_valid(uid.bytes + start, i - start)) return false;
        start = i + 1;
    }
    return true;
}

bool uid_equal(struct slice a, struct slice b) { return slice_equal(uid_trim(a), uid_trim(b)); }

int uid_compare(struct slice a, struct slice b) {
    a = uid_trim(a);
    b = uid_trim(b);
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common ? memcmp(a.bytes, b.bytes, common) : 0;
    if (order != 0) return order;
    return (a.length > b.length) - (a.length < b.length);
}

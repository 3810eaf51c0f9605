/* SPDX-License-Identifier: Apache-2.0 */
/* item: the frame that all items and sub-items of A-ASSOCIATE PDUs share (PS3.8 9.3.2): type, a reserved byte, a length of two
 * bytes, the item. Internal to net/ulp. Pure: any thread. */
#ifndef LEAT_ULP_ITEM_H
#define LEAT_ULP_ITEM_H

#include "engine/base/cursor.h"
#include "engine/base/fault.h"

#define ITEM_HEADER_BYTES 4

struct item {
    uint8_t type;
    struct slice field;
};

/* A reader over a slice that may be empty without an address. */
static inline struct reader item_reader(struct slice s) { return reader_over(s.bytes ? s : slice_text("")); }

/* The next item. False: none left, or (then reader->failed) it goes beyond the end. */
static inline bool item_next(struct reader *reader, struct item *out) {
    if (reader_left(reader) == 0) return false;
    out->type = reader_u8(reader);
    reader_u8(reader);
    out->field = reader_slice(reader, reader_be16(reader));
    return !reader->failed;
}

/* The next item of one type, others skipped. */
static inline bool item_find(struct reader *reader, uint8_t type, struct item *out) {
    while (item_next(reader, out))
        if (out->type == type) return true;
    return false;
}

/* Writing: item_begin, the field, item_end, which fills in the length; a field over 65535 bytes fails the writer. */
static inline size_t item_begin(struct writer *writer, uint8_t type) {
    writer_u8(writer, type);
    writer_u8(writer, 0);
    writer_be16(writer, 0);
    return writer_length(writer);
}
static inline void item_end(struct writer *writer, size_t begin) {
    if (writer->failed) return;
    size_t length = writer_length(writer) - begin;
    if (length > UINT16_MAX)
        writer->failed = true;
    else
        store_be16(writer->start + begin - 2, (uint16_t)length);
}
static inline void item_put(struct writer *writer, uint8_t type, struct slice field) {
    size_t begin = item_begin(writer, type);
    writer_slice(writer, field);
    item_end(writer, begin);
}

/* A slice with its length in two bytes before it, as sub-items use within. */
static inline struct slice item_counted(struct reader *reader) { return reader_slice(reader, reader_be16(reader)); }
static inline void item_put_counted(struct writer *writer, struct slice s) {
    if (s.length > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    writer_be16(writer, (uint16_t)s.length);
    writer_slice(writer, s);
}

#endif

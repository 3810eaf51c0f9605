/* SPDX-License-Identifier: Apache-2.0 */
/* pdu: A-ASSOCIATE decoded item by item, then the encoders, then the words of the standard's reason tables. */
#include "net/ulp/pdu.h"

#include "engine/base/check.h"
#include "net/ulp/item.h"

enum { /* PS3.8 9.3.2, 9.3.3 */
    ITEM_APPLICATION_CONTEXT = 0x10,
    ITEM_PRESENTATION_CONTEXT_RQ = 0x20,
    ITEM_PRESENTATION_CONTEXT_AC = 0x21,
    ITEM_ABSTRACT_SYNTAX = 0x30,
    ITEM_TRANSFER_SYNTAX = 0x40,
};

#define PROTOCOL_VERSION 1
#define ASSOCIATE_RESERVED_BYTES 32
#define IMPLICIT_VR_LITTLE_ENDIAN "1.2.840.10008.1.2"

/* ---- decoding ---- */
static struct slice trimmed_title(struct slice title) {
    title = slice_unpadded(title);
    while (title.length && title.bytes[0] == ' ') title = slice_of(title.bytes + 1, title.length - 1);
    return title;
}

static const struct presentation_context *find_context(const struct associate *associate, uint8_t id) {
    for (size_t i = 0; i < associate->context_count; i++)
        if (associate->contexts[i].id == id) return &associate->contexts[i];
    return NULL;
}

/* The sub-items of a proposed context: the abstract syntax is taken out, transfer syntaxes stay for the walker. */
static bool decode_proposal(struct presentation_context *context, struct slice sub_items) {
    context->transfer_syntaxes = sub_items;
    struct reader r = item_reader(sub_items);
    struct item item;
    while (item_next(&r, &item))
        if (item.type == ITEM_ABSTRACT_SYNTAX) context->abstract_syntax = slice_unpadded(item.field);
    return !r.failed;
}

/* The transfer syntax of an answered context; not looked at unless the context was accepted (9.3.3.2). */
static bool decode_answer(struct presentation_context *context, struct slice sub_items) {
    if (context->result != CONTEXT_ACCEPTANCE) return true;
    context->transfer_syntaxes = sub_items;
    struct reader r = item_reader(sub_items);
    struct item item;
    while (item_next(&r, &item)) {}
    return !r.failed;
}

static bool decode_context(struct associate *out, struct slice field, uint64_t at, struct fault *fault) {
    struct reader r = item_reader(field);
    struct presentation_context context = {.id = reader_u8(&r)};
    reader_u8(&r);
    uint8_t result = reader_u8(&r);
    reader_u8(&r);
    if (r.failed) return fault_set(fault, FAULT_MALFORMED, at, "a presentation context item is too short");
    if (context.id % 2 == 0) return fault_set(fault, FAULT_MALFORMED, at, "presentation context ID %u is even", context.id);
    if (find_context(out, context.id))
        return fault_set(fault, FAULT_MALFORMED, at, "presentation context ID %u twice", context.id);
    struct slice sub_items = reader_slice(&r, reader_left(&r));
    if (out->is_accept) context.result = result;
    if (!(out->is_accept ? decode_answer(&context, sub_items) : decode_proposal(&context, sub_items)))
        return fault_set(fault, FAULT_MALFORMED, at, "a sub-item of presentation context %u goes beyond its end", context.id);
    invariant(out->context_count < PDU_CONTEXTS_MAX); /* 128 different odd IDs */
    out->contexts[out->context_count++] = context;
    return true;
}

static bool decode_item(struct associate *out, const struct item *item, uint64_t at, struct fault *fault) {
    switch (item->type) {
    case ITEM_APPLICATION_CONTEXT:
        out->application_context = slice_unpadded(item->field);
        return true;
    case ITEM_PRESENTATION_CONTEXT_RQ:
        return out->is_accept || decode_context(out, item->field, at, fault);
    case ITEM_PRESENTATION_CONTEXT_AC:
        return !out->is_accept || decode_context(out, item->field, at, fault);
    case USER_ITEM_INFORMATION:
        return user_information_decode(&out->user, item->field, at + ITEM_HEADER_BYTES, fault);
    default:
        return true;
    }
}

bool pdu_decode_associate(struct associate *out, bool is_accept, struct slice field, uint64_t offset, struct fault *fault) {
    memset(out, 0, sizeof *out);
    out->is_accept = is_accept;
    struct reader r = item_reader(field);
    out->protocol_version = reader_be16(&r);
    reader_be16(&r);
    out->called_ae = trimmed_title(reader_slice(&r, AE_TITLE_BYTES));
    out->calling_ae = trimmed_title(reader_slice(&r, AE_TITLE_BYTES));
    reader_take(&r, ASSOCIATE_RESERVED_BYTES);
    if (r.failed) return fault_set(fault, FAULT_MALFORMED, offset, "A-ASSOCIATE PDU shorter than its fixed fields");
    struct item item;
    for (;;) {
        uint64_t at = offset + (uint64_t)(r.at - field.bytes);
        if (!item_next(&r, &item)) {
            if (r.failed) return fault_set(fault, FAULT_MALFORMED, at, "an item goes beyond the end of its A-ASSOCIATE PDU");
            return true;
        }
        if (!decode_item(out, &item, at, fault)) return false;
    }
}

bool pdu_next_transfer_syntax(struct reader *reader, struct slice *uid) {
    struct item item;
    if (!item_find(reader, ITEM_TRANSFER_SYNTAX, &item)) return false;
    *uid = slice_unpadded(item.field);
    return true;
}

void pdu_put_transfer_syntax(struct writer *writer, struct slice uid) { item_put(writer, ITEM_TRANSFER_SYNTAX, uid); }

/* ---- encoding ---- */
static size_t begin_pdu(struct writer *writer, enum pdu_type type) {
    writer_u8(writer, (uint8_t)type);
    writer_u8(writer, 0);
    writer_be32(writer, 0);
    return writer_length(writer);
}

static void end_pdu(struct writer *writer, size_t begin) {
    if (!writer->failed) store_be32(writer->start + begin - 4, (uint32_t)(writer_length(writer) - begin));
}

static void put_title(struct writer *writer, struct slice title) {
    uint8_t padded[AE_TITLE_BYTES];
    memset(padded, ' ', sizeof padded);
    size_t n = title.length < AE_TITLE_BYTES ? title.length : AE_TITLE_BYTES;
    if (n) memcpy(padded, title.bytes, n);
    writer_bytes(writer, padded, sizeof padded);
}

static void put_context(struct writer *writer, const struct presentation_context *context, bool is_accept) {
    size_t item = item_begin(writer, is_accept ? ITEM_PRESENTATION_CONTEXT_AC : ITEM_PRESENTATION_CONTEXT_RQ);
    writer_u8(writer, context->id);
    writer_u8(writer, 0);
    writer_u8(writer, is_accept ? context->result : 0);
    writer_u8(writer, 0);
    if (!is_accept) item_put(writer, ITEM_ABSTRACT_SYNTAX, context->abstract_syntax);
    struct reader r = item_reader(context->transfer_syntaxes);
    struct item transfer_syntax;
    bool any = false;
    while (item_find(&r, ITEM_TRANSFER_SYNTAX, &transfer_syntax) && !(is_accept && any)) {
        item_put(writer, ITEM_TRANSFER_SYNTAX, transfer_syntax.field);
        any = true;
    }
    if (is_accept && !any) pdu_put_transfer_syntax(writer, slice_text(IMPLICIT_VR_LITTLE_ENDIAN));
    item_end(writer, item);
}

void pdu_encode_associate(struct writer *writer, const struct associate *associate) {
    size_t pdu = begin_pdu(writer, associate->is_accept ? PDU_ASSOCIATE_AC : PDU_ASSOCIATE_RQ);
    writer_be16(writer, associate->protocol_version);
    writer_be16(writer, 0);
    put_title(writer, associate->called_ae);
    put_title(writer, associate->calling_ae);
    writer_zeros(writer, ASSOCIATE_RESERVED_BYTES);
    item_put(writer, ITEM_APPLICATION_CONTEXT, associate->application_context);
    for (size_t i = 0; i < associate->context_count; i++) put_context(writer, &associate->contexts[i], associate->is_accept);
    user_information_encode(writer, &associate->user);
    end_pdu(writer, pdu);
}

size_t pdu_associate_room(const struct associate *associate) {
    const struct user_information *user = &associate->user;
    size_t room = PDU_HEADER_BYTES + PDU_ASSOCIATE_BYTES_LEAST + ITEM_HEADER_BYTES + associate->application_context.length;
    for (size_t i = 0; i < associate->context_count; i++)
        room += 3 * ITEM_HEADER_BYTES + 4 + UID_BYTES_MAX + associate->contexts[i].transfer_syntaxes.length +
                (associate->is_accept ? 0 : associate->contexts[i].abstract_syntax.length);
    return room + user->items.length + user->implementation_class_uid.length + user->implementation_version_name.length +
           user->identity.primary.length + user->identity.secondary.length + user->identity_response.length + 64;
}

void pdu_encode_reject(struct writer *writer, struct reject reject) {
    size_t pdu = begin_pdu(writer, PDU_ASSOCIATE_RJ);
    writer_u8(writer, 0);
    writer_u8(writer, reject.result);
    writer_u8(writer, reject.source);
    writer_u8(writer, reject.reason);
    end_pdu(writer, pdu);
}

void pdu_encode_release(struct writer *writer, bool is_response) {
    size_t pdu = begin_pdu(writer, is_response ? PDU_RELEASE_RP : PDU_RELEASE_RQ);
    writer_be32(writer, 0);
    end_pdu(writer, pdu);
}

void pdu_encode_abort(struct writer *writer, enum abort_source source, enum abort_reason reason) {
    size_t pdu = begin_pdu(writer, PDU_ABORT);
    writer_be16(writer, 0);
    writer_u8(writer, (uint8_t)source);
    writer_u8(writer, source == ABORT_BY_PROVIDER ? (uint8_t)reason : 0);
    end_pdu(writer, pdu);
}

void pdu_encode_data_header(struct writer *writer, uint8_t context_id, bool is_command, bool is_last, uint32_t payload_bytes) {
    invariant(payload_bytes <= UINT32_MAX - PDV_HEADER_BYTES);
    writer_u8(writer, PDU_DATA_TF);
    writer_u8(writer, 0);
    writer_be32(writer, payload_bytes + PDV_HEADER_BYTES);
    writer_be32(writer, payload_bytes + 2);
    writer_u8(writer, context_id);
    writer_u8(writer, (uint8_t)((is_command ? PDV_COMMAND : 0) | (is_last ? PDV_LAST : 0)));
}

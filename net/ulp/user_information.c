/* SPDX-License-Identifier: Apache-2.0 */
/* user_information: a decoder a sub-item type, in a table; then the walkers, then the encoder. */
#include "net/ulp/user_information.h"

#include "net/ulp/item.h"

/* ---- contents of single sub-items: reader over the field; failed if it runs out ---- */
static void take_role(struct reader *r, struct role_selection *out) {
    out->sop_class = slice_unpadded(item_counted(r));
    out->scu = reader_u8(r) != 0;
    out->scp = reader_u8(r) != 0;
}
static void take_extended(struct reader *r, struct extended_negotiation *out) {
    out->sop_class = slice_unpadded(item_counted(r));
    out->information = reader_slice(r, reader_left(r));
}
static void take_common_extended(struct reader *r, struct common_extended_negotiation *out) {
    out->sop_class = slice_unpadded(item_counted(r));
    out->service_class = slice_unpadded(item_counted(r));
    out->related = reader_left(r) ? item_counted(r) : slice_of(NULL, 0); /* version 0 of the item may end here */
}

static void decode_maximum_length(struct user_information *user, struct reader *r) {
    user->has_maximum_length = true;
    user->maximum_length = reader_be32(r);
}
static void decode_class_uid(struct user_information *user, struct reader *r) {
    user->implementation_class_uid = slice_unpadded(reader_slice(r, reader_left(r)));
}
static void decode_window(struct user_information *user, struct reader *r) {
    user->has_window = true;
    user->window_invoked = reader_be16(r);
    user->window_performed = reader_be16(r);
}
static void decode_role(struct user_information *user, struct reader *r) { take_role(r, &(struct role_selection){0}); }
static void decode_version_name(struct user_information *user, struct reader *r) {
    user->implementation_version_name = slice_unpadded(reader_slice(r, reader_left(r)));
}
static void decode_extended(struct user_information *user, struct reader *r) {
    take_extended(r, &(struct extended_negotiation){0});
}
static void decode_common_extended(struct user_information *user, struct reader *r) {
    struct common_extended_negotiation common;
    take_common_extended(r, &common);
    struct reader related = item_reader(common.related);
    while (user_information_next_related(&related, &(struct slice){0})) {}
    if (related.failed) r->failed = true;
}
static void decode_identity_rq(struct user_information *user, struct reader *r) {
    user->identity.type = reader_u8(r);
    user->identity.response_requested = reader_u8(r) != 0;
    user->identity.primary = item_counted(r);
    if (reader_left(r)) user->identity.secondary = item_counted(r); /* some leave the empty one out */
}
static void decode_identity_ac(struct user_information *user, struct reader *r) {
    user->has_identity_response = true;
    user->identity_response = item_counted(r);
}

static const struct {
    void (*decode)(struct user_information *user, struct reader *r);
    const char *name;
} sub_items[] = {
    [USER_ITEM_MAXIMUM_LENGTH - 0x50] = {decode_maximum_length, "Maximum Length"},
    [USER_ITEM_IMPLEMENTATION_CLASS_UID - 0x50] = {decode_class_uid, "Implementation Class UID"},
    [USER_ITEM_ASYNCHRONOUS_OPERATIONS_WINDOW - 0x50] = {decode_window, "Asynchronous Operations Window"},
    [USER_ITEM_ROLE_SELECTION - 0x50] = {decode_role, "SCP/SCU Role Selection"},
    [USER_ITEM_IMPLEMENTATION_VERSION_NAME - 0x50] = {decode_version_name, "Implementation Version Name"},
    [USER_ITEM_EXTENDED_NEGOTIATION - 0x50] = {decode_extended, "SOP Class Extended Negotiation"},
    [USER_ITEM_COMMON_EXTENDED_NEGOTIATION - 0x50] = {decode_common_extended, "SOP Class Common Extended Negotiation"},
    [USER_ITEM_USER_IDENTITY_RQ - 0x50] = {decode_identity_rq, "User Identity (RQ)"},
    [USER_ITEM_USER_IDENTITY_AC - 0x50] = {decode_identity_ac, "User Identity (AC)"},
};

bool user_information_decode(struct user_information *out, struct slice field, uint64_t offset, struct fault *fault) {
    *out = (struct user_information){.items = field};
    struct reader r = item_reader(field);
    struct item item;
    while (item_next(&r, &item)) {
        uint64_t at = offset + (uint64_t)(item.field.bytes - field.bytes) - ITEM_HEADER_BYTES;
        size_t index = item.type - 0x50u; /* wraps for types below: no such row */
        if (index >= sizeof sub_items / sizeof sub_items[0] || !sub_items[index].decode) continue;
        struct reader inside = item_reader(item.field);
        sub_items[index].decode(out, &inside);
        if (inside.failed || reader_left(&inside))
            return fault_set(fault, FAULT_MALFORMED, at, "%s sub-item with an impossible length", sub_items[index].name);
    }
    if (r.failed) return fault_set(fault, FAULT_MALFORMED, offset, "a User Information sub-item goes beyond the end of its item");
    return true;
}

/* ---- walkers ---- */
bool user_information_next_role(struct reader *reader, struct role_selection *out) {
    struct item item;
    if (!item_find(reader, USER_ITEM_ROLE_SELECTION, &item)) return false;
    struct reader inside = item_reader(item.field);
    take_role(&inside, out);
    return !inside.failed;
}
bool user_information_next_extended(struct reader *reader, struct extended_negotiation *out) {
    struct item item;
    if (!item_find(reader, USER_ITEM_EXTENDED_NEGOTIATION, &item)) return false;
    struct reader inside = item_reader(item.field);
    take_extended(&inside, out);
    return !inside.failed;
}
bool user_information_next_common_extended(struct reader *reader, struct common_extended_negotiation *out) {
    struct item item;
    if (!item_find(reader, USER_ITEM_COMMON_EXTENDED_NEGOTIATION, &item)) return false;
    struct reader inside = item_reader(item.field);
    take_common_extended(&inside, out);
    return !inside.failed;
}
bool user_information_next_related(struct reader *reader, struct slice *sop_class) {
    if (reader_left(reader) == 0) return false;
    *sop_class = slice_unpadded(item_counted(reader));
    return !reader->failed;
}

/* ---- encoding ---- */
void user_information_put_role(struct writer *writer, const struct role_selection *role) {
    size_t item = item_begin(writer, USER_ITEM_ROLE_SELECTION);
    item_put_counted(writer, role->sop_class);
    writer_u8(writer, role->scu);
    writer_u8(writer, role->scp);
    item_end(writer, item);
}
void user_information_put_extended(struct writer *writer, const struct extended_negotiation *extended) {
    size_t item = item_begin(writer, USER_ITEM_EXTENDED_NEGOTIATION);
    item_put_counted(writer, extended->sop_class);
    writer_slice(writer, extended->information);
    item_end(writer, item);
}
void user_information_put_common_extended(struct writer *writer, const struct common_extended_negotiation *common) {
    size_t item = item_begin(writer, USER_ITEM_COMMON_EXTENDED_NEGOTIATION);
    item_put_counted(writer, common->sop_class);
    item_put_counted(writer, common->service_class);
    item_put_counted(writer, common->related);
    item_end(writer, item);
}
void user_information_put_related(struct writer *writer, struct slice sop_class) { item_put_counted(writer, sop_class); }

static void put_repeated(struct writer *writer, struct slice items, uint8_t type) {
    struct reader r = item_reader(items);
    struct item item;
    while (item_find(&r, type, &item)) item_put(writer, type, item.field);
}

static void put_window(struct writer *writer, const struct user_information *user) {
    size_t item = item_begin(writer, USER_ITEM_ASYNCHRONOUS_OPERATIONS_WINDOW);
    writer_be16(writer, user->window_invoked);
    writer_be16(writer, user->window_performed);
    item_end(writer, item);
}

static void put_identity(struct writer *writer, const struct user_information *user) {
    if (user->identity.type) {
        size_t item = item_begin(writer, USER_ITEM_USER_IDENTITY_RQ);
        writer_u8(writer, user->identity.type);
        writer_u8(writer, user->identity.response_requested);
        item_put_counted(writer, user->identity.primary);
        item_put_counted(writer, user->identity.secondary);
        item_end(writer, item);
    }
    if (user->has_identity_response) {
        size_t item = item_begin(writer, USER_ITEM_USER_IDENTITY_AC);
        item_put_counted(writer, user->identity_response);
        item_end(writer, item);
    }
}

void user_information_encode(struct writer *writer, const struct user_information *user) {
    size_t information = item_begin(writer, USER_ITEM_INFORMATION);
    if (user->has_maximum_length) {
        size_t item = item_begin(writer, USER_ITEM_MAXIMUM_LENGTH);
        writer_be32(writer, user->maximum_length);
        item_end(writer, item);
    }
    if (user->implementation_class_uid.length)
        item_put(writer, USER_ITEM_IMPLEMENTATION_CLASS_UID, user->implementation_class_uid);
    if (user->has_window) put_window(writer, user);
    put_repeated(writer, user->items, USER_ITEM_ROLE_SELECTION);
    if (user->implementation_version_name.length)
        item_put(writer, USER_ITEM_IMPLEMENTATION_VERSION_NAME, user->implementation_version_name);
    put_repeated(writer, user->items, USER_ITEM_EXTENDED_NEGOTIATION);
    put_repeated(writer, user->items, USER_ITEM_COMMON_EXTENDED_NEGOTIATION);
    put_identity(writer, user);
    item_end(writer, information);
}

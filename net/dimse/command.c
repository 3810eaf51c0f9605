/* SPDX-License-Identifier: Apache-2.0 */
/* command: the elements of the command group as a table (PS3.7 E.1), which parser and encoder share; and, as another, what
 * each command has to have. Order of the file: tables, parsing, encoding, responses. */
#include "net/dimse/command.h"

#include "engine/base/check.h"
#include "engine/base/cursor.h"

enum kind { TEXT, NUMBER, TAGS, TAG_LIST };

struct element {
    uint16_t number; /* (0000,number) */
    uint8_t kind;
    uint8_t padding; /* TEXT: NUL for UI, a space for AE and LO */
    uint16_t offset; /* in struct command */
    uint32_t has;    /* NUMBER */
};

#define ERROR_COMMENT 0x0902u

#define AT(member) (uint16_t)offsetof(struct command, member)

/* In order of their tags: that is how they are written. */
static const struct element elements[] = {
    {0x0002, TEXT, 0, AT(affected_sop_class), 0},
    {0x0003, TEXT, 0, AT(requested_sop_class), 0},
    {0x0100, NUMBER, 0, AT(field), COMMAND_HAS_FIELD},
    {0x0110, NUMBER, 0, AT(message_id), COMMAND_HAS_MESSAGE_ID},
    {0x0120, NUMBER, 0, AT(responded_to), COMMAND_HAS_RESPONDED_TO},
    {0x0600, TEXT, ' ', AT(move_destination), 0},
    {0x0700, NUMBER, 0, AT(priority), COMMAND_HAS_PRIORITY},
    {0x0800, NUMBER, 0, AT(data_set_type), COMMAND_HAS_DATA_SET_TYPE},
    {0x0900, NUMBER, 0, AT(status), COMMAND_HAS_STATUS},
    {0x0901, TAGS, 0, AT(offending), 0},
    {0x0902, TEXT, ' ', AT(error_comment), 0},
    {0x0903, NUMBER, 0, AT(error_id), COMMAND_HAS_ERROR_ID},
    {0x1000, TEXT, 0, AT(affected_sop_instance), 0},
    {0x1001, TEXT, 0, AT(requested_sop_instance), 0},
    {0x1002, NUMBER, 0, AT(event_type), COMMAND_HAS_EVENT_TYPE},
    {0x1005, TAG_LIST, 0, AT(attribute_list), 0},
    {0x1008, NUMBER, 0, AT(action_type), COMMAND_HAS_ACTION_TYPE},
    {0x1020, NUMBER, 0, AT(remaining), COMMAND_HAS_REMAINING},
    {0x1021, NUMBER, 0, AT(completed), COMMAND_HAS_COMPLETED},
    {0x1022, NUMBER, 0, AT(failed), COMMAND_HAS_FAILED},
    {0x1023, NUMBER, 0, AT(warning), COMMAND_HAS_WARNING},
    {0x1030, TEXT, ' ', AT(move_originator_aet), 0},
    {0x1031, NUMBER, 0, AT(move_originator_id), COMMAND_HAS_MOVE_ORIGINATOR_ID},
};

/* The arguments that a command can't do without (PS3.7 9.3, 10.3), by element number. The priority is mandatory too, but says
 * nothing that an archive acts on, so its absence is let pass; responses need no more than field, message ID and status. */
struct command_row {
    uint16_t field;
    const char *name;
    uint16_t needs[4];
};

static const struct command_row commands[] = {
    {COMMAND_C_STORE_RQ, "C-STORE-RQ", {0x0002, 0x1000}},
    {COMMAND_C_STORE_RSP, "C-STORE-RSP", {0x0900}},
    {COMMAND_C_GET_RQ, "C-GET-RQ", {0x0002}},
    {COMMAND_C_GET_RSP, "C-GET-RSP", {0x0900}},
    {COMMAND_C_FIND_RQ, "C-FIND-RQ", {0x0002}},
    {COMMAND_C_FIND_RSP, "C-FIND-RSP", {0x0900}},
    {COMMAND_C_MOVE_RQ, "C-MOVE-RQ", {0x0002, 0x0600}},
    {COMMAND_C_MOVE_RSP, "C-MOVE-RSP", {0x0900}},
    {COMMAND_C_ECHO_RQ, "C-ECHO-RQ", {0x0002}},
    {COMMAND_C_ECHO_RSP, "C-ECHO-RSP", {0x0900}},
    {COMMAND_C_CANCEL_RQ, "C-CANCEL-RQ", {0}},
    {COMMAND_N_EVENT_REPORT_RQ, "N-EVENT-REPORT-RQ", {0x0002, 0x1000, 0x1002}},
    {COMMAND_N_EVENT_REPORT_RSP, "N-EVENT-REPORT-RSP", {0x0900}},
    {COMMAND_N_GET_RQ, "N-GET-RQ", {0x0003, 0x1001}},
    {COMMAND_N_GET_RSP, "N-GET-RSP", {0x0900}},
    {COMMAND_N_SET_RQ, "N-SET-RQ", {0x0003, 0x1001}},
    {COMMAND_N_SET_RSP, "N-SET-RSP", {0x0900}},
    {COMMAND_N_ACTION_RQ, "N-ACTION-RQ", {0x0003, 0x1001, 0x1008}},
    {COMMAND_N_ACTION_RSP, "N-ACTION-RSP", {0x0900}},
    {COMMAND_N_CREATE_RQ, "N-CREATE-RQ", {0x0002}},
    {COMMAND_N_CREATE_RSP, "N-CREATE-RSP", {0x0900}},
    {COMMAND_N_DELETE_RQ, "N-DELETE-RQ", {0x0003, 0x1001}},
    {COMMAND_N_DELETE_RSP, "N-DELETE-RSP", {0x0900}},
};

static const struct command_row *command_row_find(uint16_t field) {
    for (size_t i = 0; i < array_count(commands); i++)
        if (commands[i].field == field) return &commands[i];
    return NULL;
}

const char *command_field_name(uint16_t field) {
    const struct command_row *row = command_row_find(field);
    return row ? row->name : "unknown";
}

static const struct element *element_find(uint16_t number) {
    for (size_t i = 0; i < array_count(elements); i++)
        if (elements[i].number == number) return &elements[i];
    return NULL;
}

/* The member of a command that an element stands for. */
static uint16_t *number_at(struct command *command, const struct element *e) {
    return (uint16_t *)(void *)((char *)command + e->offset);
}
static struct slice *slice_at(struct command *command, const struct element *e) {
    return (struct slice *)(void *)((char *)command + e->offset);
}
static uint16_t number_of(const struct command *command, const struct element *e) {
    return *(const uint16_t *)(const void *)((const char *)command + e->offset);
}
static struct slice slice_value(const struct command *command, const struct element *e) {
    return *(const struct slice *)(const void *)((const char *)command + e->offset);
}

static bool element_is_present(const struct command *command, const struct element *e) {
    switch (e->kind) {
    case NUMBER: return (command->has & e->has) != 0;
    case TAGS: return command->offending_count > 0;
    default: return slice_value(command, e).length > 0;
    }
}

/* ---- parsing ---- */

static struct slice trimmed(struct slice value) {
    value = slice_unpadded(value);
    while (value.length && (value.bytes[0] == ' ' || value.bytes[0] == 0)) {
        value.bytes++;
        value.length--;
    }
    return value;
}

static void take_tags(struct command *command, struct slice value) {
    for (size_t at = 0; at + 4 <= value.length && command->offending_count < COMMAND_OFFENDING_MAX; at += 4)
        command->offending[command->offending_count++] =
            (uint32_t)load_le16(value.bytes + at) << 16 | load_le16(value.bytes + at + 2);
}

/* false: the value has a length that its VR can't have. The first of two elements with one tag counts. */
static bool take_value(struct command *command, const struct element *e, struct slice value) {
    if (element_is_present(command, e)) return true;
    switch (e->kind) {
    case NUMBER:
        if (value.length != 2) return value.length == 0; /* no value: as if it were not there */
        *number_at(command, e) = load_le16(value.bytes);
        command->has |= e->has;
        return true;
    case TAGS:
        if (value.length % 4) return false;
        take_tags(command, value);
        return true;
    case TAG_LIST:
        *slice_at(command, e) = value;
        return value.length % 4 == 0;
    default:
        value = trimmed(value);
        if (value.length > COMMAND_TEXT_BYTES && e->number != ERROR_COMMENT) return false;
        *slice_at(command, e) = value;
        return true;
    }
}

/* Reads the elements; false: these bytes are no command group. The first mistyped argument is noted. */
static bool take_elements(struct slice bytes, struct command *command, struct fault *fault) {
    struct reader r = reader_over(bytes);
    if (bytes.length == 0) return fault_set(fault, FAULT_MALFORMED, 0, "a command set without elements");
    while (reader_left(&r) > 0) {
        uint64_t offset = (uint64_t)(r.at - bytes.bytes);
        uint16_t group = reader_le16(&r), number = reader_le16(&r);
        uint32_t length = reader_le32(&r);
        if (r.failed) return fault_set(fault, FAULT_MALFORMED, offset, "a command set that ends inside an element's header");
        if (group != 0) return fault_set(fault, FAULT_MALFORMED, offset, "element (%04X,%04X) in a command set", group, number);
        struct slice value = reader_slice(&r, length);
        if (r.failed)
            return fault_set(fault, FAULT_MALFORMED, offset, "command element (0000,%04X) says %u bytes, beyond its command set",
                             number, length);
        const struct element *e = element_find(number);
        if (e && !take_value(command, e, value) && command->bad_element == 0) {
            command->bad_element = number;
            fault_set(fault, FAULT_MALFORMED, offset, "command element (0000,%04X) has %u bytes", number, length);
        }
    }
    return true;
}

/* What is needed to answer at all, or to know to which request a response belongs. */
static bool has_identity(const struct command *command, struct fault *fault) {
    if (!(command->has & COMMAND_HAS_FIELD)) return fault_set(fault, FAULT_MALFORMED, 0, "a command set without a command field");
    if (!(command->has & COMMAND_HAS_DATA_SET_TYPE))
        return fault_set(fault, FAULT_MALFORMED, 0, "a command set without a data set type");
    bool responds = command_is_response(command) || command->field == COMMAND_C_CANCEL_RQ;
    if (responds && !(command->has & COMMAND_HAS_RESPONDED_TO))
        return fault_set(fault, FAULT_MALFORMED, 0, "%s without the message ID that it responds to",
                         command_field_name(command->field));
    if (!responds && !(command->has & COMMAND_HAS_MESSAGE_ID))
        return fault_set(fault, FAULT_MALFORMED, 0, "%s without a message ID", command_field_name(command->field));
    return true;
}

static bool has_arguments(const struct command_row *row, struct command *command, struct fault *fault) {
    for (size_t i = 0; i < array_count(row->needs) && row->needs[i]; i++) {
        if (element_is_present(command, element_find(row->needs[i]))) continue;
        command->bad_element = row->needs[i];
        return fault_set(fault, FAULT_MALFORMED, 0, "%s without (0000,%04X)", row->name, row->needs[i]);
    }
    return true;
}

enum command_result command_parse(struct slice bytes, struct command *command, struct fault *fault) {
    *command = (struct command){0};
    if (!take_elements(bytes, command, fault) || !has_identity(command, fault)) return COMMAND_IMPOSSIBLE;
    const struct command_row *row = command_row_find(command->field);
    if (!row) {
        fault_set(fault, FAULT_UNSUPPORTED, 0, "unknown command field %04X", command->field);
        return COMMAND_UNKNOWN_FIELD;
    }
    if (command->bad_element != 0 || !has_arguments(row, command, fault)) return COMMAND_MISTYPED;
    return COMMAND_OK;
}

/* ---- encoding ---- */

static void write_header(struct writer *w, uint16_t number, size_t length) {
    writer_le16(w, 0);
    writer_le16(w, number);
    writer_le32(w, (uint32_t)length);
}

/* LO: one value, no control characters; it is for people. */
static void write_comment(struct writer *w, const struct element *e, struct slice text) {
    if (text.length > COMMAND_COMMENT_BYTES) text.length = COMMAND_COMMENT_BYTES;
    write_header(w, e->number, text.length + (text.length & 1));
    for (size_t i = 0; i < text.length; i++)
        writer_u8(w, text.bytes[i] < ' ' || text.bytes[i] == 0x7F || text.bytes[i] == '\\' ? ' ' : text.bytes[i]);
    if (text.length & 1) writer_u8(w, ' ');
}

static void write_text(struct writer *w, const struct element *e, struct slice text) {
    write_header(w, e->number, text.length + (text.length & 1));
    writer_slice(w, text);
    if (text.length & 1) writer_u8(w, e->padding);
}

static void write_tags(struct writer *w, const struct element *e, const struct command *command) {
    write_header(w, e->number, 4u * command->offending_count);
    for (size_t i = 0; i < command->offending_count; i++) {
        writer_le16(w, (uint16_t)(command->offending[i] >> 16));
        writer_le16(w, (uint16_t)command->offending[i]);
    }
}

static void write_element(struct writer *w, const struct element *e, const struct command *command) {
    switch (e->kind) {
    case NUMBER:
        write_header(w, e->number, 2);
        writer_le16(w, number_of(command, e));
        break;
    case TAGS: write_tags(w, e, command); break;
    case TAG_LIST: write_text(w, e, slice_value(command, e)); break;
    default:
        if (e->number == ERROR_COMMENT)
            write_comment(w, e, slice_value(command, e));
        else
            write_text(w, e, slice_value(command, e));
        break;
    }
}

#define GROUP_LENGTH_BYTES 12u /* (0000,0000) itself, which the group length does not count */

size_t command_encode(const struct command *command, uint8_t *buffer, size_t capacity) {
    invariant(command->offending_count <= COMMAND_OFFENDING_MAX);
    struct writer w = writer_over(buffer, capacity);
    writer_zeros(&w, GROUP_LENGTH_BYTES);
    for (size_t i = 0; i < array_count(elements); i++) {
        const struct element *e = &elements[i];
        bool always = e->has == COMMAND_HAS_FIELD || e->has == COMMAND_HAS_DATA_SET_TYPE;
        if (always || element_is_present(command, e)) write_element(&w, e, command);
    }
    if (w.failed) return 0;
    store_le32(buffer + 4, 4);
    store_le32(buffer + 8, (uint32_t)(writer_length(&w) - GROUP_LENGTH_BYTES));
    return writer_length(&w);
}

/* ---- responses ---- */

struct command command_response(const struct command *request, uint16_t status) {
    invariant(!command_is_response(request) && request->field != COMMAND_C_CANCEL_RQ);
    bool requested = request->affected_sop_class.length == 0;
    return (struct command){
        .field = (uint16_t)(request->field | COMMAND_RESPONSE_BIT),
        .data_set_type = COMMAND_NO_DATA_SET,
        .has = COMMAND_HAS_FIELD | COMMAND_HAS_DATA_SET_TYPE | COMMAND_HAS_RESPONDED_TO | COMMAND_HAS_STATUS,
        .responded_to = request->message_id,
        .status = status,
        .affected_sop_class = requested ? request->requested_sop_class : request->affected_sop_class,
        .affected_sop_instance = requested ? request->requested_sop_instance : request->affected_sop_instance,
    };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* message: assembling, then framing. Every change of state goes through move_to. */
#include "net/dimse/message.h"

#include "engine/base/check.h"
#include "engine/base/cursor.h"

void message_init(struct message *message) {
    message->state = MESSAGE_IDLE;
    message->context_id = 0;
    message->in_pdv = false;
    message->pdv_is_last = false;
    message->result = COMMAND_IMPOSSIBLE;
    message->command_length = 0;
    message->data_set_bytes = 0;
    message->command = (struct command){0};
}

/* The legal predecessors of each state, as bits. */
static void move_to(struct message *message, enum message_state next) {
    static const unsigned from[] = {
        [MESSAGE_IDLE] = 1u << MESSAGE_IN_COMMAND | 1u << MESSAGE_IN_DATA,
        [MESSAGE_IN_COMMAND] = 1u << MESSAGE_IDLE,
        [MESSAGE_AWAIT_DATA] = 1u << MESSAGE_IN_COMMAND,
        [MESSAGE_IN_DATA] = 1u << MESSAGE_AWAIT_DATA,
        [MESSAGE_FAILED] = ~0u,
    };
    invariant(from[next] & 1u << message->state);
    message->state = next;
}

#define FAIL(message, fault, code, ...) (move_to(message, MESSAGE_FAILED), fault_set(fault, code, 0, __VA_ARGS__), MESSAGE_FAULT)

/* Whether a fragment may stand here (PS3.7 6.3.1, PS3.8 Annex E.2); NULL: it may. */
static const char *objection(const struct message *message, uint8_t context_id, bool is_command) {
    if (message->state != MESSAGE_IDLE && context_id != message->context_id)
        return "a fragment of another message inside a message";
    switch (message->state) {
    case MESSAGE_IDLE:
        if (is_command) return NULL;
        return command_has_data_set(&message->command) ? "a data set fragment without a command"
                                                       : "a data set for a command that announced none";
    case MESSAGE_IN_COMMAND: return is_command ? NULL : "a data set fragment inside a command";
    default: return is_command ? "a command fragment where a data set fragment is due" : NULL;
    }
}

enum message_event message_pdv_begin(struct message *message, uint8_t context_id, bool is_command, bool is_last,
                                     struct fault *fault) {
    if (message->state == MESSAGE_FAILED) return MESSAGE_FAULT;
    invariant(!message->in_pdv);
    const char *wrong = objection(message, context_id, is_command);
    if (wrong) return FAIL(message, fault, FAULT_MALFORMED, "%s (presentation context %u)", wrong, context_id);
    message->in_pdv = true;
    message->pdv_is_last = is_last;
    if (message->state == MESSAGE_IDLE) {
        message->context_id = context_id;
        message->command_length = 0;
        message->data_set_bytes = 0;
        move_to(message, MESSAGE_IN_COMMAND);
    }
    if (message->state != MESSAGE_AWAIT_DATA) return MESSAGE_MORE;
    move_to(message, MESSAGE_IN_DATA);
    return MESSAGE_DATA_BEGIN;
}

enum message_event message_pdv_data(struct message *message, const uint8_t *bytes, size_t n, struct fault *fault) {
    if (message->state == MESSAGE_FAILED) return MESSAGE_FAULT;
    invariant(message->in_pdv);
    if (message->state == MESSAGE_IN_DATA) {
        message->data_set_bytes += n;
        return MESSAGE_DATA;
    }
    if (n > sizeof message->command_bytes - message->command_length)
        return FAIL(message, fault, FAULT_LIMIT, "a command set of more than %zu bytes", sizeof message->command_bytes);
    invariant(bytes || n == 0);
    if (n) memcpy(message->command_bytes + message->command_length, bytes, n);
    message->command_length += (uint32_t)n;
    return MESSAGE_MORE;
}

static enum message_event command_complete(struct message *message, struct fault *fault) {
    message->result = command_parse(slice_of(message->command_bytes, message->command_length), &message->command, fault);
    if (message->result == COMMAND_IMPOSSIBLE) {
        move_to(message, MESSAGE_FAILED);
        return MESSAGE_FAULT;
    }
    move_to(message, command_has_data_set(&message->command) ? MESSAGE_AWAIT_DATA : MESSAGE_IDLE);
    return MESSAGE_COMMAND;
}

enum message_event message_pdv_end(struct message *message, struct fault *fault) {
    if (message->state == MESSAGE_FAILED) return MESSAGE_FAULT;
    invariant(message->in_pdv);
    message->in_pdv = false;
    if (!message->pdv_is_last) return MESSAGE_MORE;
    if (message->state == MESSAGE_IN_COMMAND) return command_complete(message, fault);
    move_to(message, MESSAGE_IDLE);
    return MESSAGE_DATA_END;
}

/* ---- outgoing ---- */

#define PDU_HEADER_BYTES 6u
#define PDU_TYPE_P_DATA 0x04u
#define CONTROL_COMMAND 0x01u
#define CONTROL_LAST 0x02u

size_t message_fragment_bytes(uint32_t peer_max_pdu, size_t limit) {
    invariant(limit > 1);
    size_t most = limit;
    if (peer_max_pdu != 0) {
        uint32_t pdu = peer_max_pdu < MESSAGE_MIN_PDU_BYTES ? MESSAGE_MIN_PDU_BYTES : peer_max_pdu;
        if (pdu - MESSAGE_PDV_OVERHEAD_BYTES < most) most = pdu - MESSAGE_PDV_OVERHEAD_BYTES;
    }
    return most & ~(size_t)1;
}

void message_fragment_header(uint8_t header[static MESSAGE_HEADER_BYTES], uint8_t context_id, bool is_command, bool is_last,
                             size_t n) {
    invariant(n <= UINT32_MAX - MESSAGE_PDV_OVERHEAD_BYTES);
    header[0] = PDU_TYPE_P_DATA;
    header[1] = 0;
    store_be32(header + 2, (uint32_t)n + MESSAGE_PDV_OVERHEAD_BYTES);
    store_be32(header + PDU_HEADER_BYTES, (uint32_t)n + 2); /* context ID and control header count */
    header[10] = context_id;
    header[11] = (uint8_t)((is_command ? CONTROL_COMMAND : 0) | (is_last ? CONTROL_LAST : 0));
}

size_t message_framed_bytes(size_t command_bytes, uint32_t peer_max_pdu) {
    size_t fragment = message_fragment_bytes(peer_max_pdu, LIMIT_COMMAND_BYTES);
    return command_bytes + (command_bytes + fragment - 1) / fragment * MESSAGE_HEADER_BYTES;
}

size_t message_frame(uint8_t context_id, struct slice command, uint32_t peer_max_pdu, uint8_t *out, size_t capacity) {
    invariant(command.length > 0);
    if (message_framed_bytes(command.length, peer_max_pdu) > capacity) return 0;
    size_t fragment = message_fragment_bytes(peer_max_pdu, LIMIT_COMMAND_BYTES), used = 0;
    do {
        size_t n = command.length < fragment ? command.length : fragment;
        message_fragment_header(out + used, context_id, true, n == command.length, n);
        memcpy(out + used + MESSAGE_HEADER_BYTES, command.bytes, n);
        used += MESSAGE_HEADER_BYTES + n;
        command.bytes += n;
        command.length -= n;
    } while (command.length);
    return used;
}

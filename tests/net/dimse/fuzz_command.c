/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_command: bytes as a command set, and as the PDVs of messages. What parses has to come back the same when it is encoded;
 * the assembler may never do more than its contract says. The first byte chooses: even: a command set, odd: a stream of PDVs. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/dimse/message.h"
#include "net/dimse/service_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_command_set(struct slice bytes) {
    struct command command, back;
    struct fault fault;
    enum command_result result = command_parse(bytes, &command, &fault);
    if (result == COMMAND_IMPOSSIBLE) return;
    struct service_facts facts = {.abstract_syntax = command.affected_sop_class, .served = ~0u, .allowed = ~0u, .result = result};
    struct service_verdict verdict = service_check(&command, &facts);
    uint8_t *out = malloc(bytes.length + COMMAND_ENCODED_BYTES);
    if (verdict.action == SERVICE_ANSWER) {
        struct command response = service_check_response(&command, &verdict);
        invariant(command_encode(&response, out, COMMAND_ENCODED_BYTES) > 0); /* whatever was asked */
    }
    size_t n = command_encode(&command, out, bytes.length + COMMAND_ENCODED_BYTES);
    invariant(n > 0 && n % 2 == 0);
    enum command_result again = command_parse(slice_of(out, n), &back, &fault);
    invariant(result == COMMAND_MISTYPED || again == result);
    invariant(back.field == command.field && back.data_set_type == command.data_set_type &&
              back.message_id == command.message_id);
    invariant(slice_equal(back.affected_sop_instance, command.affected_sop_instance));
    free(out);
}

/* Each PDV: control byte (bits 0 command, 1 last, 2..3 context), length byte, payload. */
static void fuzz_message(struct slice bytes) {
    struct message *message = malloc(sizeof *message);
    struct fault fault;
    message_init(message);
    uint64_t data_bytes = 0;
    for (size_t at = 0; at + 2 <= bytes.length;) {
        uint8_t control = bytes.bytes[at], length = bytes.bytes[at + 1];
        at += 2;
        size_t n = length < bytes.length - at ? length : bytes.length - at;
        enum message_event begin =
            message_pdv_begin(message, (uint8_t)(1 + (control >> 2 & 3) * 2), control & 1, control & 2, &fault);
        if (begin == MESSAGE_FAULT) break;
        if (begin == MESSAGE_DATA_BEGIN) data_bytes = 0;
        enum message_event event = message_pdv_data(message, bytes.bytes + at, n, &fault);
        if (event == MESSAGE_FAULT) break;
        invariant((event == MESSAGE_DATA) == !(control & 1));
        if (event == MESSAGE_DATA) data_bytes += n;
        at += n;
        event = message_pdv_end(message, &fault);
        if (event == MESSAGE_FAULT) break;
        if (event == MESSAGE_DATA_END) invariant(data_bytes == message->data_set_bytes && message_is_idle(message));
        if (event == MESSAGE_COMMAND) invariant(message->result != COMMAND_IMPOSSIBLE);
    }
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    (data[0] & 1 ? fuzz_message : fuzz_command_set)(slice_of(data + 1, size - 1));
    return 0;
}

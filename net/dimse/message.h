/* SPDX-License-Identifier: Apache-2.0 */
/* message: messages out of the PDVs of an association, and PDVs out of commands (PS3.7 6.3, PS3.8 Annex E). No I/O.
 *
 * Phases of one message: idle -> command fragments (gathered here, at most LIMIT_COMMAND_BYTES) -> MESSAGE_COMMAND -> (when
 * the command says that a data set follows) data fragments, which pass by and are never copied -> MESSAGE_DATA_END -> idle. A
 * fault is final: abort the association. One message at a time: fragments of two never interleave. Only the association's
 * owner calls. */
#ifndef LEAT_DIMSE_MESSAGE_H
#define LEAT_DIMSE_MESSAGE_H

#include "engine/base/limits.h"
#include "net/dimse/command.h"

enum message_event {
    MESSAGE_MORE,       /* nothing to do */
    MESSAGE_COMMAND,    /* a command is complete: message->command, message->result (COMMAND_OK, _UNKNOWN_FIELD, _MISTYPED).
                           When command_has_data_set, its data set follows, whatever the result: take or discard it */
    MESSAGE_DATA_BEGIN, /* the first fragment of the data set begins: message_pdv_begin only */
    MESSAGE_DATA,       /* bytes of the data set: message_pdv_data only */
    MESSAGE_DATA_END,   /* the data set is complete */
    MESSAGE_FAULT,      /* abort (service provider, unexpected PDU or invalid parameter: PS3.8 9.3.8) */
};

enum message_state { MESSAGE_IDLE, MESSAGE_IN_COMMAND, MESSAGE_AWAIT_DATA, MESSAGE_IN_DATA, MESSAGE_FAILED };

struct message {
    enum message_state state;
    uint8_t context_id;          /* of the message under way, or of the last one */
    bool in_pdv, pdv_is_last;
    enum command_result result;
    uint32_t command_length;
    uint64_t data_set_bytes;     /* so far */
    struct command command;      /* its slices point into command_bytes: good until the next message's first fragment */
    uint8_t command_bytes[LIMIT_COMMAND_BYTES];
};

void message_init(struct message *message);

/* The three steps of a PDV, as the upper layer indicates them; empty fragments are fine.
 *   begin: MESSAGE_MORE, MESSAGE_DATA_BEGIN or MESSAGE_FAULT
 *   data:  MESSAGE_MORE (it was a command's), MESSAGE_DATA or MESSAGE_FAULT; `bytes` may be NULL for bytes of a data set that
 *          were received straight to their place
 *   end:   MESSAGE_MORE, MESSAGE_COMMAND, MESSAGE_DATA_END or MESSAGE_FAULT
 * Faults: a data set fragment without a command or when its command said none, a command fragment inside a data set or where
 * one is due, another context than the message's, a command too long or impossible. After a fault all three go on to return
 * MESSAGE_FAULT, and leave *fault alone. */
enum message_event message_pdv_begin(struct message *message, uint8_t context_id, bool is_command, bool is_last,
                                     struct fault *fault);
enum message_event message_pdv_data(struct message *message, const uint8_t *bytes, size_t n, struct fault *fault);
enum message_event message_pdv_end(struct message *message, struct fault *fault);

/* Whether an association may be released or closed now without losing a message. */
static inline bool message_is_idle(const struct message *message) { return message->state == MESSAGE_IDLE && !message->in_pdv; }

/* ---- outgoing ---- */

#define MESSAGE_PDV_OVERHEAD_BYTES 6u  /* item length 4, context ID 1, control header 1 */
#define MESSAGE_HEADER_BYTES 12u       /* PDU header 6 and one PDV's overhead */
#define MESSAGE_MIN_PDU_BYTES 8u       /* less can't carry two bytes; smaller maxima of a peer are taken for this */

/* The bytes of a fragment that fits in one PDU of the peer's maximum (its Maximum Length item; 0 = unlimited), even; `limit`
 * is ours (> 1). */
size_t message_fragment_bytes(uint32_t peer_max_pdu, size_t limit);

/* The 12 bytes that stand before a fragment of n bytes which is alone in its P-DATA-TF PDU (PS3.8 9.3.5). n must fit in 32
 * bits with the overhead. */
void message_fragment_header(uint8_t header[static MESSAGE_HEADER_BYTES], uint8_t context_id, bool is_command, bool is_last,
                             size_t n);

/* A command (command_encode's bytes) as P-DATA-TF PDUs, each at most the peer's maximum. Returns the length, or 0 when it does
 * not fit; message_framed_bytes says how much it takes. */
size_t message_frame(uint8_t context_id, struct slice command, uint32_t peer_max_pdu, uint8_t *out, size_t capacity);
size_t message_framed_bytes(size_t command_bytes, uint32_t peer_max_pdu);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* association_send: what leaves an association: its own PDUs, orders for the transport, frames for messages; and the questions
 * about it. */
#include "engine/base/check.h"
#include "net/ulp/association.h"

#include <stdlib.h>

/* ---- own PDUs and orders ---- */
struct slice association_output(const struct association *a) {
    const struct outgoing *out = &a->out;
    if (out->large_sent < out->large_length) return slice_of(out->large + out->large_sent, out->large_length - out->large_sent);
    return slice_of(out->small, out->small_length);
}

void association_output_taken(struct association *a, size_t n) {
    struct outgoing *out = &a->out;
    if (out->large_sent < out->large_length) {
        invariant(n <= out->large_length - out->large_sent);
        out->large_sent += (uint32_t)n;
        if (out->large_sent < out->large_length || a->machine.is_requestor) return; /* the requestor's is needed with AE-3 */
        free(out->large);
        out->large = NULL;
        out->large_length = out->large_sent = 0;
        return;
    }
    invariant(n <= out->small_length);
    memmove(out->small, out->small + n, out->small_length - n);
    out->small_length -= (uint32_t)n;
}

uint32_t association_take_orders(struct association *a) {
    uint32_t orders = a->orders;
    a->orders = 0;
    return orders;
}

/* ---- frames ---- */
uint32_t association_payload_limit(const struct association *a) {
    uint32_t most = a->peer_maximum_length ? a->peer_maximum_length : UINT32_MAX;
    return most < ASSOCIATION_MAXIMUM_LENGTH_LEAST ? 0 : (most - PDV_HEADER_BYTES) & ~1u;
}

bool association_frame(const struct association *a, uint8_t context_id, bool is_command, uint64_t left, bool more, uint32_t limit,
                       struct frame *out) {
    uint32_t most = association_payload_limit(a);
    if (limit >= 2 && limit < most) most = limit & ~1u;
    if (most == 0 || !association_can_send(a) || !context_table_is_accepted(a->contexts, context_id)) return false;
    uint64_t payload = left < most ? left : most;
    if (more) payload &= ~(uint64_t)1;
    if (more && payload == 0) return false;
    out->payload_bytes = (uint32_t)payload;
    out->is_last = payload == left && !more;
    struct writer w = writer_over(out->header, sizeof out->header);
    pdu_encode_data_header(&w, context_id, is_command, out->is_last, out->payload_bytes);
    return true;
}

/* ---- questions ---- */
bool association_is_over(const struct association *a) { return a->machine.state == STA_1 && a->machine.transitions > 0; }

bool association_can_send(const struct association *a) {
    return state_machine_step(a->machine.state, EVT_DATA_REQUEST, a->machine.is_requestor).action != ACTION_NONE;
}

bool association_context(const struct association *a, uint8_t id, struct context *out) {
    return a->contexts && context_table_find(a->contexts, id, out);
}

size_t association_context_count(const struct association *a) { return a->contexts ? context_table_count(a->contexts) : 0; }

struct context association_context_at(const struct association *a, size_t index) {
    invariant(a->contexts);
    return context_table_at(a->contexts, index);
}

const struct fault *association_fault(const struct association *a) { return a->fault.code == FAULT_NONE ? NULL : &a->fault; }

uint64_t association_bytes_received(const struct association *a) { return a->reader.offset; }

/* SPDX-License-Identifier: Apache-2.0 */
/* ulp_script: see ulp_script.h. */
#include "tests/net/ulp/ulp_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/check.h"

/* ---- streams ---- */
void stream_release(struct stream *stream) {
    free(stream->bytes);
    *stream = (struct stream){0};
}
void stream_put(struct stream *stream, const void *bytes, size_t n) {
    if (stream->length + n > stream->capacity) {
        stream->capacity = (stream->length + n) * 2;
        stream->bytes = realloc(stream->bytes, stream->capacity);
        invariant(stream->bytes);
    }
    if (n) memcpy(stream->bytes + stream->length, bytes, n);
    stream->length += n;
}
static void put_header(struct stream *stream, uint8_t type, uint32_t length) {
    uint8_t header[PDU_HEADER_BYTES] = {type};
    store_be32(header + 2, length);
    stream_put(stream, header, sizeof header);
}
void stream_put_pdu(struct stream *stream, uint8_t type, const void *field, uint32_t n) {
    put_header(stream, type, n);
    stream_put(stream, field, n);
}
void stream_put_data_header(struct stream *stream, uint32_t length) { put_header(stream, PDU_DATA_TF, length); }
void stream_put_pdv(struct stream *stream, uint8_t context_id, uint8_t control, uint32_t payload_bytes, uint8_t fill) {
    uint8_t header[PDV_HEADER_BYTES];
    store_be32(header, payload_bytes + 2);
    header[4] = context_id;
    header[5] = control;
    stream_put(stream, header, sizeof header);
    for (uint32_t i = 0; i < payload_bytes; i++) stream_put(stream, &(uint8_t){(uint8_t)(fill + i)}, 1);
}
void stream_put_release(struct stream *stream, bool is_response) {
    stream_put_pdu(stream, is_response ? PDU_RELEASE_RP : PDU_RELEASE_RQ, "\0\0\0\0", 4);
}
void stream_put_abort(struct stream *stream, uint8_t source, uint8_t reason) {
    uint8_t field[4] = {0, 0, source, reason};
    stream_put_pdu(stream, PDU_ABORT, field, 4);
}
void stream_put_associate(struct stream *stream, const struct associate *associate) {
    size_t room = pdu_associate_room(associate);
    uint8_t *bytes = malloc(room);
    struct writer w = writer_over(bytes, room);
    pdu_encode_associate(&w, associate);
    invariant(!w.failed);
    stream_put(stream, bytes, writer_length(&w));
    free(bytes);
}

static struct slice syntaxes(struct writer *w, const char *first, const char *second) {
    uint8_t *begin = w->at;
    pdu_put_transfer_syntax(w, slice_text(first));
    if (second) pdu_put_transfer_syntax(w, slice_text(second));
    invariant(!w->failed);
    return slice_of(begin, (size_t)(w->at - begin));
}

struct associate script_request(uint8_t *storage) {
    struct writer w = writer_over(storage, 512);
    struct associate rq = {
        .protocol_version = 1,
        .called_ae = slice_text("LEAT"),
        .calling_ae = slice_text("SENDER"),
        .application_context = slice_text(APPLICATION_CONTEXT_NAME),
        .user = {.has_maximum_length = true,
                 .maximum_length = 16384,
                 .implementation_class_uid = slice_text("1.2.3.4"),
                 .implementation_version_name = slice_text("SCRIPT")},
        .context_count = 3,
    };
    rq.contexts[0] = (struct presentation_context){
        .id = 1, .abstract_syntax = slice_text(VERIFICATION), .transfer_syntaxes = syntaxes(&w, IMPLICIT_LE, NULL)};
    rq.contexts[1] = (struct presentation_context){
        .id = 3, .abstract_syntax = slice_text(CT_IMAGE_STORAGE), .transfer_syntaxes = syntaxes(&w, EXPLICIT_LE, IMPLICIT_LE)};
    rq.contexts[2] = (struct presentation_context){
        .id = 5, .abstract_syntax = slice_text(CT_IMAGE_STORAGE), .transfer_syntaxes = syntaxes(&w, JPEG_LOSSLESS, NULL)};
    return rq;
}

/* ---- an owner ---- */
static enum context_result any_abstract_syntax(void *context, const struct associate *rq, struct slice abstract_syntax) {
    return CONTEXT_ACCEPTANCE;
}

void owner_init(struct owner *owner, enum association_role role) {
    *owner = (struct owner){.answers_release = true};
    association_init(&owner->association, role, ASSOCIATION_MAXIMUM_LENGTH);
    negotiate_policy_init(&owner->policy);
    owner->policy.abstract_syntax = any_abstract_syntax;
}

void owner_release(struct owner *owner) {
    association_release(&owner->association);
    stream_release(&owner->sent);
    free(owner->log);
    owner->log = NULL;
}

static void append(struct owner *owner, const char *line) {
    size_t n = strlen(line);
    if (owner->log_length + n + 1 > owner->log_capacity) {
        owner->log_capacity = (owner->log_length + n + 1) * 2;
        owner->log = realloc(owner->log, owner->log_capacity);
        invariant(owner->log);
    }
    memcpy(owner->log + owner->log_length, line, n + 1);
    owner->log_length += n;
}

/* Payload may come in any pieces: what counts is its length and its bytes. */
static void flush_run(struct owner *owner) {
    char line[64];
    if (!owner->run_length) return;
    snprintf(line, sizeof line, "data %zu %08x\n", owner->run_length, owner->run_checksum);
    owner->run_length = owner->run_checksum = 0;
    append(owner, line);
}
static void payload(struct owner *owner, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) owner->run_checksum = owner->run_checksum * 31 + bytes[i];
    owner->run_length += n;
}

void owner_note(struct owner *owner, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    flush_run(owner);
    append(owner, line);
}

void owner_settle(struct owner *owner) {
    struct association *a = &owner->association;
    uint32_t orders = association_take_orders(a);
    if (orders & ASSOCIATION_CONNECT) owner->connect = true;
    if (orders & ASSOCIATION_ARTIM_STOP) owner->artim = false;
    if (orders & ASSOCIATION_ARTIM_START) owner->artim = true;
    for (struct slice out; (out = association_output(a)).length > 0;) {
        size_t n = out.length > 7 ? 7 : out.length; /* a slow transport */
        stream_put(&owner->sent, out.bytes, n);
        association_output_taken(a, n);
    }
    if (orders & ASSOCIATION_CLOSE) owner->closed = true;
}

static void answer_request(struct owner *owner, const struct associate *rq) {
    static struct negotiation negotiation;
    negotiate_answer(rq, &owner->policy, &negotiation);
    bool done = negotiation.accepted ? association_accept(&owner->association, &negotiation.accept)
                                     : association_reject(&owner->association, negotiation.reject);
    invariant(done);
}

void owner_indicated(struct owner *owner, const struct indication *in) {
    static const char *const by[] = {"peer", "us", "transport"};
    switch (in->kind) {
    case ULP_NONE:
        break;
    case ULP_ASSOCIATE_RQ:
        owner_note(owner, "rq %.*s %u contexts\n", SLICE_ARGS(in->associate->calling_ae), in->associate->context_count);
        answer_request(owner, in->associate);
        break;
    case ULP_ASSOCIATE_AC:
        owner_note(owner, "ac %u contexts\n", in->associate->context_count);
        break;
    case ULP_ASSOCIATE_RJ:
        owner_note(owner, "rj %u %u %u\n", in->reject.result, in->reject.source, in->reject.reason);
        break;
    case ULP_PDV_BEGIN:
        owner_note(owner, "pdv %u%s%s %u\n", in->pdv.context_id, in->pdv.is_command ? " command" : "",
                   in->pdv.is_last ? " last" : "", in->pdv.length);
        break;
    case ULP_PDV_DATA:
        payload(owner, in->data.bytes, in->data.length);
        break;
    case ULP_PDV_END:
        owner_note(owner, "end %u\n", in->pdv.context_id);
        break;
    case ULP_RELEASE_RQ:
        owner_note(owner, "release rq\n");
        if (owner->answers_release) association_release_response(&owner->association);
        break;
    case ULP_RELEASE_RP:
        owner_note(owner, "release rp\n");
        break;
    case ULP_ABORT:
        owner_note(owner, "abort by %s %u %u\n", by[in->abort.by], in->abort.source, in->abort.reason);
        break;
    case ULP_CLOSED:
        owner_note(owner, "closed\n");
        break;
    }
}

void owner_feed(struct owner *owner, const uint8_t *bytes, size_t n) {
    struct association *a = &owner->association;
    struct indication in;
    do {
        size_t wanted = association_payload_wanted(a);
        size_t used;
        if (owner->zero_copy && wanted && n) {
            used = wanted < n ? wanted : n;
            payload(owner, bytes, used);
            association_payload_received(a, bytes, used);
            in.kind = ULP_PDV_DATA;
        } else {
            used = association_feed(a, bytes, n, &in);
            invariant(used <= n && (in.kind != ULP_NONE || used == n));
            owner_indicated(owner, &in);
        }
        bytes += used;
        n -= used;
        owner_settle(owner);
    } while (in.kind != ULP_NONE);
}

void owner_open_acceptor(struct owner *owner) {
    uint8_t storage[512];
    struct associate rq = script_request(storage);
    struct stream stream = {0};
    owner_init(owner, ASSOCIATION_ACCEPTOR);
    stream_put_associate(&stream, &rq);
    association_transport_indication(&owner->association);
    owner_settle(owner);
    owner_feed(owner, stream.bytes, stream.length);
    stream_release(&stream);
    invariant(association_state(&owner->association) == STA_6);
    stream_release(&owner->sent);
    owner->log_length = 0;
    if (owner->log) owner->log[0] = 0;
}

void owner_open_requestor(struct owner *owner) {
    uint8_t storage[512];
    struct associate rq = script_request(storage);
    struct owner peer;
    owner_init(owner, ASSOCIATION_REQUESTOR);
    owner_init(&peer, ASSOCIATION_ACCEPTOR);
    bool done = association_request(&owner->association, &rq);
    invariant(done);
    association_transport_connected(&owner->association);
    owner_settle(owner);
    association_transport_indication(&peer.association);
    owner_feed(&peer, owner->sent.bytes, owner->sent.length);
    owner_feed(owner, peer.sent.bytes, peer.sent.length);
    owner_release(&peer);
    invariant(association_state(&owner->association) == STA_6);
    stream_release(&owner->sent);
    owner->log_length = 0;
    if (owner->log) owner->log[0] = 0;
}

struct stream owner_take_sent(struct owner *owner) {
    struct stream sent = owner->sent;
    owner->sent = (struct stream){0};
    return sent;
}

/* ---- chance: splitmix64 ---- */
uint64_t chance_next(struct chance *chance) {
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
uint64_t chance_seed(void) {
    const char *given = getenv("LEAT_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("LEAT_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* association: every event goes through fire(), which takes the step of the state machine and carries out its action by the
 * table `effects` (Tables 9-6 to 9-9 of PS3.8). What comes in is turned into events in association_feed; sending is in
 * association_send.c. */
#include "net/ulp/association.h"

#include <stdlib.h>

#include "engine/base/check.h"

enum send { SEND_NOTHING, SEND_ASSOCIATE, SEND_REJECT, SEND_RELEASE_RQ, SEND_RELEASE_RP, SEND_ABORT };

/* What an action does besides moving to its next state. AE-6: whether the provider accepts the request is in negotiate.c, so
 * the user always sees it. AA-1, when the peer caused it (Sta2), is told to the user, for the log. */
static const struct effect {
    enum send send;
    uint32_t orders;
    enum indication_kind indication;
} effects[] = {
    [AE_1] = {SEND_NOTHING, ASSOCIATION_CONNECT, ULP_NONE},
    [AE_2] = {SEND_ASSOCIATE, 0, ULP_NONE},
    [AE_3] = {SEND_NOTHING, 0, ULP_ASSOCIATE_AC},
    [AE_4] = {SEND_NOTHING, ASSOCIATION_CLOSE, ULP_ASSOCIATE_RJ},
    [AE_5] = {SEND_NOTHING, ASSOCIATION_ARTIM_START, ULP_NONE},
    [AE_6] = {SEND_NOTHING, ASSOCIATION_ARTIM_STOP, ULP_ASSOCIATE_RQ},
    [AE_7] = {SEND_ASSOCIATE, 0, ULP_NONE},
    [AE_8] = {SEND_REJECT, ASSOCIATION_ARTIM_START, ULP_NONE},
    [DT_1] = {SEND_NOTHING, 0, ULP_NONE}, /* the owner sends what association_frame made */
    [DT_2] = {SEND_NOTHING, 0, ULP_NONE}, /* PDVs are indicated as they come */
    [AR_1] = {SEND_RELEASE_RQ, 0, ULP_NONE},
    [AR_2] = {SEND_NOTHING, 0, ULP_RELEASE_RQ},
    [AR_3] = {SEND_NOTHING, ASSOCIATION_CLOSE, ULP_RELEASE_RP},
    [AR_4] = {SEND_RELEASE_RP, ASSOCIATION_ARTIM_START, ULP_NONE},
    [AR_5] = {SEND_NOTHING, ASSOCIATION_ARTIM_STOP, ULP_CLOSED},
    [AR_6] = {SEND_NOTHING, 0, ULP_NONE},
    [AR_7] = {SEND_NOTHING, 0, ULP_NONE},
    [AR_8] = {SEND_NOTHING, 0, ULP_RELEASE_RQ},
    [AR_9] = {SEND_RELEASE_RP, 0, ULP_NONE},
    [AR_10] = {SEND_NOTHING, 0, ULP_RELEASE_RP},
    [AA_1] = {SEND_ABORT, ASSOCIATION_ARTIM_START, ULP_ABORT},
    [AA_2] = {SEND_NOTHING, ASSOCIATION_ARTIM_STOP | ASSOCIATION_CLOSE, ULP_CLOSED},
    [AA_3] = {SEND_NOTHING, ASSOCIATION_CLOSE, ULP_ABORT},
    [AA_4] = {SEND_NOTHING, 0, ULP_ABORT},
    [AA_5] = {SEND_NOTHING, ASSOCIATION_ARTIM_STOP, ULP_CLOSED},
    [AA_6] = {SEND_NOTHING, 0, ULP_NONE},
    [AA_7] = {SEND_ABORT, 0, ULP_NONE},
    [AA_8] = {SEND_ABORT, ASSOCIATION_ARTIM_START, ULP_ABORT},
};

/* What an event brings along. */
struct detail {
    struct reject reject;
    uint8_t source, reason; /* of an abort */
    enum aborter by;
};

/* ---- life ---- */
void association_init(struct association *a, enum association_role role, uint32_t announced_length) {
    *a = (struct association){.own_maximum_length = announced_length, .window_invoked = 1, .window_performed = 1};
    state_machine_init(&a->machine, role == ASSOCIATION_REQUESTOR);
    pdu_reader_init(&a->reader);
}

static void drop_associate(struct association *a) {
    free(a->associate);
    a->associate = NULL;
    pdu_reader_drop_body(&a->reader);
}

static void drop_large(struct outgoing *out) {
    free(out->large);
    out->large = NULL;
    out->large_length = out->large_sent = 0;
}

void association_release(struct association *a) {
    drop_associate(a);
    drop_large(&a->out);
    context_table_destroy(a->contexts);
    a->contexts = NULL;
    pdu_reader_release(&a->reader);
}

/* ---- actions ---- */
static void add_orders(struct association *a, uint32_t orders) {
    if (orders & ASSOCIATION_ARTIM_START) a->orders &= ~(uint32_t)ASSOCIATION_ARTIM_STOP;
    if (orders & ASSOCIATION_ARTIM_STOP) a->orders &= ~(uint32_t)ASSOCIATION_ARTIM_START;
    a->orders |= orders;
}

static void send_small(struct association *a, enum send send, const struct detail *detail) {
    struct writer w = writer_over(a->out.small + a->out.small_length, sizeof a->out.small - a->out.small_length);
    if (send == SEND_REJECT) pdu_encode_reject(&w, detail->reject);
    if (send == SEND_RELEASE_RQ) pdu_encode_release(&w, false);
    if (send == SEND_RELEASE_RP) pdu_encode_release(&w, true);
    if (send == SEND_ABORT) pdu_encode_abort(&w, detail->source, detail->reason);
    invariant(!w.failed);
    a->out.small_length += (uint32_t)writer_length(&w);
}

static void indicate(struct association *a, enum indication_kind kind, const struct detail *detail, struct indication *out) {
    *out = (struct indication){.kind = kind};
    if (kind == ULP_ASSOCIATE_RQ || kind == ULP_ASSOCIATE_AC) out->associate = a->associate;
    if (kind == ULP_ASSOCIATE_RJ) out->reject = detail->reject;
    if (kind == ULP_ABORT) {
        out->abort.by = detail->by;
        out->abort.source = detail->source;
        out->abort.reason = detail->reason;
    }
}

/* Payload and A-ASSOCIATE bytes that nobody waits for any more. An A-ABORT that has come in part is still read. */
static void settle_reader(struct association *a, enum state before) {
    enum state now = a->machine.state;
    bool ended = now == STA_13 || now == STA_1;
    if (ended && now != before && a->reader.phase != PHASE_FIXED_BODY) pdu_reader_skip_pdu(&a->reader);
    if (before == STA_3 && now != STA_3) drop_associate(a);
}

/* Takes an event. out NULL: the event is a primitive of the user, who needs no indication. False: a blank cell, nothing was
 * done. */
static bool fire(struct association *a, enum event event, const struct detail *detail, struct indication *out) {
    enum state before = a->machine.state;
    enum action action = state_machine_advance(&a->machine, event);
    if (action == ACTION_NONE) return false;
    const struct effect *effect = &effects[action];
    if (action == AA_7 && a->aborted_in_sta13) return true; /* one answer to what comes after the end is enough */
    if (action == AA_7) a->aborted_in_sta13 = true;
    if (effect->send == SEND_ASSOCIATE) a->out.large_sent = 0;
    if (effect->send > SEND_ASSOCIATE) send_small(a, effect->send, detail);
    add_orders(a, effect->orders);
    if (out && effect->indication) indicate(a, effect->indication, detail, out);
    settle_reader(a, before);
    return true;
}

/* ---- transport events ---- */
static const struct detail no_detail;

void association_transport_indication(struct association *a) {
    invariant(!a->machine.is_requestor);
    bool done = fire(a, EVT_TRANSPORT_INDICATION, &no_detail, NULL);
    invariant(done);
}

void association_transport_connected(struct association *a) {
    invariant(a->machine.is_requestor);
    fire(a, EVT_TRANSPORT_CONFIRM, &no_detail, NULL); /* blank when the user aborted meanwhile */
}

void association_transport_closed(struct association *a, struct indication *out) {
    *out = (struct indication){.kind = ULP_NONE};
    struct detail detail = {.by = ABORTED_BY_TRANSPORT, .source = ABORT_BY_PROVIDER, .reason = ABORT_NOT_SPECIFIED};
    fire(a, EVT_TRANSPORT_CLOSED, &detail, out);
}

void association_artim_expired(struct association *a, struct indication *out) {
    *out = (struct indication){.kind = ULP_NONE};
    fire(a, EVT_ARTIM_EXPIRED, &no_detail, out); /* blank when it was stopped meanwhile */
}

/* ---- bytes in: from PDUs to events ---- */
/* Evt19. The reason is remembered if it ends the association. */
static void fire_invalid(struct association *a, const struct fault *fault, uint8_t reason, struct indication *out) {
    struct detail detail = {.by = ABORTED_BY_US, .source = ABORT_BY_PROVIDER, .reason = reason};
    if (a->machine.state != STA_13) a->fault = *fault;
    fire(a, EVT_INVALID_PDU, &detail, out);
}

/* The same with a number that says more. */
static void fire_invalid_value(struct association *a, const struct reader_fault *found, struct indication *out) {
    struct fault fault;
    fault_set(&fault, FAULT_MALFORMED, found->offset, "%s (%llu)", found->text, (unsigned long long)found->value);
    fire_invalid(a, &fault, found->reason, out);
}

static void fire_no_memory(struct association *a, struct indication *out) {
    struct fault fault;
    fault_set(&fault, FAULT_MEMORY, a->reader.pdu_offset, "no memory for an A-ASSOCIATE PDU");
    fire_invalid(a, &fault, ABORT_NOT_SPECIFIED, out);
}

/* An event for a PDU that is in order in itself; one that has no business in this state is an unexpected PDU. */
static void fire_pdu(struct association *a, enum event event, const struct detail *detail, struct indication *out) {
    enum state state = a->machine.state;
    enum action action = state_machine_step(state, event, a->machine.is_requestor).action;
    if (action != AA_1 && action != AA_8 && action != AA_7) {
        fire(a, event, detail, out);
        return;
    }
    if (action != AA_7)
        fault_set(&a->fault, FAULT_MALFORMED, a->reader.pdu_offset, "PDU of type %u in %s", a->reader.type,
                  state_machine_state_name(state));
    struct detail unexpected = {.by = ABORTED_BY_US, .source = ABORT_BY_PROVIDER, .reason = ABORT_UNEXPECTED_PDU};
    fire(a, event, &unexpected, out);
}

static void on_header(struct association *a, struct indication *out) {
    const struct pdu_reader *reader = &a->reader;
    switch (reader->type) {
    case PDU_DATA_TF:
        if (a->own_maximum_length && reader->pdu_length > a->own_maximum_length) a->remarks |= ASSOCIATION_REMARK_LONG_PDU;
        fire_pdu(a, EVT_DATA_TF_PDU, &no_detail, out);
        if (a->machine.state == STA_13) pdu_reader_skip_pdu(&a->reader);
        break;
    case PDU_ASSOCIATE_RQ: /* where it is unexpected, its body is neither awaited nor kept */
        if (a->machine.state == STA_2) break;
        fire_pdu(a, EVT_ASSOCIATE_RQ_PDU, &no_detail, out);
        pdu_reader_skip_pdu(&a->reader);
        break;
    case PDU_ASSOCIATE_AC:
        if (a->machine.state == STA_5) break;
        fire_pdu(a, EVT_ASSOCIATE_AC_PDU, &no_detail, out);
        pdu_reader_skip_pdu(&a->reader);
        break;
    default:
        break;
    }
}

/* Printable: titles and names go to logs. */
static void keep_text(char *to, size_t capacity, struct slice from) {
    size_t n = from.length < capacity - 1 ? from.length : capacity - 1;
    for (size_t i = 0; i < n; i++) to[i] = from.bytes[i] >= 0x20 && from.bytes[i] < 0x7f ? (char)from.bytes[i] : '?';
    to[n] = 0;
}

static void keep_peer(struct association *a, const struct user_information *user) {
    a->peer_maximum_length = user->has_maximum_length ? user->maximum_length : ASSOCIATION_MAXIMUM_LENGTH_ABSENT;
    if (!user->has_maximum_length) a->remarks |= ASSOCIATION_REMARK_NO_MAXIMUM_LENGTH;
    keep_text(a->peer_implementation_uid, sizeof a->peer_implementation_uid, user->implementation_class_uid);
    keep_text(a->peer_implementation_version, sizeof a->peer_implementation_version, user->implementation_version_name);
}

static void keep_titles(struct association *a, const struct associate *rq) {
    keep_text(a->called_ae, sizeof a->called_ae, rq->called_ae);
    keep_text(a->calling_ae, sizeof a->calling_ae, rq->calling_ae);
}

/* PS3.7 D.3.3.3: without the item on both sides, one operation at a time; an answer never exceeds the proposal. */
static uint16_t window_of(uint16_t proposed, uint16_t answered) {
    if (proposed && (answered == 0 || answered > proposed)) return proposed;
    return answered;
}

/* Both A-ASSOCIATE PDUs are known: contexts, window. False: no memory. */
static bool keep_negotiated(struct association *a, const struct associate *rq, const struct associate *ac) {
    bool foreign;
    a->contexts = context_table_create(rq, ac, &foreign);
    if (!a->contexts) return false;
    if (foreign) a->remarks |= ASSOCIATION_REMARK_FOREIGN_CONTEXT;
    if (rq->user.has_window && ac->user.has_window) {
        a->window_invoked = window_of(rq->user.window_invoked, ac->user.window_invoked);
        a->window_performed = window_of(rq->user.window_performed, ac->user.window_performed);
    }
    return true;
}

static void on_associate_rq(struct association *a, struct indication *out) {
    keep_titles(a, a->associate);
    keep_peer(a, &a->associate->user);
    fire_pdu(a, EVT_ASSOCIATE_RQ_PDU, &no_detail, out);
}

static void on_associate_ac(struct association *a, struct indication *out) {
    struct associate rq;
    struct slice own = slice_of(a->out.large + PDU_HEADER_BYTES, a->out.large_length - PDU_HEADER_BYTES);
    bool decoded = pdu_decode_associate(&rq, false, own, 0, NULL);
    invariant(decoded);
    keep_peer(a, &a->associate->user);
    if (a->peer_maximum_length && a->peer_maximum_length < ASSOCIATION_MAXIMUM_LENGTH_LEAST) {
        struct reader_fault tiny = {"maximum length can't hold a PDV", a->reader.pdu_offset, a->peer_maximum_length,
                                    ABORT_INVALID_PARAMETER};
        fire_invalid_value(a, &tiny, out);
    } else if (!keep_negotiated(a, &rq, a->associate)) {
        fire_no_memory(a, out);
    } else {
        fire_pdu(a, EVT_ASSOCIATE_AC_PDU, &no_detail, out);
    }
    if (a->out.large_sent == a->out.large_length) drop_large(&a->out);
}

static void on_associate(struct association *a, struct slice field, struct indication *out) {
    bool is_accept = a->reader.type == PDU_ASSOCIATE_AC;
    struct fault fault;
    a->associate = malloc(sizeof *a->associate);
    if (!a->associate) {
        fire_no_memory(a, out);
    } else if (!pdu_decode_associate(a->associate, is_accept, field, a->reader.offset - field.length, &fault)) {
        drop_associate(a);
        fire_invalid(a, &fault, ABORT_INVALID_PARAMETER, out);
    } else if (is_accept) {
        on_associate_ac(a, out);
    } else {
        on_associate_rq(a, out);
    }
}

static void on_release_rp(struct association *a, struct indication *out) {
    fire_pdu(a, EVT_RELEASE_RP_PDU, &no_detail, out);
    if (a->machine.state == STA_12 && a->release_response_due) fire(a, EVT_RELEASE_RESPONSE, &no_detail, NULL);
}

static void on_pdu(struct association *a, struct slice field, struct indication *out) {
    struct detail detail = {.by = ABORTED_BY_PEER};
    switch (a->reader.type) {
    case PDU_ASSOCIATE_RQ:
    case PDU_ASSOCIATE_AC:
        on_associate(a, field, out);
        break;
    case PDU_ASSOCIATE_RJ:
        detail.reject = (struct reject){.result = field.bytes[1], .source = field.bytes[2], .reason = field.bytes[3]};
        fire_pdu(a, EVT_ASSOCIATE_RJ_PDU, &detail, out);
        break;
    case PDU_RELEASE_RQ:
        fire_pdu(a, EVT_RELEASE_RQ_PDU, &detail, out);
        break;
    case PDU_RELEASE_RP:
        on_release_rp(a, out);
        break;
    default:
        invariant(a->reader.type == PDU_ABORT);
        detail.source = field.bytes[2];
        detail.reason = field.bytes[3];
        fire_pdu(a, EVT_ABORT_PDU, &detail, out);
    }
}

static void on_pdv_begin(struct association *a, struct indication *out) {
    const struct pdu_reader *reader = &a->reader;
    a->pdv = (struct pdv){
        .context_id = reader->context_id,
        .is_command = reader->control & PDV_COMMAND,
        .is_last = reader->control & PDV_LAST,
        .length = reader->pdv_left,
    };
    if (!context_table_is_accepted(a->contexts, reader->context_id)) {
        bool even = reader->context_id % 2 == 0;
        struct reader_fault fault = {
            .text = even ? "even presentation context ID" : "presentation context that was not accepted",
            .offset = reader->offset - 2,
            .value = reader->context_id,
            .reason = even ? ABORT_INVALID_PARAMETER : ABORT_UNEXPECTED_PARAMETER,
        };
        fire_invalid_value(a, &fault, out);
        return;
    }
    if (reader->pdv_left % 2) a->remarks |= ASSOCIATION_REMARK_ODD_FRAGMENT;
    *out = (struct indication){.kind = ULP_PDV_BEGIN, .pdv = a->pdv};
}

static void dispatch(struct association *a, enum read_status status, const struct read_result *result, struct indication *out) {
    switch (status) {
    case READ_MORE:
        break;
    case READ_HEADER:
        on_header(a, out);
        break;
    case READ_PDU:
        on_pdu(a, result->data, out);
        break;
    case READ_PDV_BEGIN:
        on_pdv_begin(a, out);
        break;
    case READ_PDV_DATA:
        *out = (struct indication){.kind = ULP_PDV_DATA, .data = result->data};
        break;
    case READ_PDV_END:
        *out = (struct indication){.kind = ULP_PDV_END, .pdv = a->pdv};
        break;
    case READ_FAULT:
        fire_invalid_value(a, &result->fault, out);
        break;
    }
}

size_t association_feed(struct association *a, const uint8_t *bytes, size_t n, struct indication *out) {
    size_t used = 0;
    enum read_status status;
    struct read_result result;
    *out = (struct indication){.kind = ULP_NONE};
    if (a->associate && a->machine.state != STA_3) drop_associate(a); /* an A-ASSOCIATE-AC: until the next call */
    do {
        if (a->machine.state == STA_1) return n;
        used += pdu_reader_feed(&a->reader, bytes ? bytes + used : NULL, n - used, &status, &result);
        dispatch(a, status, &result, out);
    } while (status != READ_MORE && out->kind == ULP_NONE);
    return used;
}

size_t association_payload_wanted(const struct association *a) {
    return a->reader.phase == PHASE_PDV_DATA ? a->reader.pdv_left : 0;
}

void association_payload_received(struct association *a, const uint8_t *where, size_t n) {
    (void)where; /* the bytes themselves are the owner's business */
    if (a->machine.state != STA_1 && n > 0) pdu_reader_pass(&a->reader, n);
}

size_t association_pdu_rest(const struct association *a) {
    return a->reader.phase == PHASE_PDV_DATA || a->reader.phase == PHASE_PDV_HEADER ? a->reader.pdu_left - a->reader.pdv_left : 0;
}

/* ---- primitives ---- */
static bool is_possible(const struct association *a, enum event event) {
    return state_machine_step(a->machine.state, event, a->machine.is_requestor).action != ACTION_NONE;
}

/* Encodes into out.large, of just the right size. */
static bool encode_large(struct association *a, const struct associate *associate) {
    size_t room = pdu_associate_room(associate);
    uint8_t *bytes = room <= PDU_ASSOCIATE_BYTES_MAX ? malloc(room) : NULL;
    if (!bytes) return false;
    struct writer w = writer_over(bytes, room);
    pdu_encode_associate(&w, associate);
    if (w.failed) {
        free(bytes);
        return false;
    }
    drop_large(&a->out);
    uint8_t *exact = realloc(bytes, writer_length(&w));
    a->out.large = exact ? exact : bytes;
    a->out.large_length = (uint32_t)writer_length(&w);
    return true;
}

bool association_request(struct association *a, const struct associate *rq) {
    if (!is_possible(a, EVT_ASSOCIATE_REQUEST) || !encode_large(a, rq)) return false;
    a->out.large_sent = a->out.large_length; /* held back until AE-2 */
    keep_titles(a, rq);
    return fire(a, EVT_ASSOCIATE_REQUEST, &no_detail, NULL);
}

bool association_accept(struct association *a, const struct associate *ac) {
    if (!is_possible(a, EVT_ASSOCIATE_RESPONSE_ACCEPT)) return false;
    if (!encode_large(a, ac)) return false;
    if (!keep_negotiated(a, a->associate, ac)) {
        drop_large(&a->out);
        return false;
    }
    return fire(a, EVT_ASSOCIATE_RESPONSE_ACCEPT, &no_detail, NULL);
}

bool association_reject(struct association *a, struct reject reject) {
    struct detail detail = {.reject = reject};
    return fire(a, EVT_ASSOCIATE_RESPONSE_REJECT, &detail, NULL);
}

bool association_release_request(struct association *a) { return fire(a, EVT_RELEASE_REQUEST, &no_detail, NULL); }

bool association_release_response(struct association *a) {
    if (a->machine.state == STA_10) return a->release_response_due = true;
    return fire(a, EVT_RELEASE_RESPONSE, &no_detail, NULL);
}

bool association_abort(struct association *a, enum abort_source source, enum abort_reason reason) {
    struct detail detail = {.by = ABORTED_BY_US, .source = (uint8_t)source, .reason = (uint8_t)reason};
    return fire(a, EVT_ABORT_REQUEST, &detail, NULL);
}

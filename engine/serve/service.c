/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/service.h"

#include <stdio.h>

#include "codec/dicom/uid.h"
#include "codec/dicom/uids.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/ingest/notebook.h"
#include "net/dimse/status.h"

#define SERVED (CONFIG_OPERATION_ECHO | CONFIG_OPERATION_STORE)

/* ---- refusals: a line in the log, a count, a row in `problems` ---- */

static enum counter counter_of(uint16_t status) {
    switch (status) {
    case STATUS_OUT_OF_RESOURCES: return COUNTER_REFUSED_NO_SPACE;
    case STATUS_DATA_SET_MISMATCH: return COUNTER_REFUSED_INCOMPLETE;
    case STATUS_CANNOT_UNDERSTAND: return COUNTER_REFUSED_UNREADABLE;
    case STATUS_SOP_CLASS_NOT_SUPPORTED: return COUNTER_REFUSED_SOP_CLASS;
    case STATUS_NOT_AUTHORIZED: return COUNTER_REFUSED_NOT_ALLOWED;
    default: return COUNTER_REFUSED_COMMAND;
    }
}

static void note_refusal(struct session *s, uint16_t status, uint32_t offending, const char *comment,
                         const struct object_uids *identity) {
    char text[160];
    int n = snprintf(text, sizeof text, "%04X %s", status, comment);
    if (offending && n > 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, " (%04X,%04X)", offending >> 16, offending & 0xffff);
    counters_add(s->station->counters, counter_of(status), 1);
    s->refused++;
    log_warn("association %llu: object refused: %s; study %.*s series %.*s instance %.*s from %s", (unsigned long long)s->number,
             text, SLICE_ARGS(identity->study_uid), SLICE_ARGS(identity->series_uid), SLICE_ARGS(identity->sop_uid),
             s->association.calling_ae);
    notebook_problem(pipeline_notebook(s->station->hall->pipeline),
                     &(struct notebook_entry){.kind = PROBLEM_REFUSED,
                                              .study_uid = identity->study_uid,
                                              .series_uid = identity->series_uid,
                                              .sop_uid = identity->sop_uid,
                                              .calling_aet = slice_text(s->association.calling_ae),
                                              .text = text});
}

/* Filed, although something in it is wrong: a UID's form, a character set, a length. */
static void note_remarks(struct session *s, const struct object *object, const struct object_uids *identity) {
    uint32_t remarks = object->scan.remarks & ~SCAN_REMARKS_COMMON;
    char text[256];
    size_t n = 0;
    for (uint32_t left = remarks; left; left &= left - 1) {
        int k = snprintf(text + n, sizeof text - n, "%s%s", n ? "; " : "", scan_remark_text(left & -left));
        if (k < 0 || (n += (size_t)k) >= sizeof text - 1) break;
    }
    if (!remarks) return;
    counters_add(s->station->counters, COUNTER_REMARKED, 1);
    notebook_problem(pipeline_notebook(s->station->hall->pipeline),
                     &(struct notebook_entry){.kind = PROBLEM_REMARKED,
                                              .study_uid = identity->study_uid,
                                              .series_uid = identity->series_uid,
                                              .sop_uid = identity->sop_uid,
                                              .calling_aet = slice_text(s->association.calling_ae),
                                              .text = text});
}

/* ---- answers ---- */

static void answer_verdict(struct session *s) {
    const struct command *request = &s->message->command;
    struct command response = service_check_response(request, &s->verdict);
    if (request->field == COMMAND_C_STORE_RQ) {
        struct object_uids identity = {.sop_uid = request->affected_sop_instance};
        note_refusal(s, s->verdict.status, s->verdict.offending_element, s->verdict.comment, &identity);
    } else {
        counters_add(s->station->counters, counter_of(s->verdict.status), 1);
        log_warn("association %llu: %s answered with %04X: %s", (unsigned long long)s->number, command_field_name(request->field),
                 s->verdict.status, s->verdict.comment ? s->verdict.comment : "");
    }
    session_send_command(s, s->message->context_id, &response);
}

static void answer_echo(struct session *s) {
    struct command response = command_response(&s->message->command, STATUS_SUCCESS);
    counters_add(s->station->counters, COUNTER_ECHOES, 1);
    message_ids_remove(&s->ids, s->message->command.message_id);
    session_send_command(s, s->message->context_id, &response); /* may end the session, and take the message back */
}

static struct command store_response(const struct object *object) {
    struct command response = {
        .field = COMMAND_C_STORE_RSP,
        .data_set_type = COMMAND_NO_DATA_SET,
        .has = COMMAND_HAS_RESPONDED_TO | COMMAND_HAS_STATUS,
        .responded_to = object->message_id,
        .status = STATUS_SUCCESS,
        .affected_sop_class = slice_of(object->sop_class, object->sop_class_length),
        .affected_sop_instance = slice_of(object->sop_instance, object->sop_instance_length),
    };
    if (object->verdict != OBJECT_REFUSED) return response;
    response.status = object->refusal.status;
    response.error_comment = slice_text(object->refusal.comment);
    if (object->refusal.offending_element) response.offending[response.offending_count++] = object->refusal.offending_element;
    return response;
}

/* The pipeline is done with it: durable and visible, or refused. */
static void object_answered(struct object *object) {
    struct session *s = object->session;
    struct object_uids identity = object_uids(object);
    if (object->verdict == OBJECT_REFUSED) {
        if (!identity.sop_uid.length) identity.sop_uid = slice_of(object->sop_instance, object->sop_instance_length);
        note_refusal(s, object->refusal.status, object->refusal.offending_element, object->refusal.comment, &identity);
    } else {
        s->objects++;
        s->object_bytes += object->length;
        if (object->verdict != OBJECT_DUPLICATE) note_remarks(s, object, &identity);
        if (object->quarantined)
            log_warn("association %llu: object quarantined: its Series UID is already in another study; study %.*s series %.*s "
                     "instance %.*s "
                     "from %s",
                     (unsigned long long)s->number, SLICE_ARGS(identity.study_uid), SLICE_ARGS(identity.series_uid),
                     SLICE_ARGS(identity.sop_uid), s->association.calling_ae);
    }
    if (!s->closed && s->state != SESSION_ENDING) {
        struct command response = store_response(object);
        session_send_command(s, object->context_id, &response);
        message_ids_remove(&s->ids, object->message_id);
    }
    intake_recycle(object);
    session_operation_ended(s);
}

/* ---- commands ---- */

static struct service_verdict check(struct session *s, const struct command *command) {
    struct context context = {0};
    (void)association_context(&s->association, s->message->context_id, &context);
    const struct service_facts facts = {
        .abstract_syntax = context.abstract_syntax,
        .served = SERVED,
        .allowed = s->rules->operations,
        .result = s->message->result,
        .message_id_in_use = message_ids_contains(&s->ids, command->message_id),
    };
    return service_check(command, &facts);
}

void service_command(struct session *s) {
    const struct command *command = &s->message->command;
    s->verdict = check(s, command);
    switch (s->verdict.action) {
    case SERVICE_ABORT:
        counters_add(s->station->counters, COUNTER_ABORTED_PROTOCOL, 1);
        session_abort(s, ABORT_UNEXPECTED_PARAMETER, "%s",
                      s->verdict.comment ? s->verdict.comment : "a message that nobody asked for");
        return;
    case SERVICE_IGNORE: return;
    case SERVICE_ANSWER:
        if (!command_has_data_set(command)) answer_verdict(s);
        return;
    case SERVICE_GO: break;
    }
    if (message_ids_add(&s->ids, command->message_id) == MESSAGE_IDS_FULL) {
        s->command_pending = true;
        session_hold(s, HOLD_WINDOW);
        return;
    }
    if (command->field == COMMAND_C_ECHO_RQ) answer_echo(s);
}

/* ---- data sets ---- */

static uint8_t copy_uid(char *to, struct slice uid) {
    memcpy(to, uid.bytes, uid.length);
    return (uint8_t)uid.length;
}

static void name_object(struct session *s, struct object *object, const struct context *context) {
    const struct command *command = &s->message->command;
    const struct association *a = &s->association;
    object->session = s;
    object->answered = object_answered;
    object->message_id = command->message_id;
    object->context_id = s->message->context_id;
    object->sop_class_length = copy_uid(object->sop_class, command->affected_sop_class);
    object->sop_instance_length = copy_uid(object->sop_instance, command->affected_sop_instance);
    object->transfer_syntax_length = copy_uid(object->transfer_syntax, context->transfer_syntax);
    object->origin = (struct origin){
        .calling_aet = slice_text(a->calling_ae),
        .called_aet = slice_text(a->called_ae),
        .peer_address = slice_text(s->peer_text),
        .implementation_uid = slice_text(a->peer_implementation_uid),
        .implementation_version = slice_text(a->peer_implementation_version),
    };
}

/* The data set is read and forgotten, and then answered with this. */
static void refuse_data(struct session *s, uint16_t status, uint32_t offending, const char *comment) {
    message_ids_remove(&s->ids, s->message->command.message_id);
    s->verdict = (struct service_verdict){
        .action = SERVICE_ANSWER, .status = status, .offending_element = offending, .comment = comment};
    s->sink = SINK_DISCARD;
}

void service_data_begin(struct session *s) {
    const struct command *command = &s->message->command;
    struct context context = {0};
    s->sink = SINK_DISCARD;
    if (s->verdict.action != SERVICE_GO) return;
    if (command->field != COMMAND_C_STORE_RQ) return; /* a C-ECHO with a data set: answered already */
    if (!pipeline_has_space(s->station->hall->pipeline)) {
        refuse_data(s, STATUS_OUT_OF_RESOURCES, 0, "no space");
        return;
    }
    if (command->affected_sop_instance.length >= OBJECT_UID_BYTES || command->affected_sop_class.length >= OBJECT_UID_BYTES) {
        refuse_data(s, STATUS_DATA_SET_MISMATCH, 0x00001000, "a UID is far longer than 64 characters");
        return;
    }
    (void)association_context(&s->association, s->message->context_id, &context);
    struct object *object = intake_begin(s->station->intake, uids_encoding(context.transfer_syntax));
    if (!object) {
        s->data_pending = true;
        session_hold(s, HOLD_ADMISSION);
        return;
    }
    name_object(s, object, &context);
    s->object = object;
    s->sink = SINK_OBJECT;
}

void service_data_end(struct session *s) {
    if (s->sink == SINK_OBJECT) {
        struct object *object = s->object;
        s->object = NULL;
        s->outstanding++;
        intake_end(object);
        return;
    }
    if (s->verdict.action == SERVICE_ANSWER) answer_verdict(s);
}

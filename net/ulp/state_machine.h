/* SPDX-License-Identifier: Apache-2.0 */
/* state_machine: Table 9-10 of PS3.8, and the next states of its actions (Tables 9-6 to 9-9). A pure step, and one setter.
 * The actions themselves are carried out in association.c. */
#ifndef LEAT_ULP_STATE_MACHINE_H
#define LEAT_ULP_STATE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum state { STA_1 = 1, STA_2, STA_3, STA_4, STA_5, STA_6, STA_7, STA_8, STA_9, STA_10, STA_11, STA_12, STA_13 };

enum event {
    EVT_ASSOCIATE_REQUEST = 1,      /* Evt1: local user */
    EVT_TRANSPORT_CONFIRM,          /* Evt2 */
    EVT_ASSOCIATE_AC_PDU,           /* Evt3 */
    EVT_ASSOCIATE_RJ_PDU,           /* Evt4 */
    EVT_TRANSPORT_INDICATION,       /* Evt5 */
    EVT_ASSOCIATE_RQ_PDU,           /* Evt6 */
    EVT_ASSOCIATE_RESPONSE_ACCEPT,  /* Evt7: local user */
    EVT_ASSOCIATE_RESPONSE_REJECT,  /* Evt8: local user */
    EVT_DATA_REQUEST,               /* Evt9: local user */
    EVT_DATA_TF_PDU,                /* Evt10 */
    EVT_RELEASE_REQUEST,            /* Evt11: local user */
    EVT_RELEASE_RQ_PDU,             /* Evt12 */
    EVT_RELEASE_RP_PDU,             /* Evt13 */
    EVT_RELEASE_RESPONSE,           /* Evt14: local user */
    EVT_ABORT_REQUEST,              /* Evt15: local user */
    EVT_ABORT_PDU,                  /* Evt16 */
    EVT_TRANSPORT_CLOSED,           /* Evt17 */
    EVT_ARTIM_EXPIRED,              /* Evt18 */
    EVT_INVALID_PDU,                /* Evt19: unrecognized or invalid */
};

enum action {
    ACTION_NONE = 0, /* a blank cell: this event can't be in this state */
    AE_1, AE_2, AE_3, AE_4, AE_5, AE_6, AE_7, AE_8,
    DT_1, DT_2,
    AR_1, AR_2, AR_3, AR_4, AR_5, AR_6, AR_7, AR_8, AR_9, AR_10,
    AA_1, AA_2, AA_3, AA_4, AA_5, AA_6, AA_7, AA_8,
};

struct transition {
    enum action action;
    enum state next;
};

struct state_machine {
    enum state state;
    bool is_requestor;
    uint32_t transitions; /* count, for traces */
};

/* Pure. A blank cell gives ACTION_NONE and the same state. AE-6 gives Sta3 (the request is shown to the user, who may reject
 * it). */
struct transition state_machine_step(enum state state, enum event event, bool is_requestor);

void state_machine_init(struct state_machine *machine, bool is_requestor);
/* The one setter: takes the step and returns its action. */
enum action state_machine_advance(struct state_machine *machine, enum event event);

const char *state_machine_state_name(enum state state);    /* "Sta6" */
const char *state_machine_action_name(enum action action); /* "AA-8" */

#endif

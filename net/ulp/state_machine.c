/* SPDX-License-Identifier: Apache-2.0 */
/* state_machine: Table 9-10 of PS3.8. Only legal cells are written; an incoming PDU without a cell takes the row `unexpected`. */
#include "net/ulp/state_machine.h"

#include "engine/base/check.h"

#define EVENT_COUNT 19
#define STATE_COUNT 13

/* What Table 9-10 says to an incoming PDU that has no business in a state. Sta1 and Sta4 have no transport to bring one. */
static const uint8_t unexpected[STATE_COUNT + 1] = {
    [STA_2] = AA_1, [STA_3] = AA_8, [STA_5 ... STA_12] = AA_8, [STA_13] = AA_6,
};

/* Table 9-10: event by state, legal cells. */
static const uint8_t legal[EVENT_COUNT + 1][STATE_COUNT + 1] = {
    [EVT_ASSOCIATE_REQUEST] = {[STA_1] = AE_1},
    [EVT_TRANSPORT_CONFIRM] = {[STA_4] = AE_2},
    [EVT_ASSOCIATE_AC_PDU] = {[STA_5] = AE_3},
    [EVT_ASSOCIATE_RJ_PDU] = {[STA_5] = AE_4},
    [EVT_TRANSPORT_INDICATION] = {[STA_1] = AE_5},
    [EVT_ASSOCIATE_RQ_PDU] = {[STA_2] = AE_6, [STA_13] = AA_7},
    [EVT_ASSOCIATE_RESPONSE_ACCEPT] = {[STA_3] = AE_7},
    [EVT_ASSOCIATE_RESPONSE_REJECT] = {[STA_3] = AE_8},
    [EVT_DATA_REQUEST] = {[STA_6] = DT_1, [STA_8] = AR_7},
    [EVT_DATA_TF_PDU] = {[STA_6] = DT_2, [STA_7] = AR_6},
    [EVT_RELEASE_REQUEST] = {[STA_6] = AR_1},
    [EVT_RELEASE_RQ_PDU] = {[STA_6] = AR_2, [STA_7] = AR_8},
    [EVT_RELEASE_RP_PDU] = {[STA_7] = AR_3, [STA_10] = AR_10, [STA_11] = AR_3},
    [EVT_RELEASE_RESPONSE] = {[STA_8] = AR_4, [STA_9] = AR_9, [STA_12] = AR_4},
    [EVT_ABORT_REQUEST] = {[STA_3] = AA_1, [STA_4] = AA_2, [STA_5 ... STA_12] = AA_1},
    [EVT_ABORT_PDU] = {[STA_2] = AA_2, [STA_3] = AA_3, [STA_5 ... STA_12] = AA_3, [STA_13] = AA_2},
    [EVT_TRANSPORT_CLOSED] = {[STA_2] = AA_5, [STA_3 ... STA_12] = AA_4, [STA_13] = AR_5},
    [EVT_ARTIM_EXPIRED] = {[STA_2] = AA_2, [STA_13] = AA_2},
    [EVT_INVALID_PDU] = {[STA_13] = AA_7},
};

/* Tables 9-6 to 9-9: the next state of each action. AR-8: the requestor's; the acceptor's is Sta10. */
static const uint8_t next_of[] = {
    [AE_1] = STA_4,  [AE_2] = STA_5,  [AE_3] = STA_6,  [AE_4] = STA_1,  [AE_5] = STA_2,  [AE_6] = STA_3,  [AE_7] = STA_6,
    [AE_8] = STA_13, [DT_1] = STA_6,  [DT_2] = STA_6,  [AR_1] = STA_7,  [AR_2] = STA_8,  [AR_3] = STA_1,  [AR_4] = STA_13,
    [AR_5] = STA_1,  [AR_6] = STA_7,  [AR_7] = STA_8,  [AR_8] = STA_9,  [AR_9] = STA_11, [AR_10] = STA_12, [AA_1] = STA_13,
    [AA_2] = STA_1,  [AA_3] = STA_1,  [AA_4] = STA_1,  [AA_5] = STA_1,  [AA_6] = STA_13, [AA_7] = STA_13, [AA_8] = STA_13,
};

static bool is_incoming_pdu(enum event event) {
    switch (event) {
    case EVT_ASSOCIATE_AC_PDU:
    case EVT_ASSOCIATE_RJ_PDU:
    case EVT_ASSOCIATE_RQ_PDU:
    case EVT_DATA_TF_PDU:
    case EVT_RELEASE_RQ_PDU:
    case EVT_RELEASE_RP_PDU:
    case EVT_INVALID_PDU:
        return true;
    default: /* EVT_ABORT_PDU is expected everywhere */
        return false;
    }
}

struct transition state_machine_step(enum state state, enum event event, bool is_requestor) {
    invariant(state >= STA_1 && state <= STA_13 && event >= EVT_ASSOCIATE_REQUEST && event <= EVT_INVALID_PDU);
    enum action action = legal[event][state];
    if (action == ACTION_NONE && is_incoming_pdu(event)) action = unexpected[state];
    if (action == ACTION_NONE) return (struct transition){ACTION_NONE, state};
    if (action == AR_8 && !is_requestor) return (struct transition){AR_8, STA_10};
    return (struct transition){action, next_of[action]};
}

void state_machine_init(struct state_machine *machine, bool is_requestor) {
    *machine = (struct state_machine){.state = STA_1, .is_requestor = is_requestor};
}

enum action state_machine_advance(struct state_machine *machine, enum event event) {
    struct transition transition = state_machine_step(machine->state, event, machine->is_requestor);
    if (transition.action == ACTION_NONE) return ACTION_NONE;
    machine->state = transition.next;
    machine->transitions++;
    return transition.action;
}

const char *state_machine_state_name(enum state state) {
    static const char *const names[] = {
        "Sta0", "Sta1", "Sta2", "Sta3", "Sta4", "Sta5", "Sta6", "Sta7", "Sta8", "Sta9", "Sta10", "Sta11", "Sta12", "Sta13",
    };
    return names[state];
}

const char *state_machine_action_name(enum action action) {
    static const char *const names[] = {
        [ACTION_NONE] = "none",
        [AE_1] = "AE-1", [AE_2] = "AE-2", [AE_3] = "AE-3", [AE_4] = "AE-4", [AE_5] = "AE-5", [AE_6] = "AE-6",
        [AE_7] = "AE-7", [AE_8] = "AE-8", [DT_1] = "DT-1", [DT_2] = "DT-2", [AR_1] = "AR-1", [AR_2] = "AR-2",
        [AR_3] = "AR-3", [AR_4] = "AR-4", [AR_5] = "AR-5", [AR_6] = "AR-6", [AR_7] = "AR-7", [AR_8] = "AR-8",
        [AR_9] = "AR-9", [AR_10] = "AR-10", [AA_1] = "AA-1", [AA_2] = "AA-2", [AA_3] = "AA-3", [AA_4] = "AA-4",
        [AA_5] = "AA-5", [AA_6] = "AA-6", [AA_7] = "AA-7", [AA_8] = "AA-8",
    };
    return names[action];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Every one of the 13 x 19 cells against Table 9-10, transcribed here a second time, blanks and all, and the next states of
 * Tables 9-6 to 9-9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/base/check.h"
#include "net/ulp/state_machine.h"

/* Columns Sta1 to Sta13; "-" is a blank cell. */
static const char *const table_9_10[19] = {
    /* Evt1  */ "AE-1 -    -    -    -    -    -    -    -    -     -    -    -   ",
    /* Evt2  */ "-    -    -    AE-2 -    -    -    -    -    -     -    -    -   ",
    /* Evt3  */ "-    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6",
    /* Evt4  */ "-    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6",
    /* Evt5  */ "AE-5 -    -    -    -    -    -    -    -    -     -    -    -   ",
    /* Evt6  */ "-    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7",
    /* Evt7  */ "-    -    AE-7 -    -    -    -    -    -    -     -    -    -   ",
    /* Evt8  */ "-    -    AE-8 -    -    -    -    -    -    -     -    -    -   ",
    /* Evt9  */ "-    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -   ",
    /* Evt10 */ "-    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6",
    /* Evt11 */ "-    -    -    -    -    AR-1 -    -    -    -     -    -    -   ",
    /* Evt12 */ "-    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6",
    /* Evt13 */ "-    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6",
    /* Evt14 */ "-    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -   ",
    /* Evt15 */ "-    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -   ",
    /* Evt16 */ "-    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2",
    /* Evt17 */ "-    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5",
    /* Evt18 */ "-    AA-2 -    -    -    -    -    -    -    -     -    -    AA-2",
    /* Evt19 */ "-    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7",
};

/* The sentences "Next state is ..." of the action tables; AR-8 stands in both forms. */
static const struct {
    const char *action;
    int next_of_requestor, next_of_acceptor;
} next_states[] = {
    {"AE-1", 4, 4},   {"AE-2", 5, 5},   {"AE-3", 6, 6},   {"AE-4", 1, 1},    {"AE-5", 2, 2},   {"AE-6", 3, 3},   {"AE-7", 6, 6},
    {"AE-8", 13, 13}, {"DT-1", 6, 6},   {"DT-2", 6, 6},   {"AR-1", 7, 7},    {"AR-2", 8, 8},   {"AR-3", 1, 1},   {"AR-4", 13, 13},
    {"AR-5", 1, 1},  {"AR-6", 7, 7},  {"AR-7", 8, 8},   {"AR-8", 9, 10},   {"AR-9", 11, 11}, {"AR-10", 12, 12}, {"AA-1", 13, 13},
    {"AA-2", 1, 1},   {"AA-3", 1, 1},   {"AA-4", 1, 1},   {"AA-5", 1, 1},    {"AA-6", 13, 13}, {"AA-7", 13, 13}, {"AA-8", 13, 13},
};

static int next_state(const char *action, bool is_requestor) {
    for (size_t i = 0; i < array_count(next_states); i++)
        if (strcmp(next_states[i].action, action) == 0)
            return is_requestor ? next_states[i].next_of_requestor : next_states[i].next_of_acceptor;
    fail_msg("no action %s", action);
    return 0;
}

static void check_cell(int event, int state, const char *action) {
    for (int is_requestor = 0; is_requestor < 2; is_requestor++) {
        struct state_machine machine = {.state = (enum state)state, .is_requestor = is_requestor};
        struct transition transition = state_machine_step((enum state)state, (enum event)event, is_requestor);
        bool is_blank = strcmp(action, "-") == 0;
        if (strcmp(state_machine_action_name(transition.action), is_blank ? "none" : action) != 0)
            fail_msg("Evt%d Sta%d: %s, not %s", event, state, state_machine_action_name(transition.action), action);
        assert_int_equal(transition.next, is_blank ? state : next_state(action, is_requestor));
        assert_int_equal(state_machine_advance(&machine, (enum event)event), transition.action);
        assert_int_equal(machine.state, transition.next);
        assert_int_equal(machine.transitions, is_blank ? 0 : 1);
    }
}

static void every_cell_is_the_standards(void **unused) {
    int cells = 0;
    for (int event = 1; event <= 19; event++) {
        char row[160];
        snprintf(row, sizeof row, "%s", table_9_10[event - 1]);
        int state = 1;
        for (char *rest = row, *action; (action = strtok_r(NULL, " ", &rest)) != NULL; state++) {
            check_cell(event, state, action);
            cells++;
        }
        assert_int_equal(state, 14);
    }
    assert_int_equal(cells, 13 * 19);
}

static void names_are_the_standards(void **unused) {
    assert_string_equal(state_machine_state_name(STA_1), "Sta1");
    assert_string_equal(state_machine_state_name(STA_13), "Sta13");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_the_standards),
        cmocka_unit_test(names_are_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

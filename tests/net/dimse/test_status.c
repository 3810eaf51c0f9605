/* SPDX-License-Identifier: Apache-2.0 */
/* test_status: the table is consistent; each status has the class that PS3.7 Annex C and PS3.4 give it; all 65,536 have one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/check.h"
#include "net/dimse/status.h"

static void rows_are_reachable(void **state) {
    size_t count;
    const struct status_row *rows = status_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].code & ~rows[i].mask & 0xFFFF, 0);
        assert_true(rows[i].name[0] != 0);
        assert_ptr_equal(status_find(rows[i].code, rows[i].service), &rows[i]);
        /* whoever does not know the service classes it the same way */
        if (rows[i].mask == 0xFFFF) assert_int_equal(status_classify(rows[i].code), rows[i].class);
    }
}

static void classes(void **state) {
    static const struct {
        uint16_t status;
        enum status_class class;
    } rows[] = {
        {0x0000, STATUS_CLASS_SUCCESS}, {0x0001, STATUS_CLASS_WARNING}, {0x0107, STATUS_CLASS_WARNING},
        {0x0116, STATUS_CLASS_WARNING}, {0xB000, STATUS_CLASS_WARNING}, {0xB006, STATUS_CLASS_WARNING},
        {0xB007, STATUS_CLASS_WARNING}, {0xBFFF, STATUS_CLASS_WARNING}, {0xFE00, STATUS_CLASS_CANCEL},
        {0xFF00, STATUS_CLASS_PENDING}, {0xFF01, STATUS_CLASS_PENDING}, {0xFF02, STATUS_CLASS_FAILURE},
        {0xA700, STATUS_CLASS_FAILURE}, {0xA7FF, STATUS_CLASS_FAILURE}, {0xA900, STATUS_CLASS_FAILURE},
        {0xC000, STATUS_CLASS_FAILURE}, {0xCFFF, STATUS_CLASS_FAILURE}, {0x0122, STATUS_CLASS_FAILURE},
        {0x0210, STATUS_CLASS_FAILURE}, {0x0213, STATUS_CLASS_FAILURE}, {0x4711, STATUS_CLASS_FAILURE},
    };
    for (size_t i = 0; i < array_count(rows); i++) assert_int_equal(status_classify(rows[i].status), rows[i].class);
    for (unsigned status = 0; status <= 0xFFFF; status++)
        assert_true(status_class_name(status_classify((uint16_t)status))[0] != 0);
}

static void names_depend_on_the_service(void **state) {
    assert_string_equal(status_name(0xA700, STATUS_SERVICE_STORE), "Refused: out of resources");
    assert_string_equal(status_name(0xA7A5, STATUS_SERVICE_STORE), "Refused: out of resources");
    assert_string_equal(status_name(0xA901, STATUS_SERVICE_STORE), "Error: data set does not match SOP class");
    assert_string_equal(status_name(0xC123, STATUS_SERVICE_STORE), "Error: cannot understand");
    assert_string_equal(status_name(0xC123, STATUS_SERVICE_FIND), "Unable to process");
    assert_string_equal(status_name(0xB000, STATUS_SERVICE_STORE), "Coercion of data elements");
    assert_string_equal(status_name(0xB000, STATUS_SERVICE_GET), "Sub-operations complete, one or more failures or warnings");
    assert_string_equal(status_name(0xA801, STATUS_SERVICE_MOVE), "Refused: move destination unknown");
    assert_string_equal(status_name(0x0124, STATUS_SERVICE_STORE), "Refused: not authorized");
    assert_string_equal(status_name(0x4711, STATUS_SERVICE_STORE), "unknown status");
    assert_null(status_find(0xA801, STATUS_SERVICE_STORE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_reachable), cmocka_unit_test(classes), cmocka_unit_test(names_depend_on_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* text_check: a row a case of what texts may say under which Specific Character Set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codec/dicom/scan.h"
#include "codec/dicom/text_check.h"

#define UNKNOWN SCAN_REMARK_UNKNOWN_CHARACTER_SET
#define NOT_HELD SCAN_REMARK_NOT_IN_CHARACTER_SET

static const struct {
    const char *character_set, *vr, *text;
    uint32_t remarks;
} cases[] = {
    {"", "PN", "Doe^John", 0},
    {"ISO_IR 100", "PN", "M\xfcller^J\xf6rg", 0},
    {"ISO_IR 192", "PN", "M\xc3\xbcller", 0},
    {"ISO_IR 192", "PN", "M\xfcller^A\xff", NOT_HELD},  /* Latin-1 called UTF-8 */
    {"", "LO", "caf\xe9", NOT_HELD},                     /* nothing but ASCII was promised */
    {"ISO_IR 4711", "PN", "Doe^John", UNKNOWN},
    {"ISO_IR 4711", "PN", "M\xfcller", UNKNOWN | NOT_HELD},
    {"ISO_IR 100", "CS", "\xff", 0},                     /* the Specific Character Set says nothing about CS */
    {"ISO 2022 IR 6\\ISO 2022 IR 87", "PN", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", 0},
    {"ISO_IR 13", "PN", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", 0},
};

static void each_case(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buffer[512];
        struct attributes a;
        attributes_init(&a, buffer, sizeof buffer);
        if (cases[i].character_set[0]) assert_true(attributes_add(&a, 0x00080005, "CS", 0, slice_text(cases[i].character_set)));
        assert_true(attributes_add(&a, 0x00100010, cases[i].vr, 0, slice_text(cases[i].text)));
        uint32_t remarks = text_check(attributes_block(&a));
        if (remarks != cases[i].remarks) fail_msg("case %zu: %x, wanted %x", i, remarks, cases[i].remarks);
    }
}

static void a_cut_value_is_not_judged(void **state) {
    (void)state;
    uint8_t buffer[64];
    struct attributes a;
    attributes_init(&a, buffer, sizeof buffer);
    assert_true(attributes_add(&a, 0x00100010, "PN", ATTRIBUTE_CUT, slice_text("M\xc3")));
    assert_int_equal(text_check(attributes_block(&a)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_case), cmocka_unit_test(a_cut_value_is_not_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

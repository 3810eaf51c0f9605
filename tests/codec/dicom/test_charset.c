/* SPDX-License-Identifier: Apache-2.0 */
/* test_charset: every repertoire of PS3.3 C.12.1.1.2, the examples of PS3.5 Annexes H to K, what devices write wrong, cutting,
 * and random bytes (always valid UTF-8, never more than the buffer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "codec/dicom/charset.h"
#include "engine/base/check.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

struct example {
    const char *charset, *raw, *want;
    bool lossy;
};

static void check(const struct example *e, bool person_name) {
    char out[512];
    bool lossy = !e->lossy;
    size_t n = charset_to_utf8(slice_text(e->charset), slice_text(e->raw), person_name, out, sizeof out - 1, &lossy);
    assert_true(n < sizeof out);
    out[n] = 0;
    if (strcmp(out, e->want) != 0) fail_msg("%s: '%s' instead of '%s'", e->charset, out, e->want);
    if (lossy != e->lossy) fail_msg("%s '%s': lossy is %d", e->charset, e->want, lossy);
}

static void check_all(const struct example *examples, size_t count, bool person_name) {
    for (size_t i = 0; i < count; i++) check(&examples[i], person_name);
}

static void annex_examples(void **state) {
    static const struct example examples[] = {
        /* H.3.1 */
        {"\\ISO 2022 IR 87", "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B=\033$B$d$^$@\033(B^\033$B$?$m$&\033(B",
         "Yamada^Tarou=山田^太郎=やまだ^たろう", false},
        /* H.3.2 */
        {"ISO 2022 IR 13\\ISO 2022 IR 87",
         "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\033$B;3ED\033(J^\033$BB@O:\033(J=\033$B$d$^$@\033(J^\033$B$?$m$&\033(J",
         "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", false},
        /* I.2 */
        {"\\ISO 2022 IR 149", "Hong^Gildong=\033$)C\xfb\xf3^\033$)C\xd1\xce\xd4\xd7=\033$)C\xc8\xab^\033$)C\xb1\xe6\xb5\xbf",
         "Hong^Gildong=洪^吉洞=홍^길동", false},
        /* I.3, second line: the first byte after a line end needs its escape again */
        {"\\ISO 2022 IR 149", "\033$)C\xb1\xe6\xb5\xbf line\r\n\033$)C\xb1\xe6\xb5\xbf", "길동 line\r\n길동", false},
        /* J.1, J.2 */
        {"ISO_IR 192", "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1", "Wang^XiaoDong=王^小東", false},
        {"GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东", false},
        {"GBK", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东", false},
        /* K.2 */
        {"\\ISO 2022 IR 58", "Zhang^XiaoDong=\033$)A\xd5\xc5^\033$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东=", false},
    };
    check_all(examples, array_count(examples), true);
}

static void single_byte_repertoires(void **state) {
    static const struct example examples[] = {
        {"ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme", false},
        {"ISO_IR 100", "\xc4neas^R\xfc" "diger", "Äneas^Rüdiger", false},
        {"ISO_IR 101", "Wa\xb3\xeasa \xb1\xb6\xbf", "Wałęsa ąśż", false},
        {"ISO_IR 109", "\xa6\xb6 \xac", "Ĥĥ Ĵ", false},
        {"ISO_IR 110", "\xa2\xb3", "ĸŗ", false},
        {"ISO_IR 144", "\xbb\xee\xda" "ce\xdc\xd1yp\xd3", "Люкceмбypг", false},
        {"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار", false},
        {"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος", false},
        {"ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה", false},
        {"ISO_IR 148", "\xc7" "avu\xfeo\xf0lu \xfd\xdd", "Çavuşoğlu ıİ", false},
        {"ISO_IR 166", "\xb9\xd2\xc2", "นาย", false},
        {"ISO_IR 203", "\xa4\xbd\xbe\xa6", "€œŸŠ", false},
        {"ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ", false},
        {"ISO_IR 13", "a~\\b", "a‾\\b", false},
        {"ISO_IR 126", "\xff", BAD, true}, /* not assigned */
        {"ISO_IR 138", "\xa1", BAD, true},
        {"ISO_IR 101", "\x91", BAD, true},
    };
    check_all(examples, array_count(examples), true);
}

static void code_extensions(void **state) {
    static const struct example examples[] = {
        {"ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126", "\xe9^\033-L\xbb\xee\xda=\xe9\033-F\xc4\xe9", "é^Люк=éΔι", false},
        {"\\ISO 2022 IR 101\\ISO 2022 IR 109\\ISO 2022 IR 110\\ISO 2022 IR 127"
         "\\ISO 2022 IR 138\\ISO 2022 IR 148\\ISO 2022 IR 166\\ISO 2022 IR 203",
         "\033-B\xb1^\033-C\xa6^\033-D\xa2^\033-G\xe2^\033-H\xf9^\033-M\xf0^\033-T\xb9^\033-b\xa4", "ą^Ĥ^ĸ^ق^ש^ğ^น^€", false},
        {"ISO 2022 IR 13\\ISO 2022 IR 159\\ISO 2022 IR 87", "\033$(D0!\033$B0!\033(J", "丂亜", false},
        {"\\ISO 2022 IR 13", "\033)I\xd4\xcf\033(J~", "ﾔﾏ‾", false},
        /* '^', '=' and '\' are also second bytes of JIS X 0208 */
        {"\\ISO 2022 IR 87", "\033$B0^0=0\\\033(B", "緯綾移", false},
        /* NEC's row 13 and IBM's additions, which the standard does not have and hospitals do */
        {"\\ISO 2022 IR 87", "\033$B-!\033(B", "①", false},
        /* the escape back is missing before a delimiter */
        {"\\ISO 2022 IR 87", "\033$B;3ED^\033$BB@O:\033(B", "山田^太郎", false},
        /* KS X 1001 without its escape, at the start and after a delimiter */
        {"\\ISO 2022 IR 149", "\xc8\xab^\xb1\xe6\xb5\xbf", "홍^길동", false},
        {"ISO 2022 IR 149", "\xc8\xab", "홍", false},
        {"\\ISO 2022 IR 149", "\033$)C\x8c\x63\xb9\xe6\xb0\xa2\xc7\xcf", "똠방각하", false}, /* a syllable that Windows adds */
        {"\\ISO 2022 IR 149", "\033$)C\xb1", BAD, true},
        {"\\ISO 2022 IR 149", "\033$)C\xb1 a", BAD " a", true},
        {"\\ISO 2022 IR 87", "\033$B;\033(Ba", BAD "a", true},
        {"\\ISO 2022 IR 87", "\033$Zabc", BAD "$Zabc", true},
        {"\\ISO 2022 IR 87", "a\033", "a" BAD, true},
        {"\\ISO 2022 IR 87", "\xc1", BAD, true},
    };
    check_all(examples, array_count(examples), true);
    /* in other VRs '^' and '=' restore nothing, backslash and line ends do */
    static const struct example others[] = {
        {"ISO 2022 IR 100\\ISO 2022 IR 144", "\033-L\xbb^\xbb=\xbb\\\xe9", "Л^Л=Л\\é", false},
        {"ISO 2022 IR 100\\ISO 2022 IR 144", "\033-L\xbb\r\n\xe9", "Л\r\né", false},
    };
    check_all(others, array_count(others), false);
}

static void streams(void **state) {
    static const struct example examples[] = {
        {"ISO_IR 192", "\xf0\x9f\x98\x80 \xe2\x82\xac", "😀 €", false},
        {"ISO_IR 192", "a\xc0\x80" "b", "a" BAD BAD "b", true},
        {"ISO_IR 192", "\xed\xa0\x80", BAD BAD BAD, true}, /* a surrogate */
        {"ISO_IR 192", "\xf5\x80\x80\x80|\xe2\x82", BAD BAD BAD BAD "|" BAD BAD, true},
        {"GB18030", "\x81\x30\x81\x30\x90\x30\x81\x30", "\xc2\x80\xf0\x90\x80\x80", false}, /* four bytes */
        {"GB18030", "\x81\x5c^\x81\x5e", "乗^乛", false},                                   /* '\' and '^' as second bytes */
        {"GBK", "\xff", BAD, true},
    };
    check_all(examples, array_count(examples), true);
}

static void wrong_names(void **state) {
    static const struct example examples[] = {
        {"ISO-IR 100", "\xe9", "é", false},
        {"iso_ir 100", "\xe9", "é", false},
        {"ISO_IR_100", "\xe9", "é", false},
        {"ISO 8859-1", "\xe9", "é", false},
        {"latin1", "\xe9", "é", false},
        {" ISO_IR 100 ", "\xe9", "é", false},
        {"ISO IR 144", "\xbb", "Л", false},
        {"ISO2022IR100", "\xe9", "é", false},
        {"utf-8", "\xc3\xa9", "é", false},
        {"GB2312", "\xcd\xf5", "王", false},
        {"gb18030", "\xcd\xf5", "王", false},
        {"SHIFT_JIS", "\x8e\x52\x93\x63\xd4", "山田ﾔ", false},
        {"EUC-JP", "\xbb\xb3\xc5\xc4", "山田", false},
        {"EUC-KR", "\xc8\xab", "홍", false},
        {"BIG5", "\xa4\xa4", "中", false},
        {"ISO_IR 13", "\x8e\x52\x93\x63", "山田", true}, /* Shift JIS under the name of JIS X 0201 */
        {"\\ISO_IR 192", "\xc3\xa9", "é", false},
        {"KOI8-R", "abc", "abc", false},
        {"KOI8-R", "\xe9", "é", true},
        {"", "\xe9 a", "é a", true},
        {"", "\xc3\xa9", "é", true},
        {"ISO_IR 6", "\xe9", "é", true},
        {"ISO_IR 100", "it\x92s \x81", "it’s " BAD, true}, /* Windows quotes */
        {"", "\033$B;3ED\033(B", "山田", false},
    };
    check_all(examples, array_count(examples), true);
}

static void controls(void **state) {
    static const struct example examples[] = {
        {"ISO_IR 100", "a\tb\r\nc\f", "a\tb\r\nc\f", false},
        {"ISO_IR 100", "a\001b\177" "c", "abc", true},
        {"ISO_IR 192", "a\bb", "ab", true},
    };
    check_all(examples, array_count(examples), false);
    char out[8];
    bool lossy = true;
    assert_int_equal(charset_to_utf8(slice_text(""), slice_of("ab\0", 3), false, out, sizeof out, &lossy), 2);
    assert_false(lossy);
    assert_int_equal(charset_to_utf8(slice_text(""), slice_of(NULL, 0), true, NULL, 0, NULL), 0);
}

static void cut_at_a_whole_character(void **state) {
    static const char want[] = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" "z";
    static const size_t whole[] = {0, 1, 2, 2, 4, 4, 4, 7, 7, 7, 7, 11, 12};
    for (size_t capacity = 0; capacity <= 12; capacity++) {
        char out[16];
        memset(out, '#', sizeof out);
        assert_int_equal(charset_to_utf8(slice_text("ISO_IR 192"), slice_text(want), true, out, capacity, NULL), 12);
        assert_memory_equal(out, want, whole[capacity]);
        for (size_t i = whole[capacity]; i < capacity; i++) assert_int_equal(out[i], ' ');
        assert_int_equal(out[capacity], '#');
    }
    char small[3];
    assert_int_equal(charset_to_utf8(slice_text(""), slice_text("abcdef"), true, small, 3, NULL), 6);
    assert_memory_equal(small, "abc", 3);
}

static void exact_terms(void **state) {
    static const char *const good[] = {
        "", "ISO_IR 100", "ISO_IR 192", "GB18030", "GBK", "ISO_IR 13", "ISO_IR 203", "\\ISO 2022 IR 87", "ISO_IR 166 ",
        "ISO 2022 IR 6\\ISO 2022 IR 149", "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", "ISO 2022 IR 100",
    };
    static const char *const bad[] = {
        "ISO_IR 6", "ISO-IR 100", "iso_ir 100", "ISO_IR 14", "ISO_IR 87", "ISO_IR 0100", "ISO 2022 IR 87", "UTF-8",
        "ISO_IR 100\\ISO_IR 144", "\\ISO_IR 87", "ISO 2022 IR 87\\ISO 2022 IR 100", "ISO_IR 192\\ISO 2022 IR 87",
        "\\GB18030", "ISO_IR", "ISO_IR 1000", "ISO_IR 100x",
    };
    for (size_t i = 0; i < array_count(good); i++)
        if (!charset_is_standard(slice_text(good[i]))) fail_msg("'%s' is standard", good[i]);
    for (size_t i = 0; i < array_count(bad); i++)
        if (charset_is_standard(slice_text(bad[i]))) fail_msg("'%s' is not standard", bad[i]);
}

/* An independent check: Unicode 3.9, Table 3-7. */
static bool is_utf8(const unsigned char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        size_t more = s[i] >= 0xC2 && s[i] <= 0xDF ? 1 : (s[i] & 0xF0) == 0xE0 ? 2 : s[i] >= 0xF0 && s[i] <= 0xF4 ? 3 : 0;
        if (more == 0 || i + more >= n) return false;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xC0) != 0x80) return false;
        if (s[i] == 0xE0 && s[i + 1] < 0xA0) return false;
        if (s[i] == 0xED && s[i + 1] > 0x9F) return false;
        if (s[i] == 0xF0 && s[i + 1] < 0x90) return false;
        if (s[i] == 0xF4 && s[i + 1] > 0x8F) return false;
        i += more + 1;
    }
    return true;
}

static void random_bytes_stay_valid(void **state) {
    static const char *const charsets[] = {
        "", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK", "\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "ISO_IR 166",
        "\\ISO 2022 IR 58", "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", "BIG5", "SJIS", "EUC-JP", "?",
    };
    static const char *const pieces[] = {"\033$B", "\033(B", "\033(J", "\033$(D", "\033$)C", "\033$)A",
                                         "\033)I", "\033-A", "^",      "=",       "\\",      "\r\n"};
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 20000; round++) {
        char raw[48], whole[256], part[256];
        size_t n = 0;
        while (n < 40) {
            const char *piece = pieces[(size_t)rand() % array_count(pieces)];
            if (rand() % 5 == 0) {
                memcpy(raw + n, piece, strlen(piece));
                n += strlen(piece);
            } else {
                raw[n++] = (char)rand();
            }
        }
        struct slice charset = slice_text(charsets[(size_t)rand() % array_count(charsets)]);
        bool person_name = rand() & 1;
        size_t need = charset_to_utf8(charset, slice_of(raw, n), person_name, whole, sizeof whole, NULL);
        assert_true(need <= sizeof whole);
        assert_true(is_utf8((unsigned char *)whole, need));
        size_t capacity = (size_t)rand() % (need + 1);
        assert_int_equal(charset_to_utf8(charset, slice_of(raw, n), person_name, part, capacity, NULL), need);
        assert_true(is_utf8((unsigned char *)part, capacity));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annex_examples), cmocka_unit_test(single_byte_repertoires), cmocka_unit_test(code_extensions),
        cmocka_unit_test(streams), cmocka_unit_test(wrong_names), cmocka_unit_test(controls),
        cmocka_unit_test(cut_at_a_whole_character), cmocka_unit_test(exact_terms), cmocka_unit_test(random_bytes_stay_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner on real files: ../shared/corpus beside the source tree (its manifest.tsv says what each file holds), where it
 * is there; else the test is skipped. Each file has to be scanned, but those named below, and to give what the manifest
 * says. */
#include "scanned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum column {
    PATH, SHA256, BYTES, SOP_CLASS, TRANSFER_SYNTAX, ROWS, COLUMNS, FRAMES, BITS, PHOTOMETRIC, CHARSET, ODDITY, COLUMN_COUNT
};

/* Files that can't be scanned, and why. */
static const struct { const char *name, *reason; } unscannable[] = {
    {"rtplan_truncated.dcm", "inside an item of (300A,00B0)"},
    {"MR_truncated.dcm", "inside the element (7FE0,0010)"},
    {"nested_priv_SQ.dcm", "no data element at the beginning"},      /* (0001,0001), which PS3.5 7.1 forbids */
    {"meta_missing_tsyntax.dcm", "no data element at the beginning"}, /* the same */
    {"no_meta.dcm", "no data element at the beginning"},             /* a byte of its meta information stands in front */
};

static const char *expected_reason(const char *path) {
    for (size_t i = 0; i < sizeof unscannable / sizeof unscannable[0]; i++) {
        const char *found = strstr(path, unscannable[i].name);
        if (found && (found == path || found[-1] == '/')) return unscannable[i].reason;
    }
    return NULL;
}

/* ---- files ---- */

static uint8_t *read_whole(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*n + 1);
    if (!bytes || fread(bytes, 1, *n, file) != *n) abort();
    fclose(file);
    return bytes;
}

/* Where the data set begins and how the meta information says it is encoded; without any, implicit. */
static size_t skip_meta(const uint8_t *bytes, size_t n, enum scan_encoding *encoding) {
    *encoding = SCAN_IMPLICIT_LE;
    size_t at = n > 132 && memcmp(bytes + 128, "DICM", 4) == 0 ? 132 : 0;
    if (at) *encoding = SCAN_EXPLICIT_LE;
    while (at + 12 <= n && load_le16(bytes + at) == 2) {
        bool is_long = memcmp(bytes + at + 4, "OB", 2) == 0 || memcmp(bytes + at + 4, "UN", 2) == 0;
        size_t length = is_long ? load_le32(bytes + at + 8) : load_le16(bytes + at + 6), header = is_long ? 12 : 8;
        if (length > n - at - header) break;
        struct slice value = slice_unpadded(slice_of(bytes + at + header, length));
        if (load_le16(bytes + at + 2) == 0x10) {
            if (slice_equal(value, slice_text("1.2.840.10008.1.2"))) *encoding = SCAN_IMPLICIT_LE;
            if (slice_equal(value, slice_text("1.2.840.10008.1.2.2"))) *encoding = SCAN_EXPLICIT_BE;
            if (slice_equal(value, slice_text("1.2.840.10008.1.2.1.99"))) *encoding = SCAN_DEFLATED;
        }
        at += header + length;
    }
    return at;
}

/* ---- one file ---- */

static void check_text(const struct scanned *s, uint32_t tag, const char *expected, const char *path) {
    char text[256], *backslash;
    if (!expected[0]) return;
    scanned_text(s, tag, text);
    if ((backslash = strchr(text, '\\')) && !strchr(expected, '\\')) *backslash = 0;
    if (strcmp(text, expected) != 0) fail_msg("%s: (%08X) is %s, not %s", path, tag, text, expected);
}

static void check_number(const struct scanned *s, uint32_t tag, const char *expected, const char *path) {
    struct slice value;
    if (!expected[0]) return;
    bool is_there = attributes_find(slice_of(s->block, s->length), tag, &value) && value.length >= 2;
    if (!is_there || load_le16(value.bytes) != atoi(expected)) fail_msg("%s: (%08X) is not %s", path, tag, expected);
}

static void check_presence(const struct scanned *s, uint32_t tag, const char *oddity, const char *word, const char *path) {
    struct slice value;
    bool is_there = attributes_find(slice_of(s->block, s->length), tag, &value) && slice_unpadded(value).length;
    if (is_there == (strstr(oddity, word) != NULL)) fail_msg("%s: (%08X) is %s", path, tag, is_there ? "there" : "missing");
}

static void check_columns(const struct scanned *s, char **columns) {
    const char *path = columns[PATH], *oddity = columns[ODDITY];
    bool is_directory = strstr(oddity, "DicomDir") || strstr(oddity, "DICOMDIR"); /* its UIDs are those of the meta information */
    if (!is_directory && !strstr(oddity, "no-SOPClass")) check_text(s, 0x00080016, columns[SOP_CLASS], path);
    check_number(s, 0x00280010, columns[ROWS], path);
    check_number(s, 0x00280011, columns[COLUMNS], path);
    check_number(s, 0x00280100, columns[BITS], path);
    check_text(s, 0x00280004, columns[PHOTOMETRIC], path);
    check_text(s, 0x00080005, columns[CHARSET], path);
    if (columns[FRAMES][0] && s->number_of_frames) assert_int_equal(s->number_of_frames, atoi(columns[FRAMES]));
    check_presence(s, 0x00080018, oddity, "no-SOPInstance", path);
    check_presence(s, 0x00080016, oddity, "no-SOPClass", path);
    if (is_directory || strstr(oddity, "no-SOPClass")) return; /* of these the manifest says no more */
    check_presence(s, 0x0020000D, oddity, "no-StudyInstanceUID", path);
    check_presence(s, 0x0020000E, oddity, "no-SeriesInstanceUID", path);
    check_presence(s, 0x00100020, oddity, "no-PatientID", path);
}

/* true: a fault, as expected. */
static bool check_file(char **columns) {
    static struct scanned s, other;
    char path[1024];
    size_t n = 0;
    enum scan_encoding encoding;
    snprintf(path, sizeof path, "%s/%s", LEAT_CORPUS, columns[PATH]);
    uint8_t *bytes = read_whole(path, &n);
    if (!bytes) fail_msg("%s of the manifest can't be read", path);
    size_t at = skip_meta(bytes, n, &encoding);
    scanned_in_steps(&s, encoding, bytes + at, n - at, 0);
    scanned_in_steps(&other, encoding, bytes + at, n - at, 509);
    free(bytes);
    const char *difference = scanned_difference(&s, &other), *reason = expected_reason(columns[PATH]);
    if (difference) fail_msg("%s: %s differs between whole and in pieces", path, difference);
    if ((s.status == SCAN_FAULT) != (reason != NULL)) fail_msg("%s: %s", path, reason ? "no fault" : s.fault.text);
    if (!reason) check_columns(&s, columns);
    else if (!strstr(s.fault.text, reason)) fail_msg("%s: %s", path, s.fault.text);
    return reason != NULL;
}

static void the_corpus_is_scanned(void **state) {
    FILE *manifest = fopen(LEAT_CORPUS "/manifest.tsv", "r");
    char *line = NULL;
    size_t capacity = 0, files = 0, faults = 0;
    if (!manifest) {
        printf("skipped: there is no " LEAT_CORPUS "\n");
        skip();
    }
    assert_true(getline(&line, &capacity, manifest) > 0); /* the headings */
    while (getline(&line, &capacity, manifest) > 0) {
        char *columns[COLUMN_COUNT], *rest = line;
        line[strcspn(line, "\n")] = 0;
        for (int i = 0; i < COLUMN_COUNT; i++) columns[i] = rest ? strsep(&rest, "\t") : line + strlen(line);
        faults += check_file(columns);
        files++;
    }
    printf("%zu files, %zu of them unscannable, as known\n", files, faults);
    assert_int_equal(faults, sizeof unscannable / sizeof unscannable[0]);
    free(line);
    fclose(manifest);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_corpus_is_scanned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

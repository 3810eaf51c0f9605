/* SPDX-License-Identifier: Apache-2.0 */
/* The reader alone: what it finds in a stream, which lengths it refuses and where, and that it stays in step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/net/ulp/ulp_script.h"

/* Feeds the stream and expects these statuses, data of one PDV in one piece. */
static struct read_result expect(struct pdu_reader *reader, const struct stream *stream, size_t *at, enum read_status expected) {
    enum read_status status;
    struct read_result result;
    *at += pdu_reader_feed(reader, stream->bytes + *at, stream->length - *at, &status, &result);
    assert_int_equal(status, expected);
    return result;
}

static void pdvs_of_one_pdu(void **unused) {
    struct pdu_reader reader;
    struct stream s = {0};
    size_t at = 0;
    pdu_reader_init(&reader);
    stream_put_data_header(&s, 6 + 4 + 6 + 0 + 6 + 3);
    stream_put_pdv(&s, 3, PDV_COMMAND | PDV_LAST, 4, 'a');
    stream_put_pdv(&s, 3, 0, 0, 0);
    stream_put_pdv(&s, 5, PDV_LAST | 0xfc, 3, 'x'); /* other bits of the control header mean nothing */
    stream_put_release(&s, false);
    expect(&reader, &s, &at, READ_HEADER);
    assert_int_equal(reader.pdu_length, 25);
    expect(&reader, &s, &at, READ_PDV_BEGIN);
    assert_int_equal(reader.pdv_left, 4);
    assert_int_equal(expect(&reader, &s, &at, READ_PDV_DATA).data.length, 4);
    expect(&reader, &s, &at, READ_PDV_END);
    expect(&reader, &s, &at, READ_PDV_BEGIN);
    expect(&reader, &s, &at, READ_PDV_END);
    expect(&reader, &s, &at, READ_PDV_BEGIN);
    assert_int_equal(reader.context_id, 5);
    assert_memory_equal(expect(&reader, &s, &at, READ_PDV_DATA).data.bytes, "xyz", 3);
    expect(&reader, &s, &at, READ_PDV_END);
    expect(&reader, &s, &at, READ_HEADER);
    assert_int_equal(expect(&reader, &s, &at, READ_PDU).data.length, 4);
    expect(&reader, &s, &at, READ_MORE);
    assert_int_equal(at, s.length);
    assert_int_equal(reader.offset, s.length);
    stream_release(&s);
    pdu_reader_release(&reader);
}

/* A header alone is a fault; what follows is read on. */
static void refuse(uint8_t type, uint32_t length, enum abort_reason reason) {
    struct pdu_reader reader;
    struct stream s = {0};
    size_t at = 0;
    pdu_reader_init(&reader);
    stream_put_release(&s, false);
    uint8_t header[6] = {type};
    store_be32(header + 2, length);
    stream_put(&s, header, sizeof header);
    size_t rest = length < 100 ? length : 100;
    for (size_t i = 0; i < rest; i++) stream_put(&s, "\4", 1);
    stream_put_release(&s, true);
    expect(&reader, &s, &at, READ_HEADER);
    expect(&reader, &s, &at, READ_PDU);
    struct read_result result = expect(&reader, &s, &at, READ_FAULT);
    assert_int_equal(result.fault.reason, reason);
    assert_int_equal(result.fault.offset, 10);
    assert_non_null(result.fault.text);
    if (rest == length) {
        expect(&reader, &s, &at, READ_HEADER);
        assert_int_equal(reader.type, PDU_RELEASE_RP);
    } else {
        expect(&reader, &s, &at, READ_MORE);
    }
    assert_null(reader.body);
    stream_release(&s);
    pdu_reader_release(&reader);
}

static void impossible_headers(void **unused) {
    static const uint8_t unknown[] = {0, 8, 0x16, 'G', 'S', 0xff};
    for (size_t i = 0; i < sizeof unknown; i++) refuse(unknown[i], 50, ABORT_UNRECOGNIZED_PDU);
    refuse('G', 0x54202f20, ABORT_UNRECOGNIZED_PDU);
    static const uint8_t fixed[] = {PDU_ASSOCIATE_RJ, PDU_RELEASE_RQ, PDU_RELEASE_RP, PDU_ABORT};
    static const uint32_t wrong[] = {0, 1, 3, 5, 6, 1u << 31};
    for (size_t i = 0; i < sizeof fixed; i++)
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) refuse(fixed[i], wrong[k], ABORT_INVALID_PARAMETER);
    for (uint32_t n = 0; n < 6; n++) refuse(PDU_DATA_TF, n, ABORT_INVALID_PARAMETER);
    refuse(PDU_ASSOCIATE_RQ, 67, ABORT_INVALID_PARAMETER);
    refuse(PDU_ASSOCIATE_AC, 0, ABORT_INVALID_PARAMETER);
    refuse(PDU_ASSOCIATE_RQ, PDU_ASSOCIATE_BYTES_MAX + 1, ABORT_INVALID_PARAMETER);
    refuse(PDU_ASSOCIATE_RQ, UINT32_MAX, ABORT_INVALID_PARAMETER);
}

static void refuse_pdv(uint32_t pdu_length, uint32_t pdv_length, bool is_fault) {
    struct pdu_reader reader;
    struct stream s = {0};
    size_t at = 0;
    uint8_t pdv[6] = {0, 0, 0, 0, 1, 0};
    store_be32(pdv, pdv_length);
    pdu_reader_init(&reader);
    stream_put_data_header(&s, pdu_length);
    stream_put(&s, pdv, sizeof pdv);
    expect(&reader, &s, &at, READ_HEADER);
    struct read_result result = expect(&reader, &s, &at, is_fault ? READ_FAULT : READ_PDV_BEGIN);
    if (is_fault) assert_int_equal(result.fault.offset, 6);
    if (is_fault) assert_int_equal(result.fault.reason, ABORT_INVALID_PARAMETER);
    if (is_fault) assert_int_equal(reader.pdu_left, pdu_length - 6);
    stream_release(&s);
}

static void impossible_pdvs(void **unused) {
    refuse_pdv(20, 0, true);
    refuse_pdv(20, 1, true);
    refuse_pdv(20, 2, false);
    refuse_pdv(20, 16, false);
    refuse_pdv(20, 17, true);
    refuse_pdv(20, UINT32_MAX, true);
    refuse_pdv(UINT32_MAX, UINT32_MAX - 4, false);
    refuse_pdv(UINT32_MAX, UINT32_MAX - 3, true);
}

/* A PDU that ends in 1 to 5 bytes that can't be the header of a PDV. */
static void a_pdu_ends_inside_a_header(void **unused) {
    for (uint32_t extra = 1; extra < 6; extra++) {
        struct pdu_reader reader;
        struct stream s = {0};
        size_t at = 0;
        pdu_reader_init(&reader);
        stream_put_data_header(&s, 6 + 2 + extra);
        stream_put_pdv(&s, 1, 0, 2, 0);
        expect(&reader, &s, &at, READ_HEADER);
        expect(&reader, &s, &at, READ_PDV_BEGIN);
        expect(&reader, &s, &at, READ_PDV_DATA);
        expect(&reader, &s, &at, READ_PDV_END);
        assert_int_equal(expect(&reader, &s, &at, READ_FAULT).fault.offset, 14);
        assert_int_equal(reader.pdu_left, extra);
        stream_release(&s);
    }
}

/* A length costs no memory until its bytes are there. */
static void an_associate_body_grows_as_it_comes(void **unused) {
    struct pdu_reader reader;
    struct stream s = {0};
    size_t at = 0;
    pdu_reader_init(&reader);
    uint8_t header[6] = {PDU_ASSOCIATE_RQ, 0, 0, 0x10, 0, 0}, zeros[1000] = {0};
    stream_put(&s, header, sizeof header);
    stream_put(&s, zeros, 500);
    expect(&reader, &s, &at, READ_HEADER);
    expect(&reader, &s, &at, READ_MORE);
    assert_true(reader.body_capacity <= 4096);
    for (int i = 0; i < 1048; i++) stream_put(&s, zeros, sizeof zeros);
    expect(&reader, &s, &at, READ_MORE);
    stream_put(&s, zeros, 76);
    assert_int_equal(expect(&reader, &s, &at, READ_PDU).data.length, 1u << 20);
    assert_int_equal(reader.body_capacity, 1u << 20);
    pdu_reader_drop_body(&reader);
    assert_null(reader.body);
    stream_release(&s);
}

/* In every phase, skipping the PDU leads to the next one. */
static void skipping_stays_in_step(void **unused) {
    struct stream s = {0};
    stream_put_data_header(&s, 6 + 10 + 6 + 4);
    stream_put_pdv(&s, 1, 0, 10, 0);
    stream_put_pdv(&s, 1, 0, 4, 0);
    size_t first = s.length;
    stream_put_release(&s, false);
    size_t second = s.length;
    stream_put_abort(&s, 0, 0);
    for (size_t cut = 0; cut <= second; cut++) {
        struct pdu_reader reader;
        enum read_status status;
        struct read_result result;
        size_t at = 0;
        pdu_reader_init(&reader);
        do at += pdu_reader_feed(&reader, s.bytes + at, cut - at, &status, &result);
        while (status != READ_MORE);
        bool mid_header = reader.phase == PHASE_PDU_HEADER;
        pdu_reader_skip_pdu(&reader);
        do at += pdu_reader_feed(&reader, s.bytes + at, s.length - at, &status, &result);
        while (status != READ_MORE && status != READ_PDU);
        if (status == READ_PDU) assert_true(at == second || at == s.length);
        if (!mid_header && cut < first) assert_int_equal(at, second); /* the next PDU is the release */
        assert_int_equal(reader.offset, at);
        pdu_reader_release(&reader);
    }
    stream_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pdvs_of_one_pdu),
        cmocka_unit_test(impossible_headers),
        cmocka_unit_test(impossible_pdvs),
        cmocka_unit_test(a_pdu_ends_inside_a_header),
        cmocka_unit_test(an_associate_body_grows_as_it_comes),
        cmocka_unit_test(skipping_stays_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

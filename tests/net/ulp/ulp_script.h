/* SPDX-License-Identifier: Apache-2.0 */
/* ulp_script: what the tests of net/ulp share: streams written PDU by PDU, an owner that accepts everything and writes down
 * what it is told, and a pseudo-random sequence. */
#ifndef LEAT_TESTS_ULP_SCRIPT_H
#define LEAT_TESTS_ULP_SCRIPT_H

#include "net/ulp/association.h"
#include "net/ulp/negotiate.h"

#define CT_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define MR_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.4"
#define VERIFICATION "1.2.840.10008.1.1"
#define IMPLICIT_LE "1.2.840.10008.1.2"
#define EXPLICIT_LE "1.2.840.10008.1.2.1"
#define JPEG_LOSSLESS "1.2.840.10008.1.2.4.70"

/* ---- streams ---- */
struct stream {
    uint8_t *bytes;
    size_t length, capacity;
};
void stream_release(struct stream *stream);
void stream_put(struct stream *stream, const void *bytes, size_t n);
void stream_put_pdu(struct stream *stream, uint8_t type, const void *field, uint32_t n);
/* One P-DATA-TF header, then PDVs. */
void stream_put_data_header(struct stream *stream, uint32_t length);
void stream_put_pdv(struct stream *stream, uint8_t context_id, uint8_t control, uint32_t payload_bytes, uint8_t fill);
void stream_put_release(struct stream *stream, bool is_response);
void stream_put_abort(struct stream *stream, uint8_t source, uint8_t reason);
void stream_put_associate(struct stream *stream, const struct associate *associate);

/* A request: contexts 1 (Verification: implicit), 3 (CT: explicit, implicit), 5 (CT: JPEG), maximum length 16384. storage: 512
 * bytes. */
struct associate script_request(uint8_t *storage);

/* ---- an owner ---- */
struct owner {
    struct association association;
    struct negotiate_policy policy;
    bool artim; /* as ordered */
    bool closed, connect;
    bool zero_copy; /* use association_payload_wanted */
    bool answers_release;
    struct stream sent; /* output, all of it */
    char *log;          /* what was indicated, a line each; payload as one line a run */
    size_t log_length, log_capacity;
    uint32_t run_checksum;
    size_t run_length; /* of payload not yet in the log */
};
void owner_init(struct owner *owner, enum association_role role);
void owner_release(struct owner *owner);
/* Feeds all bytes, in pieces as association_feed takes them, and acts on what is indicated. */
void owner_feed(struct owner *owner, const uint8_t *bytes, size_t n);
void owner_settle(struct owner *owner); /* orders and output */
void owner_note(struct owner *owner, const char *format, ...) __attribute__((format(printf, 2, 3)));
void owner_indicated(struct owner *owner, const struct indication *indication);
/* An owner in Sta6 on either side of script_request. */
void owner_open_acceptor(struct owner *owner);
void owner_open_requestor(struct owner *owner);
/* Takes what was sent so far. */
struct stream owner_take_sent(struct owner *owner);

/* ---- chance ---- */
struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
static inline uint32_t chance_below(struct chance *chance, uint32_t limit) { return (uint32_t)(chance_next(chance) % limit); }
uint64_t chance_seed(void); /* LEAT_TEST_SEED, or one from the clock; printed */

#endif

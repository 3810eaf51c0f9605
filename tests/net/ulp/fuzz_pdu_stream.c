/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_pdu_stream: the first byte says who listens (acceptor in Sta2 or Sta6, requestor in Sta5 or Sta6) and how the rest is
 * cut. */
#include "tests/net/ulp/ulp_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_requestor(struct owner *owner) {
    uint8_t storage[512];
    struct associate rq = script_request(storage);
    owner_init(owner, ASSOCIATION_REQUESTOR);
    association_request(&owner->association, &rq);
    association_transport_connected(&owner->association);
    owner_settle(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct owner owner;
    uint8_t how = data[0];
    switch (how & 3) {
    case 0:
        owner_init(&owner, ASSOCIATION_ACCEPTOR);
        association_transport_indication(&owner.association);
        break;
    case 1:
        owner_open_acceptor(&owner);
        break;
    case 2:
        open_requestor(&owner);
        break;
    default:
        owner_open_requestor(&owner);
    }
    owner.zero_copy = how & 4;
    owner.answers_release = how & 8;
    size_t step = (how >> 4) ? (size_t)(how >> 4) * 5 : size;
    for (size_t at = 1; at < size; at += step) owner_feed(&owner, data + at, step < size - at ? step : size - at);
    struct indication in;
    association_transport_closed(&owner.association, &in);
    owner_release(&owner);
    return 0;
}

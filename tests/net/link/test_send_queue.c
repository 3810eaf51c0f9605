/* SPDX-License-Identifier: Apache-2.0 */
/* test_send_queue: random copies and sends, gathered and acknowledged in random pieces, against the plain stream of bytes that
 * they make; every send is done once, in order; no block is left. */
#include "tests/net/link/loopback.h"

#define STREAM_BYTES (1u << 20)

struct probe {
    struct send send;
    struct iovec parts[4];
    uint64_t end; /* in the stream */
    uint64_t *sent, *dones, *failures;
};

static void probe_done(struct send *send, bool sent) {
    struct probe *probe = container_of(send, struct probe, send);
    if (sent) {
        assert_true(*probe->sent + 1 > probe->end); /* not before its last byte went out */
        ++*probe->dones;
    } else {
        ++*probe->failures;
    }
    free(probe);
}

static void add_probe(struct send_queue *queue, uint8_t *bytes, size_t length, struct probe like, uint64_t *seed) {
    struct probe *probe = malloc(sizeof(*probe));
    *probe = like;
    probe->send = (struct send){.parts = probe->parts, .count = 4, .done = probe_done};
    size_t left = length;
    for (int i = 0; i < 4; i++) { /* parts of any length, 0 too */
        size_t n = i == 3 ? left : left ? stress_next(seed) % (left + 1) : 0;
        probe->parts[i] = (struct iovec){bytes + length - left, n};
        left -= n;
    }
    send_queue_add_send(queue, &probe->send);
}

static void check_gathered(struct send_queue *queue, const uint8_t *stream, uint64_t *sent, uint64_t *seed) {
    struct iovec parts[8];
    uint32_t count = send_queue_gather(queue, parts, (uint32_t)(1 + stress_next(seed) % 8));
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(parts[i].iov_len > 0);
        assert_memory_equal(parts[i].iov_base, stream + *sent + total, parts[i].iov_len);
        total += parts[i].iov_len;
    }
    size_t n = stress_next(seed) % 3 ? total : total ? stress_next(seed) % (total + 1) : 0;
    *sent += n;
    send_queue_sent(queue, n);
}

static void test_against_the_stream(void **state) {
    uint64_t seed = stress_seed();
    uint8_t *stream = malloc(STREAM_BYTES);
    for (uint64_t i = 0; i < STREAM_BYTES; i++) stream[i] = loopback_byte(i);
    for (int round = 0; round < 20; round++) {
        struct send_stock stock;
        struct send_queue queue;
        uint64_t added = 0, sent = 0, probes = 0, dones = 0, failures = 0;
        send_stock_init(&stock, 3);
        send_queue_init(&queue, &stock, 20000);
        while (added < STREAM_BYTES - 30000) {
            size_t n = stress_next(&seed) % (stress_next(&seed) % 4 ? 100 : 15000);
            if (stress_next(&seed) % 3 == 0) {
                check_gathered(&queue, stream, &sent, &seed);
            } else if (stress_next(&seed) % 4 == 0) {
                struct probe like = {.end = added + n, .sent = &sent, .dones = &dones, .failures = &failures};
                add_probe(&queue, stream + added, n, like, &seed);
                added += n;
                probes++;
            } else {
                uint32_t before = queue.copied_bytes;
                bool took = send_queue_add(&queue, stream + added, n);
                assert_int_equal(took, before + n <= 20000);
                if (took) added += n;
            }
        }
        while (round % 2 && !send_queue_is_empty(&queue)) check_gathered(&queue, stream, &sent, &seed);
        if (round % 2) {
            assert_int_equal(sent, added);
            assert_int_equal(dones, probes);
        }
        send_queue_release(&queue);
        assert_int_equal(dones + failures, probes);
        assert_int_equal(stock.used, 0);
        assert_true(stock.free_count <= 3);
        send_stock_release(&stock);
    }
    free(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_the_stream)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

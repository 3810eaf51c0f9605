/* SPDX-License-Identifier: Apache-2.0 */
/* acceptance and census: which transfer syntax is taken under which policy, which abstract syntaxes are stored, and the limits
 * of associations. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/serve/acceptance.h"
#include "engine/serve/census.h"

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define BIG "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define RLE "1.2.840.10008.1.2.5"
#define JPEG "1.2.840.10008.1.2.4.50"
#define JPEG_LOSSLESS "1.2.840.10008.1.2.4.70"
#define J2K_LOSSLESS "1.2.840.10008.1.2.4.90"
#define J2K "1.2.840.10008.1.2.4.91"
#define MPEG2 "1.2.840.10008.1.2.4.100"
#define HTJ2K_LOSSLESS "1.2.840.10008.1.2.4.201"
#define JPIP "1.2.840.10008.1.2.4.94"
#define PRIVATE "1.2.3.4.5"

static struct config *make(const char *text) {
    char *errors = NULL;
    struct config *config = config_create_from_text("test", slice_text(text), NULL, 0, &errors);
    if (!config) fail_msg("%s", errors);
    return config;
}

#define SYSTEM_B "transfer_syntaxes: {preference: [jpeg-lossless, implicit-le]}\n"
#define SYSTEM_E "transfer_syntaxes: {preference: [explicit-be, explicit-le, implicit-le]}\n"
#define NARROW "transfer_syntaxes: {preference: [implicit-le, explicit-le, explicit-be], others: refuse}\n"

static const struct {
    const char *config;
    const char *offered[6];
    const char *chosen; /* "" = none */
} choices[] = {
    {"", {IMPLICIT, EXPLICIT}, EXPLICIT},
    {"", {IMPLICIT, BIG}, IMPLICIT},
    {"", {BIG}, BIG},
    {"", {IMPLICIT, JPEG_LOSSLESS, EXPLICIT}, JPEG_LOSSLESS},
    {"", {RLE, J2K_LOSSLESS}, RLE}, /* one class: the first offered */
    {"", {JPEG, IMPLICIT}, IMPLICIT},
    {"", {JPEG}, JPEG}, /* lossy only where nothing else is offered */
    {"", {J2K, MPEG2}, J2K},
    {"", {MPEG2}, MPEG2},
    {"", {HTJ2K_LOSSLESS, EXPLICIT}, HTJ2K_LOSSLESS},
    {"", {DEFLATED, IMPLICIT}, IMPLICIT},
    {"", {DEFLATED}, DEFLATED},
    {"", {JPIP}, ""},
    {"", {JPIP, EXPLICIT}, EXPLICIT},
    {"jpip: yes\n", {JPIP}, JPIP},
    {"", {PRIVATE}, ""},
    {"private_transfer_syntaxes: [" PRIVATE "]\n", {PRIVATE}, PRIVATE},
    {SYSTEM_B, {RLE, IMPLICIT, JPEG_LOSSLESS}, JPEG_LOSSLESS},
    {SYSTEM_B, {RLE, EXPLICIT, IMPLICIT}, IMPLICIT},
    {SYSTEM_B, {RLE, EXPLICIT}, RLE},
    {SYSTEM_E, {IMPLICIT, EXPLICIT, BIG}, BIG},
    {NARROW, {JPEG_LOSSLESS, EXPLICIT, IMPLICIT}, IMPLICIT},
    {NARROW, {JPEG_LOSSLESS}, ""},
};

static void each_choice(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct config *config = make(choices[i].config);
        uint8_t items[512];
        struct writer w = writer_over(items, sizeof items);
        for (size_t k = 0; choices[i].offered[k]; k++) pdu_put_transfer_syntax(&w, slice_text(choices[i].offered[k]));
        struct slice chosen = acceptance_choose(config, &config->everyone.preference, slice_of(items, writer_length(&w)));
        if (!slice_equal(chosen, slice_text(choices[i].chosen)))
            fail_msg("case %zu: %.*s, wanted %s", i, SLICE_ARGS(chosen), choices[i].chosen);
        config_destroy(config);
    }
}

static void what_is_stored(void **state) {
    (void)state;
    struct config *any = make(""), *narrow = make("storage_sop_classes: [1.2.840.10008.5.1.4.1.1.2]\n");
    assert_true(acceptance_is_storage(any, slice_text("1.2.840.10008.5.1.4.1.1.2")));
    assert_true(acceptance_is_storage(any, slice_text("1.2.840.10008.5.1.4.1.1.501.1"))); /* DICOS */
    assert_true(acceptance_is_storage(any, slice_text("1.3.12.2.1107.5.9.1")));           /* private */
    assert_false(acceptance_is_storage(any, slice_text("1.2.840.10008.5.1.4.1.2.2.1")));  /* Study Root FIND */
    assert_false(acceptance_is_storage(any, slice_text("1.2.840.10008.1.20.1")));         /* storage commitment */
    assert_false(acceptance_is_storage(any, slice_text("")));
    assert_true(acceptance_is_storage(narrow, slice_text("1.2.840.10008.5.1.4.1.1.2")));
    assert_false(acceptance_is_storage(narrow, slice_text("1.2.840.10008.5.1.4.1.1.4")));
    config_destroy(any);
    config_destroy(narrow);
}

static struct endpoint address(const char *text) {
    struct endpoint endpoint;
    struct fault fault;
    if (!endpoint_parse(&endpoint, text, 104, &fault)) fail_msg("%s", fault.text);
    return endpoint;
}

static void limits_in_all_and_by_address(void **state) {
    (void)state;
    struct config *config = make("max_associations: 3\nmax_associations_per_peer: 2\n");
    struct policies policies;
    struct census census;
    struct fault fault;
    struct endpoint a = address("10.0.0.1"), b = address("2001:db8::1"), c = address("10.0.0.3");
    const struct config_rules *rules = &config->everyone;
    assert_true(policies_init(&policies, config, &fault) && census_init(&census, &fault));
    struct policy *policy = policies_now(&policies);
    assert_true(census_enter(&census, policy, rules, &a));
    assert_true(census_enter(&census, policy, rules, &a));
    assert_false(census_enter(&census, policy, rules, &a)); /* two of one address */
    assert_true(census_enter(&census, policy, rules, &b));
    assert_false(census_enter(&census, policy, rules, &c)); /* three in all */
    census_leave(&census, policy, rules, &a);
    assert_true(census_enter(&census, policy, rules, &c));
    assert_int_equal(census_open(&census), 3);
    census_leave(&census, policy, rules, &a);
    census_leave(&census, policy, rules, &b);
    census_leave(&census, policy, rules, &c);
    assert_int_equal(census_open(&census), 0);
    census_release(&census);
    policies_release(&policies);
    config_destroy(config);
}

static void a_client_keeps_the_policy_it_entered_with(void **state) {
    (void)state;
    struct config *config = make("clients:\n  - {aet: A}\n  - {aet: B, max_associations_per_peer: 1}\n");
    struct policies policies;
    struct census census;
    struct fault fault;
    struct endpoint peer = address("10.0.0.1");
    assert_true(policies_init(&policies, config, &fault) && census_init(&census, &fault));
    struct policy *old = policies_now(&policies);
    const struct config_rules *old_b = config_client_match(config, slice_text("B"), &peer.any);
    assert_true(census_enter(&census, old, old_b, &peer));
    assert_false(census_enter(&census, old, old_b, &peer));
    assert_true(policies_replace(&policies, make("clients:\n  - {aet: B, max_associations_per_peer: 1}\n"), &fault));
    struct policy *fresh = policies_now(&policies);
    const struct config_rules *fresh_b = config_client_match(fresh->config, slice_text("B"), &peer.any);
    assert_true(census_enter(&census, fresh, fresh_b, &peer));
    census_leave(&census, old, old_b, &peer); /* does not take from the fresh count */
    assert_false(census_enter(&census, fresh, fresh_b, &peer));
    census_leave(&census, fresh, fresh_b, &peer);
    assert_int_equal(census_open(&census), 0);
    census_release(&census);
    policies_release(&policies);
    config_destroy(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_choice),
        cmocka_unit_test(what_is_stored),
        cmocka_unit_test(limits_in_all_and_by_address),
        cmocka_unit_test(a_client_keeps_the_policy_it_entered_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

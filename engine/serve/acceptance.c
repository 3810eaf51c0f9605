/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/acceptance.h"

#include "codec/dicom/uids.h"
#include "engine/serve/census.h"

static bool is_listed(const struct config_texts *texts, struct slice uid) {
    for (size_t i = 0; i < texts->count; i++)
        if (slice_equal(slice_text(texts->items[i]), uid)) return true;
    return false;
}

bool acceptance_is_storage(const struct config *config, struct slice abstract_syntax) {
    if (config->storage_sop_classes.count) return is_listed(&config->storage_sop_classes, abstract_syntax);
    return abstract_syntax.length > 0 && !uids_is_known_non_storage(abstract_syntax);
}

/* ---- transfer syntaxes ---- */

static bool is_acceptable(const struct config *config, struct slice uid) {
    const struct transfer_syntax *known = uids_transfer_syntax(uid);
    if (!known) return is_listed(&config->private_transfer_syntaxes, uid);
    return known->compression != UIDS_REFERENCE || config->jpip; /* JPIP: a URL of the old archive, not pixels */
}

/* The JPEG family has an arc of its own; what is video or a reference there is of another class. */
static bool is_jpeg(struct slice uid) {
    static const char arc[] = "1.2.840.10008.1.2.4.";
    return uid.length >= sizeof arc - 1 && memcmp(uid.bytes, arc, sizeof arc - 1) == 0;
}

static bool fits(const struct config_syntax *wanted, struct slice uid) {
    const struct transfer_syntax *known = uids_transfer_syntax(uid);
    bool plain = known && known->compression == UIDS_UNCOMPRESSED && !known->encapsulated;
    switch (wanted->kind) {
    case CONFIG_SYNTAX_UID: return slice_equal(slice_text(wanted->uid), uid);
    case CONFIG_SYNTAX_JPEG_LOSSLESS: return known && known->compression == UIDS_LOSSLESS && is_jpeg(uid);
    case CONFIG_SYNTAX_LOSSLESS: return known && known->compression == UIDS_LOSSLESS;
    case CONFIG_SYNTAX_EXPLICIT_LE: return plain && known->encoding == SCAN_EXPLICIT_LE;
    case CONFIG_SYNTAX_IMPLICIT_LE: return plain && known->encoding == SCAN_IMPLICIT_LE;
    case CONFIG_SYNTAX_EXPLICIT_BE: return plain && known->encoding == SCAN_EXPLICIT_BE;
    case CONFIG_SYNTAX_DEFLATED: return plain && known->encoding == SCAN_DEFLATED;
    case CONFIG_SYNTAX_LOSSY: return known && (known->compression == UIDS_LOSSY || known->compression == UIDS_VIDEO);
    }
    return false;
}

static struct slice first_that_fits(const struct config *config, const struct config_syntax *wanted, struct slice offered) {
    struct reader r = reader_over(offered);
    struct slice uid;
    while (pdu_next_transfer_syntax(&r, &uid))
        if (is_acceptable(config, uid) && (!wanted || fits(wanted, uid))) return uid;
    return (struct slice){0};
}

struct slice acceptance_choose(const struct config *config, const struct config_preference *preference, struct slice offered) {
    for (size_t i = 0; i < preference->count; i++) {
        struct slice uid = first_that_fits(config, &preference->items[i], offered);
        if (uid.length) return uid;
    }
    return preference->accept_others ? first_that_fits(config, NULL, offered) : (struct slice){0};
}

/* Messages without a data set: any of the uncompressed ones will do (PS3.5 10.1). */
static struct slice choose_plain(struct slice offered) {
    struct reader r = reader_over(offered);
    struct slice uid;
    while (pdu_next_transfer_syntax(&r, &uid)) {
        const struct transfer_syntax *known = uids_transfer_syntax(uid);
        if (known && known->compression == UIDS_UNCOMPRESSED && !known->encapsulated && known->encoding != SCAN_DEFLATED)
            return uid;
    }
    return (struct slice){0};
}

/* ---- callbacks of the policy ---- */

/* Titles were looked at before. */
static enum admission admit(void *context, const struct associate *rq) {
    struct acceptance *a = context;
    (void)rq;
    if (!a->has_space) return ADMIT_NOT_CONGESTION;
    a->counted = census_enter(a->census, a->policy, a->rules, a->peer);
    return a->counted ? ADMIT : ADMIT_NOT_LOCAL_LIMIT;
}

static bool called_ae(void *context, struct slice title) {
    const struct acceptance *a = context;
    return config_called_aet_match(a->config, title);
}

static bool calling_ae(void *context, struct slice title) {
    (void)title;
    const struct acceptance *a = context;
    return a->rules != NULL;
}

static enum context_result abstract_syntax(void *context, const struct associate *rq, struct slice uid) {
    (void)rq;
    const struct acceptance *a = context;
    if (slice_equal(uid, slice_text(UIDS_VERIFICATION)) || acceptance_is_storage(a->config, uid)) return CONTEXT_ACCEPTANCE;
    return CONTEXT_ABSTRACT_SYNTAX_NOT_SUPPORTED;
}

static struct slice transfer_syntax(void *context, const struct associate *rq, const struct presentation_context *proposed) {
    (void)rq;
    const struct acceptance *a = context;
    if (slice_equal(proposed->abstract_syntax, slice_text(UIDS_VERIFICATION))) return choose_plain(proposed->transfer_syntaxes);
    return acceptance_choose(a->config, &a->rules->preference, proposed->transfer_syntaxes);
}

/* Storage SCP: level 2 (full), no digital signatures' level, elements not coerced (PS3.4 B.3.1). */
static size_t extended(void *context, const struct extended_negotiation *proposed, uint8_t *answer, size_t capacity) {
    static const uint8_t level_2[] = {2, 0, 0, 0, 0, 0};
    const struct acceptance *a = context;
    if (!acceptance_is_storage(a->config, proposed->sop_class) || capacity < sizeof level_2) return 0;
    memcpy(answer, level_2, sizeof level_2);
    return sizeof level_2;
}

void acceptance_answer(struct acceptance *a, const struct associate *rq, struct negotiation *out) {
    a->rules = config_client_match(a->config, rq->calling_ae, &a->peer->any);
    a->counted = false;
    negotiate_policy_init(&a->negotiation);
    a->negotiation.context = a;
    a->negotiation.admit = admit;
    a->negotiation.called_ae = called_ae;
    a->negotiation.calling_ae = calling_ae;
    a->negotiation.abstract_syntax = abstract_syntax;
    a->negotiation.transfer_syntax = transfer_syntax;
    a->negotiation.extended = extended;
    const struct config_rules *rules = a->rules ? a->rules : &a->config->everyone;
    a->negotiation.maximum_length = rules->max_pdu_length;
    a->negotiation.window_invoked = (uint16_t)rules->async_window;
    negotiate_answer(rq, &a->negotiation, out);
    if (!out->accepted && a->counted) {
        census_leave(a->census, a->policy, a->rules, a->peer);
        a->counted = false;
    }
}

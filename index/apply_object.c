/* SPDX-License-Identifier: Apache-2.0 */
/* apply_object: an OBJECT record into patient, study, series, instance and version rows. What each field group becomes depends on
 * sequences only, never on what was applied first:
 *   current version of an instance    highest sequence; the others are superseded versions
 *   values of patient, study, series  highest sequence of any record that names it, filed or not: "said is said"
 *   owner of a Series UID             the study with the lowest first sequence (claims.h)
 *   patient of a study                highest sequence among series that are not quarantined (claims.h) */
#include "index/apply.h"

#include "engine/base/check.h"
#include "index/claims.h"
#include "index/row_instance.h"
#include "index/tally.h"

#define PATIENT_ID 0x00100020u
#define ISSUER_OF_PATIENT_ID 0x00100021u

/* A record, and the rows that it touches. */
struct arrival {
    const struct record *record;
    struct place place;
    struct identity identity;
    struct overlay_study *study;
    struct overlay_series *series;
    struct overlay_raw *instance;
    struct overlay_patient *patient;
    struct row_instance current; /* of instance, when present */
    struct row_instance_texts texts;
    struct slice id, issuer;
    char id_text[ROW_PATIENT_ID_BYTES], issuer_text[ROW_PATIENT_ID_BYTES];
    bool older_first; /* the series is new, or begins earlier than was known */
    struct claims_series claims;
    const char *collision; /* why it can't be filed */
};

static const char *unfit(const struct record *record) {
    const struct slice *uids[] = {&record->study_uid, &record->series_uid, &record->sop_uid};
    for (size_t i = 0; i < 3; i++)
        if (uids[i]->length == 0 || uids[i]->length > PACKED_UID_BYTES_MAX) return "a UID is missing or too long";
    if (record->sop_class_uid.length > PACKED_UID_BYTES_MAX || record->transfer_syntax_uid.length > PACKED_UID_BYTES_MAX)
        return "SOP class or transfer syntax is too long";
    return record->sequence == 0 ? "its sequence is 0" : NULL;
}

static bool load_instance(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    struct key key = keys_instance(&a->identity);
    if (!(a->instance = overlay_raw(&batch->overlay, &key, fault))) return false;
    if (!a->instance->present || a->collision) return true;
    if (!row_instance_read(a->instance->value, a->record->series_uid, &a->current, &a->texts))
        return fault_set(fault, FAULT_CORRUPT, 0, "a row of the index (an instance) can't be read: leat rebuild makes it anew");
    if (!slice_equal(a->current.sop_uid, a->record->sop_uid)) a->collision = "another SOP Instance UID has its key";
    return true;
}

static bool load_patient(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    a->id = slice_of(a->id_text, values_text(&batch->source, PATIENT_ID, a->id_text, sizeof a->id_text));
    a->issuer =
        slice_of(a->issuer_text, values_text(&batch->source, ISSUER_OF_PATIENT_ID, a->issuer_text, sizeof a->issuer_text));
    struct short_name name = row_patient_name(&batch->catalog->keys, a->id, a->issuer, a->record->study_uid);
    if (!(a->patient = overlay_patient(&batch->overlay, &name, fault))) return false;
    if (!apply_is_patient(a->patient, a->id, a->issuer, a->record->study_uid)) a->collision = "another patient has its key";
    return true;
}

static bool load_claims(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    const struct row_series *row = &a->series->row;
    bool collision = false;
    a->older_first = row->first_sequence == 0 || a->record->sequence < row->first_sequence;
    if (!a->older_first) return true;
    if (!claims_load(batch, a->series, a->record->series_uid, &a->claims, &collision, fault)) return false;
    if (collision) a->collision = "another Series Instance UID has its key";
    return true;
}

static bool load(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    const struct record *record = a->record;
    a->identity = keys_identity(&batch->catalog->keys, record->study_uid, record->series_uid, record->sop_uid);
    if (!(a->study = overlay_study(&batch->overlay, &a->identity.study, fault))) return false;
    if (!(a->series = overlay_series(&batch->overlay, a->study, &a->identity.series, fault))) return false;
    if (a->study->present && !slice_equal(a->study->row.uid, record->study_uid))
        a->collision = "another Study Instance UID has its key";
    else if (a->series->present && !slice_equal(a->series->row.uid, record->series_uid))
        a->collision = "another Series Instance UID has its key";
    return load_instance(batch, a, fault);
}

static struct slice encode(struct catalog_batch *batch, const struct arrival *a) {
    const struct record *record = a->record;
    struct row_instance row = {
        .sequence = record->sequence,
        .place = a->place,
        .payload_length = record->payload_length,
        .remarks = record->remarks,
        .sop_uid = record->sop_uid,
        .sop_class_uid = record->sop_class_uid,
        .transfer_syntax_uid = record->transfer_syntax_uid,
    };
    memcpy(row.digest, record->digest, sizeof row.digest);
    row.values = slice_of(batch->values, values_pick(&batch->source, INDEXED_INSTANCE, batch->values, sizeof batch->values));
    struct writer w = writer_over(batch->row, sizeof batch->row);
    row_instance_write(&w, &row, record->series_uid);
    invariant(!w.failed);
    return slice_of(w.start, writer_length(&w));
}

/* The record's row is there already; only its place may have moved. */
static enum catalog_applied move(struct catalog_batch *batch, struct arrival *a, struct overlay_raw *raw) {
    uint64_t sequence;
    struct place place;
    bool readable = row_instance_read_place(raw->value, &sequence, &place);
    if (readable && apply_place_is_later(&a->place, &place)) overlay_put(&batch->overlay, raw, encode(batch, a));
    return CATALOG_APPLIED_BEFORE;
}

static void count_class(struct catalog_batch *batch, struct row_series *row, struct slice uid, int64_t delta) {
    row->classes = tally_change(row->classes, uid, delta, &batch->overlay.arena);
}

static void put_first(struct catalog_batch *batch, struct arrival *a) {
    struct row_series *row = &a->series->row;
    struct key sop = keys_sop(&a->identity);
    overlay_put(&batch->overlay, a->instance, encode(batch, a));
    database_batch_put(batch->rows, keys_slice(&sop), slice_of("", 0));
    row->counts.instances++;
    row->counts.bytes += a->record->payload_length;
    count_class(batch, row, a->record->sop_class_uid, 1);
}

/* The record becomes the current version, and the current one a superseded one. */
static bool put_newer(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    struct row_series *row = &a->series->row;
    struct key key = keys_version(&a->identity, a->current.sequence);
    struct overlay_raw *version = overlay_raw(&batch->overlay, &key, fault);
    if (!version) return false;
    overlay_put(&batch->overlay, version, a->instance->value);
    row->counts.superseded++;
    row->counts.superseded_bytes += a->current.payload_length;
    row->counts.bytes += a->record->payload_length - a->current.payload_length;
    if (!slice_equal(a->current.sop_class_uid, a->record->sop_class_uid)) {
        count_class(batch, row, a->current.sop_class_uid, -1);
        count_class(batch, row, a->record->sop_class_uid, 1);
    }
    overlay_put(&batch->overlay, a->instance, encode(batch, a));
    return true;
}

static void put_older(struct catalog_batch *batch, struct arrival *a, struct overlay_raw *version) {
    overlay_put(&batch->overlay, version, encode(batch, a));
    a->series->row.counts.superseded++;
    a->series->row.counts.superseded_bytes += a->record->payload_length;
}

/* A field group's values, where this record is the latest that spoke. */
static void speak(struct catalog_batch *batch, const struct record *record, enum indexed_level level, uint64_t *sequence,
                  struct slice *values) {
    if (record->sequence <= *sequence) return;
    *sequence = record->sequence;
    struct slice picked = slice_of(batch->values, values_pick(&batch->source, level, batch->values, sizeof batch->values));
    if (!slice_equal(picked, *values)) *values = row_arena_copy(&batch->overlay.arena, picked);
}

static uint64_t lower(uint64_t first, uint64_t sequence) { return first == 0 || sequence < first ? sequence : first; }

/* Patient, study and series follow; the instance's rows did. */
static bool follow(struct catalog_batch *batch, struct arrival *a, struct fault *fault) {
    const struct record *record = a->record;
    struct row_study *study = &a->study->row;
    struct row_series *series = &a->series->row;
    if (!claims_patient(batch, a->study, &a->patient->name, record->sequence, fault)) return false;
    study->first_sequence = lower(study->first_sequence, record->sequence);
    if (record->sequence > series->sequence) series->patient = a->patient->name;
    speak(batch, record, INDEXED_PATIENT, &a->patient->row.sequence, &a->patient->row.values);
    speak(batch, record, INDEXED_STUDY, &study->sequence, &study->values);
    speak(batch, record, INDEXED_SERIES, &series->sequence, &series->values);
    if (a->older_first) {
        series->first_sequence = record->sequence;
        claims_settle(batch, a->series, &a->claims);
    }
    if (!series->quarantined && series->sequence > study->claim_sequence) {
        study->claim_sequence = series->sequence;
        study->patient = series->patient;
    }
    return true;
}

enum catalog_applied apply_object(struct catalog_batch *batch, const struct record *record, struct place place,
                                  struct fault *fault) {
    struct arrival a;
    struct overlay_raw *version = NULL;
    a.record = record;
    a.place = place;
    a.collision = unfit(record);
    if (a.collision) return apply_unfiled(batch, record, place, a.collision, fault);
    values_gather(&batch->source, record->attributes);
    if (!load(batch, &a, fault)) return CATALOG_APPLIED_ERROR;
    if (!a.collision && a.instance->present && a.current.sequence >= record->sequence) {
        version = a.instance;
        if (a.current.sequence > record->sequence) {
            struct key key = keys_version(&a.identity, record->sequence);
            if (!(version = overlay_raw(&batch->overlay, &key, fault))) return CATALOG_APPLIED_ERROR;
        }
        if (version->present) return move(batch, &a, version);
    }
    if (!a.collision && (!load_patient(batch, &a, fault) || !load_claims(batch, &a, fault))) return CATALOG_APPLIED_ERROR;
    if (a.collision) return apply_unfiled(batch, record, place, a.collision, fault);
    apply_create_study(batch, a.study, record->study_uid);
    apply_create_series(batch, a.series, record->series_uid);
    apply_create_patient(batch, a.patient, a.id, a.issuer, record->study_uid);
    if (version) put_older(batch, &a, version);
    else if (!a.instance->present) put_first(batch, &a);
    else if (!put_newer(batch, &a, fault)) return CATALOG_APPLIED_ERROR;
    batch->now.totals.records++;
    if (!follow(batch, &a, fault)) return CATALOG_APPLIED_ERROR;
    return a.series->row.quarantined ? CATALOG_APPLIED_QUARANTINED : CATALOG_APPLIED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* command_ls: rows of the index at one level, narrowed by patient, study or series. */
#include "codec/dicom/uids.h"
#include "engine/ingest/sequence.h"
#include "engine/serve/commands.h"
#include "engine/serve/listing.h"

/* PS3.6 */
#define TAG_STUDY_DATE 0x00080020u
#define TAG_STUDY_TIME 0x00080030u
#define TAG_ACCESSION_NUMBER 0x00080050u
#define TAG_MODALITY 0x00080060u
#define TAG_STUDY_DESCRIPTION 0x00081030u
#define TAG_SERIES_DESCRIPTION 0x0008103Eu
#define TAG_PATIENT_NAME 0x00100010u
#define TAG_PATIENT_BIRTH_DATE 0x00100030u
#define TAG_PATIENT_SEX 0x00100040u
#define TAG_STUDY_ID 0x00200010u
#define TAG_SERIES_NUMBER 0x00200011u
#define TAG_INSTANCE_NUMBER 0x00200013u

struct ls {
    struct archive *archive;
    const struct command_arguments *arguments;
    struct output *output;
    struct listing listing;
    struct fault *fault;
};

static struct slice value_of(struct slice values, uint32_t tag) {
    struct slice value = {0};
    return values_find(values, tag, &value) ? value : slice_of("", 0);
}

static bool wanted(struct slice filter, struct slice value) { return filter.length == 0 || slice_equal(filter, value); }

/* ---- patients ---- */

static const struct listing_column patient_columns[] = {
    {"PATIENT ID", "patient_id", OUTPUT_LEFT}, {"ISSUER", "issuer", OUTPUT_LEFT},       {"NAME", "patient_name", OUTPUT_LEFT},
    {"BIRTH", "birth_date", OUTPUT_LEFT},      {"SEX", "sex", OUTPUT_LEFT},             {"STUDIES", "studies", OUTPUT_RIGHT},
    {"SERIES", "series", OUTPUT_RIGHT},        {"INSTANCES", "instances", OUTPUT_RIGHT}, {"BYTES", "bytes", OUTPUT_RIGHT},
    {NULL, NULL, OUTPUT_LEFT},
};

static bool show_patient(void *context, const struct catalog_patient *patient) {
    struct ls *ls = context;
    if (!wanted(ls->arguments->patient, patient->id)) return !output_stopped(ls->output);
    listing_text(&ls->listing, patient->id);
    listing_text(&ls->listing, patient->issuer);
    listing_text(&ls->listing, value_of(patient->values, TAG_PATIENT_NAME));
    listing_text(&ls->listing, value_of(patient->values, TAG_PATIENT_BIRTH_DATE));
    listing_text(&ls->listing, value_of(patient->values, TAG_PATIENT_SEX));
    listing_number(&ls->listing, patient->counts.studies);
    listing_number(&ls->listing, patient->counts.series);
    listing_number(&ls->listing, patient->counts.instances);
    listing_number(&ls->listing, patient->counts.bytes);
    listing_row_end(&ls->listing);
    return !output_stopped(ls->output);
}

/* ---- studies ---- */

static const struct listing_column study_columns[] = {
    {"STUDY", "study", OUTPUT_LEFT},
    {"DATE", "date", OUTPUT_LEFT},
    {NULL, "time", OUTPUT_LEFT},
    {"MODALITIES", "modalities", OUTPUT_LEFT},
    {"PATIENT ID", "patient_id", OUTPUT_LEFT},
    {"NAME", "patient_name", OUTPUT_LEFT},
    {"ACCESSION", "accession_number", OUTPUT_LEFT},
    {NULL, "study_id", OUTPUT_LEFT},
    {"DESCRIPTION", "description", OUTPUT_LEFT},
    {"SERIES", "series", OUTPUT_RIGHT},
    {"INSTANCES", "instances", OUTPUT_RIGHT},
    {"BYTES", "bytes", OUTPUT_RIGHT},
    {NULL, "patient_conflict", OUTPUT_LEFT},
    {NULL, NULL, OUTPUT_LEFT},
};

struct study_row {
    struct ls *ls;
    const struct catalog_study *study;
    bool shown;
};

static bool show_study_of(void *context, const struct catalog_patient *patient) {
    struct study_row *row = context;
    struct listing *listing = &row->ls->listing;
    const struct catalog_study *study = row->study;
    row->shown = true;
    if (!wanted(row->ls->arguments->patient, patient->id)) return true;
    listing_text(listing, study->uid);
    listing_text(listing, value_of(study->values, TAG_STUDY_DATE));
    listing_text(listing, value_of(study->values, TAG_STUDY_TIME));
    listing_text(listing, study->modalities);
    listing_text(listing, patient->id);
    listing_text(listing, value_of(patient->values, TAG_PATIENT_NAME));
    listing_text(listing, value_of(study->values, TAG_ACCESSION_NUMBER));
    listing_text(listing, value_of(study->values, TAG_STUDY_ID));
    listing_text(listing, value_of(study->values, TAG_STUDY_DESCRIPTION));
    listing_number(listing, study->counts.series);
    listing_number(listing, study->counts.instances);
    listing_number(listing, study->counts.bytes);
    listing_bool(listing, study->patient_conflict);
    listing_row_end(listing);
    return true;
}

static bool show_study(void *context, const struct catalog_study *study) {
    struct ls *ls = context;
    struct study_row row = {.ls = ls, .study = study};
    bool found = false;
    if (!wanted(ls->arguments->study, study->uid)) return !output_stopped(ls->output);
    if (!catalog_get_patient(ls->archive->catalog, &study->patient, show_study_of, &row, &found, ls->fault)) return false;
    const struct catalog_patient nobody = {.id = slice_of("", 0)};
    if (!row.shown) show_study_of(&row, &nobody); /* the patient's row changes at this moment */
    return !output_stopped(ls->output);
}

/* ---- series ---- */

static const struct listing_column series_columns[] = {
    {"SERIES", "series", OUTPUT_LEFT},           {"MODALITY", "modality", OUTPUT_LEFT},   {"NUMBER", "number", OUTPUT_RIGHT},
    {"DESCRIPTION", "description", OUTPUT_LEFT}, {"INSTANCES", "instances", OUTPUT_RIGHT}, {"BYTES", "bytes", OUTPUT_RIGHT},
    {"STUDY", "study", OUTPUT_LEFT},             {NULL, NULL, OUTPUT_LEFT},
};

static bool show_series(void *context, const struct catalog_series *series) {
    struct ls *ls = context;
    if (!wanted(ls->arguments->series, series->uid)) return !output_stopped(ls->output);
    listing_text(&ls->listing, series->uid);
    listing_text(&ls->listing, value_of(series->values, TAG_MODALITY));
    listing_text(&ls->listing, value_of(series->values, TAG_SERIES_NUMBER));
    listing_text(&ls->listing, value_of(series->values, TAG_SERIES_DESCRIPTION));
    listing_number(&ls->listing, series->counts.instances);
    listing_number(&ls->listing, series->counts.bytes);
    listing_text(&ls->listing, series->study_uid);
    listing_row_end(&ls->listing);
    return !output_stopped(ls->output);
}

/* ---- instances ---- */

static const struct listing_column instance_columns[] = {
    {"INSTANCE", "instance", OUTPUT_LEFT},
    {NULL, "sop_class", OUTPUT_LEFT},
    {"CLASS", "sop_class_name", OUTPUT_LEFT},
    {"NUMBER", "number", OUTPUT_RIGHT},
    {NULL, "transfer_syntax", OUTPUT_LEFT},
    {"TRANSFER SYNTAX", "transfer_syntax_name", OUTPUT_LEFT},
    {"BYTES", "bytes", OUTPUT_RIGHT},
    {"RECEIVED", "received", OUTPUT_LEFT},
    {"SERIES", "series", OUTPUT_LEFT},
    {NULL, "study", OUTPUT_LEFT},
    {NULL, "remarks", OUTPUT_RIGHT},
    {NULL, NULL, OUTPUT_LEFT},
};

static struct slice name_of(struct slice uid) {
    const char *name = uids_name(uid);
    return name ? slice_text(name) : uid;
}

static bool show_instance(void *context, const struct catalog_instance *instance) {
    struct ls *ls = context;
    if (!wanted(ls->arguments->series, instance->series_uid)) return !output_stopped(ls->output);
    listing_text(&ls->listing, instance->uid);
    listing_text(&ls->listing, instance->sop_class_uid);
    listing_text(&ls->listing, name_of(instance->sop_class_uid));
    listing_text(&ls->listing, value_of(instance->values, TAG_INSTANCE_NUMBER));
    listing_text(&ls->listing, instance->transfer_syntax_uid);
    listing_text(&ls->listing, name_of(instance->transfer_syntax_uid));
    listing_number(&ls->listing, instance->payload_length);
    listing_time(&ls->listing, instance->sequence >> SEQUENCE_DECIDER_BITS); /* of its decision, ms after the last byte */
    listing_text(&ls->listing, instance->series_uid);
    listing_text(&ls->listing, instance->study_uid);
    listing_number(&ls->listing, instance->remarks);
    listing_row_end(&ls->listing);
    return !output_stopped(ls->output);
}

/* ---- walks ---- */

static bool walk_study(struct ls *ls, struct slice study_uid) {
    const struct command_arguments *arguments = ls->arguments;
    if (arguments->level == COMMAND_SERIES)
        return catalog_each_series(ls->archive->catalog, study_uid, show_series, ls, ls->fault);
    struct slice series = study_uid.length ? arguments->series : slice_of("", 0);
    return catalog_each_instance(ls->archive->catalog, study_uid, series, show_instance, ls, ls->fault);
}

static bool walk_one_study(void *context, const struct catalog_study *study) {
    struct ls *ls = context;
    if (!wanted(ls->arguments->study, study->uid)) return true;
    return walk_study(ls, study->uid) && !output_stopped(ls->output);
}

static bool walk_studies_of(void *context, const struct catalog_patient *patient) {
    struct ls *ls = context;
    if (!slice_equal(ls->arguments->patient, patient->id)) return !output_stopped(ls->output);
    catalog_study_visitor *visit = ls->arguments->level == COMMAND_STUDIES ? show_study : walk_one_study;
    return catalog_each_study(ls->archive->catalog, &patient->key, visit, ls, ls->fault) && !output_stopped(ls->output);
}

static bool walk(struct ls *ls) {
    const struct command_arguments *arguments = ls->arguments;
    struct catalog *catalog = ls->archive->catalog;
    bool found;
    if (arguments->level == COMMAND_PATIENTS && arguments->patient.length)
        return catalog_find_patient_id(catalog, arguments->patient, show_patient, ls, ls->fault);
    if (arguments->level == COMMAND_PATIENTS) return catalog_each_patient(catalog, show_patient, ls, ls->fault);
    if (arguments->patient.length) return catalog_find_patient_id(catalog, arguments->patient, walk_studies_of, ls, ls->fault);
    if (arguments->level != COMMAND_STUDIES) return walk_study(ls, arguments->study);
    if (arguments->study.length) return catalog_get_study(catalog, arguments->study, show_study, ls, &found, ls->fault);
    return catalog_each_study(catalog, NULL, show_study, ls, ls->fault);
}

int command_ls_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    static const struct listing_column *const columns[] = {
        [COMMAND_PATIENTS] = patient_columns,
        [COMMAND_STUDIES] = study_columns,
        [COMMAND_SERIES] = series_columns,
        [COMMAND_INSTANCES] = instance_columns,
    };
    struct fault fault = {0};
    struct ls ls = {.archive = archive, .arguments = arguments, .output = output, .fault = &fault};
    if (!listing_init(&ls.listing, output, arguments->json, columns[arguments->level])) return 1;
    bool good = walk(&ls) && fault.code == FAULT_NONE;
    listing_release(&ls.listing);
    if (!good) output_message(output, "leat: the index can't be read: %s", fault.text);
    return good && !output_stopped(output) ? 0 : 1;
}

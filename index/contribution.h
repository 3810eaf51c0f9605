/* SPDX-License-Identifier: Apache-2.0 */
/* contribution: what a row adds to the row above it: a series to its study, a study to its patient, a patient to the totals. The
 * one place that says what is counted where: nothing without instances, and nothing that is quarantined. Pure; any thread. */
#ifndef LEAT_INDEX_CONTRIBUTION_H
#define LEAT_INDEX_CONTRIBUTION_H

#include "index/row_patient.h"
#include "index/row_series.h"
#include "index/row_study.h"

struct contribution {
    struct catalog_counts counts;
    struct slice modality;                                  /* counted when counts.series is 1; borrowed from the row */
    uint64_t aside_series, aside_instances, aside_bytes;    /* quarantined instead */
};

struct contribution contribution_of_series(const struct row_series *row);
struct catalog_counts contribution_of_study(const struct row_study *row);
struct catalog_counts contribution_of_patient(const struct row_patient *row);
bool contribution_patient_is_visible(const struct row_patient *row);
bool contribution_study_is_visible(const struct row_study *row);

#endif

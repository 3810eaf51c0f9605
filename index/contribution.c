/* SPDX-License-Identifier: Apache-2.0 */
/* contribution: see contribution.h. */
#include "index/contribution.h"

#include "index/values.h"

#define MODALITY 0x00080060u

struct contribution contribution_of_series(const struct row_series *row) {
    struct contribution c = {0};
    if (row->counts.instances == 0) return c;
    if (row->quarantined) {
        c.aside_series = 1;
        c.aside_instances = row->counts.instances;
        c.aside_bytes = row->counts.bytes;
        return c;
    }
    c.counts = row->counts;
    c.counts.series = 1;
    values_find_effective(row->values, row->changes, MODALITY, &c.modality);
    return c;
}

bool contribution_study_is_visible(const struct row_study *row) { return row->counts.series > 0; }

struct catalog_counts contribution_of_study(const struct row_study *row) {
    struct catalog_counts counts = {0};
    if (!contribution_study_is_visible(row)) return counts;
    counts = row->counts;
    counts.studies = 1;
    return counts;
}

bool contribution_patient_is_visible(const struct row_patient *row) { return row->counts.studies > 0; }

struct catalog_counts contribution_of_patient(const struct row_patient *row) { return row->counts; }

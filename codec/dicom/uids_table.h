/* SPDX-License-Identifier: Apache-2.0 */
/* uids_table: the rows behind uids.h; only uids.c and its test include this. */
#ifndef LEAT_DICOM_UIDS_TABLE_H
#define LEAT_DICOM_UIDS_TABLE_H

#include "codec/dicom/uids.h"

extern const struct transfer_syntax uids_table_transfer_syntaxes[];
extern const size_t uids_table_transfer_syntax_count;
extern const struct known_uid uids_table_known[];
extern const size_t uids_table_known_count;

#endif

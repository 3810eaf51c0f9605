/* SPDX-License-Identifier: Apache-2.0 */
/* uids: the well-known UIDs of PS3.6 Annex A and those that devices use besides (retired, draft, DICOS, DICONDE, misprints of
 * conformance statements), as two sorted constant tables: transfer syntaxes, and everything that may stand as an abstract
 * syntax. Lookups are binary searches; arguments may carry padding. Any thread. */
#ifndef LEAT_DICOM_UIDS_H
#define LEAT_DICOM_UIDS_H

#include "codec/dicom/scan.h"
#include "engine/base/slice.h"

#define UIDS_IMPLICIT_LE "1.2.840.10008.1.2"
#define UIDS_EXPLICIT_LE "1.2.840.10008.1.2.1"
#define UIDS_DEFLATED "1.2.840.10008.1.2.1.99"
#define UIDS_EXPLICIT_BE "1.2.840.10008.1.2.2"
#define UIDS_VERIFICATION "1.2.840.10008.1.1"
#define UIDS_APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"

/* What becomes of the pixels. A deflated data set is UIDS_UNCOMPRESSED with encoding SCAN_DEFLATED. */
enum uids_compression {
    UIDS_UNCOMPRESSED,
    UIDS_LOSSLESS,
    UIDS_LOSSY,     /* or possibly so: JPEG 2000 (.91), HTJ2K (.203), JPEG-LS near-lossless */
    UIDS_VIDEO,     /* lossy as well */
    UIDS_REFERENCE, /* JPIP: a URL of somebody's server stands where the pixels belong */
};

struct transfer_syntax {
    const char *uid, *name;
    enum scan_encoding encoding; /* of the data set. RFC 2557 and XML (retired, never used) have none, so explicit LE */
    enum uids_compression compression;
    bool encapsulated;           /* pixel data are fragments in items (PS3.5 A.4) */
    bool retired;
};

/* NULL: not one of the standard. */
const struct transfer_syntax *uids_transfer_syntax(struct slice uid);
/* The whole table, in order of uid_compare. */
const struct transfer_syntax *uids_transfer_syntaxes(size_t *count);

/* How to read a data set in this syntax: as in the table; of private ones we know GE's (1.2.840.113619.5.2: implicit LE, pixel
 * words big endian); anything else is explicit LE (PS3.5 A.4 for encapsulated private ones). */
enum scan_encoding uids_encoding(struct slice transfer_syntax);

enum uids_kind {
    UIDS_STORAGE,         /* composite instances that C-STORE carries */
    UIDS_QUERY_RETRIEVE,  /* FIND, MOVE, GET of any information model, worklists and relevant-information queries */
    UIDS_SERVICE,         /* any other SOP class, meta SOP class or service class that is not storage */
    UIDS_WELL_KNOWN,      /* SOP instances, application context, frames of reference, coding schemes, models */
};

enum uids_flags {
    UIDS_RETIRED = 1,
    UIDS_DRAFT = 2,
    UIDS_DICOS = 4,
    UIDS_DICONDE = 8,
    UIDS_MISPRINT = 16,     /* not in any standard; a conformance statement names it, so a device may propose it */
    UIDS_NON_PATIENT = 32,  /* no patient, study or series: hanging protocols, palettes, implant templates, inventories ... */
};

struct known_uid {
    const char *uid, *name;
    enum uids_kind kind;
    unsigned flags; /* of enum uids_flags */
};

/* NULL: unknown (private SOP classes are). Transfer syntaxes are not in this table. */
const struct known_uid *uids_find(struct slice uid);
const struct known_uid *uids_table(size_t *count); /* the whole table, in order of uid_compare */

/* A storage SOP class that we know by name; a private one is unknown and may be stored all the same. */
bool uids_is_storage(struct slice uid);
/* Something known that no C-STORE is meant for: a service, a well-known instance, a transfer syntax. */
bool uids_is_known_non_storage(struct slice uid);

/* A name for a person to read, from either table; NULL: unknown. Static. */
const char *uids_name(struct slice uid);

#endif

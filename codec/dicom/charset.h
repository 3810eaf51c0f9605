/* SPDX-License-Identifier: Apache-2.0 */
/* charset: text of a data set into UTF-8 (PS3.3 C.12.1.1.2, PS3.5 6.1 and Annexes H to K). The raw bytes stay what is stored;
 * this is for index, queries and people. It never fails: what can't be read becomes U+FFFD, and *lossy says so. The result is
 * always valid UTF-8. Any thread; ASCII text takes no lock, no allocation and no conversion. */
#ifndef LEAT_DICOM_CHARSET_H
#define LEAT_DICOM_CHARSET_H

#include "engine/base/slice.h"

/* specific_character_set: the value of (0008,0005), multi-valued with backslashes, wrong names tolerated; empty or unknown =
 * the default repertoire (ISO_IR 6), in which bytes above 127 are read as UTF-8 where they are well-formed, else as Latin-1,
 * and *lossy is set. raw: the value as it stands in the data set, of VR PN (person_name: the initial state is restored at ^
 * and = too), LO, SH, ST, LT, UT, UC; trailing spaces are kept, NULs are dropped; so are control characters other than TAB,
 * LF, FF, CR, and *lossy is set. lossy: set or cleared: something was replaced, dropped or guessed; may be NULL. Writes at
 * most `capacity` bytes, not terminated; returns the bytes that the whole text needs: more than `capacity` means that it was
 * cut at a whole character, and that the up to three bytes behind it are spaces. */
size_t charset_to_utf8(struct slice specific_character_set, struct slice raw, bool person_name, char *out, size_t capacity,
                       bool *lossy);

/* Whether every value of a Specific Character Set is a defined term exactly as the standard writes it, in a legal combination.
 * For remarks. */
bool charset_is_standard(struct slice specific_character_set);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* uid: the text of a unique identifier (PS3.5 9). Pure functions; any thread. What the well-known ones mean is in uids.h. */
#ifndef LEAT_DICOM_UID_H
#define LEAT_DICOM_UID_H

#include "engine/base/slice.h"

#define UID_BYTES 64u /* PS3.5 9: at most */

/* Without the NULs and spaces that pad it, at either end (devices put spaces in front, too). Points into `uid`. */
struct slice uid_trim(struct slice uid);

/* Whether a trimmed value follows PS3.5 9: 1 to 64 characters, components of digits parted by dots, none empty, none with a
 * leading zero unless it is "0". */
bool uid_is_valid(struct slice uid);

/* Whether two values name the same thing: equal without their padding. */
bool uid_equal(struct slice a, struct slice b);

/* Order of the trimmed texts as bytes, a prefix first: < 0, 0, > 0. The order of every table of UIDs. */
int uid_compare(struct slice a, struct slice b);

#endif

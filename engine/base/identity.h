/* SPDX-License-Identifier: Apache-2.0 */
/* identity: how leat names itself to peers (PS3.7 D.3.3.2) and in the files that it writes (PS3.10 7.1). One place, because
 * both say the same. */
#ifndef LEAT_BASE_IDENTITY_H
#define LEAT_BASE_IDENTITY_H

/* Made from a random UUID (PS3.5 B.2); it stays for as long as the data sets that we write look the same. */
#define IDENTITY_CLASS_UID "2.25.241073527120861930485216493073651828417"
#define IDENTITY_VERSION "LEAT_0_1" /* SH, 16 characters at most */

#endif

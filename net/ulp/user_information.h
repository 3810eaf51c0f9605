/* SPDX-License-Identifier: Apache-2.0 */
/* user_information: the User Information item of A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2.3, 9.3.3.3, annex D; PS3.7 annex D.3.3)
 * and its sub-items 51H to 59H. Items that occur once are decoded into fields; items that may occur many times (role
 * selection, extended and common extended negotiation) stay in their bytes and are walked. Unknown sub-items are skipped. All
 * slices borrow from the bytes that were decoded, or from what the encoder's caller put there. Pure: any thread. */
#ifndef LEAT_ULP_USER_INFORMATION_H
#define LEAT_ULP_USER_INFORMATION_H

#include "engine/base/cursor.h"
#include "engine/base/fault.h"
#include "engine/base/identity.h"

enum user_item { /* PS3.8 D.1, PS3.7 D.3.3 */
    USER_ITEM_INFORMATION = 0x50,
    USER_ITEM_MAXIMUM_LENGTH = 0x51,
    USER_ITEM_IMPLEMENTATION_CLASS_UID = 0x52,
    USER_ITEM_ASYNCHRONOUS_OPERATIONS_WINDOW = 0x53,
    USER_ITEM_ROLE_SELECTION = 0x54,
    USER_ITEM_IMPLEMENTATION_VERSION_NAME = 0x55,
    USER_ITEM_EXTENDED_NEGOTIATION = 0x56,
    USER_ITEM_COMMON_EXTENDED_NEGOTIATION = 0x57,
    USER_ITEM_USER_IDENTITY_RQ = 0x58,
    USER_ITEM_USER_IDENTITY_AC = 0x59,
};

/* PS3.7 D.3.3.7: 1 user name, 2 user name and passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token. */
struct user_identity {
    uint8_t type; /* 0: no such item */
    bool response_requested;
    struct slice primary, secondary;
};

struct user_information {
    bool has_maximum_length, has_window, has_identity_response;
    uint32_t maximum_length;              /* bytes of a P-DATA-TF PDU's variable field that its sender can receive; 0: no limit */
    struct slice implementation_class_uid;    /* empty: not there */
    struct slice implementation_version_name; /* empty: not there */
    uint16_t window_invoked, window_performed; /* operations that the REQUESTOR may invoke / perform at once; 0: no limit */
    struct user_identity identity;        /* RQ */
    struct slice identity_response;       /* AC */
    struct slice items;                   /* sub-items as they stand, for the walkers below; to encode: 54, 56 and 57 */
};

struct role_selection { /* 54H, PS3.7 D.3.3.4: roles of the association-requestor for a SOP class */
    struct slice sop_class;
    bool scu, scp;
};
struct extended_negotiation { /* 56H, PS3.7 D.3.3.5 */
    struct slice sop_class, information;
};
struct common_extended_negotiation { /* 57H, PS3.7 D.3.3.6; related: raw list, walk with user_information_next_related */
    struct slice sop_class, service_class, related;
};

/* Decodes the variable field of a User Information item. offset: where `field` stands in the stream, for the fault. False: a
 * length is impossible or a value can't be (FAULT_MALFORMED). */
bool user_information_decode(struct user_information *out, struct slice field, uint64_t offset, struct fault *fault);

/* Writes a whole User Information item: 51, 52, 53, roles, 55, 56, 57, 58 or 59, each that is there. Overrun: writer->failed. */
void user_information_encode(struct writer *writer, const struct user_information *user);

/* Walkers over user.items, which skip all other types: start with reader_over(user.items); false at the end. */
bool user_information_next_role(struct reader *reader, struct role_selection *out);
bool user_information_next_extended(struct reader *reader, struct extended_negotiation *out);
bool user_information_next_common_extended(struct reader *reader, struct common_extended_negotiation *out);
bool user_information_next_related(struct reader *reader, struct slice *sop_class);

/* Builders of the repeated items, for user.items. */
void user_information_put_role(struct writer *writer, const struct role_selection *role);
void user_information_put_extended(struct writer *writer, const struct extended_negotiation *extended);
void user_information_put_common_extended(struct writer *writer, const struct common_extended_negotiation *common);
void user_information_put_related(struct writer *writer, struct slice sop_class);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* config: what an operator decides, checked whole before anything starts. The keys are rows of a table (config_table.c); parser,
 * `leat serve --help` and documentation come from the same rows. Life: config_create reads defaults, then the file, then settings
 * of the command line, checks them all and lists every error; from then on it is immutable and any thread may read it;
 * config_destroy. */
#ifndef LEAT_BASE_CONFIG_H
#define LEAT_BASE_CONFIG_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/slice.h"

/* What a client may ask for; bits of config_rules.operations. */
enum config_operation {
    CONFIG_OPERATION_ECHO = 1,
    CONFIG_OPERATION_STORE = 2,
    CONFIG_OPERATION_QUERY = 4,
    CONFIG_OPERATION_RETRIEVE = 8,
};

enum config_called_aet { CONFIG_CALLED_AET_ANY, CONFIG_CALLED_AET_STRICT };

/* Classes of transfer syntaxes, in words that a preference list may use beside UIDs. */
enum config_syntax_class {
    CONFIG_SYNTAX_UID,      /* one transfer syntax, by its UID */
    CONFIG_SYNTAX_LOSSLESS, /* compressed without loss, RLE and deflated pixel syntaxes included */
    CONFIG_SYNTAX_JPEG_LOSSLESS, /* of those, JPEG, JPEG-LS, JPEG 2000, HTJ2K */
    CONFIG_SYNTAX_EXPLICIT_LE,
    CONFIG_SYNTAX_IMPLICIT_LE,
    CONFIG_SYNTAX_EXPLICIT_BE,
    CONFIG_SYNTAX_DEFLATED, /* Deflated Explicit VR Little Endian */
    CONFIG_SYNTAX_LOSSY,    /* compressed with loss, or possibly so; video included */
};

struct config_syntax {
    enum config_syntax_class kind;
    char uid[LIMIT_UID_BYTES + 1]; /* for CONFIG_SYNTAX_UID */
};

/* Ordered: among the transfer syntaxes offered in a context the first entry that fits one is taken; where one entry fits several,
 * the one offered first. others: what no entry fits is accepted after all that fit (in the order offered), or refused. */
struct config_preference {
    const struct config_syntax *items;
    size_t count;
    bool accept_others;
};

struct config_texts {
    const char *const *items;
    size_t count;
};

struct config_timeouts {
    uint32_t artim_ms;
    uint32_t message_ms;            /* silence inside a PDU or message */
    uint32_t idle_ms;               /* silence between messages */
    uint32_t min_rate_bytes_per_s;  /* 0 = no minimum */
    uint32_t min_rate_window_ms;
};

/* What holds for the associations of one client, with the global values filled in where its entry is silent. */
struct config_rules {
    size_t client;               /* its place in config.clients; CONFIG_NO_CLIENT = nobody is listed, so everyone is accepted */
    uint32_t operations;         /* bits of enum config_operation */
    uint32_t max_associations;   /* at once: of this entry together, or (no clients listed) of one address; 0 = no limit */
    uint32_t max_pdu_length;     /* announced; 0 = unlimited */
    uint32_t async_window;       /* operations that the peer may invoke at once; 1 = none outstanding but one */
    struct config_timeouts timeouts;
    struct config_preference preference;
};
#define CONFIG_NO_CLIENT SIZE_MAX

/* An address range; family AF_UNSPEC = any address. */
struct config_range {
    sa_family_t family;
    uint8_t bytes[16];
    uint8_t prefix_bits;
};

struct config_client {
    const char *aet;            /* NULL = any */
    struct config_range range;
    struct config_rules rules;
};

struct config_listen {
    const char *address;        /* numeric IPv4 or IPv6; "*" = every one, IPv6 and IPv4 */
    uint16_t port;
};

struct config_peer {            /* somebody that we may call: AET=HOST:PORT */
    const char *aet, *host;
    uint16_t port;
};

struct config {
    const char *data_dir, *index_dir;        /* index_dir NULL: `index` in data_dir */
    struct config_texts volumes;             /* folders for segments; none: the data folder is the only one */
    const struct config_listen *listen;      /* at least one */
    size_t listen_count;
    const char *bind;                        /* bind and port: the one address when no `listen` was written; already in listen */
    uint32_t port;                           /* 0 = the system chooses; the `ready` line names it */
    const char *aet;
    enum config_called_aet called_aet;
    uint32_t reactors, workers;              /* 0 = as many as the machine asks for */
    uint64_t memory_bytes;                   /* the chunk pool */
    uint64_t bulk_segment_bytes, small_segment_bytes;
    uint64_t watermark_bytes;                /* objects are refused when a volume has less free than the larger of the two */
    uint32_t watermark_percent;
    uint32_t max_associations;               /* in all */
    struct config_rules everyone; /* the global rules: what clients inherit, and all there is when no clients are listed */
    const struct config_client *clients;
    size_t client_count;
    const struct config_peer *peers;
    size_t peer_count;
    struct config_texts storage_sop_classes; /* none = any abstract syntax that is not a known non-storage one */
    struct config_texts private_transfer_syntaxes;
    bool jpip;
    enum log_level log_level;
    uint32_t grace_ms;
    struct config_memory *memory;            /* owns everything above; config.c only */
};

/* A value from the command line: key as in the table ("port"), value as it would stand in the file. A list key appends. */
struct config_setting {
    const char *key, *value;
};

/* Reads `path` (NULL = defaults only), then the settings. On failure returns NULL, and *errors is a text of one line an error
 * ("leat.yaml:12: memroy: no such key; did you mean 'memory'?"), the caller's to free. On success *errors is NULL. Start-up only.
 */
struct config *config_create(const char *path, const struct config_setting *settings, size_t setting_count, char **errors);
/* The same from memory; `name` is what errors call the file. */
struct config *config_create_from_text(const char *name, struct slice text, const struct config_setting *settings,
                                       size_t setting_count, char **errors);
void config_destroy(struct config *config); /* NULL is fine */

/* The rules for a caller, borrowed from the config: the first entry of `clients` that fits both its AE title (without padding)
 * and its address, or `everyone` when no clients are listed. NULL: not one of ours (A-ASSOCIATE-RJ, calling AE title not
 * recognized). IPv4-mapped IPv6 addresses match IPv4 ranges. Any thread. */
const struct config_rules *config_client_match(const struct config *config, struct slice calling_aet,
                                               const struct sockaddr *address);

/* Whether the called AE title is acceptable (compared without padding). Any thread. */
bool config_called_aet_match(const struct config *config, struct slice called_aet);

/* For a configuration that was read again while a server runs: the next key whose value differs and takes effect at the next
 * start only (sockets, threads, folders and memory were made from it), or NULL. *from: 0 at first. All other keys hold for what
 * begins after. */
const char *config_next_start_key(const struct config *running, const struct config *fresh, size_t *from);

/* Whether `address` is in the range. Any thread. */
bool config_range_match(const struct config_range *range, const struct sockaddr *address);

/* One row of the table: what parser, --help and documentation share. Texts are static, but `allowed`, which is in the caller's
 * room. */
struct config_row {
    const char *key;       /* "timeouts.artim": `artim` in the map `timeouts` */
    bool at_top, in_client; /* where it may stand: at the top of the file, in an entry of `clients`, or both */
    const char *type;      /* "size", "duration", "number", "AE title", "list of folders", ... */
    const char *initial;   /* default as it would be written; "" = none */
    const char *allowed;   /* "a whole number from 1 to 256", "any or strict", ... */
    const char *option;    /* the option of leat serve that sets it ("port"), or NULL */
    const char *meaning;   /* one sentence */
};
#define CONFIG_ALLOWED_BYTES 256
size_t config_row_count(void);
struct config_row config_row_at(size_t index, char allowed[CONFIG_ALLOWED_BYTES]);

#endif

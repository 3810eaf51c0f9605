/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/config_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "engine/base/check.h"
#include "engine/base/size.h"

#define GLOBAL(member) CONFIG_SCOPE_GLOBAL, offsetof(struct config, member)
#define RULES(member) CONFIG_SCOPE_RULES, offsetof(struct config_rules, member)
#define CLIENT(member) CONFIG_SCOPE_CLIENT, offsetof(struct config_client, member)
#define ROW(key_name, key_type, place, default_text, least, most, allowed_words, option_name, text) \
    ROW_(key_name, key_type, place, default_text, least, most, allowed_words, option_name, text)
#define ROW_(key_name, key_type, key_scope, key_offset, default_text, least, most, allowed_words, option_name, text) \
    {.name = key_name, .scope = key_scope, .type = CONFIG_TYPE_##key_type, .offset = key_offset, .initial = default_text, \
     .minimum = least, .maximum = most, .words = allowed_words, .option = option_name, .meaning = text}

/* Defaults that are also limits are compared with limits.h by test_config. */
const struct config_key config_table_keys[] = {
    ROW("data", PATH, GLOBAL(data_dir), "./leat-data", 1, 0, NULL, "data",
        "The data folder: manifest, lock, control socket and, unless moved, index and segments. Created when it is missing."),
    ROW("index_dir", PATH, GLOBAL(index_dir), "", 0, 0, NULL, NULL,
        "The folder of the index; default: `index` in the data folder. A fast disk of its own pays from some hundred million "
        "objects on."),
    ROW("volumes", PATHS, GLOBAL(volumes), "", 0, LIMIT_VOLUMES, NULL, NULL,
        "Folders for segments, one a file system; default: the data folder alone."),
    ROW("listen", LISTENS, GLOBAL(listen), "", 0, LIMIT_LISTENERS, NULL, NULL,
        "Addresses and ports to accept associations on, each ADDRESS:PORT ('*' = every address, IPv6 in brackets); instead of "
        "bind and port."),
    ROW("bind", ADDRESS, GLOBAL(bind), "*", 0, 0, NULL, "bind",
        "The address to accept associations on; '*' = every one, IPv6 and IPv4."),
    ROW("port", NUMBER, GLOBAL(port), "11112", 0, 65535, NULL, "port",
        "The TCP port to accept associations on; 0 = a free one, named in the `ready` line."),
    ROW("aet", AET, GLOBAL(aet), "LEAT", 0, 0, NULL, "aet", "Our application entity title."),
    ROW("called_aet", WORD, GLOBAL(called_aet), "any", 0, 0, "any|strict", NULL,
        "Whether an association must call our AE title: any (others are logged) or strict (others are rejected)."),
    ROW("reactors", NUMBER, GLOBAL(reactors), "0", 0, LIMIT_REACTORS, NULL, "reactors",
        "Threads that serve connections; 0 = as many as the machine asks for."),
    ROW("workers", NUMBER, GLOBAL(workers), "0", 0, LIMIT_WORKERS, NULL, "workers",
        "Threads that decide and check; 0 = as many as the machine asks for."),
    ROW("memory", SIZE, GLOBAL(memory_bytes), "256MiB", LIMIT_MEMORY_MIN_BYTES, LIMIT_MEMORY_MAX_BYTES, NULL, "memory",
        "The one budget for objects under way. When it is used up, senders are slowed down."),
    ROW("store.bulk_segment", SIZE, GLOBAL(bulk_segment_bytes), "1GiB", LIMIT_BULK_SEGMENT_MIN_BYTES, LIMIT_SEGMENT_MAX_BYTES,
        NULL, NULL, "Size of the files that objects are appended to."),
    ROW("store.small_segment", SIZE, GLOBAL(small_segment_bytes), "256MiB", LIMIT_SMALL_SEGMENT_MIN_BYTES,
        LIMIT_SEGMENT_MAX_BYTES, NULL, NULL, "Size of the files that objects up to 64 KiB are appended to."),
    ROW("watermark.bytes", SIZE, GLOBAL(watermark_bytes), "1GiB", 0, 1024 * LIMIT_TIB, NULL, NULL,
        "Objects are refused (A700) while a volume or the index has less free than this."),
    ROW("watermark.percent", NUMBER, GLOBAL(watermark_percent), "2", 0, 90, NULL, NULL,
        "The same, in percent of the file system; the larger of the two holds."),
    ROW("max_associations", NUMBER, GLOBAL(max_associations), "2048", 1, LIMIT_ASSOCIATIONS_MAX, NULL, NULL,
        "Associations at once, in all; more are rejected (transient, local limit exceeded)."),
    ROW("storage_sop_classes", UIDS, GLOBAL(storage_sop_classes), "", 0, 4096, NULL, NULL,
        "Narrows what is stored to these SOP classes; default: every abstract syntax that is not a known non-storage one."),
    ROW("private_transfer_syntaxes", UIDS, GLOBAL(private_transfer_syntaxes), "", 0, 256, NULL, NULL,
        "Private transfer syntaxes to accept (read as Explicit VR Little Endian); default: none."),
    ROW("jpip", FLAG, GLOBAL(jpip), "no", 0, 0, "no|yes", NULL,
        "Whether JPIP transfer syntaxes are accepted; such an object holds a URL of its old archive and no pixels."),
    ROW("log_level", WORD, GLOBAL(log_level), "info", 0, 0, "debug|info|warn|error", NULL, "The least level that is logged."),
    ROW("grace", DURATION, GLOBAL(grace_ms), "30s", 0, 3600000, NULL, NULL,
        "After SIGTERM: how long objects under way may take before their associations are aborted."),
    ROW("peers", PEERS, GLOBAL(peers), "", 0, LIMIT_PEERS, NULL, "peer", "Others that may be called, each AET=HOST:PORT."),
    ROW("clients", CLIENTS, GLOBAL(clients), "", 0, LIMIT_CLIENTS, NULL, NULL,
        "Who may do what: entries with the keys below, the first that fits a caller holds; default: everyone may do "
        "`operations`."),

    ROW("aet", AET, CLIENT(aet), "", 0, 0, NULL, NULL, "The AE title of the caller; default: any."),
    ROW("address", RANGE, CLIENT(range), "", 0, 0, NULL, NULL,
        "The address of the caller, or a range of them (CIDR); default: any."),

    ROW("operations", OPERATIONS, RULES(operations), "echo, store", 1, 4, "echo|store|query|retrieve", NULL,
        "What a caller may ask for."),
    ROW("max_associations_per_peer", NUMBER, RULES(max_associations), "1024", 0, LIMIT_ASSOCIATIONS_MAX, NULL, NULL,
        "Associations at once of one peer: an entry of clients, or an address where none are listed; 0 = no limit but the one in "
        "all."),
    ROW("max_pdu_length", PDU_LENGTH, RULES(max_pdu_length), "262144", LIMIT_PDU_MIN_BYTES, LIMIT_PDU_MAX_BYTES, NULL, NULL,
        "The PDU length that is announced (PS3.8 D.1), in bytes; 0 = unlimited. Longer ones are served all the same."),
    ROW("async_window", NUMBER, RULES(async_window), "16", 1, LIMIT_ASYNC_WINDOW_MAX, NULL, NULL,
        "Operations that a caller may have outstanding, if it asks for a window (PS3.7 D.3.3.3)."),
    ROW("timeouts.artim", DURATION, RULES(timeouts.artim_ms), "10s", 100, 3600000, NULL, NULL,
        "ARTIM: how long a connection may stand without an association request or after its end (PS3.8 9.1.5)."),
    ROW("timeouts.message", DURATION, RULES(timeouts.message_ms), "60s", 100, 86400000, NULL, NULL,
        "How long a peer may be silent inside a PDU or a message."),
    ROW("timeouts.idle", DURATION, RULES(timeouts.idle_ms), "1h", 100, 604800000, NULL, NULL,
        "How long a peer may be silent between messages."),
    ROW("timeouts.min_rate", RATE, RULES(timeouts.min_rate_bytes_per_s), "1KiB", 0, LIMIT_GIB, NULL, NULL,
        "The least bytes a second inside a message, over `timeouts.min_rate_window`; 0 = none."),
    ROW("timeouts.min_rate_window", DURATION, RULES(timeouts.min_rate_window_ms), "5min", 1000, 86400000, NULL, NULL,
        "The time over which the rate is taken."),
    ROW("transfer_syntaxes.preference", PREFERENCE, RULES(preference),
        "lossless, explicit-le, implicit-le, deflated, explicit-be, lossy", 0, LIMIT_PREFERENCES,
        "lossless|explicit-le|implicit-le|explicit-be|deflated|lossy|jpeg-lossless", NULL,
        "The order of choice among the transfer syntaxes that a context offers: classes and UIDs."),
    ROW("transfer_syntaxes.others", FLAG, RULES(preference.accept_others), "accept", 0, 0, "refuse|accept", NULL,
        "Transfer syntaxes that the preference does not name: accepted after those that it does, or refused."),
};
const size_t config_table_count = array_count(config_table_keys);

bool config_type_is_list(enum config_type type) {
    switch (type) {
    case CONFIG_TYPE_PATHS:
    case CONFIG_TYPE_OPERATIONS:
    case CONFIG_TYPE_UIDS:
    case CONFIG_TYPE_PREFERENCE:
    case CONFIG_TYPE_LISTENS:
    case CONFIG_TYPE_PEERS:
    case CONFIG_TYPE_CLIENTS: return true;
    default: return false;
    }
}

int config_table_word(const char *words, const char *text) {
    int place = 0;
    for (const char *word = words; *word; place++) {
        size_t length = strcspn(word, "|");
        if (strlen(text) == length && strncasecmp(word, text, length) == 0) return place;
        word += length + (word[length] == '|');
    }
    return -1;
}

static const char *type_words[] = {
    [CONFIG_TYPE_PATH] = "folder",
    [CONFIG_TYPE_PATHS] = "list of folders",
    [CONFIG_TYPE_AET] = "AE title",
    [CONFIG_TYPE_ADDRESS] = "address",
    [CONFIG_TYPE_RANGE] = "address range",
    [CONFIG_TYPE_NUMBER] = "number",
    [CONFIG_TYPE_PDU_LENGTH] = "number",
    [CONFIG_TYPE_SIZE] = "size",
    [CONFIG_TYPE_RATE] = "size",
    [CONFIG_TYPE_DURATION] = "duration",
    [CONFIG_TYPE_WORD] = "word",
    [CONFIG_TYPE_FLAG] = "word",
    [CONFIG_TYPE_OPERATIONS] = "list of words",
    [CONFIG_TYPE_UIDS] = "list of UIDs",
    [CONFIG_TYPE_PREFERENCE] = "list of words and UIDs",
    [CONFIG_TYPE_LISTENS] = "list of ADDRESS:PORT",
    [CONFIG_TYPE_PEERS] = "list of AET=HOST:PORT",
    [CONFIG_TYPE_CLIENTS] = "list of entries",
};

/* "any|strict" -> "any or strict" */
static void join_words(const char *words, char *out, size_t capacity) {
    size_t used = 0;
    for (const char *word = words; *word;) {
        size_t length = strcspn(word, "|");
        const char *gap = word == words ? "" : word[length] ? ", " : " or ";
        int n = snprintf(out + used, capacity - used, "%s%.*s", gap, (int)length, word);
        if (n < 0 || (size_t)n >= capacity - used) return;
        used += (size_t)n;
        word += length + (word[length] == '|');
    }
}

void config_table_allowed(const struct config_key *key, char *out, size_t capacity) {
    char low[SIZE_TEXT_BYTES], high[SIZE_TEXT_BYTES], words[160] = "";
    if (key->words) join_words(key->words, words, sizeof words);
    switch (key->type) {
    case CONFIG_TYPE_PATH: snprintf(out, capacity, "a path"); break;
    case CONFIG_TYPE_PATHS: snprintf(out, capacity, "a list of at most %" PRIu64 " paths", key->maximum); break;
    case CONFIG_TYPE_AET: snprintf(out, capacity, "1 to 16 printable ASCII characters, no backslash"); break;
    case CONFIG_TYPE_ADDRESS: snprintf(out, capacity, "a numeric IPv4 or IPv6 address, or '*'"); break;
    case CONFIG_TYPE_RANGE: snprintf(out, capacity, "an IPv4 or IPv6 address, or a range such as 10.1.0.0/16 or fd00::/8"); break;
    case CONFIG_TYPE_NUMBER:
        snprintf(out, capacity, "a whole number from %" PRIu64 " to %" PRIu64, key->minimum, key->maximum);
        break;
    case CONFIG_TYPE_PDU_LENGTH:
        snprintf(out, capacity, "a whole number from %" PRIu64 " to %" PRIu64 ", or 0", key->minimum, key->maximum);
        break;
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_RATE:
        snprintf(out, capacity, "a size from %s to %s, such as 256MiB", size_format_bytes(key->minimum, low),
                 size_format_bytes(key->maximum, high));
        break;
    case CONFIG_TYPE_DURATION:
        snprintf(out, capacity, "a duration from %s to %s, such as 60s, 5min or 1h", size_format_ms(key->minimum, low),
                 size_format_ms(key->maximum, high));
        break;
    case CONFIG_TYPE_WORD:
    case CONFIG_TYPE_FLAG: snprintf(out, capacity, "%s", words); break;
    case CONFIG_TYPE_OPERATIONS: snprintf(out, capacity, "a list of %s", words); break;
    case CONFIG_TYPE_UIDS: snprintf(out, capacity, "a list of at most %" PRIu64 " UIDs", key->maximum); break;
    case CONFIG_TYPE_PREFERENCE: snprintf(out, capacity, "a list of %s, and UIDs", words); break;
    case CONFIG_TYPE_LISTENS: snprintf(out, capacity, "a list of at most %" PRIu64 " ADDRESS:PORT", key->maximum); break;
    case CONFIG_TYPE_PEERS: snprintf(out, capacity, "a list of AET=HOST:PORT"); break;
    case CONFIG_TYPE_CLIENTS: snprintf(out, capacity, "a list of entries with aet, address, operations, ..."); break;
    }
}

size_t config_row_count(void) { return config_table_count; }

struct config_row config_row_at(size_t index, char allowed[CONFIG_ALLOWED_BYTES]) {
    invariant(index < config_table_count);
    const struct config_key *key = &config_table_keys[index];
    config_table_allowed(key, allowed, CONFIG_ALLOWED_BYTES);
    return (struct config_row){
        .key = key->name,
        .in_client = key->scope != CONFIG_SCOPE_GLOBAL,
        .at_top = key->scope != CONFIG_SCOPE_CLIENT,
        .type = type_words[key->type],
        .initial = key->initial,
        .allowed = allowed,
        .option = key->option,
        .meaning = key->meaning,
    };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test_config: each key with good and bad values, what errors say, defaults against limits.h, and who a caller turns out to be.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/config.h"

static struct config *good(const char *text) {
    char *errors = NULL;
    struct config *config = config_create_from_text("t.yaml", slice_text(text), NULL, 0, &errors);
    if (!config) fail_msg("refused:\n%s\n%s", text, errors);
    assert_null(errors);
    return config;
}

/* The errors, the caller's to free. */
static char *bad(const char *text) {
    char *errors = NULL;
    struct config *config = config_create_from_text("t.yaml", slice_text(text), NULL, 0, &errors);
    if (config) fail_msg("accepted:\n%s", text);
    assert_non_null(errors);
    return errors;
}

static void test_defaults(void **state) {
    (void)state;
    config_destroy(good("store:\ntimeouts: {}\n")); /* sections whose keys are all comments */
    struct config *config = good("");
    assert_string_equal(config->data_dir, "./leat-data");
    assert_null(config->index_dir);
    assert_int_equal(config->volumes.count, 0);
    assert_int_equal(config->listen_count, 1);
    assert_string_equal(config->listen[0].address, "*");
    assert_int_equal(config->listen[0].port, 11112);
    assert_string_equal(config->aet, "LEAT");
    assert_int_equal(config->called_aet, CONFIG_CALLED_AET_ANY);
    assert_int_equal(config->memory_bytes, LIMIT_MEMORY_DEFAULT_BYTES);
    assert_int_equal(config->bulk_segment_bytes, LIMIT_BULK_SEGMENT_BYTES);
    assert_int_equal(config->small_segment_bytes, LIMIT_SMALL_SEGMENT_BYTES);
    assert_int_equal(config->watermark_bytes, LIMIT_WATERMARK_BYTES);
    assert_int_equal(config->watermark_percent, LIMIT_WATERMARK_PERCENT);
    assert_int_equal(config->max_associations, LIMIT_ASSOCIATIONS_DEFAULT);
    assert_int_equal(config->grace_ms, LIMIT_GRACE_MS);
    assert_int_equal(config->log_level, LOG_INFO);
    assert_false(config->jpip);
    const struct config_rules *rules = &config->everyone;
    assert_int_equal(rules->client, CONFIG_NO_CLIENT);
    assert_int_equal(rules->operations, CONFIG_OPERATION_ECHO | CONFIG_OPERATION_STORE);
    assert_int_equal(rules->max_associations, LIMIT_ASSOCIATIONS_PER_PEER);
    assert_int_equal(rules->max_pdu_length, LIMIT_PDU_DEFAULT_BYTES);
    assert_int_equal(rules->async_window, LIMIT_ASYNC_WINDOW_DEFAULT);
    assert_int_equal(rules->timeouts.artim_ms, LIMIT_ARTIM_MS);
    assert_int_equal(rules->timeouts.message_ms, LIMIT_MESSAGE_MS);
    assert_int_equal(rules->timeouts.idle_ms, LIMIT_IDLE_MS);
    assert_int_equal(rules->timeouts.min_rate_bytes_per_s, LIMIT_MIN_RATE_BYTES_PER_S);
    assert_int_equal(rules->timeouts.min_rate_window_ms, LIMIT_MIN_RATE_WINDOW_MS);
    assert_int_equal(rules->preference.count, 6);
    assert_int_equal(rules->preference.items[0].kind, CONFIG_SYNTAX_LOSSLESS);
    assert_int_equal(rules->preference.items[5].kind, CONFIG_SYNTAX_LOSSY);
    assert_true(rules->preference.accept_others);
    config_destroy(config);
}

static const char full[] =
    "# every key once\n"
    "data: /srv/leat\nindex_dir: /nvme/index\nvolumes: [/a, /b]\n"
    "listen: ['*:104', '127.0.0.1:11113', '[::1]:11114', 2762]\n"
    "aet: ARCHIVE 1\ncalled_aet: strict\nreactors: 4\nworkers: 2\nmemory: 1.5 GiB\n"
    "store:\n  bulk_segment: 512MiB\n  small_segment: 32MiB\n"
    "watermark: {bytes: 10GiB, percent: 5}\n"
    "max_associations: 100\nmax_associations_per_peer: 0\n"
    "storage_sop_classes: [1.2.840.10008.5.1.4.1.1.2]\nprivate_transfer_syntaxes: [1.2.3.4]\njpip: yes\n"
    "log_level: debug\ngrace: 5s\npeers: [PACS=pacs.example.org:104, 'V6=[fd00::2]:4242']\n"
    "operations: [echo]\nmax_pdu_length: 0\nasync_window: 1\n"
    "timeouts: {artim: 5s, message: 30s, idle: 10min, min_rate: 0, min_rate_window: 60}\n"
    "transfer_syntaxes:\n  preference: [explicit-be, explicit-le, 1.2.840.10008.1.2]\n  others: refuse\n"
    "clients:\n"
    "  - {aet: CT1, operations: [echo, store]}\n"
    "  - address: 10.1.0.0/16\n    operations: [echo, store, query, retrieve]\n    max_pdu_length: 65536\n"
    "    timeouts: {idle: 1d}\n    transfer_syntaxes: {others: accept}\n"
    "  - {aet: WS2, address: 'fd00::/8', max_associations_per_peer: 3}\n";

static void test_every_key(void **state) {
    (void)state;
    struct config *config = good(full);
    assert_string_equal(config->data_dir, "/srv/leat");
    assert_string_equal(config->index_dir, "/nvme/index");
    assert_int_equal(config->volumes.count, 2);
    assert_string_equal(config->volumes.items[1], "/b");
    assert_int_equal(config->listen_count, 4);
    assert_string_equal(config->listen[2].address, "::1");
    assert_int_equal(config->listen[2].port, 11114);
    assert_string_equal(config->listen[3].address, "*");
    assert_int_equal(config->listen[3].port, 2762);
    assert_int_equal(config->called_aet, CONFIG_CALLED_AET_STRICT);
    assert_int_equal(config->reactors, 4);
    assert_int_equal(config->workers, 2);
    assert_int_equal(config->memory_bytes, 1536 * LIMIT_MIB);
    assert_int_equal(config->bulk_segment_bytes, 512 * LIMIT_MIB);
    assert_int_equal(config->watermark_percent, 5);
    assert_string_equal(config->storage_sop_classes.items[0], "1.2.840.10008.5.1.4.1.1.2");
    assert_true(config->jpip);
    assert_int_equal(config->log_level, LOG_DEBUG);
    assert_int_equal(config->peer_count, 2);
    assert_string_equal(config->peers[0].host, "pacs.example.org");
    assert_string_equal(config->peers[1].host, "fd00::2");
    assert_int_equal(config->peers[1].port, 4242);
    assert_int_equal(config->everyone.max_pdu_length, 0);
    assert_int_equal(config->everyone.timeouts.min_rate_window_ms, 60000);
    assert_int_equal(config->everyone.preference.count, 3);
    assert_int_equal(config->everyone.preference.items[0].kind, CONFIG_SYNTAX_EXPLICIT_BE);
    assert_string_equal(config->everyone.preference.items[2].uid, "1.2.840.10008.1.2");
    assert_false(config->everyone.preference.accept_others);
    assert_int_equal(config->client_count, 3);
    const struct config_rules *rules = &config->clients[1].rules; /* what it does not say, it inherits */
    assert_int_equal(rules->client, 1);
    assert_int_equal(rules->operations, 15);
    assert_int_equal(rules->max_pdu_length, 65536);
    assert_int_equal(rules->async_window, 1);
    assert_int_equal(rules->timeouts.idle_ms, 86400000);
    assert_int_equal(rules->timeouts.message_ms, 30000);
    assert_int_equal(rules->preference.count, 3);
    assert_true(rules->preference.accept_others);
    config_destroy(config);
}

/* A text, and what its errors have to contain. */
static const struct {
    const char *text, *says;
} wrong[] = {
    {"port: 99999\n", "t.yaml:1: port: '99999' is not allowed (allowed: a whole number from 0 to 65535)"},
    {"\n\nmemroy: 1GiB\n", "t.yaml:3: memroy: no such key; did you mean 'memory'?"},
    {"memory: 1\n", "(allowed: a size from 32 MiB to 4 TiB, such as 256MiB)"},
    {"memory: lots\n", "t.yaml:1: memory: 'lots' is not allowed"},
    {"memory: -1\n", "memory: '-1'"},
    {"memory: 99999999999999999999999\n", "memory: '9999"},
    {"memory: 17179869184GiB\n", "memory: '17179869184GiB'"},
    {"memory:\n", "t.yaml:1: memory: has no value"},
    {"memory: [1GiB]\n", "memory: a list can't stand here"},
    {"memory: {a: 1GiB}\n", "memory: a map can't stand here"},
    {"data: ''\n", "t.yaml:1: data: has no value"},
    {"data: [a]\n", "data: a list can't stand here"},
    {"called_aet: maybe\n", "called_aet: 'maybe' is not allowed (allowed: any or strict)"},
    {"aet: THIS IS LONGER THAN 16\n", "1 to 16 printable ASCII characters"},
    {"aet: 'A\\B'\n", "aet: 'A\\B'"},
    {"aet: '   '\n", "aet: '   '"},
    {"bind: localhost\n", "bind: 'localhost' is not allowed (allowed: a numeric IPv4 or IPv6 address, or '*')"},
    {"reactors: 257\n", "from 0 to 256"},
    {"workers: two\n", "workers: 'two'"},
    {"listen: ['127.0.0.1:x']\n", "listen: '127.0.0.1:x'"},
    {"listen: ['::1:104']\n", "listen: '::1:104'"},
    {"listen: ['1.2.3:104']\n", "listen: '1.2.3:104'"},
    {"listen: ['*:70000']\n", "listen: '*:70000'"},
    {"listen: ['*:104', '*:104']\n", "listen: '*:104' stands there twice"},
    {"listen: ['*:104']\nport: 11112\n", "t.yaml:1: listen: stands beside bind or port"},
    {"volumes: [/a, /a]\n", "volumes: '/a' stands there twice"},
    {"volumes: {a: b}\n", "volumes: a map can't stand here"},
    {"volumes: ['']\n", "volumes: has no value"},
    {"store: 7\n", "t.yaml:1: store: is a map of keys"},
    {"store:\n  bulk_segment: 1MiB\n", "t.yaml:2: store.bulk_segment: '1MiB'"},
    {"store:\n  bulk_segmnt: 1GiB\n", "t.yaml:2: store.bulk_segmnt: no such key; did you mean 'store.bulk_segment'?"},
    {"timeout:\n  artim: 5s\n", "t.yaml:1: timeout: no such key; did you mean 'timeouts."},
    {"artim: 5s\n", "did you mean 'timeouts.artim'?"},
    {"timeouts: {artim: 1ms}\n", "a duration from 100ms to 1h 00min"},
    {"timeouts: {idle: soon}\n", "timeouts.idle: 'soon'"},
    {"watermark: {percent: 91}\n", "from 0 to 90"},
    {"jpip: perhaps\n", "jpip: 'perhaps' is not allowed (allowed: no or yes)"},
    {"log_level: loud\n", "debug, info, warn or error"},
    {"operations: [echo, destroy]\n", "operations: 'destroy'"},
    {"operations: []\n", "operations: a list can't stand here"},
    {"async_window: 0\n", "from 1 to 256"},
    {"store: [a]\n", "store: is a map of keys"},
    {"max_pdu_length: 12\n", "a whole number from 1024 to 134217728, or 0"},
    {"max_pdu_length: -1\n", "max_pdu_length: '-1'"},
    {"storage_sop_classes: [1.2.03]\n", "storage_sop_classes: '1.2.03'"},
    {"storage_sop_classes: [1..2]\n", "'1..2'"},
    {"storage_sop_classes: [1.2.]\n", "'1.2.'"},
    {"private_transfer_syntaxes: [abc]\n", "'abc'"},
    {"transfer_syntaxes: {preference: [lossless, jpeg]}\n", "transfer_syntaxes.preference: 'jpeg'"},
    {"transfer_syntaxes: {others: ignore}\n", "refuse or accept"},
    {"peers: [PACS]\n", "peers: 'PACS' is not allowed (allowed: a list of AET=HOST:PORT)"},
    {"peers: ['PACS=:104']\n", "peers: 'PACS=:104'"},
    {"peers: ['PACS=h:0']\n", "peers: 'PACS=h:0'"},
    {"peers: ['A=h:1', 'A=i:2']\n", "peers: 'A' stands there twice"},
    {"clients: everyone\n", "clients: must be a list"},
    {"clients:\n  - CT1\n", "t.yaml:2: clients: each entry is a map"},
    {"clients:\n  - aet: CT1\n    memory: 1GiB\n", "t.yaml:3: clients[0].memory: no such key"},
    {"clients:\n  - aet: CT1\n    adress: 10.0.0.1\n", "did you mean 'address'?"},
    {"clients:\n  - address: 10.0.0.1/33\n", "clients[0].address: '10.0.0.1/33'"},
    {"clients:\n  - address: 10.0.0\n", "clients[0].address: '10.0.0'"},
    {"clients:\n  - {aet: A}\n  - {aet: A}\n", "t.yaml:3: clients: entry 1 can never hold: entry 0 takes its callers before it"},
    {"clients:\n  - {operations: [echo]}\n  - {aet: A}\n", "entry 1 can never hold"},
    {"clients:\n  - aet: A\n    timeouts: {artim: never}\n", "t.yaml:3: clients[0].timeouts.artim: 'never'"},
    {"port: 1\nport: 2\n", "t.yaml:2: port: written twice (first in line 1)"},
    {"timeouts: {artim: 1s}\nstore: {}\ntimeouts: {artim: 2s}\n", "t.yaml:3: timeouts.artim: written twice (first in line 1)"},
    {"zzzzzzzz: 1\n", "zzzzzzzz: no such key; 'leat check-config --keys' lists them"},
    {"port: [\n", "not YAML"},
    {"a: b: c\n", "t.yaml:1: not YAML"},
    {"- port\n", "a configuration is a map of keys"},
    {"port\n", "a configuration is a map of keys"},
    {"[a, b]: c\n", "a key must be a word"},
    {"port: 1\n---\nport: 2\n", "a second document begins here"},
    {"aet: \"A\\0B\"\n", "zero byte"},
};

static void test_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < array_count(wrong); i++) {
        char *errors = bad(wrong[i].text);
        if (!strstr(errors, wrong[i].says)) fail_msg("for:\n%s\nexpected: %s\ngot: %s", wrong[i].text, wrong[i].says, errors);
        free(errors);
    }
}

static void test_all_errors_are_listed(void **state) {
    (void)state;
    char *errors = bad("port: x\nmemory: y\ntimeouts: {idle: z}\nclients: [{aet: '', operations: [fly]}]\n");
    size_t lines = 1;
    for (const char *at = errors; *at; at++) lines += *at == '\n';
    assert_int_equal(lines, 5);
    free(errors);
    size_t length = 0;
    char *many = malloc(100000);
    for (int i = 0; i < 5000; i++) length += (size_t)sprintf(many + length, "wrong_%d: 1\n", i);
    errors = bad(many);
    assert_non_null(strstr(errors, "... and perhaps more"));
    free(errors);
    free(many);
}

/* Values may hold what drives a terminal; an error is one line all the same. */
static void test_errors_are_printable(void **state) {
    (void)state;
    char *errors = bad("memory: \"x\\e[2J\\ny\"\n");
    for (const char *at = errors; *at; at++) assert_true((unsigned char)*at >= 0x20);
    free(errors);
}

/* A few lines that would unfold to 10^9 values. */
static void test_alias_bomb(void **state) {
    (void)state;
    char text[1024] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    free(bad(text));
}

static void test_settings(void **state) {
    (void)state;
    static const struct config_setting settings[] = {
        {"port", "104"}, {"aet", "OTHER"}, {"memory", "64MiB"}, {"peers", "B=b:2"}, {"peers", "C=c:3"}, {"bind", "127.0.0.1"},
    };
    char *errors = NULL;
    const char *text = "listen: ['*:1']\naet: FILE\npeers: [A=a:1]\n";
    struct config *config = config_create_from_text("t.yaml", slice_text(text), settings, array_count(settings), &errors);
    assert_non_null(config);
    assert_int_equal(config->listen_count, 1); /* an address on the command line replaces the file's */
    assert_string_equal(config->listen[0].address, "127.0.0.1");
    assert_int_equal(config->listen[0].port, 104);
    assert_string_equal(config->aet, "OTHER");
    assert_int_equal(config->memory_bytes, 64 * LIMIT_MIB);
    assert_int_equal(config->peer_count, 3);
    assert_string_equal(config->peers[2].aet, "C");
    config_destroy(config);
    static const struct config_setting broken[] = {{"port", "many"}, {"memory", "1"}};
    assert_null(config_create(NULL, broken, array_count(broken), &errors));
    assert_non_null(strstr(errors, "command line: --port: 'many' is not allowed"));
    assert_non_null(strstr(errors, "command line: --memory: '1' is not allowed"));
    free(errors);
}

static void test_files(void **state) {
    (void)state;
    char *errors = NULL;
    assert_null(config_create("/nonexistent/leat.yaml", NULL, 0, &errors));
    assert_non_null(strstr(errors, "/nonexistent/leat.yaml: can't be read: No such file"));
    free(errors);
    assert_null(config_create("/", NULL, 0, &errors));
    assert_non_null(strstr(errors, "Is a directory"));
    free(errors);
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, full, sizeof full - 1), sizeof full - 1);
    close(fd);
    struct config *config = config_create(path, NULL, 0, &errors);
    assert_non_null(config);
    config_destroy(config);
    unlink(path);
}

/* ---- callers ---- */

static const struct config_rules *ask(const struct config *config, const char *aet, const char *address) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return config_client_match(config, slice_text(aet), (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return config_client_match(config, slice_text(aet), (struct sockaddr *)&v6);
}

static void test_clients(void **state) {
    (void)state;
    struct config *config = good("clients:\n"
                                 "  - {aet: CT1, address: 10.1.2.128/25}\n"
                                 "  - {aet: CT1, operations: [echo]}\n"
                                 "  - {address: 192.168.7.9}\n"
                                 "  - {address: 'fd00:1::/33'}\n");
    static const struct {
        const char *aet, *address;
        int client; /* -1 = refused */
    } callers[] = {
        {"CT1", "10.1.2.128", 0},
        {"CT1             ", "10.1.2.255", 0},
        {" CT1", "10.1.2.200", 0},
        {"CT1", "10.1.2.127", 1},
        {"ct1", "10.1.2.200", -1},
        {"CT11", "10.1.2.200", -1},
        {"CT", "10.1.2.200", -1},
        {"X", "192.168.7.9", 2},
        {"X", "::ffff:192.168.7.9", 2},
        {"X", "192.168.7.8", -1},
        {"X", "fd00:1::1", 3},
        {"X", "fd00:1:7fff::1", 3},
        {"X", "fd00:1:8000::1", -1},
        {"CT1", "::1", 1},
        {"", "1.1.1.1", -1},
    };
    for (size_t i = 0; i < array_count(callers); i++) {
        const struct config_rules *rules = ask(config, callers[i].aet, callers[i].address);
        int client = rules ? (int)rules->client : -1;
        if (client != callers[i].client) fail_msg("%s from %s: client %d", callers[i].aet, callers[i].address, client);
    }
    config_destroy(config);
    config = good("aet: ME\n");
    assert_ptr_equal(ask(config, "ANYONE", "8.8.8.8"), &config->everyone);
    assert_true(config_called_aet_match(config, slice_text("YOU")));
    config_destroy(config);
    config = good("aet: ME\ncalled_aet: strict\n");
    assert_true(config_called_aet_match(config, slice_text("ME              ")));
    assert_false(config_called_aet_match(config, slice_text("YOU")));
    config_destroy(config);
}

/* The five systems whose behaviour has to be expressible as a policy: what each takes, and in which order. */
static void test_five_systems(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        enum config_syntax_class first;
        bool accept_others;
    } systems[] = {
        {"transfer_syntaxes: {preference: [implicit-le, explicit-le, explicit-be], others: refuse}\naet: PROXY\nport: 4242\n", 3,
         CONFIG_SYNTAX_IMPLICIT_LE, false},
        {"transfer_syntaxes:\n  preference: [jpeg-lossless, implicit-le, explicit-le, lossless, 1.2.840.10008.1.2.4.50, "
         "1.2.840.10008.1.2.4.51,\n"
         "    1.2.840.10008.1.2.4.53, 1.2.840.10008.1.2.4.55, 1.2.840.10008.1.2.4.91]\n  others: refuse\nmax_pdu_length: 65536\n"
         "called_aet: strict\ntimeouts: {message: 60s, idle: 60s}\nclients: [{address: 10.0.0.0/8}]\n",
         9, CONFIG_SYNTAX_JPEG_LOSSLESS, false},
        {"transfer_syntaxes:\n  preference: [implicit-le, explicit-le, explicit-be, lossless, lossy]\nmax_associations: 10\n"
         "listen: ['10.0.0.1:104', '10.0.0.1:11112']\nclients:\n  - {aet: X, operations: [echo]}\n  - {address: 10.1.1.1}\n"
         "  - {aet: Y, address: 10.1.1.2, operations: [store, query, retrieve]}\n",
         5, CONFIG_SYNTAX_IMPLICIT_LE, true},
        {"port: 4000\ntransfer_syntaxes: {preference: [implicit-le, explicit-le, explicit-be], others: refuse}\nmax_pdu_length: "
         "49152\n",
         3, CONFIG_SYNTAX_IMPLICIT_LE, false},
        {"transfer_syntaxes: {preference: [explicit-be, explicit-le, implicit-le]}\nmax_pdu_length: 2048\n", 3,
         CONFIG_SYNTAX_EXPLICIT_BE, true},
    };
    for (size_t i = 0; i < array_count(systems); i++) {
        struct config *config = good(systems[i].text);
        assert_int_equal(config->everyone.preference.count, systems[i].count);
        assert_int_equal(config->everyone.preference.items[0].kind, systems[i].first);
        assert_int_equal(config->everyone.preference.accept_others, systems[i].accept_others);
        config_destroy(config);
    }
}

static void test_reload(void **state) {
    (void)state;
    struct config *running = good("port: 1\nmemory: 64MiB\n");
    struct config *fresh =
        good("port: 1\nmemory: 64MiB\nclients: [{aet: A}]\njpip: yes\nmax_associations: 3\npeers: ['A=b:1']\n");
    size_t from = 0;
    assert_null(config_next_start_key(running, fresh, &from));
    config_destroy(fresh);
    fresh = good("port: 2\nmemory: 128MiB\nindex_dir: /a\nvolumes: [/b]\n");
    from = 0;
    static const char *const keys[] = {"index_dir", "volumes", "listen (bind, port)", "memory"};
    for (size_t i = 0; i < array_count(keys); i++) assert_string_equal(config_next_start_key(running, fresh, &from), keys[i]);
    assert_null(config_next_start_key(running, fresh, &from));
    config_destroy(fresh);
    config_destroy(running);
}

/* Every row can be shown, and each default passes its own check (config_create would stop on it). */
static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < config_row_count(); i++) {
        char allowed[CONFIG_ALLOWED_BYTES];
        struct config_row row = config_row_at(i, allowed);
        assert_true(*row.key && *row.type && *row.meaning && *row.allowed);
        assert_true(row.at_top || row.in_client);
        assert_true(strlen(allowed) < CONFIG_ALLOWED_BYTES - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_all_errors_are_listed),
        cmocka_unit_test(test_errors_are_printable),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_alias_bomb),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_five_systems), cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

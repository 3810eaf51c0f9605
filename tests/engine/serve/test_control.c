/* SPDX-License-Identifier: Apache-2.0 */
/* test_control: requests and frames over a socketpair, a descriptor that comes along, long paths, many clients, clients that go
 * away, servers that do, and requests that are not ours. Clean under ThreadSanitizer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/cursor.h"
#include "engine/serve/control.h"
#include "engine/serve/control_wire.h"

/* ---- what a command says, heard ---- */
struct heard {
    char result[400000], message[1000], progress[1000];
    size_t result_length;
    bool deaf; /* goes away at the first result */
};

static bool hear(void *context, enum output_stream stream, const void *bytes, size_t length) {
    struct heard *heard = context;
    if (heard->deaf) return false;
    if (stream == OUTPUT_RESULT) {
        assert_true(heard->result_length + length < sizeof heard->result);
        memcpy(heard->result + heard->result_length, bytes, length);
        heard->result_length += length;
    } else {
        snprintf(stream == OUTPUT_MESSAGE ? heard->message : heard->progress, 1000, "%.*s", (int)length, (const char *)bytes);
    }
    return true;
}

/* ---- a command that does as it is told ---- */
struct world {
    atomic_int running, stopped;
    atomic_bool release; /* lets "hold" end */
};

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }

static int handle(void *context, const struct control_request *request, struct output *output) {
    struct world *world = context;
    const char *word = request->arguments[0];
    if (strcmp(word, "echo") == 0) {
        for (int i = 1; i < request->argument_count; i++) output_print(output, "[%s]", request->arguments[i]);
        output_message(output, "said");
        output->write(output->context, OUTPUT_PROGRESS, "half", 4);
        return 7;
    }
    if (strcmp(word, "long") == 0) {
        for (int i = 0; i < 30000; i++) output_print(output, "%09d\n", i);
        return 0;
    }
    if (strcmp(word, "folder") == 0) {
        int fd = request->directory < 0 ? -1 : openat(request->directory, "made", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
        return fd < 0;
    }
    if (strcmp(word, "endless") == 0) { /* talks until nobody listens */
        atomic_fetch_add(&world->running, 1);
        while (!output_stopped(output)) {
            output_print(output, "more and more\n");
            output_flush(output);
        }
        atomic_fetch_add(&world->stopped, 1);
        return 1;
    }
    if (strcmp(word, "hold") == 0) { /* silent until told, or cancelled */
        atomic_fetch_add(&world->running, 1);
        while (!atomic_load(&world->release) && !output_stopped(output)) pause_ms(1);
        return output_stopped(output) ? 1 : 0;
    }
    return 2;
}

struct talk {
    pthread_t thread;
    int socket;
    struct world *world;
};

static void *serve_one(void *argument) {
    struct talk *talk = argument;
    control_session_run(talk->socket, handle, talk->world, NULL);
    return NULL;
}

/* One request over a socketpair. */
static enum control_result ask(struct world *world, struct heard *heard, int directory, int *status, struct fault *fault,
                               char **arguments) {
    int sockets[2], count = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    struct talk talk = {.socket = sockets[0], .world = world};
    assert_int_equal(pthread_create(&talk.thread, NULL, serve_one, &talk), 0);
    while (arguments[count]) count++;
    const struct control_request request = {.argument_count = count, .arguments = arguments, .directory = directory};
    struct output *output = malloc(sizeof *output);
    output_init(output, hear, heard);
    enum control_result result = control_client_talk(sockets[1], &request, output, status, fault);
    free(output);
    pthread_join(talk.thread, NULL);
    return result;
}

#define ARGUMENTS(...) ((char *[]){__VA_ARGS__, NULL})

static void test_round_trip(void **state) {
    (void)state;
    struct world world = {0};
    struct heard *heard = calloc(1, sizeof *heard);
    struct fault fault;
    int status = -1;
    assert_int_equal(ask(&world, heard, -1, &status, &fault, ARGUMENTS("echo", "a b", "", "\xc3\xbc=1")), CONTROL_DONE);
    assert_int_equal(status, 7);
    assert_string_equal(heard->result, "[a b][][\xc3\xbc=1]");
    assert_string_equal(heard->message, "said\n");
    assert_string_equal(heard->progress, "half");
    memset(heard, 0, sizeof *heard);
    assert_int_equal(ask(&world, heard, -1, &status, &fault, ARGUMENTS("long")), CONTROL_DONE);
    assert_int_equal(status, 0);
    assert_int_equal(heard->result_length, 300000);
    assert_memory_equal(heard->result + 299990, "000029999\n", 10);
    assert_int_equal(ask(&world, heard, -1, &status, &fault, ARGUMENTS("nonsense")), CONTROL_DONE);
    assert_int_equal(status, 2);
    free(heard);
}

static void test_directory(void **state) {
    (void)state;
    char folder[] = "/tmp/test_control.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    struct world world = {0};
    struct heard *heard = calloc(1, sizeof *heard);
    struct fault fault;
    int status = -1, directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(ask(&world, heard, directory, &status, &fault, ARGUMENTS("folder")), CONTROL_DONE);
    assert_int_equal(status, 0);
    snprintf(path, sizeof path, "%s/made", folder);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(ask(&world, heard, -1, &status, &fault, ARGUMENTS("folder")), CONTROL_DONE);
    assert_int_equal(status, 1);
    close(directory);
    unlink(path);
    rmdir(folder);
    free(heard);
}

static void test_client_goes_away(void **state) {
    (void)state;
    struct world world = {0};
    struct heard *heard = calloc(1, sizeof *heard);
    struct fault fault;
    int status;
    heard->deaf = true;
    assert_int_equal(ask(&world, heard, -1, &status, &fault, ARGUMENTS("endless")), CONTROL_FAILED);
    assert_int_equal(fault.code, FAULT_CANCELLED);
    assert_int_equal(atomic_load(&world.stopped), 1); /* the command noticed */
    free(heard);
}

/* Bytes that are no request: the session ends, nothing runs, no answer. */
static void test_garbage(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"", 0},
        {"GET / HTTP/1.0\r\n\r\n", 18},
        {"LEATCTL1\xff\xff\xff\xff", 12},
        {"LEATCTL1\x04\0\0\0\0\0\0\0", 16},                 /* no arguments */
        {"LEATCTL1\x04\0\0\0\x01\0\0\0", 16},              /* an argument that is missing */
        {"LEATCTL1\x08\0\0\0\x01\0\0\0\xff\xff\xff\xff", 20}, /* longer than the request */
        {"LEATCTL1\x0a\0\0\0\x01\0\0\0\x02\0\0\0a\0", 22}, /* a zero byte */
        {"LEATCTL1\x0a\0\0\0\x01\0\0\0\x01\0\0\0ab", 22},  /* bytes behind the last one */
        {"LEATCTL1\x04\0\0\0\xff\xff\0\0", 16},            /* too many */
        {"LEATCTL1\x40\0\0\0\x01\0\0\0", 16},              /* ends in the middle */
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        int sockets[2];
        char answer;
        struct world world = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        struct talk talk = {.socket = sockets[0], .world = &world};
        assert_int_equal(send(sockets[1], rows[i].bytes, rows[i].length, MSG_NOSIGNAL), rows[i].length);
        shutdown(sockets[1], SHUT_WR);
        assert_int_equal(pthread_create(&talk.thread, NULL, serve_one, &talk), 0);
        pthread_join(talk.thread, NULL);
        ssize_t n = recv(sockets[1], &answer, 1, 0); /* ECONNRESET where bytes were left unread */
        assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        close(sockets[1]);
    }
}

/* A server that answers nonsense, or goes away in the middle. */
static void test_bad_server(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum fault_code code;
    } rows[] = {
        {"", 0, FAULT_IO},
        {"\x01\0\0\0", 4, FAULT_IO},
        {"\x01\0\0\0\x05\0\0\0ab", 10, FAULT_IO},
        {"\x09\0\0\0\0\0\0\0", 8, FAULT_MALFORMED},
        {"\x04\0\0\0\0\0\0\0", 8, FAULT_MALFORMED}, /* an exit without its status */
        {"\x01\0\0\0\xff\xff\xff\x7f", 8, FAULT_MALFORMED},
    };
    struct heard *heard = calloc(1, sizeof *heard);
    for (size_t i = 0; i < array_count(rows); i++) {
        int sockets[2], status;
        struct fault fault = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        assert_int_equal(send(sockets[0], rows[i].bytes, rows[i].length, MSG_NOSIGNAL), rows[i].length);
        shutdown(sockets[0], SHUT_WR);
        const struct control_request request = {.argument_count = 1, .arguments = ARGUMENTS("ls"), .directory = -1};
        struct output *output = malloc(sizeof *output);
        output_init(output, hear, heard);
        assert_int_equal(control_client_talk(sockets[1], &request, output, &status, &fault), CONTROL_FAILED);
        assert_int_equal(fault.code, rows[i].code);
        free(output);
        close(sockets[0]);
    }
    free(heard);
}

/* ---- a whole server ---- */

struct client {
    pthread_t thread;
    const char *path, *word;
    enum control_result result;
    int status;
    char message[1000];
};

static void *run_client(void *argument) {
    struct client *client = argument;
    struct heard *heard = calloc(1, sizeof *heard);
    struct output *output = malloc(sizeof *output);
    struct fault fault = {0};
    char word[32];
    snprintf(word, sizeof word, "%s", client->word);
    const struct control_request request = {.argument_count = 1, .arguments = ARGUMENTS(word), .directory = -1};
    output_init(output, hear, heard);
    client->result = control_client_run(client->path, &request, output, &client->status, &fault);
    memcpy(client->message, heard->message, sizeof client->message);
    free(output);
    free(heard);
    return NULL;
}

static void start_client(struct client *client, const char *path, const char *word) {
    *client = (struct client){.path = path, .word = word, .status = -1};
    assert_int_equal(pthread_create(&client->thread, NULL, run_client, client), 0);
}

static void wait_for(atomic_int *number, int value) {
    while (atomic_load(number) < value) pause_ms(1);
}

static void serve_at(const char *path) {
    struct world world = {0};
    struct fault fault = {0};
    struct client clients[LIMIT_CONTROL_SESSIONS + 1];
    struct control_server *server = control_server_start(path, handle, &world, &fault);
    if (!server) fail_msg("%s", fault.text);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    for (int round = 0; round < 3; round++) /* sessions are used again */
        for (unsigned i = 0; i < LIMIT_CONTROL_SESSIONS; i++) {
            start_client(&clients[0], path, "long");
            pthread_join(clients[0].thread, NULL);
            assert_int_equal(clients[0].result, CONTROL_DONE);
            assert_int_equal(clients[0].status, 0);
        }
    for (unsigned i = 0; i < LIMIT_CONTROL_SESSIONS; i++) {
        start_client(&clients[i], path, "hold");
        wait_for(&world.running, (int)i + 1);
    }
    start_client(&clients[LIMIT_CONTROL_SESSIONS], path, "long"); /* one too many: told so */
    pthread_join(clients[LIMIT_CONTROL_SESSIONS].thread, NULL);
    assert_int_equal(clients[LIMIT_CONTROL_SESSIONS].result, CONTROL_DONE);
    assert_int_equal(clients[LIMIT_CONTROL_SESSIONS].status, 1);
    assert_non_null(strstr(clients[LIMIT_CONTROL_SESSIONS].message, "too many"));
    atomic_store(&world.release, true);
    for (unsigned i = 0; i < LIMIT_CONTROL_SESSIONS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].status, 0);
    }
    control_server_stop(server);
    assert_int_equal(access(path, F_OK), -1);
    start_client(&clients[0], path, "long");
    pthread_join(clients[0].thread, NULL);
    assert_int_equal(clients[0].result, CONTROL_NO_SERVER);
}

static void test_server(void **state) {
    (void)state;
    char folder[] = "/tmp/test_control.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/" CONTROL_SOCKET_NAME, folder);
    serve_at(path);
    rmdir(folder);
}

/* A socket's address holds 107 characters; data folders may be deeper. */
static void test_long_path(void **state) {
    (void)state;
    char folder[] = "/tmp/test_control.XXXXXX", deep[300], path[400];
    assert_non_null(mkdtemp(folder));
    snprintf(deep, sizeof deep, "%s/%0200d", folder, 7);
    assert_int_equal(mkdir(deep, 0700), 0);
    snprintf(path, sizeof path, "%s/" CONTROL_SOCKET_NAME, deep);
    serve_at(path);
    rmdir(deep);
    rmdir(folder);
}

/* Commands that wait, and one whose client does not read, are ended by a server that stops. A dead server's socket file is
 * replaced. */
static void test_stop(void **state) {
    (void)state;
    char folder[] = "/tmp/test_control.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/" CONTROL_SOCKET_NAME, folder);
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    struct world world = {0};
    struct fault fault = {0};
    struct client holding;
    struct control_server *server = control_server_start(path, handle, &world, &fault);
    assert_non_null(server);
    start_client(&holding, path, "hold");
    int stalled = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* asks for endless text and reads none of it */
    assert_int_equal(connect(stalled, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(stalled, "LEATCTL1\x0f\0\0\0\x01\0\0\0\x07\0\0\0endless", 27, 0), 27);
    wait_for(&world.running, 2);
    pause_ms(20); /* until its socket is full */
    control_server_stop(server);
    pthread_join(holding.thread, NULL);
    assert_true(holding.result == CONTROL_FAILED || holding.status == 1);
    assert_int_equal(atomic_load(&world.stopped), 1);
    close(stalled);
    rmdir(folder);
}

static void test_no_folder(void **state) {
    (void)state;
    struct fault fault = {0};
    assert_null(control_server_start("/nonexistent/folder/control.sock", handle, NULL, &fault));
    assert_non_null(strstr(fault.text, "/nonexistent/folder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_directory), cmocka_unit_test(test_client_goes_away),
        cmocka_unit_test(test_garbage),    cmocka_unit_test(test_bad_server), cmocka_unit_test(test_server),
        cmocka_unit_test(test_long_path),  cmocka_unit_test(test_stop),      cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

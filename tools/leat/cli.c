/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/leat/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/config.h"
#include "engine/serve/commands.h"
#include "engine/serve/control.h"

#define LINES_EVERY_NS 5000000000u /* progress where there is no terminal */
#define LOCK_WAIT_MS 10000u        /* for another command that has the archive, or a server that just starts */
#define LOCK_RETRY_MS 100

/* ---- which archive ---- */

static const struct argp_option archive_options[] = {
    {"data", 'd', "DIR", 0, "The data folder (default: ./leat-data, or what the configuration says)", 90},
    {"config", 'c', "FILE", 0, "The configuration that the server runs with; its `data` and `index_dir` are used", 90},
    {0},
};

static error_t parse_archive(int key, char *value, struct argp_state *state) {
    struct cli_archive *archive = state->input;
    switch (key) {
    case 'd': archive->data = value; return 0;
    case 'c': archive->config = value; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_archive_argp = {.options = archive_options, .parser = parse_archive};

bool cli_place_find(const struct cli_archive *archive, struct cli_place *place) {
    char *errors = NULL;
    *place = (struct cli_place){0};
    const struct config_setting setting = {.key = "data", .value = archive->data};
    struct config *config = config_create(archive->config, &setting, archive->data != NULL, &errors);
    if (!config) {
        fprintf(stderr, "%s\n", errors);
        free(errors);
        return false;
    }
    place->data_dir = strdup(config->data_dir);
    place->index_dir = config->index_dir ? strdup(config->index_dir) : NULL;
    config_destroy(config);
    if (!place->data_dir) fprintf(stderr, "leat: no memory\n");
    return place->data_dir != NULL;
}

void cli_place_release(struct cli_place *place) {
    free(place->data_dir);
    free(place->index_dir);
}

/* ---- output ---- */

static bool write_fully(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

static void wipe_progress(struct cli_screen *screen) {
    if (!screen->progress_shown) return;
    screen->progress_shown = false;
    (void)write_fully(STDERR_FILENO, "\r\033[K", 4);
}

/* Cut to the terminal's width, so that \r brings it back to the start of its line. */
static void draw_progress(struct cli_screen *screen, const char *line, size_t length) {
    struct winsize size;
    size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
    char text[512];
    int n = snprintf(text, sizeof text, "\r%.*s\033[K", (int)(length < width ? length : width), line);
    screen->progress_shown = true;
    (void)write_fully(STDERR_FILENO, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

static void say_progress(struct cli_screen *screen, const char *line, size_t length) {
    uint64_t now_ns = clock_monotonic_ns();
    if (screen->progress_on_terminal) {
        draw_progress(screen, line, length);
    } else if (now_ns - screen->progress_said_ns >= LINES_EVERY_NS) {
        screen->progress_said_ns = now_ns;
        char text[512];
        int n = snprintf(text, sizeof text, "%.*s\n", (int)length, line);
        (void)write_fully(STDERR_FILENO, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    }
}

static bool write_screen(void *context, enum output_stream stream, const void *bytes, size_t length) {
    struct cli_screen *screen = context;
    if (stream == OUTPUT_PROGRESS) {
        say_progress(screen, bytes, length);
        return true;
    }
    wipe_progress(screen);
    if (stream == OUTPUT_MESSAGE) return write_fully(STDERR_FILENO, bytes, length) || true;
    if (write_fully(STDOUT_FILENO, bytes, length)) return true;
    if (!screen->failed && errno != EPIPE) fprintf(stderr, "leat: standard output can't be written: %s\n", strerror(errno));
    screen->failed = true;
    return false;
}

void cli_output_init(struct output *output, struct cli_screen *screen) {
    const char *terminal = getenv("TERM");
    *screen = (struct cli_screen){.progress_said_ns = clock_monotonic_ns()};
    screen->progress_on_terminal = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    output_init(output, write_screen, screen);
}

/* Set by the handler, read by output_stopped; lock-free, as a handler needs. */
static atomic_bool cancelled;

static void cancel(int signal_number) {
    (void)signal_number;
    atomic_store_explicit(&cancelled, true, memory_order_relaxed);
}

void cli_catch_signals(struct output *output) {
    struct sigaction action = {.sa_handler = cancel, .sa_flags = SA_RESETHAND}; /* a second one ends the process */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    output->cancel = &cancelled;
}

/* ---- requests ---- */

void cli_request_init(struct cli_request *request, const char *word) {
    *request = (struct cli_request){.count = 1};
    request->arguments[0] = strdup(word);
}

void cli_request_add(struct cli_request *request, const char *name, const char *value) {
    if (!value) return;
    invariant((size_t)request->count + 1 < array_count(request->arguments));
    if (asprintf(&request->arguments[request->count], "%s=%s", name, value) < 0) abort();
    request->count++;
}

void cli_request_release(struct cli_request *request) {
    for (int i = 0; i < request->count; i++) free(request->arguments[i]);
}

/* ---- running ---- */

/* Asks the server, if there is one. */
static enum control_result ask_server(const struct cli_place *place, const struct control_request *request, struct output *output,
                                      int *status, struct fault *fault) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", place->data_dir, CONTROL_SOCKET_NAME) < 0) abort();
    enum control_result result = control_client_run(path, request, output, status, fault);
    free(path);
    return result;
}

static bool open_here(const struct cli_place *place, struct archive *archive, struct output *output, struct fault *fault) {
    const struct archive_options options = {.store.dir = place->data_dir, .index_dir = place->index_dir, .output = output};
    return archive_open(archive, &options, fault);
}

static int complain(struct output *output, const struct fault *fault) {
    output_message(output, "leat: %s%s", fault->text,
                   fault->code == FAULT_MISSING && strstr(fault->text, "segment")
                       ? "; put it back, or go on without it: leat rebuild --accept-missing" : "");
    return archive_exit_status(fault);
}

/* The archive is a server's, or ours for a moment; while another command has it, both are tried again. */
static int run_somewhere(const struct cli_place *place, const struct control_request *request, struct output *output) {
    uint64_t end_ms = clock_monotonic_ms() + LOCK_WAIT_MS;
    for (;;) {
        struct fault fault = {0};
        struct archive archive;
        int status = 1;
        switch (ask_server(place, request, output, &status, &fault)) {
        case CONTROL_DONE: return status;
        case CONTROL_FAILED: output_message(output, "leat: %s", fault.text); return 1;
        case CONTROL_NO_SERVER: break;
        }
        if (open_here(place, &archive, output, &fault)) {
            status = commands_run(&archive, request, output);
            archive_close(&archive);
            return status;
        }
        if (fault.code != FAULT_LOCKED || clock_monotonic_ms() >= end_ms || output_stopped(output))
            return complain(output, &fault);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_RETRY_MS * 1000000}, NULL);
    }
}

int cli_run(const struct cli_archive *archive, const struct cli_request *request, int directory) {
    struct cli_place place;
    struct cli_screen screen;
    if (!cli_place_find(archive, &place)) return 2;
    struct output *output = malloc(sizeof *output);
    if (!output) abort();
    cli_output_init(output, &screen);
    cli_catch_signals(output);
    const struct control_request control = {
        .argument_count = request->count, .arguments = request->arguments, .directory = directory};
    int status = run_somewhere(&place, &control, output);
    if (!output_flush(output)) status = 1;
    wipe_progress(&screen);
    free(output);
    cli_place_release(&place);
    return status;
}

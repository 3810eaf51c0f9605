/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/runtime/placement.h"
#include "engine/serve/archive.h"
#include "engine/serve/commands.h"
#include "engine/serve/control.h"
#include "engine/serve/station.h"
#include "net/link/listener.h"

#define DRAIN_POLL_MS 20
#define DESCRIPTORS_BESIDE_ASSOCIATIONS 1024u /* segments, index files, control sessions */

struct server {
    const struct config *config;
    struct archive archive;
    struct service_hall hall;
    struct reactor **reactors;
    struct station *stations;
    uint32_t reactor_count, stations_ready, reactors_started;
    struct listener *listener;
    struct control_server *control;
    bool archive_open, census_ready, policies_ready;
};

/* ---- start ---- */

static bool open_archive(struct server *server, struct fault *fault) {
    const struct config *c = server->config;
    const struct archive_options options = {
        .store = {.dir = c->data_dir,
                  .volumes = c->volumes.items,
                  .volume_count = c->volumes.count,
                  .bulk_segment_bytes = c->bulk_segment_bytes,
                  .small_segment_bytes = c->small_segment_bytes,
                  .watermark_bytes = c->watermark_bytes,
                  .watermark_percent = c->watermark_percent,
                  .bulk_pool = 1,
                  .small_pool = 1},
        .index_dir = c->index_dir,
        .create = true,
    };
    server->archive_open = archive_open(&server->archive, &options, fault);
    return server->archive_open;
}

static bool create_reactors(struct server *server, struct fault *fault) {
    uint32_t cores = placement_core_count();
    server->reactor_count = server->config->reactors ? server->config->reactors : cores;
    server->reactors = calloc(server->reactor_count, sizeof *server->reactors);
    server->stations = calloc(server->reactor_count, sizeof *server->stations);
    if (!server->reactors || !server->stations) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the reactors");
    int *cpus = calloc(server->reactor_count, sizeof *cpus);
    if (!cpus) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the reactors");
    placement_cpus(PLACEMENT_AUTO, cpus, server->reactor_count);
    bool ok = true;
    for (uint32_t i = 0; ok && i < server->reactor_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "reactor-%u", i);
        const struct reactor_options options = {
            .name = name, .index = i, .entries = 1024, .cpu = cpus[i], .context = &server->stations[i]};
        server->reactors[i] = reactor_create(&options, fault);
        ok = server->reactors[i] != NULL;
    }
    free(cpus);
    return ok;
}

static bool create_stations(struct server *server, struct fault *fault) {
    struct pipeline *pipeline = server->hall.pipeline;
    for (uint32_t i = 0; i < server->reactor_count; i++) {
        struct counters_cell *cell = counters_cell(pipeline_counters(pipeline), i);
        if (!station_init(&server->stations[i], &server->hall, server->reactors[i], pipeline_intake(pipeline, i), cell, fault))
            return false;
        server->stations_ready++;
    }
    return true;
}

static void accepted(void *context, struct reactor *target, int fd) {
    (void)context;
    station_accept(reactor_context(target), fd);
}

static bool create_listener(struct server *server, struct fault *fault) {
    const struct config *c = server->config;
    struct endpoint endpoints[LIMIT_LISTENERS];
    invariant(c->listen_count <= LIMIT_LISTENERS);
    for (size_t i = 0; i < c->listen_count; i++)
        if (!endpoint_parse(&endpoints[i], c->listen[i].address, c->listen[i].port, fault)) return false;
    const struct listener_options options = {
        .endpoints = endpoints,
        .endpoint_count = (uint32_t)c->listen_count,
        .backlog = LIMIT_LISTEN_BACKLOG,
        .reactor = server->reactors[0],
        .targets = server->reactors,
        .target_count = server->reactor_count,
        .accepted = accepted,
        .context = server,
    };
    server->listener = listener_create(&options, fault);
    return server->listener != NULL;
}

static bool start_control(struct server *server, struct fault *fault) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", server->config->data_dir, CONTROL_SOCKET_NAME);
    server->archive.counters = pipeline_counters(server->hall.pipeline);
    server->control = control_server_start(path, commands_run, &server->archive, fault);
    return server->control != NULL;
}

static bool start_threads(struct server *server, struct fault *fault) {
    if (!pipeline_start(server->hall.pipeline, fault)) return false;
    for (uint32_t i = 0; i < server->reactor_count; i++) {
        if (!reactor_start(server->reactors[i], fault)) return false;
        server->reactors_started++;
    }
    return true;
}

static bool start(struct server *server, struct fault *fault) {
    if (!policies_init(&server->hall.policies, server->config, fault)) return false;
    server->policies_ready = true;
    if (!open_archive(server, fault) || !create_reactors(server, fault)) return false;
    const struct pipeline_options options = {
        .config = server->config,
        .store = server->archive.store,
        .catalog = server->archive.catalog,
        .reactors = server->reactors,
        .reactor_count = server->reactor_count,
        .credits = LIMIT_CREDITS_PER_REACTOR,
    };
    server->hall.pipeline = pipeline_create(&options, fault);
    if (!server->hall.pipeline) return false;
    if (!census_init(&server->hall.census, fault)) return false;
    server->census_ready = true;
    return create_stations(server, fault) && create_listener(server, fault) && start_threads(server, fault) &&
           start_control(server, fault);
}

/* ---- what an operator should know at the start ---- */

static void want_descriptors(const struct config *config) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->max_associations + DESCRIPTORS_BESIDE_ASSOCIATIONS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted)
        log_warn("%llu file descriptors are allowed, %llu may be needed: raise the limit (ulimit -n, LimitNOFILE=)",
                 (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

static void say_ready(const struct server *server) {
    const struct config *c = server->config;
    char where[512];
    size_t n = 0;
    for (size_t i = 0; i < c->listen_count && n < sizeof where; i++) {
        bool v6 = strchr(c->listen[i].address, ':') != NULL;
        int k = snprintf(where + n, sizeof where - n, "%s%s%s%s:%u", i ? ", " : "", v6 ? "[" : "", c->listen[i].address,
                         v6 ? "]" : "", listener_port(server->listener, (uint32_t)i));
        n += k > 0 ? (size_t)k : 0;
    }
    if (!c->client_count)
        log_warn("no clients are listed: everyone may echo and store; narrow it with `clients` in the configuration (leat serve "
                 "--help)");
    char line[1024];
    int length = snprintf(line, sizeof line, "ready: AE title %s, listening on %s, data in %s, %u reactors\n", c->aet, where,
                          c->data_dir, server->reactor_count);
    ssize_t ignored = write(STDERR_FILENO, line, length < (int)sizeof line ? (size_t)length : sizeof line - 1);
    (void)ignored;
}

/* ---- end ---- */

struct drain_call {
    struct reactor_call call;
    struct station *station;
    bool forced;
    _Atomic bool run; /* release by the reactor, acquire by drain_station */
};

static void drain_on_reactor(struct reactor_call *call) {
    struct drain_call *drain = container_of(call, struct drain_call, call);
    station_drain(drain->station, drain->forced);
    atomic_store_explicit(&drain->run, true, memory_order_release);
}

static void sleep_ms(long ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

static void drain_station(struct station *station, bool forced) {
    struct drain_call drain = {.call = {.run = drain_on_reactor}, .station = station, .forced = forced};
    while (!reactor_post(station->reactor, &drain.call)) sleep_ms(1);
    while (!atomic_load_explicit(&drain.run, memory_order_acquire)) sleep_ms(1);
}

static uint32_t open_sessions(const struct server *server) {
    uint32_t open = 0;
    for (uint32_t i = 0; i < server->stations_ready; i++)
        open += atomic_load_explicit(&server->stations[i].session_count, memory_order_relaxed);
    return open;
}

static uint32_t objects_under_way(const struct server *server) {
    uint32_t objects = 0;
    for (uint32_t i = 0; i < server->reactor_count; i++)
        objects += atomic_load_explicit(&pipeline_intake(server->hall.pipeline, i)->in_use, memory_order_relaxed);
    return objects;
}

static void drain(struct server *server) {
    uint64_t end_ms = clock_monotonic_ms() + server->config->grace_ms;
    listener_close(server->listener);
    for (uint32_t i = 0; i < server->stations_ready; i++) drain_station(&server->stations[i], false);
    while (open_sessions(server) && clock_monotonic_ms() < end_ms) sleep_ms(DRAIN_POLL_MS);
    pipeline_give_up(server->hall.pipeline);
    if (open_sessions(server)) log_warn("%u associations are aborted: the grace time is over", open_sessions(server));
    for (uint32_t i = 0; i < server->stations_ready; i++) drain_station(&server->stations[i], true);
    while (open_sessions(server) || objects_under_way(server)) sleep_ms(1);
}

static void stop(struct server *server) {
    bool serving = server->reactors_started == server->reactor_count && server->reactor_count;
    if (serving && server->listener) drain(server);
    if (server->hall.pipeline) pipeline_stop(server->hall.pipeline);
    control_server_stop(server->control);
    for (uint32_t i = 0; i < server->reactors_started; i++) reactor_stop(server->reactors[i]);
    for (uint32_t i = 0; i < server->reactors_started; i++) reactor_join(server->reactors[i]);
    server->archive.counters = NULL;
    for (uint32_t i = 0; i < server->stations_ready; i++) station_release(&server->stations[i]);
    listener_destroy(server->listener);
    pipeline_destroy(server->hall.pipeline);
    for (uint32_t i = 0; server->reactors && i < server->reactor_count; i++) reactor_destroy(server->reactors[i]);
    if (server->census_ready) census_release(&server->hall.census);
    if (server->archive_open) archive_close(&server->archive);
    if (server->policies_ready) policies_release(&server->hall.policies);
    free(server->reactors);
    free(server->stations);
}

/* ---- signals ---- */

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* inherited by all threads: this one alone takes them, in sigwait */
    signal(SIGPIPE, SIG_IGN);
}

static void reload(struct server *server, const struct server_reload *how) {
    char *errors = NULL;
    struct fault fault;
    struct config *fresh = how->read(how->context, &errors);
    if (!fresh) {
        log_error("SIGHUP: the configuration stays as it was: %s", errors ? errors : "it can't be read");
        free(errors);
        return;
    }
    size_t from = 0;
    for (const char *key; (key = config_next_start_key(server->config, fresh, &from)) != NULL;)
        log_warn("SIGHUP: %s changed; that takes effect at the next start", key);
    log_set_level(fresh->log_level);
    size_t clients = fresh->client_count;
    if (policies_replace(&server->hall.policies, fresh, &fault))
        log_info("SIGHUP: the configuration was read again: %zu clients; it holds for associations that begin now", clients);
    else
        log_error("SIGHUP: the configuration stays as it was: %s", fault.text);
}

static void wait_for_the_end(struct server *server, const struct server_reload *how, const sigset_t *set) {
    for (;;) {
        int taken = 0;
        if (sigwait(set, &taken) != 0) continue;
        if (taken == SIGHUP) {
            reload(server, how);
            continue;
        }
        log_info("%s: no new associations; finishing what is under way", taken == SIGTERM ? "SIGTERM" : "SIGINT");
        return;
    }
}

int server_run(const struct config *config, const struct server_reload *how) {
    struct server server = {.config = config};
    struct fault fault = {0};
    sigset_t signals;
    block_signals(&signals);
    want_descriptors(config);
    if (!start(&server, &fault)) {
        log_error("%s", fault.text);
        bool by_folder = !server.archive_open;
        stop(&server);
        return by_folder ? archive_exit_status(&fault) : fault.code == FAULT_UNSUPPORTED || fault.code == FAULT_CONFIG ? 2 : 1;
    }
    say_ready(&server);
    listener_resume(server.listener);
    wait_for_the_end(&server, how, &signals);
    stop(&server);
    log_info("stopped");
    return 0;
}

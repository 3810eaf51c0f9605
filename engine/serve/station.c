/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/station.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/serve/session.h"

#define MESSAGES_KEPT 64u
#define SEND_BLOCKS_KEPT 256u

bool station_init(struct station *station, struct service_hall *hall, struct reactor *reactor, struct intake *intake,
                  struct counters_cell *counters, struct fault *fault) {
    *station = (struct station){.hall = hall, .reactor = reactor, .intake = intake, .counters = counters};
    send_stock_init(&station->sends, SEND_BLOCKS_KEPT);
    station->discard = malloc(STATION_DISCARD_BYTES);
    return station->discard ? true : fault_set(fault, FAULT_MEMORY, 0, "no memory for a station");
}

void station_release(struct station *station) {
    invariant(station->sessions == NULL);
    while (station->messages) {
        struct station_message *message = station->messages;
        station->messages = message->next;
        free(message);
    }
    send_stock_release(&station->sends);
    free(station->discard);
}

void station_accept(struct station *station, int fd) {
    if (station->draining || !session_create(station, fd)) {
        close(fd);
        reactor_add_load(station->reactor, -1);
    }
}

void station_drain(struct station *station, bool forced) {
    station->draining = true;
    if (forced) station->forced = true;
    for (struct session *session = station->sessions, *next; session; session = next) {
        next = session_next(session);
        session_drain(session, forced);
    }
}

struct message *station_take_message(struct station *station) {
    struct station_message *taken = station->messages;
    if (taken) {
        station->messages = taken->next;
        station->message_count--;
    } else {
        taken = malloc(sizeof *taken);
        if (!taken) return NULL;
    }
    message_init(&taken->message);
    return &taken->message;
}

void station_give_message(struct station *station, struct message *message) {
    struct station_message *given = container_of(message, struct station_message, message);
    if (station->message_count == MESSAGES_KEPT) {
        free(given);
        return;
    }
    given->next = station->messages;
    station->messages = given;
    station->message_count++;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* record_note: the entries inside a note: counters and problems. Pure functions. */
#include "engine/store/record.h"

static void put_text(struct writer *w, struct slice text) {
    writer_le32(w, (uint32_t)text.length);
    writer_slice(w, text);
}

static struct slice take_text(struct reader *r) {
    uint32_t length = reader_le32(r);
    return reader_slice(r, length);
}

void record_counter_write(struct writer *writer, const struct record_counter *counter) {
    writer_le64(writer, counter->total);
    put_text(writer, counter->name);
}

bool record_counter_next(struct reader *reader, struct record_counter *counter) {
    if (!reader_left(reader)) return false;
    counter->total = reader_le64(reader);
    counter->name = take_text(reader);
    return !reader->failed;
}

void record_problem_write(struct writer *writer, const struct record_problem *problem) {
    writer_le64(writer, problem->sequence);
    writer_le64(writer, problem->time_us);
    writer_le32(writer, problem->kind);
    put_text(writer, problem->study_uid);
    put_text(writer, problem->series_uid);
    put_text(writer, problem->sop_uid);
    put_text(writer, problem->calling_aet);
    put_text(writer, problem->text);
}

bool record_problem_next(struct reader *reader, struct record_problem *problem) {
    if (!reader_left(reader)) return false;
    problem->sequence = reader_le64(reader);
    problem->time_us = reader_le64(reader);
    problem->kind = reader_le32(reader);
    problem->study_uid = take_text(reader);
    problem->series_uid = take_text(reader);
    problem->sop_uid = take_text(reader);
    problem->calling_aet = take_text(reader);
    problem->text = take_text(reader);
    return !reader->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/dicom/charset_converter.h"

#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/cursor.h"

struct converters { /* of one thread; NULL: not opened yet, FAILED: iconv does not know it */
    iconv_t descriptors[CHARSET_CONVERTER_COUNT];
};
#define FAILED ((iconv_t)-1)

/* Written once, by pthread_once, before any thread reads it. */
static pthread_key_t key;
static bool key_exists;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_all(void *context) {
    struct converters *converters = context;
    for (size_t i = 0; i < array_count(converters->descriptors); i++)
        if (converters->descriptors[i] && converters->descriptors[i] != FAILED) iconv_close(converters->descriptors[i]);
    free(converters);
}

static void make_key(void) { key_exists = pthread_key_create(&key, close_all) == 0; }

static struct converters *converters_of_this_thread(void) {
    pthread_once(&once, make_key);
    if (!key_exists) return NULL;
    struct converters *converters = pthread_getspecific(key);
    if (converters) return converters;
    converters = calloc(1, sizeof *converters);
    if (converters && pthread_setspecific(key, converters) != 0) {
        free(converters);
        converters = NULL;
    }
    return converters;
}

static iconv_t descriptor_for(enum charset_converter_code code) {
    static const char *const names[] = {
        [CHARSET_CONVERTER_EUC_JP] = "EUC-JP", [CHARSET_CONVERTER_EUC_JP_MS] = "EUC-JP-MS", [CHARSET_CONVERTER_CP949] = "CP949",
        [CHARSET_CONVERTER_EUC_CN] = "EUC-CN", [CHARSET_CONVERTER_GB18030] = "GB18030",     [CHARSET_CONVERTER_CP932] = "CP932",
        [CHARSET_CONVERTER_BIG5] = "BIG5",
    };
    struct converters *converters = converters_of_this_thread();
    if (!converters) return FAILED;
    if (!converters->descriptors[code]) converters->descriptors[code] = iconv_open("UCS-4BE", names[code]);
    return converters->descriptors[code];
}

bool charset_converter_decode(enum charset_converter_code code, struct slice bytes, uint32_t *character) {
    invariant(code < CHARSET_CONVERTER_COUNT);
    iconv_t descriptor = descriptor_for(code);
    if (descriptor == FAILED || bytes.length == 0) return false;
    uint8_t out[8];
    char *from = (char *)(uintptr_t)bytes.bytes, *to = (char *)out;
    size_t from_left = bytes.length, to_left = sizeof out;
    size_t failed = iconv(descriptor, &from, &from_left, &to, &to_left);
    bool whole = failed != (size_t)-1 && from_left == 0 && iconv(descriptor, NULL, NULL, &to, &to_left) != (size_t)-1;
    if (!whole) iconv(descriptor, NULL, NULL, NULL, NULL); /* back to the initial state */
    if (!whole || sizeof out - to_left != 4) return false;
    *character = load_be32(out);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_config: any text gives a configuration or errors, never both, never neither; a configuration keeps its ranges. */
#include <netinet/in.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length > 65536) return -1;
    char *errors = NULL;
    struct config *config = config_create_from_text("fuzz.yaml", slice_of(bytes, length), NULL, 0, &errors);
    invariant((config == NULL) == (errors != NULL));
    if (config) {
        invariant(config->listen_count >= 1 && config->memory_bytes >= LIMIT_MEMORY_MIN_BYTES && config->data_dir && config->aet);
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const struct config_rules *rules = config_client_match(config, slice_text("STORESCU"), (const struct sockaddr *)&from);
        invariant(!rules || (rules->operations && rules->timeouts.artim_ms && rules->async_window));
    }
    config_destroy(config);
    free(errors);
    return 0;
}

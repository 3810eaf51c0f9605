/* SPDX-License-Identifier: Apache-2.0 */
/* version: which leat this is, and which formats it writes. */
#include <stdio.h>

#include "engine/base/identity.h"
#include "engine/store/store.h"
#include "tools/leat/cli.h"

static const struct argp parser = {
    .doc = "Says which leat this is, how it names itself to peers, and which version of the archive's format it writes."
           "\vExit status:\n  0  always\n",
};

int version_main(int argc, char **argv) {
    argp_parse(&parser, argc, argv, 0, NULL, NULL);
    printf("leat " LEAT_VERSION "\n"
           "implementation class UID " IDENTITY_CLASS_UID ", version name " IDENTITY_VERSION "\n"
           "archive format %u, record format %u\n",
           STORE_FORMAT_VERSION, RECORD_FORMAT_VERSION);
    return fflush(stdout) == 0 ? 0 : 1;
}

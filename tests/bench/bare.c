/* A plugin of the tests, called as barely as can be. */
#include "bare.h"

#include "../e2e/peer.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void bare_load(struct bare *b, const char *name)
{
    char path[PATH_MAX];
    void *library;

    snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", env("MEWS_BUILDDIR"), name);
    library = dlopen(path, RTLD_NOW);
    if (!library) {
        printf("%s\n", dlerror());
        exit(1);
    }
    *(void **)&b->init = dlsym(library, "plugin_init");
    *(void **)&b->destroy = dlsym(library, "plugin_destroy");
    *(void **)&b->open = dlsym(library, "plugin_open");
    *(void **)&b->close = dlsym(library, "plugin_close");
    *(void **)&b->next_batch = dlsym(library, "plugin_next_batch");
    *(void **)&b->extract = dlsym(library, "plugin_extract_fields");
    *(void **)&b->parse = dlsym(library, "plugin_parse_event");
}

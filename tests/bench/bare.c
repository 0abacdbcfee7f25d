/* The plugins of the tests, called as barely as can be, and in an engine. */
#include "bare.h"

#include "bench.h"

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

double bench_stunt(json_t *session, const char *params, const char *filter, double rows)
{
    struct engine e;
    double start;

    engine_start(&e);
    ask(&e, "session/start", session);
    json_decref(note(&e, "session/ready"));
    if (filter)
        ask(&e, "select", json_pack("{ss}", "filter", filter));
    start = bench_now();
    ask(&e, "source/open", json_pack("{ss ss}", "source", "stunt", "params", params));
    wait_for_end(&e);
    if (filter)
        wait_for_matches(&e, rows);
    start = bench_now() - start;
    engine_end(&e);
    return start;
}

/*
 * What for: libraries of tests/plugins, probed and loaded as the engine does.
 * Threads:  none.
 * Errors:   fail the test.
 */
#ifndef MEWS_TESTS_LOADING_H
#define MEWS_TESTS_LOADING_H

#include <criterion/criterion.h>

#include "mews/plugin.h"

static const char *library(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", getenv("MEWS_BUILDDIR"), name);
    return path;
}

static const char *program(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/mews", getenv("MEWS_BUILDDIR"));
    return path;
}

static struct plugin *load(struct plugin_host *h, const char *name, const char *config)
{
    struct plugin_info info;
    struct plugin_failure f;
    struct plugin *p;

    cr_assert_eq(plugin_probe(program(), library(name), &info, &f), SEV_OK, "%s: %s: %s", name,
                 f.step, f.text);
    p = plugin_load(h, &info, config);
    plugin_info_fini(&info);
    return p;
}

static struct plugin *load_good(struct plugin_host *h, const char *name, const char *config)
{
    struct plugin *p = load(h, name, config);

    cr_assert_eq(plugin_state(p), PLUGIN_INITIALISED, "%s: %s", plugin_failure(p)->step,
                 plugin_failure(p)->text);
    return p;
}

#endif

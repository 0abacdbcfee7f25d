/*
 * Events that are sourced, parsed by two plugins, and have three fields extracted, beside the same
 * calls made by a bare loop: what is between them is the host's own time.
 */
#include "bare.h"
#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS "500000"
#define PARAMS "count=" EVENTS " batch=1000"

static const char *const libraries[] = {"stunt", "witness", "witness_second"};
static const char *const fields[] = {"stunt.n", "witness.count", "second.count"};

/* ---- the calls alone ------------------------------------------------------------------------- */

static void extract_one(const struct bare *b, ss_plugin_t *p, const char *name,
                        const ss_plugin_event_input *in)
{
    ss_plugin_extract_field field = {.field_id = 0, .field = name, .ftype = FTYPE_UINT64};
    ss_plugin_field_extract_input to = {.num_fields = 1, .fields = &field};

    b->extract(p, in, &to);
}

static double run_bare(const struct variant *v)
{
    ss_plugin_init_input init = {.config = ""}, light = {.config = "light"};
    ss_plugin_event_parse_input parse = {0};
    ss_plugin_event **events;
    ss_plugin_rc rc = SS_PLUGIN_SUCCESS;
    ss_plugin_t *p[3];
    struct bare b[3];
    uint64_t number = 0;
    ss_instance_t *h;
    uint32_t n;
    double start;

    (void)v;
    for (int i = 0; i < 3; i++) {
        bare_load(&b[i], libraries[i]);
        p[i] = b[i].init(i ? &light : &init, &rc);
    }
    start = bench_now();
    h = b[0].open(p[0], PARAMS, &rc);
    do {
        n = 0;
        rc = b[0].next_batch(p[0], h, &n, &events);
        for (uint32_t i = 0; i < n; i++) {
            ss_plugin_event_input in = {.evt = events[i], .evtnum = ++number, .evtsrc = "stunt"};

            b[1].parse(p[1], &in, &parse);
            b[2].parse(p[2], &in, &parse);
            for (int k = 0; k < 3; k++)
                extract_one(&b[k], p[k], fields[k], &in);
        }
    } while (rc == SS_PLUGIN_SUCCESS);
    b[0].close(p[0], h);
    start = bench_now() - start;
    for (int i = 3; i-- > 0;)
        b[i].destroy(p[i]);
    return start;
}

/* ---- in mews --------------------------------------------------------------------------------- */

static json_t *session(void)
{
    json_t *list = json_array();

    for (int i = 0; i < 3; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", env("MEWS_BUILDDIR"), libraries[i]);
        json_array_append_new(list,
                              json_pack("{ss ss}", "library", path, "config", i ? "light" : ""));
    }
    return json_pack("{s{so}}", "session", "plugins", list);
}

static double run_mews(const struct variant *v)
{
    return bench_stunt(session(), PARAMS, v->arg, strtod(EVENTS, NULL));
}

void bench_runtime(void)
{
    static struct variant v[] = {
        {"the calls alone", run_bare, NULL, {0}},
        {"mews: parsed by two, no field", run_mews, NULL, {0}},
        {"mews: parsed by two, three fields",
         run_mews,
         "stunt.n = 0 or witness.count = 0 or second.count = 0",
         {0}},
    };
    double events = strtod(EVENTS, NULL);

    bench_heading("Events parsed by two plugins, three fields extracted, " EVENTS " of them");
    bench_run(v, 3);
    printf("  %-42s %12s %10s %14s\n", "", "events/s", "ns/event", "beyond calls");
    for (int i = 0; i < 3; i++) {
        printf("  %-42s %12.0f %10.0f", v[i].name, events / bench_median(&v[i]),
               bench_median(&v[i]) / events * 1e9);
        if (i == 2)
            printf(" %11.0f ns", (bench_median(&v[i]) - bench_median(&v[0])) / events * 1e9);
        printf("\n");
    }
}

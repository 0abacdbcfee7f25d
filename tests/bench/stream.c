/*
 * A plugin's events through source, spool and index, beside the same calls in a bare loop. The
 * plugin is the stunt of the tests, as fast as it can make small events.
 */
#include "bare.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS "1000000"
#define PARAMS "count=" EVENTS " batch=1000"

/* ---- the plugin alone ------------------------------------------------------------------------ */

static void bare_extract(const struct bare *b, ss_plugin_t *p, ss_plugin_event *event, uint64_t n)
{
    ss_plugin_extract_field field = {.field_id = 0, .field = "stunt.n", .ftype = FTYPE_UINT64};
    ss_plugin_event_input in = {.evt = event, .evtnum = n, .evtsrc = "stunt"};
    ss_plugin_field_extract_input to = {.num_fields = 1, .fields = &field};

    b->extract(p, &in, &to);
}

static double run_bare(const struct variant *v)
{
    ss_plugin_init_input in = {.config = ""};
    ss_plugin_event **events;
    ss_plugin_rc rc = SS_PLUGIN_SUCCESS;
    uint64_t number = 0;
    struct bare b;
    ss_plugin_t *p;
    ss_instance_t *h;
    uint32_t n;
    double start;

    bare_load(&b, "stunt");
    p = b.init(&in, &rc);
    start = bench_now();
    h = b.open(p, PARAMS, &rc);
    do {
        n = 0;
        rc = b.next_batch(p, h, &n, &events);
        for (uint32_t i = 0; i < n; i++) {
            number++;
            if (v->arg)
                bare_extract(&b, p, events[i], number);
        }
    } while (rc == SS_PLUGIN_SUCCESS);
    b.close(p, h);
    start = bench_now() - start;
    b.destroy(p);
    return start;
}

/* ---- in mews --------------------------------------------------------------------------------- */

static double run_mews(const struct variant *v)
{
    return bench_stunt(stunt_session(NULL), PARAMS, v->arg, strtod(EVENTS, NULL));
}

void bench_stream(void)
{
    static struct variant v[] = {
        {"the plugin alone", run_bare, NULL, {0}},
        {"the plugin alone, one field extracted", run_bare, "stunt.n", {0}},
        {"mews: source, spool, index", run_mews, NULL, {0}},
        {"mews, filter on an event column", run_mews, "evt.num = 0", {0}},
        {"mews, filter on an extracted field", run_mews, "stunt.n = 0", {0}},
    };
    double events = strtod(EVENTS, NULL);

    bench_heading("A plugin's events, small ones, " EVENTS " of them");
    bench_run(v, 5);
    printf("  %-42s %12s %10s %14s\n", "", "events/s", "ns/event", "beyond plugin");
    for (int i = 0; i < 5; i++) {
        double beyond = i < 2 ? 0 : bench_median(&v[i]) - bench_median(&v[i == 4]);

        printf("  %-42s %12.0f %10.0f", v[i].name, events / bench_median(&v[i]),
               bench_median(&v[i]) / events * 1e9);
        if (i >= 2)
            printf(" %11.0f ns", beyond / events * 1e9);
        printf("\n");
    }
}

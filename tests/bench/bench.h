/*
 * What for: what the benchmarks share: variants that are measured side by side in one run, and
 *           their medians.
 * Threads:  none.
 * Errors:   end the run with a message.
 */
#ifndef MEWS_TESTS_BENCH_H
#define MEWS_TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_ROUNDS = 5 };

/* One way to do a thing; run says how many seconds it took. */
struct variant {
    const char *name;
    double (*run)(const struct variant *v);
    const char *arg;
    double seconds[BENCH_ROUNDS];
};

double bench_now(void); /* seconds */
/* The q-th part of n numbers, which are sorted by it; 0.5 is the median. */
double bench_quantile(double *v, size_t n, double q);
/* Every variant in turn, BENCH_ROUNDS times over. */
void bench_run(struct variant *v, size_t n);
double bench_median(struct variant *v);
void bench_heading(const char *text);

/* Source, spool and index beside the plugin alone. */
void bench_stream(void);
/* Events parsed by plugins and extracted from, beside the calls alone. */
void bench_runtime(void);
/* A capture of system calls beside sysdig. */
void bench_capture(void);
/* Filters by kind of test, rules. */
void bench_filter(void);
/* What a person waits for: the first screen, a key under load. */
void bench_screen(void);

#endif

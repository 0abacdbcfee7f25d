/* make bench: figures beside each other, from one run on one machine. */
#include "bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double bench_quantile(double *v, size_t n, double q)
{
    size_t i = (size_t)(q * (double)(n - 1) + 0.5);

    qsort(v, n, sizeof(*v), by_size);
    return v[i];
}

void bench_run(struct variant *v, size_t n)
{
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (size_t i = 0; i < n; i++)
            v[i].seconds[round] = v[i].run(&v[i]);
    }
}

double bench_median(struct variant *v)
{
    return bench_quantile(v->seconds, BENCH_ROUNDS, 0.5);
}

void bench_heading(const char *text)
{
    printf("\n%s\n", text);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"stream", bench_stream},
                 {"runtime", bench_runtime},
                 {"screen", bench_screen},
                 {"capture", bench_capture},
                 {"filter", bench_filter}};

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (argc < 2 || strcmp(argv[1], parts[i].name) == 0)
            parts[i].run();
    }
    return 0;
}

/* An axis of time over a stream: long stretches without an event are folded. */
#include <stdlib.h>

#include "mews/store.h"

#define FOLDS_MAX  24
#define LONG_TIMES 20 /* a gap is folded when it is so many times as long as is usual */

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_folded(const size_t *folds, size_t n, size_t place)
{
    for (size_t i = 0; i < n; i++) {
        if (folds[i] == place)
            return true;
    }
    return false;
}

/* The gap that is the longest of those not folded: it starts at ts[result]. */
static size_t longest_gap(const uint64_t *ts, size_t n, const size_t *folds, size_t nfolds)
{
    size_t best = 0;
    uint64_t length = 0;

    for (size_t i = 0; i + 1 < n; i++) {
        if (ts[i + 1] - ts[i] > length && !is_folded(folds, nfolds, i)) {
            best = i;
            length = ts[i + 1] - ts[i];
        }
    }
    return best;
}

static uint64_t median_gap(const uint64_t *ts, size_t n)
{
    uint64_t *gaps = xcalloc(n, sizeof(*gaps)), median;

    for (size_t i = 0; i + 1 < n; i++)
        gaps[i] = ts[i + 1] - ts[i];
    qsort(gaps, n - 1, sizeof(*gaps), by_time);
    median = gaps[(n - 1) / 2];
    free(gaps);
    return median;
}

/* Folds gaps, the longest first, while one takes more than an eighth of what is left and is far
 * longer than is usual: so clusters come apart, and events that come evenly stay as they are. Gives
 * what is left. */
static uint64_t fold_gaps(const uint64_t *ts, size_t n, size_t cells, size_t *folds, size_t *nfolds)
{
    uint64_t left = ts[n - 1] - ts[0], usual = median_gap(ts, n);

    while (*nfolds < FOLDS_MAX && *nfolds + 1 < cells / 4) {
        size_t at = longest_gap(ts, n, folds, *nfolds);
        uint64_t length = at + 1 < n ? ts[at + 1] - ts[at] : 0;

        if (length < 2 || length <= left / 8 || length / LONG_TIMES <= usual)
            break;
        left -= length;
        folds[(*nfolds)++] = at;
    }
    qsort(folds, *nfolds, sizeof(*folds), by_place);
    return left;
}

/* [from, to] as `n` cells; as fewer where it has not as many nanoseconds. Gives how many. */
static size_t put_stretch(uint64_t from, uint64_t to, size_t n, struct axis_cell *out)
{
    uint64_t length = to - from;

    n = MIN_OF(n, (size_t)MIN_OF(length, (uint64_t)SIZE_MAX - 1) + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct axis_cell){.from = from + length / n * i + length % n * i / n};
    for (size_t i = 0; i < n; i++)
        out[i].to = i + 1 < n ? out[i + 1].from - 1 : to;
    return n;
}

size_t time_axis(uint64_t *ts, size_t n, size_t cells, struct axis_cell *out)
{
    size_t folds[FOLDS_MAX], nfolds = 0, used = 0, start = 0;
    uint64_t left, room, passed = 0, before = 0;

    if (!n || !cells)
        return 0;
    qsort(ts, n, sizeof(*ts), by_time);
    left = fold_gaps(ts, n, cells, folds, &nfolds);
    room = cells - nfolds - (nfolds + 1); /* beside a cell for each gap and for each stretch */
    for (size_t i = 0; i <= nfolds; i++) {
        size_t last = i < nfolds ? folds[i] : n - 1;
        uint64_t upto;

        passed += ts[last] - ts[start];
        upto = left ? (uint64_t)((double)passed / (double)left * (double)room + 0.5) : room;
        upto = MIN_OF(upto, room);
        used += put_stretch(ts[start], ts[last], 1 + (size_t)(upto - before), out + used);
        before = upto;
        if (i < nfolds)
            out[used++] =
                (struct axis_cell){.from = ts[last] + 1, .to = ts[last + 1] - 1, .gap = true};
        start = last + 1;
    }
    return used;
}

size_t axis_find(const struct axis_cell *cells, size_t n, uint64_t ts)
{
    size_t lo = 0, hi = n;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (cells[mid].from <= ts)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* store: events in, columns out; restarts, cuts, dropping, a full disk. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/store/internal.h"

static struct store *open_store(int fd, struct spool_state *state, uint64_t limit)
{
    return store_new(
        &(struct store_options){.fd = fd, .state = state, .limit = limit, .writable = true});
}

static int new_file(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    cr_assert(fd >= 0);
    return fd;
}

static void append(struct store *s, uint64_t n, size_t size)
{
    static struct buf event;
    char *payload = xmalloc(size + 32);
    int head = sprintf(payload, "%llu:", (unsigned long long)n);

    memset(payload + head, 'x', size);
    buf_reset(&event);
    event_plugin_make(&event, n * 10, 999, (struct span){payload, (size_t)head + size});
    store_append(s, event.data);
    free(payload);
}

static void append_many(struct store *s, uint64_t from, uint64_t n, size_t size)
{
    struct error err;

    for (uint64_t i = 0; i < n; i++) {
        append(s, from + i, size);
        if (i % 1000 == 999 || i + 1 == n)
            cr_assert_eq(store_commit(s, &err), SEV_OK, "%s", err.text);
    }
}

/* The event of a number says that number. */
static void check_event(struct store *s, uint64_t number)
{
    struct buf b;
    struct error err;
    uint64_t row;
    char want[32];

    buf_init(&b, 0);
    cr_assert(store_find(s, number, &row), "event %llu", (unsigned long long)number);
    cr_assert_eq(store_number(s, row), number);
    cr_assert_eq(store_read(s, row, &b, &err), SEV_OK, "%s", err.text);
    snprintf(want, sizeof(want), "%llu:", (unsigned long long)number);
    cr_assert(strncmp(event_payload(b.data).p, want, strlen(want)) == 0);
    buf_fini(&b);
}

Test(store, rows_are_seen_only_once_they_are_committed)
{
    int fd = new_file();
    struct store *s = open_store(fd, NULL, 0);
    struct store_row r;
    struct error err;

    append(s, 1, 5);
    cr_expect_eq(store_rows(s), 0);
    cr_expect_eq(store_staged(s), 1);
    cr_expect(!store_row(s, 0, &r));
    cr_assert_eq(store_commit(s, &err), SEV_OK);
    cr_expect_eq(store_rows(s), 1);
    cr_assert(store_row(s, 0, &r));
    cr_expect_eq(r.ts, 10);
    cr_expect_eq(r.type, EVENT_PLUGIN);
    cr_expect_eq(r.who, 999);
    check_event(s, 1);
    store_free(s);
    close(fd);
}

Test(store, a_new_engine_finds_everything_that_was_committed)
{
    int fd = new_file();
    struct spool_state state = {0};
    struct store *s = open_store(fd, &state, 0);
    struct error err;
    uint64_t row;

    append_many(s, 1, 40000, 20);
    append(s, 40001, 20); /* staged, never committed: the engine dies here */
    store_free(s);
    s = open_store(fd, &state, 0);
    cr_assert_eq(store_load(s, NULL, NULL, &err), SEV_OK, "%s", err.text);
    cr_expect_eq(store_rows(s), 40000);
    cr_expect_eq(store_last_number(s), 40000);
    check_event(s, 1);
    check_event(s, 16384);
    check_event(s, 16385);
    check_event(s, 40000);
    cr_expect(!store_find(s, 40001, &row));
    append_many(s, 40001, 10, 20);
    check_event(s, 40010);
    store_free(s);
    close(fd);
}

Test(store, a_mark_is_a_row_without_a_number)
{
    int fd = new_file();
    struct spool_state state = {0};
    struct store *s = open_store(fd, &state, 0);
    struct store_row r;
    struct buf b;
    struct error err;

    buf_init(&b, 0);
    append_many(s, 1, 3, 0);
    store_append_mark(s, span_of("{\"kind\":\"opened\"}"));
    append_many(s, 4, 2, 0);
    for (int pass = 0; pass < 2; pass++) {
        cr_expect_eq(store_rows(s), 6);
        cr_expect_eq(store_last_number(s), 5);
        cr_assert(store_row(s, 3, &r));
        cr_expect_eq(r.type, STORE_ROW_MARK);
        cr_expect_eq(store_number(s, 3), 3);
        cr_expect_eq(store_number(s, 4), 4);
        cr_assert_eq(store_read(s, 3, &b, &err), SEV_OK);
        cr_expect_str_eq(buf_str(&b), "{\"kind\":\"opened\"}");
        check_event(s, 3);
        check_event(s, 4);
        store_free(s);
        s = open_store(fd, &state, 0);
        cr_assert_eq(store_load(s, NULL, NULL, &err), SEV_OK, "%s", err.text);
    }
    buf_fini(&b);
    store_free(s);
    close(fd);
}

Test(store, a_time_that_steps_back_is_flagged)
{
    int fd = new_file();
    struct store *s = open_store(fd, NULL, 0);
    struct store_row r;

    append_many(s, 5, 1, 0);
    append_many(s, 4, 1, 0);
    append_many(s, 6, 1, 0);
    cr_assert(store_row(s, 1, &r));
    cr_expect(r.flags & STORE_STEPS_BACK);
    cr_assert(store_row(s, 2, &r));
    cr_expect(!(r.flags & STORE_STEPS_BACK));
    store_free(s);
    close(fd);
}

Test(store, past_the_limit_the_oldest_go_first_and_are_counted)
{
    const uint64_t limit = 4 << 20, n = 200000;
    int fd = new_file();
    struct spool_state state = {0};
    struct store *s = open_store(fd, &state, limit);
    struct stat st;
    struct error err;
    uint64_t first, row;

    append_many(s, 1, n, 100);
    first = store_first(s);
    cr_assert(first > 0);
    cr_expect_eq(store_dropped(s), first, "no marks here: rows are events");
    cr_expect_eq(store_last_number(s), n, "numbers go on");
    cr_expect(store_bytes(s) <= limit);
    check_event(s, first + 1);
    check_event(s, n);
    cr_expect(!store_find(s, first, &row) || row > first);
    fstat(fd, &st);
    cr_expect((uint64_t)st.st_blocks * 512 < limit + (1 << 20),
              "the disk has its room back: %lld bytes", (long long)st.st_blocks * 512);
    store_free(s);
    s = open_store(fd, &state, limit);
    cr_assert_eq(store_load(s, NULL, NULL, &err), SEV_OK, "%s", err.text);
    cr_expect_eq(store_rows(s), n - first);
    cr_expect_eq(store_last_number(s), n, "a new engine numbers as the old one did");
    check_event(s, first + 1);
    check_event(s, n);
    store_free(s);
    close(fd);
}

Test(store, a_full_disk_loses_nothing_and_is_over_when_there_is_room)
{
    int fd = new_file();
    struct store *s = open_store(fd, NULL, 0);
    struct rlimit limit = {100000, RLIM_INFINITY};
    struct error err;

    signal(SIGXFSZ, SIG_IGN);
    append_many(s, 1, 500, 100);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (uint64_t i = 501; i <= 2000; i++)
        append(s, i, 100);
    cr_expect_eq(store_commit(s, &err), SEV_FAILED);
    cr_expect_eq(err.code, ERR_FULL, "%s", err.text);
    cr_expect_eq(store_rows(s), 500);
    cr_expect_eq(store_staged(s), 1500);
    check_event(s, 500);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_eq(store_commit(s, &err), SEV_OK, "%s", err.text);
    cr_expect_eq(store_rows(s), 2000);
    for (uint64_t i = 1; i <= 2000; i += 37)
        check_event(s, i);
    store_free(s);
    close(fd);
}

Test(store, a_file_cut_anywhere_gives_the_events_before_the_cut)
{
    int fd = new_file(), cut = new_file();
    struct spool_state state = {0};
    struct store *s = open_store(fd, &state, 0);
    char bytes[4096];
    struct error err;
    ssize_t n;

    append_many(s, 1, 10, 50);
    store_free(s);
    n = pread(fd, bytes, sizeof(bytes), 0);
    for (ssize_t len = CAPTURE_HEADER_LEN; len <= n; len++) {
        uint64_t rows;
        enum severity sev;

        cr_assert_eq(ftruncate(cut, 0), 0);
        cr_assert_eq(pwrite(cut, bytes, (size_t)len, 0), len);
        s = store_new(&(struct store_options){.fd = cut});
        sev = store_load(s, NULL, NULL, &err);
        rows = store_rows(s);
        cr_expect(sev == SEV_OK || sev == SEV_WARN);
        for (uint64_t i = 1; i <= rows; i++)
            check_event(s, i);
        store_free(s);
        if (len == n)
            cr_expect(sev == SEV_OK && rows == 10);
    }
    close(fd);
    close(cut);
}

Test(store, rows_are_read_together_as_far_as_they_fit)
{
    int fd = new_file();
    struct store *s = open_store(fd, NULL, 0);
    size_t offsets[100], n;
    struct buf b;

    buf_init(&b, 0);
    append_many(s, 1, 100, 100);
    n = store_read_rows(s, 10, 100, 1000, &b, offsets);
    cr_assert(n > 1 && n < 10, "%zu", n);
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(event_ts(b.data + offsets[i]), (10 + i + 1) * 10);
    cr_expect_eq(store_read_rows(s, 10, 5, 1, &b, offsets), 1, "one at least");
    cr_expect_eq(store_read_rows(s, 98, 100, 1 << 20, &b, offsets), 2);
    cr_expect_eq(store_read_rows(s, 100, 1, 100, &b, offsets), 0);
    buf_fini(&b);
    store_free(s);
    close(fd);
}

/* ---- readers beside the writer: also run under ThreadSanitizer by make check-long ------------ */

static _Atomic bool stop_reading;

static void *read_all_the_time(void *ctx)
{
    struct store *s = ctx;
    struct buf b;
    struct error err;
    uint64_t seen = 0;

    buf_init(&b, 0);
    while (!stop_reading) {
        uint64_t rows = store_rows(s), first = store_first(s);

        for (uint64_t row = first; row < rows; row += 97) {
            struct store_row r;

            if (store_row(s, row, &r) && r.ts != store_number(s, row) * 10 && row >= store_first(s))
                return (void *)"a row that is not what was written";
            if (row % 7 == 0 && store_read(s, row, &b, &err) == SEV_OK &&
                event_ts(b.data) != r.ts && row >= store_first(s))
                return (void *)"bytes of another event";
            seen++;
        }
    }
    buf_fini(&b);
    return seen ? NULL : (void *)"nothing was read";
}

Test(store, readers_see_whole_rows_while_rows_come_and_go)
{
    int fd = new_file();
    struct store *s = open_store(fd, NULL, 8 << 20);
    pthread_t readers[2];
    void *complaint;

    append_many(s, 1, 1000, 50);
    for (int i = 0; i < 2; i++)
        pthread_create(&readers[i], NULL, read_all_the_time, s);
    append_many(s, 1001, 300000, 50);
    stop_reading = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i], &complaint);
        cr_expect_null(complaint, "%s", (const char *)complaint);
    }
    cr_expect(store_first(s) > 0);
    store_free(s);
    close(fd);
}

/* Cells are in order, do not meet, and hold every time but those of gaps. */
static void check_axis(const uint64_t *ts, size_t n, const struct axis_cell *c, size_t cells)
{
    for (size_t i = 0; i < cells; i++) {
        cr_expect(c[i].from <= c[i].to);
        cr_expect(i == 0 || c[i].from > c[i - 1].to);
    }
    for (size_t i = 0; i < n; i++) {
        const struct axis_cell *at = &c[axis_find(c, cells, ts[i])];

        cr_expect(!at->gap && at->from <= ts[i] && ts[i] <= at->to, "time %zu", i);
    }
}

static size_t gaps_of(const struct axis_cell *c, size_t n)
{
    size_t gaps = 0;

    for (size_t i = 0; i < n; i++)
        gaps += c[i].gap;
    return gaps;
}

Test(store, an_axis_of_time_folds_what_is_long_and_empty)
{
    uint64_t ts[1000];
    struct axis_cell cells[80];
    size_t n;

    cr_expect_eq(time_axis(ts, 0, 80, cells), 0);
    ts[0] = 7;
    cr_expect_eq(time_axis(ts, 1, 80, cells), 1);
    check_axis(ts, 1, cells, 1);

    for (size_t i = 0; i < 1000; i++) /* even: nothing is folded */
        ts[i] = 5000 * (999 - i);
    n = time_axis(ts, 1000, 80, cells);
    cr_expect_eq(n, 80);
    cr_expect_eq(gaps_of(cells, n), 0);
    check_axis(ts, 1000, cells, n);

    for (size_t i = 0; i < 1000; i++) /* two hours, a year apart; one event at time 0 */
        ts[i] =
            i ? 1700000000 * NS_PER_S + (i < 500 ? 0 : 365 * 86400 * NS_PER_S) + i * NS_PER_S : 0;
    n = time_axis(ts, 1000, 80, cells);
    cr_expect(n <= 80 && n >= 76, "%zu", n);
    cr_expect_eq(gaps_of(cells, n), 2);
    check_axis(ts, 1000, cells, n);
    cr_expect(cells[1].gap && cells[0].from == 0 && cells[0].to == 0);

    for (size_t i = 0; i < 1000; i++)
        ts[i] = i % 2 ? UINT64_MAX : 0;
    for (size_t room = 1; room <= 80; room++) {
        n = time_axis(ts, 1000, room, cells);
        cr_expect(n >= 1 && n <= room);
        check_axis(ts, 1000, cells, n);
    }
}

/* As after a stream of more than 2^33 events whose oldest are gone; to fill that many would take the
 * memory of a hundred machines. */
Test(store, rows_and_numbers_go_on_past_two_to_the_power_of_33)
{
    uint64_t base = ((uint64_t)1 << 33) - 3, row;
    struct store *s = open_store(new_file(), NULL, 0);
    struct store_row r;
    struct buf bytes;

    s->filled = s->number = base;
    atomic_store(&s->first, base);
    atomic_store(&s->rows, base);
    for (uint64_t i = 1; i <= 3 * STORE_CHUNK; i++)
        append(s, base + i, 10);
    cr_assert_eq(store_commit(s, NULL), SEV_OK);
    cr_assert_eq(store_rows(s), base + 3 * STORE_CHUNK);
    cr_assert_eq(store_last_number(s), base + 3 * STORE_CHUNK);
    buf_init(&bytes, EVENT_LEN_MAX);
    for (uint64_t i = 0; i < 3 * STORE_CHUNK; i += 501) {
        char want[32];
        int n = sprintf(want, "%llu:", (unsigned long long)(base + i + 1));

        cr_assert(store_row(s, base + i, &r) && r.ts == (base + i + 1) * 10);
        cr_assert_eq(store_number(s, base + i), base + i + 1);
        cr_assert(store_find(s, base + i + 1, &row) && row == base + i);
        cr_assert_eq(store_read(s, base + i, &bytes, NULL), SEV_OK);
        cr_assert_eq(memcmp(event_payload(bytes.data).p, want, (size_t)n), 0);
    }
    cr_assert(store_find_time(s, (base + 7) * 10, &row) && row == base + 6);
    cr_assert(!store_row(s, base - 1, &r));
    buf_fini(&bytes);
    store_free(s);
}

/* ---- values that are kept -------------------------------------------------------------------- */

static struct value text_value(const char *text)
{
    return (struct value){.state = VALUE_OK, .type = VT_CHARBUF, .n = 1, .one.s = span_of(text)};
}

static void keep_text(struct value_columns *c, struct value_chunk *k, uint64_t row,
                      const char *text)
{
    char own[64];
    struct value v;

    snprintf(own, sizeof(own), "%s", text);
    v = text_value(own);
    value_chunk_keep(c, k, row, &v);
    memset(own, '!', sizeof(own)); /* what is kept must be a copy */
}

Test(values, what_is_kept_comes_back_and_what_is_not_is_unknown)
{
    struct value_columns *c = value_columns_new((uint64_t)64 << 20);
    struct value_column *col = value_column_of(c, "a.b");
    struct value_chunk *k;
    union elem list[2] = {{.u = 5}, {.u = 7}};
    struct value v,
        none = {.state = VALUE_NONE}, failed = {.state = VALUE_FAILED, .one.s = span_of("why")},
        many = {.state = VALUE_OK, .type = VT_UINT64, .list = true, .n = 2, .many = list};

    cr_assert_eq(col, value_column_of(c, "a.b"));
    cr_assert_neq(col, value_column_of(c, "a.c"));
    cr_assert_null(value_chunk_take(c, col, STORE_CHUNK + 3, false));
    k = value_chunk_take(c, col, STORE_CHUNK + 3, true);
    keep_text(c, k, STORE_CHUNK + 3, "one");
    keep_text(c, k, STORE_CHUNK + 3, "another"); /* what is kept stays */
    keep_text(c, k, STORE_CHUNK + 4, "one");
    value_chunk_keep(c, k, STORE_CHUNK, &none);
    value_chunk_keep(c, k, STORE_CHUNK + 1, &failed);
    value_chunk_keep(c, k, STORE_CHUNK + 2, &many);
    list[1].u = 99;
    cr_assert_eq(value_chunk_known(k), 5);
    cr_assert(value_chunk_get(k, STORE_CHUNK + 3, &v) && span_is(v.one.s, "one"));
    cr_assert(value_chunk_get(k, STORE_CHUNK + 4, &v) && span_is(v.one.s, "one"));
    cr_assert(value_chunk_get(k, STORE_CHUNK, &v) && v.state == VALUE_NONE);
    cr_assert(value_chunk_get(k, STORE_CHUNK + 1, &v) && v.state == VALUE_FAILED &&
              span_is(v.one.s, "why"));
    cr_assert(value_chunk_get(k, STORE_CHUNK + 2, &v) && v.list && v.n == 2 && v.many[1].u == 7);
    cr_assert(!value_chunk_get(k, STORE_CHUNK + 5, &v));
    value_chunk_give(c, k);
    value_columns_clear(c);
    cr_assert_null(value_chunk_take(c, col, STORE_CHUNK + 3, false));
    cr_assert_eq(value_columns_bytes(c), 0);
    value_columns_free(c);
}

Test(values, the_chunks_not_taken_for_the_longest_go_first_and_those_in_use_stay)
{
    struct value_columns *c = value_columns_new((uint64_t)4 << 20);
    struct value_column *col = value_column_of(c, "x");
    struct value_chunk *held = NULL, *k;
    struct value v;
    char text[64];

    for (uint64_t chunk = 0; chunk < 12; chunk++) {
        k = value_chunk_take(c, col, chunk << STORE_CHUNK_BITS, true);
        for (uint64_t i = 0; i < 4000; i++) {
            snprintf(text, sizeof(text), "value %llu of %llu", (unsigned long long)i,
                     (unsigned long long)chunk);
            keep_text(c, k, (chunk << STORE_CHUNK_BITS) + i, text);
        }
        if (chunk == 1)
            held = k;
        else
            value_chunk_give(c, k);
        value_chunk_give(c, value_chunk_take(c, col, 0, false)); /* the first is asked for again */
        value_columns_trim(c);
        cr_assert_leq(value_columns_bytes(c), (uint64_t)4 << 20);
    }
    cr_assert_not_null((k = value_chunk_take(c, col, 0, false)), "the one in use was thrown away");
    value_chunk_give(c, k);
    cr_assert_null(value_chunk_take(c, col, STORE_CHUNK, false), "the oldest was kept");
    cr_assert(value_chunk_get(held, STORE_CHUNK + 7, &v) && span_is(v.one.s, "value 7 of 1"));
    value_chunk_give(c, held);
    value_columns_free(c);
}

struct value_race {
    struct value_columns *c;
    struct value_column *col;
    unsigned seed;
};

static void *keep_and_get(void *arg)
{
    struct value_race *r = arg;
    char text[32];
    struct value v;

    for (unsigned n = 0; n < 20000; n++) {
        uint64_t row = (r->seed = r->seed * 1664525u + 1013904223u) % (6 * STORE_CHUNK);
        struct value_chunk *k = value_chunk_take(r->c, r->col, row, true);

        snprintf(text, sizeof(text), "%llu", (unsigned long long)row % 5000);
        if (value_chunk_get(k, row, &v))
            cr_assert(span_is(v.one.s, text));
        else
            keep_text(r->c, k, row, text);
        value_chunk_give(r->c, k);
        value_columns_trim(r->c);
    }
    return NULL;
}

Test(values, several_threads_fill_and_throw_away_at_once)
{
    struct value_columns *c = value_columns_new((uint64_t)1 << 20);
    struct value_race race[3];
    pthread_t t[3];

    for (unsigned i = 0; i < 3; i++) {
        race[i] = (struct value_race){c, value_column_of(c, "x"), i};
        pthread_create(&t[i], NULL, keep_and_get, &race[i]);
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    value_columns_free(c);
}

/* Captures: blocks, damage, compression, metadata, folding. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "mews/capture.h"
#include "mews/state.h"

/* ---- making captures ------------------------------------------------------------------------- */

static int file_of(const void *p, size_t n)
{
    char path[] = "/tmp/mews-unit-XXXXXX";
    int fd = mkstemp(path);

    unlink(path);
    cr_assert(fd >= 0 && pwrite_all(fd, p, n, 0));
    return fd;
}

static void add_plugin_event(struct buf *out, uint64_t ts, const char *payload)
{
    struct buf e;

    buf_init(&e, 0);
    e.max = BUF_MAX_DEFAULT;
    event_plugin_make(&e, ts, 3, span_of(payload));
    capture_add_event(out, e.data, 0, 0);
    buf_fini(&e);
}

/* Header and n events of growing payloads. */
static void make_capture(struct buf *out, unsigned n)
{
    buf_init(out, BUF_MAX_DEFAULT);
    capture_add_header(out, "box", 17);
    for (unsigned i = 0; i < n; i++) {
        char text[40];

        snprintf(text, sizeof(text), "{\"n\":%u,\"pad\":\"%.*s\"}", i, (int)(i % 7), "xxxxxxx");
        add_plugin_event(out, 1000 + i, text);
    }
}

struct tally {
    uint64_t blocks, events, damages, last_ts;
    enum capture_item end;
};

static struct tally read_all(int fd)
{
    struct capture_input *in = capture_input_open(NULL, fd, NULL);
    struct capture_reader *r = capture_reader_new(in, false);
    struct capture_item_info info;
    struct tally t = {0};

    for (int guard = 0; guard < 1000000; guard++) {
        t.end = capture_reader_next(r, &info);
        if (t.end == CAPTURE_ITEM_BLOCK) {
            t.blocks++;
            t.events += info.block.event.p != NULL;
            if (info.block.event.p)
                t.last_ts = event_ts(info.block.event.p);
        } else if (t.end == CAPTURE_ITEM_DAMAGE) {
            t.damages++;
        } else {
            break;
        }
    }
    capture_reader_free(r);
    capture_input_free(in);
    return t;
}

static struct tally read_bytes(const void *p, size_t n)
{
    return read_all(file_of(p, n));
}

/* Whole event blocks within the first n bytes, and whether n is at a border. */
static uint64_t whole_events(struct span s, size_t n, bool *border)
{
    struct capture_block b;
    uint64_t events = 0;
    size_t at = 0;

    *border = false;
    while (at < n &&
           capture_block_read((struct span){s.p + at, n - at}, at, &b, NULL) == CAPTURE_BLOCK) {
        events += b.event.p != NULL;
        at += b.len;
    }
    *border = at == n;
    return events;
}

/* ---- cuts and damage ------------------------------------------------------------------------- */

static void check_cuts(struct span s, size_t from, size_t to, size_t step)
{
    for (size_t n = from; n < to && n <= s.n; n += step) {
        struct tally t = read_bytes(s.p, n);
        bool border;
        uint64_t events = whole_events(s, n, &border);

        cr_assert_eq(t.events, events, "cut at %zu: %llu events, not %llu", n,
                     (unsigned long long)t.events, (unsigned long long)events);
        if (n >= 28)
            cr_assert_eq(t.damages, border ? 0 : 1, "cut at %zu: %llu damages", n,
                         (unsigned long long)t.damages);
        else
            cr_assert_eq(t.end, CAPTURE_ITEM_FAILED, "cut at %zu", n);
    }
}

Test(damage, a_capture_cut_anywhere_shows_every_whole_event)
{
    struct buf b;

    make_capture(&b, 60);
    check_cuts((struct span){b.data, b.len}, 1, b.len + 1, 1);
    buf_fini(&b);
}

Test(damage, a_broken_block_in_the_middle_is_passed_over)
{
    static const unsigned where[] = {0, 2, 4, 6, 10, 26, 30, 34};
    struct buf b;

    for (size_t i = 0; i < COUNT_OF(where); i++) {
        struct capture_block block;
        struct tally t;
        size_t at = 0;

        make_capture(&b, 20);
        for (int k = 0; k < 8; k++) { /* two blocks of header, then the sixth event */
            capture_block_read((struct span){b.data + at, b.len - at}, at, &block, NULL);
            at += block.len;
        }
        memset(b.data + at + where[i], 0xee, 4);
        t = read_bytes(b.data, b.len);
        cr_expect(t.events >= 19, "damage at byte %u: %llu events", where[i],
                  (unsigned long long)t.events);
        cr_expect_eq(t.last_ts, 1019, "what is behind it is read");
        cr_expect_eq(t.end, CAPTURE_ITEM_END);
        buf_fini(&b);
    }
}

Test(damage, what_is_no_capture_is_refused)
{
    struct tally t = read_bytes("this is no capture, but it is long enough to be one", 51);

    cr_expect_eq(t.end, CAPTURE_ITEM_FAILED);
    t = read_bytes("", 0);
    cr_expect_eq(t.end, CAPTURE_ITEM_FAILED);
}

Test(damage, an_empty_capture_is_empty)
{
    struct buf b;
    struct tally t;

    make_capture(&b, 0);
    t = read_bytes(b.data, b.len);
    cr_expect_eq(t.end, CAPTURE_ITEM_END);
    cr_expect_eq(t.blocks, 2);
    cr_expect_eq(t.damages, 0);
    buf_fini(&b);
}

/* ---- compression ----------------------------------------------------------------------------- */

/* Appends a gzip member. */
static void add_member(struct buf *out, const char *p, size_t n)
{
    z_stream z = {0};
    size_t room = n + n / 100 + 1000;

    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
    buf_reserve(out, room);
    z.next_in = (Bytef *)p;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out->data + out->len;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += room - z.avail_out;
    deflateEnd(&z);
}

static void make_large(struct buf *plain)
{
    uint32_t seed = 7;

    make_capture(plain, 0);
    for (unsigned i = 0; plain->len < (size_t)12 << 20; i++) {
        char text[2000];
        size_t n = 100 + (seed >> 8) % 1500;

        for (size_t k = 0; k < n; k++) {
            seed = seed * 1103515245u + 12345u;
            text[k] = (char)('a' + (seed >> 16) % 26);
        }
        text[n] = '\0';
        add_plugin_event(plain, 5000 + i, text);
    }
}

Test(gzip, any_place_can_be_read_at_any_time)
{
    struct buf plain, packed;
    struct capture_input *in;
    char *got = xmalloc(70000), *all = xmalloc((size_t)16 << 20);
    size_t n, total = 0;
    uint32_t seed = 1;

    make_large(&plain);
    buf_init(&packed, BUF_MAX_DEFAULT);
    add_member(&packed, plain.data, 5000001);
    add_member(&packed, plain.data + 5000001, 3);
    add_member(&packed, plain.data + 5000004, plain.len - 5000004);
    buf_adds(&packed, "what follows the last member does not count");
    in = capture_input_open(NULL, file_of(packed.data, packed.len), NULL);
    cr_assert(capture_input_is_gzip(in));
    capture_input_keep_points(in);
    for (;;) {
        struct error err;

        cr_assert_eq(capture_input_next(in, all + total, 300000, &n, &err), SEV_OK, "%s", err.text);
        if (n == 0)
            break;
        total += n;
    }
    cr_assert_eq(total, plain.len);
    cr_assert_eq(memcmp(all, plain.data, total), 0);
    for (int i = 0; i < 60; i++) {
        uint64_t at;
        size_t len;

        seed = seed * 1664525u + 1013904223u;
        at = seed % (plain.len - 70000);
        len = 1 + (seed >> 12) % 69999;
        cr_assert(capture_input_read(in, at, got, len));
        cr_assert_eq(memcmp(got, plain.data + at, len), 0, "%zu bytes at %llu", len,
                     (unsigned long long)at);
    }
    cr_expect(!capture_input_read(in, plain.len - 10, got, 11), "behind the end there is nothing");
    capture_input_free(in);
    buf_fini(&plain);
    buf_fini(&packed);
    free(got);
    free(all);
}

/* The file as it is opened by a session; read: to its end. */
static struct capture_input *opened(int fd, bool read)
{
    struct capture_input *in = capture_input_open(NULL, dup(fd), NULL);
    char *bytes = xmalloc(300000);
    size_t n = 1;

    capture_input_keep_points(in);
    while (read && n)
        cr_assert_eq(capture_input_next(in, bytes, 300000, &n, NULL), SEV_OK);
    free(bytes);
    return in;
}

static bool reads(struct capture_input *in, const struct buf *plain, uint64_t at)
{
    char got[1000];
    bool ok = capture_input_read(in, at, got, sizeof(got)) &&
              memcmp(got, plain->data + at, sizeof(got)) == 0;

    capture_input_free(in);
    return ok;
}

Test(gzip, places_to_start_from_are_found_again_in_the_cache)
{
    char dir[] = "/tmp/mews-unit-cache-XXXXXX", command[100];
    struct timespec times[2] = {{1700000000, 5}, {1700000000, 5}};
    struct buf plain, packed;
    uint64_t far = (uint64_t)11 << 20;
    uint32_t seed = 7;
    char *noise;
    int fd;

    cr_assert(mkdtemp(dir) && setenv("XDG_CACHE_HOME", dir, 1) == 0);
    buf_init(&plain, BUF_MAX_DEFAULT);
    while (plain.len < (size_t)12 << 20) {
        char c[4];

        seed = seed * 1664525u + 1013904223u;
        put_u32(c, seed >> 8);
        buf_add(&plain, c, 3);
    }
    buf_init(&packed, BUF_MAX_DEFAULT);
    add_member(&packed, plain.data, plain.len);
    fd = file_of(packed.data, packed.len);
    futimens(fd, times);
    cr_expect(reads(opened(fd, true), &plain, far));
    /* what is before is damaged, and nobody can see it: only from a point can the rest be read */
    noise = xcalloc(1, 100000);
    pwrite_all(fd, noise, 100000, 4000000);
    futimens(fd, times);
    cr_expect(reads(opened(fd, false), &plain, far), "the points are in the cache");
    times[1].tv_nsec = 6;
    futimens(fd, times);
    cr_expect(!reads(opened(fd, false), &plain, far), "they are those of another file");
    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_expect_eq(system(command), 0);
    close(fd);
    free(noise);
    buf_fini(&plain);
    buf_fini(&packed);
}

Test(gzip, a_broken_member_costs_no_other)
{
    struct buf plain, packed;
    size_t half;
    struct tally t;

    make_capture(&plain, 3000);
    half = plain.len / 2;
    buf_init(&packed, BUF_MAX_DEFAULT);
    add_member(&packed, plain.data, half);
    memset(packed.data + packed.len / 2, 0x55, 40);
    add_member(&packed, plain.data + half, plain.len - half);
    t = read_bytes(packed.data, packed.len);
    cr_expect(t.damages >= 1);
    cr_expect_eq(t.last_ts, 1000 + 2999, "the second member is read");
    cr_expect(t.events > 1500 && t.events < 3000, "%llu", (unsigned long long)t.events);
    t = read_bytes(packed.data, packed.len - 9);
    cr_expect_eq(t.last_ts, 1000 + 2999, "a missing trailer loses nothing");
    buf_fini(&plain);
    buf_fini(&packed);
}

/* ---- events of older forms ------------------------------------------------------------------- */

static size_t v1_event(char *to, uint16_t type, uint16_t nlens, const uint16_t *lens)
{
    size_t n = EVENT_HEADER_LEN_V1 + 2u * nlens;

    memset(to, 0, 300);
    put_u64(to, 77);
    put_u64(to + 8, 4242);
    put_u16(to + 20, type);
    for (unsigned i = 0; i < nlens; i++) {
        put_u16(to + EVENT_HEADER_LEN_V1 + 2 * i, lens[i]);
        n += lens[i];
    }
    put_u32(to + 16, (uint32_t)n);
    return n;
}

Test(fold, the_count_of_parameters_is_found_again)
{
    static const uint16_t lens[] = {8, 0, 13, 4};
    char raw[300];
    struct buf out;

    buf_init(&out, 4096);
    for (uint16_t k = 0; k <= 4; k++) {
        size_t n = v1_event(raw, 3, k, lens);

        buf_reset(&out);
        cr_assert_eq(event_upgrade(raw, n, true, &out, NULL), SEV_OK);
        cr_expect_eq(event_nparams(out.data), k);
        cr_expect_eq(event_check(out.data, out.len, NULL), SEV_OK);
        cr_expect_eq(event_tid(out.data), 4242);
    }
    put_u32(raw + 16, 29); /* no count gives this length */
    cr_expect_eq(event_upgrade(raw, 60, true, &out, NULL), SEV_FAILED);
    buf_fini(&out);
}

static void make_event(struct buf *out, uint16_t type, const struct span *params, uint32_t n)
{
    char h[EVENT_HEADER_LEN] = {0};
    size_t len = sizeof(h) + 2 * (size_t)n;

    for (uint32_t i = 0; i < n; i++)
        len += params[i].n;
    put_u16(h + 20, type);
    put_u32(h + 22, n);
    put_u32(h + 16, (uint32_t)len);
    buf_init(out, 1 << 20);
    buf_add(out, h, sizeof(h));
    for (uint32_t i = 0; i < n; i++)
        buf_add(out, &(uint16_t){(uint16_t)params[i].n}, 2);
    for (uint32_t i = 0; i < n; i++)
        buf_add(out, params[i].p, params[i].n);
}

Test(fold, an_exit_takes_what_its_enter_half_had)
{
    int64_t fd = 5, res = 3;
    uint32_t size = 64;
    struct span enter_params[] = {{(char *)&fd, 8}, {(char *)&size, 4}};
    struct span exit_params[] = {{(char *)&res, 8}, {"abc", 3}};
    struct buf enter, exit, out;

    make_event(&enter, 6, enter_params, 2);
    make_event(&exit, 7, exit_params, 2);
    buf_init(&out, 1 << 16);
    cr_expect_eq(event_fold(enter.data, NULL, &out), EVENT_STORED);
    cr_expect_eq(event_fold(exit.data, enter.data, &out), EVENT_PASSED);
    cr_assert_eq(event_nparams(out.data), 4);
    cr_expect_eq(get_u64(event_param(out.data, 2).p), 5);
    cr_expect_eq(get_u32(event_param(out.data, 3).p), 64);
    cr_expect_eq(event_fold(exit.data, exit.data, &out), EVENT_PASSED);
    cr_expect_eq(get_u64(event_param(out.data, 2).p), 0, "a stranger's half is none");
    buf_fini(&enter);
    buf_fini(&exit);
    buf_fini(&out);
}

/* Every row of the table, with every count that may come: nothing but whole events comes out. */
Test(fold, whatever_comes_in_what_comes_out_is_whole)
{
    static const char bytes[4096] = {1, 2, 3};
    struct span params[40];
    struct buf e, out;

    buf_init(&out, 1 << 20);
    for (uint16_t type = 0; type < EVENT_TYPES; type++) {
        for (uint32_t n = 0; n < 36; n++) {
            enum event_fate fate;

            if (event_len_width(type) == 4)
                continue;
            for (uint32_t i = 0; i < n; i++)
                params[i] = (struct span){bytes, (type + i * 7) % 40};
            make_event(&e, type, params, n);
            fate = event_fold(e.data, e.data, &out);
            cr_assert_eq(fate, event_plan(type, n).fate);
            if (fate != EVENT_DROPPED) {
                cr_assert_eq(event_check(out.data, out.len, NULL), SEV_OK, "type %u, %u", type, n);
                cr_assert_eq(event_code(out.data), event_plan(type, n).type, "type %u, %u", type,
                             n);
            }
            buf_fini(&e);
        }
    }
    buf_fini(&out);
}

/* ---- paths ----------------------------------------------------------------------------------- */

Test(state, paths_are_made_absolute)
{
    static const struct {
        const char *dir, *path, *result;
    } cases[] = {
        {"/home/u/", "a/b", "/home/u/a/b"},
        {"/home/u/", "/etc//x/", "/etc/x"},
        {"/home/u/", "./a/./b", "/home/u/a/b"},
        {"/home/u/", "../v", "/home/v"},
        {"/", "x", "/x"},
        {"/home", "..", "/"},
        {"", "/", "/"},
        {"/a/", "../../../b", "/b"},
        {"<UNKNOWN>", "x", "<UNKNOWN>/x"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b;

        buf_init(&b, 4096);
        state_resolve_path(span_of(cases[i].dir), span_of(cases[i].path), &b);
        cr_expect_str_eq(buf_str(&b), cases[i].result, "%s + %s", cases[i].dir, cases[i].path);
        buf_fini(&b);
    }
}

/* The exit of a clone (223) on the side of the child. */
static void make_clone(char event[400], uint64_t tid, int64_t pid, int64_t ptid, uint32_t flags)
{
    static const uint8_t sizes[21] = {8, 3, 0, 8, 8, 8, 0, 8, 8, 8, 4,
                                      4, 4, 3, 0, 4, 4, 4, 8, 8, 8};
    size_t at = EVENT_HEADER_LEN + 2 * COUNT_OF(sizes);

    memset(event, 0, 400);
    put_u64(event + 8, tid);
    put_u16(event + 20, 223);
    put_u32(event + 22, COUNT_OF(sizes));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        put_u16(event + EVENT_HEADER_LEN + 2 * i, sizes[i]);
        if (i == 3 || i == 4 || i == 5)
            put_u64(event + at, i == 3 ? tid : i == 4 ? (uint64_t)pid : (uint64_t)ptid);
        else if (i == 15)
            put_u32(event + at, flags);
        else if (sizes[i] == 3)
            memcpy(event + at, "sh", 3);
        at += sizes[i];
    }
    put_u32(event + 16, (uint32_t)at);
}

/* It shares the descriptors of a main thread that nobody has seen; found by fuzzing. */
Test(state, a_child_without_its_main_thread_has_no_descriptors)
{
    struct state *s = state_new(true);
    struct capture_process parent = {.tid = 100, .pid = 100, .ptid = 1, .comm = span_of("sh")};
    struct capture_fd file = {.tid = 100, .fd = 3, .type = FDT_FILE};
    struct thread_view t;
    char event[400];

    state_take_process(s, &parent);
    state_take_fd(s, &file);
    state_start(s);
    make_clone(event, 300, 999, 100, THREAD_CLONE_FILES);
    cr_assert_eq(event_check(event, event_len(event), NULL), SEV_OK);
    state_event(s, 10, event);
    cr_assert(state_thread(s, 300, 11, &t));
    cr_expect_null(state_fd(s, &t, 3, 11));
    make_clone(event, 301, 301, 100, THREAD_CLONE_FILES);
    state_event(s, 12, event);
    cr_assert(state_thread(s, 301, 13, &t));
    cr_expect(state_fd(s, &t, 3, 13), "a main thread has them");
    state_free(s);
}

static void exec_as(char event[400], uint64_t tid, unsigned n)
{
    make_clone(event, tid, (int64_t)tid, 100, 0);
    snprintf(event + EVENT_HEADER_LEN + 2 * 21 + 8, 4, "%c%c", (char)('a' + n % 26),
             (char)('a' + n / 26 % 26));
}

/* Of what is over nothing is left, and what is there keeps its texts. */
Test(state, without_history_it_does_not_grow)
{
    struct state *s = state_new(false);
    struct capture_process shell = {
        .tid = 100, .pid = 100, .ptid = 1, .comm = span_of("shell"), .cwd = span_of("/srv/")};
    struct user_info user;
    struct thread_view t;
    char event[400];
    uint64_t most = 0, life;

    state_take_process(s, &shell);
    state_take_user(
        s, &(struct capture_user){.uid = 33, .name = span_of("www"), .home = span_of("/w")});
    state_start(s);
    life = state_texts_life(s);
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t tid = 1000 + i % 7000;
        char exit[EVENT_HEADER_LEN] = {0}, name[600];

        exec_as(event, tid, i);
        state_event(s, 10 + 3 * i, event);
        cr_assert(state_thread(s, tid, STATE_NOW, &t));
        memset(name, 'x', sizeof(name));
        snprintf(name, 20, "%u", i);
        state_write_fd(s, tid, 3,
                       &(struct fd_info){.type = FDT_FILE, .name = {name, sizeof(name)}});
        put_u64(exit + 8, tid);
        put_u32(exit + 16, EVENT_HEADER_LEN);
        put_u16(exit + 20, 186);
        state_event(s, 11 + 3 * i, exit);
        cr_assert(state_thread(s, tid, STATE_NOW, &t), "it is there until its last event is over");
        most = MAX_OF(most, state_memory(s));
    }
    cr_expect(state_texts_life(s) > life, "texts were let go");
    cr_expect(most < (uint64_t)32 << 20, "%llu bytes", (unsigned long long)most);
    cr_assert(state_thread(s, 100, STATE_NOW, &t));
    cr_expect(span_is(t.image->comm, "shell") && span_is(t.cwd, "/srv/"));
    cr_expect(state_user(s, span_of(""), 33, STATE_NOW, &user) && span_is(user.name, "www"));
    state_free(s);
}

/* What is said of a thread and its ancestors at a place. */
static void say_thread(struct state *s, uint64_t tid, uint64_t at, struct buf *out)
{
    struct thread_view t, a;

    buf_reset(out);
    if (!state_thread(s, tid, at, &t)) {
        buf_adds(out, "none");
        return;
    }
    buf_addf(out, "%u %.*s %lld", t.life, (int)t.image->comm.n, t.image->comm.p,
             (long long)t.ids->ptid);
    for (unsigned i = 1; i < 5 && state_ancestor(s, &t, i, at, &a); i++)
        buf_addf(out, " < %u %.*s", a.life, (int)a.image->comm.n, a.image->comm.p);
}

Test(state, what_is_watched_holds_at_all_of_its_places)
{
    struct state *s = state_new(true);
    unsigned seed = 7, narrow = 0;
    const uint64_t end = 3000;
    struct buf now, other;

    buf_init(&now, 4096);
    buf_init(&other, 4096);
    state_start(s);
    for (uint64_t at = 10; at < end; at += 10) { /* few threads, many lives, of one another */
        uint64_t tid = 100 + (uint64_t)rand_r(&seed) % 8;
        char event[400] = {0};

        if (rand_r(&seed) % 3) {
            make_clone(event, tid, (int64_t)tid, 100 + (int64_t)rand_r(&seed) % 8, 0);
            event[EVENT_HEADER_LEN + 2 * 21 + 8] = (char)('a' + rand_r(&seed) % 26);
        } else {
            put_u64(event + 8, tid);
            put_u32(event + 16, EVENT_HEADER_LEN);
            put_u16(event + 20, 186);
        }
        state_event(s, at, event);
    }
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t tid = 100 + (uint64_t)rand_r(&seed) % 8, at = (uint64_t)rand_r(&seed) % end;
        struct state_span span;

        state_watch(&span);
        say_thread(s, tid, at, &now);
        state_watch(NULL);
        cr_assert(span.from <= at && at < span.until);
        narrow += span.from > 0 && span.until < end;
        for (uint64_t place = span.from; place < MIN_OF(span.until, end); place++) {
            say_thread(s, tid, place, &other);
            cr_assert_str_eq(buf_str(&other), buf_str(&now), "thread %llu at %llu, watched at %llu",
                             (unsigned long long)tid, (unsigned long long)place,
                             (unsigned long long)at);
        }
    }
    cr_expect(narrow > 1000, "%u were watched", narrow);
    buf_fini(&now);
    buf_fini(&other);
    state_free(s);
}

static bool say_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    buf_addf(ctx, " %lld=%.*s/%u/%llu", (long long)fd, (int)f->name.n, f->name.p, f->life,
             (unsigned long long)f->named_at);
    return true;
}

/* All that is there at a place. */
static void say_all(struct state *s, uint64_t at, struct buf *out)
{
    struct buf one;
    struct user_info user;

    buf_init(&one, 4096);
    buf_reset(out);
    for (uint64_t tid = 100; tid < 164; tid++) {
        struct thread_view t;

        say_thread(s, tid, at, &one);
        buf_addf(out, "%llu: %s of %llu", (unsigned long long)tid, buf_str(&one),
                 (unsigned long long)state_threads_of(s, (int64_t)tid, at));
        if (state_thread(s, tid, at, &t))
            state_each_fd(s, &t, at, say_fd, out);
        buf_addc(out, '\n');
    }
    if (state_user(s, span_of(""), 33, at, &user))
        buf_add(out, user.name.p, user.name.n);
    buf_fini(&one);
}

/* A thread begins, ends, opens or closes something, by chance. */
static void happen(struct state *s, uint64_t at, unsigned *seed)
{
    uint64_t tid = 100 + (uint64_t)rand_r(seed) % 64;
    int64_t fd = rand_r(seed) % 100;
    char event[400] = {0}, name[20];

    snprintf(name, sizeof(name), "/f%d", rand_r(seed) % 1000);
    switch (rand_r(seed) % 8) {
    case 0:
    case 1:
        make_clone(event, tid, (int64_t)tid, 100 + (int64_t)rand_r(seed) % 64, 0);
        event[EVENT_HEADER_LEN + 2 * 21 + 8] = (char)('a' + rand_r(seed) % 26);
        break;
    case 2:
        put_u64(event + 8, tid);
        put_u32(event + 16, EVENT_HEADER_LEN);
        put_u16(event + 20, 186);
        break;
    case 3:
        state_write_fd(s, tid, fd, NULL);
        return;
    default:
        state_write_fd(s, tid, fd, &(struct fd_info){.type = FDT_FILE, .name = span_of(name)});
        return;
    }
    state_event(s, at, event);
}

/* Beside one that forgets nothing, it is the same at all places from then on. */
Test(state, the_past_goes_and_the_present_stays)
{
    struct state *all = state_new(true), *now = state_new(true);
    struct buf a, b;

    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct state *s = i ? now : all;

        state_take_user(s, &(struct capture_user){.uid = 33, .name = span_of("www")});
        state_start(s);
    }
    for (uint64_t round = 0; round < 30; round++) {
        unsigned seed_a = (unsigned)round, seed_b = seed_a;
        uint64_t from = 10 + round * 2000;

        for (uint64_t at = from; at < from + 2000; at++) {
            happen(all, at, &seed_a);
            happen(now, at, &seed_b);
        }
        for (uint64_t at = from; at < from + 2000; at += 97) {
            say_all(all, at, &a);
            say_all(now, at, &b);
            cr_assert_str_eq(buf_str(&b), buf_str(&a), "at %llu", (unsigned long long)at);
        }
        say_all(all, STATE_NOW, &a);
        state_forget_past(now);
        say_all(now, STATE_NOW, &b);
        cr_assert_str_eq(buf_str(&b), buf_str(&a), "after round %llu", (unsigned long long)round);
        if (round % 10 == 9) {
            uint64_t memory = state_memory(now);

            state_forget_past(now);
            cr_expect_eq(state_memory(now), memory, "there was nothing more to forget");
        }
    }
    cr_expect(a.len > 3000);
    cr_expect(state_memory(now) * 4 < state_memory(all), "%llu of %llu bytes",
              (unsigned long long)state_memory(now), (unsigned long long)state_memory(all));
    buf_fini(&a);
    buf_fini(&b);
    state_free(all);
    state_free(now);
}

/* ---- real ones ------------------------------------------------------------------------------- */

static bool load_real(const char *name, struct buf *out)
{
    const char *data = getenv("MEWS_TEST_DATA");
    char *path = xasprintf("%s/captures/%s", data ? data : "/nonexistent", name);
    gzFile gz = gzopen(path, "rb");
    int n;

    free(path);
    if (!gz)
        return false;
    buf_init(out, BUF_MAX_DEFAULT);
    do {
        buf_reserve(out, 1 << 20);
        n = gzread(gz, out->data + out->len, 1 << 20);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    gzclose(gz);
    return true;
}

Test(real, cut_at_each_of_its_first_bytes_and_at_many_after)
{
    static const char *const names[] = {"curl_google.scap", "single_ipv6_conn.scap",
                                        "falco_psp_run_as_user_0_container.scap"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf b;

        if (!load_real(names[i], &b))
            cr_skip_test("skipped: no captures");
        check_cuts((struct span){b.data, b.len}, 1, 4096, i == 0 ? 1 : 7);
        check_cuts((struct span){b.data, b.len}, 4096, b.len, b.len / 300 | 1);
        buf_fini(&b);
    }
}

static void count_process(void *ctx, const struct capture_process *p)
{
    cr_assert(p->tid < 1 << 22 && p->pid < 1 << 22);
    (*(unsigned *)ctx)++;
}

Test(real, process_lists_of_every_version_are_read)
{
    static const char *const names[] = {"curl_google.scap",             /* v5 */
                                        "falco_cat_write.scap",         /* v6 */
                                        "falco_connect_localhost.scap", /* v7 */
                                        "falco_syscall.scap",           /* v8 */
                                        "falco_psp_privileged.scap",    /* v9, short tail */
                                        "synthetic/syscall-pairs.scap"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        unsigned processes = 0;
        struct capture_metadata to = {.ctx = &processes, .process = count_process};
        struct capture_block block;
        struct buf b;
        size_t at = 0;

        if (!load_real(names[i], &b))
            cr_skip_test("skipped: no captures");
        while (at < b.len && capture_block_read((struct span){b.data + at, b.len - at}, at, &block,
                                                NULL) == CAPTURE_BLOCK) {
            struct error err;

            cr_assert_eq(capture_metadata_read(&block, at, &to, &err), SEV_OK, "%s: %s", names[i],
                         err.text);
            at += block.len;
        }
        cr_expect(processes >= 2, "%s: %u processes", names[i], processes);
        buf_fini(&b);
    }
}

/* ---- several files --------------------------------------------------------------------------- */

Test(several, files_are_read_at_offsets_of_their_own)
{
    struct capture_input *parts[3], *in;
    struct buf one[3];
    char got[5000];
    uint32_t seed = 3;
    size_t n;

    for (int i = 0; i < 3; i++) {
        struct buf packed;

        make_capture(&one[i], 100 + 50 * (unsigned)i);
        buf_init(&packed, BUF_MAX_DEFAULT);
        add_member(&packed, one[i].data, one[i].len);
        parts[i] = capture_input_open(
            NULL, i == 1 ? file_of(packed.data, packed.len) : file_of(one[i].data, one[i].len),
            NULL);
        buf_fini(&packed);
    }
    in = capture_input_several(parts, 3);
    for (int i = 0; i < 100; i++) {
        size_t part = (size_t)i % 3, at;
        uint64_t base = (uint64_t)part << CAPTURE_PART_BITS;

        seed = seed * 1664525u + 1013904223u;
        n = 1 + (seed >> 8) % 4999;
        at = seed % (one[part].len - n);
        cr_assert(capture_input_read(in, base + at, got, n));
        cr_expect_eq(memcmp(got, one[part].data + at, n), 0);
        cr_expect(!capture_input_read(in, base + one[part].len - 5, got, 6));
    }
    cr_expect(!capture_input_read(in, (uint64_t)3 << CAPTURE_PART_BITS, got, 1));
    capture_input_free(in);
    for (int i = 0; i < 3; i++)
        buf_fini(&one[i]);
}

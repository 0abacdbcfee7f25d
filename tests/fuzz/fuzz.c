/*
 * Fuzz harnesses: bytes from outside through the parts that must not believe them. With clang and
 * -fsanitize=fuzzer it is a libFuzzer target (-DFUZZ_TARGET=name); else `fuzz TARGET FILE…` runs
 * files, and `fuzz TARGET -n COUNT FILE…` changes them at random, COUNT times each.
 */
#include <stdio.h>

#include "mews/capture.h"
#include "mews/filter.h"
#include "mews/rules.h"
#include "mews/state.h"

typedef int target(const uint8_t *data, size_t n);

/* Every field of our own, of an event whose bytes are what they are. */
static void read_fields(const struct state *state, const void *event, uint64_t at)
{
    static struct field_catalogue *catalogue;
    struct field_thread thread = {0};
    struct field_event fe = {.bytes = event,
                             .number = 1,
                             .state = state,
                             .at = at,
                             .thread = &thread,
                             .source = "syscall",
                             .hostname = "",
                             .time_mode = 'h'};
    struct arena arena = {0};

    if (!catalogue)
        catalogue = field_catalogue_new();
    for (size_t i = 0; i < field_catalogue_count(catalogue); i++) {
        struct field_ref ref = {.def = field_catalogue_at(catalogue, i), .arg.index = UINT64_MAX};
        struct value v;

        ref.type = ref.def->type;
        ref.each = (ref.def->flags & (FIELD_EACH | FIELD_ENDS)) && at % 2;
        if (!ref.def->arg_required && !(ref.def->flags & FIELD_NEEDS_PLUGIN))
            field_extract(&ref, &fe, false, &arena, &v);
    }
    arena_fini(&arena);
}

/* Blocks, metadata, events in every form, their parameters as text, the state. */
static int fuzz_capture(const uint8_t *data, size_t n)
{
    struct state *state = state_new(true);
    struct buf up, folded, last, text;
    struct span left = {(const char *)data, n};
    struct capture_block b;
    size_t at;

    buf_init(&up, EVENT_LEN_MAX);
    buf_init(&folded, EVENT_LEN_MAX);
    buf_init(&last, EVENT_LEN_MAX);
    buf_init(&text, (size_t)16 << 20);
    while (left.n) {
        struct thread_view t;
        enum capture_step step = capture_block_read(left, 0, &b, NULL);

        if (step != CAPTURE_BLOCK) {
            if (step == CAPTURE_NEED_MORE || !capture_find_block(left, 1, &at))
                break;
            left.p += at;
            left.n -= at;
            continue;
        }
        buf_reset(&up);
        buf_reset(&text);
        if (!b.event.p) {
            state_metadata(state, &b, 0, NULL);
        } else if (event_upgrade(b.event.p, b.event.n, b.v1, &up, NULL) == SEV_OK) {
            event_fold(up.data, last.len ? last.data : NULL, &folded);
            if (folded.len) {
                event_args_text(folded.data, NULL, &text);
                state_event(state, n - left.n + 1, folded.data);
                if (state_event_thread(state, folded.data, n - left.n + 1, &t))
                    state_fd(state, &t, state_event_fd(folded.data), n - left.n + 1);
                if (left.n % 16 == 0)
                    read_fields(state, folded.data, n - left.n + 1);
            }
            buf_reset(&last);
            buf_add(&last, folded.data, folded.len);
        }
        left.p += b.len;
        left.n -= b.len;
    }
    buf_fini(&up);
    buf_fini(&folded);
    buf_fini(&last);
    buf_fini(&text);
    state_free(state);
    return 0;
}

static int fuzz_filter(const uint8_t *data, size_t n)
{
    static struct field_catalogue *catalogue;
    struct syntax_error err;
    struct filter *f;

    if (!catalogue)
        catalogue = field_catalogue_new();
    f = filter_compile((const char *)data, n, catalogue, NULL, &err);
    if (f) {
        struct buf text;

        buf_init(&text, (size_t)16 << 20);
        filter_text(f, &text);
        if (!filter_parses(buf_str(&text), text.len, 0, &err)) {
            fprintf(stderr, "“%s” is not read again: %s\n", buf_str(&text), err.text);
            abort();
        }
        buf_fini(&text);
        filter_free(f);
    }
    return 0;
}

/* Gives every field the same bytes, as its type has them; some are missing, some are lists. */
struct made_up {
    struct field_reader base;
    struct span bytes;
    unsigned asked;
};

static void read_made_up(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    struct made_up *m = (struct made_up *)self;
    uint64_t number = 0;

    memcpy(&number, m->bytes.p, MIN_OF(m->bytes.n, sizeof(number)));
    *out = (struct value){.state = VALUE_OK, .type = (uint8_t)ref->type, .n = 1};
    if (++m->asked % 7 == 0 || (number >> 8) % 11 == m->asked % 11)
        out->state = m->asked % 2 ? VALUE_NONE : VALUE_FAILED;
    switch (value_type_info(ref->type)->vclass) {
    case VC_TEXT:
    case VC_BYTES:
        out->one.s = m->bytes;
        break;
    case VC_ADDRESS:
    case VC_NETWORK:
        out->one.ip.len = number % 2 ? 4 : 16;
        memcpy(out->one.ip.b, &number, sizeof(number));
        break;
    default:
        out->one.u = number;
    }
    if (ref->def->list && m->asked % 3) {
        union elem *many = arena_alloc(self->arena, 2 * sizeof(*many));

        many[0] = many[1] = out->one;
        out->list = true;
        out->many = many;
        out->n = m->asked % 3;
    }
}

/* A format, and behind its line what the fields hold. */
static int fuzz_format(const uint8_t *data, size_t n)
{
    static struct field_catalogue *catalogue;
    const uint8_t *line = n ? memchr(data, '\n', n) : NULL;
    size_t len = line ? (size_t)(line - data) : n;
    struct arena arena = {0};
    struct made_up m = {.base = {read_made_up, &arena},
                        .bytes = {line ? (const char *)line + 1 : "", line ? n - len - 1 : 0}};
    char *format = strndup((const char *)data, len);
    struct output_format *o;
    struct syntax_error err;
    struct buf text;

    if (!catalogue)
        catalogue = field_catalogue_new();
    buf_init(&text, (size_t)16 << 20);
    o = output_compile(format, catalogue, &err);
    for (int i = 0; o && i < 4; i++) {
        output_set_bytes(o, (enum bytes_form)i);
        output_text(o, &m.base, &text);
        output_json(o, &m.base, 1, &text);
    }
    if (o)
        output_free(o);
    buf_fini(&text);
    arena_fini(&arena);
    free(format);
    return 0;
}

static int fuzz_json(const uint8_t *data, size_t n)
{
    struct json_scan s;
    struct buf out;

    json_scan_init(&s);
    buf_init(&out, (size_t)16 << 20);
    json_scan(&s, (const char *)data, n, 10000);
    for (uint32_t i = 0; i < s.nodes.n; i++) {
        json_scan_text(&s, (const char *)data, i, &out);
        json_scan_pointer(&s, (const char *)data, i, &out);
        buf_reset(&out);
    }
    buf_fini(&out);
    json_scan_fini(&s);
    return 0;
}

/* Rules files, as far as their conditions. */
static int fuzz_rules(const uint8_t *data, size_t n)
{
    static struct field_catalogue *catalogue;
    struct rules *r = rules_new();

    if (!catalogue)
        catalogue = field_catalogue_new();
    rules_load_text(r, "x", (const char *)data, n);
    if (!rules_failed(r))
        rules_finish(r);
    for (size_t i = 0; i < rules_count(r) && rules_at(r, i)->effective; i++) {
        struct filter_options o = {.depth_max = FILTER_DEPTH_RULE, .macro = rules_macro, .ctx = r};
        const char *text = rules_at(r, i)->effective;

        filter_free(filter_compile(text, strlen(text), catalogue, &o, NULL));
    }
    rules_free(r);
    return 0;
}

static const struct {
    const char *name;
    target *run;
} targets[] = {{"capture", fuzz_capture},
               {"filter", fuzz_filter},
               {"format", fuzz_format},
               {"json", fuzz_json},
               {"rules", fuzz_rules}};

#ifdef FUZZ_TARGET

#define NAME_OF(x) fuzz_##x
#define TARGET(x)  NAME_OF(x)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return TARGET(FUZZ_TARGET)(data, n);
}

#else

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* A few bytes changed, cut, or doubled. */
static size_t change(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t changes = 1 + next_random() % 8;

    memcpy(to, from, n);
    for (size_t i = 0; n && i < changes; i++) {
        size_t at = next_random() % n, from_at = next_random() % n, len = next_random() % 64;

        switch (next_random() % 5) {
        case 0:
            to[at] = (uint8_t)next_random();
            break;
        case 1:
            to[at] ^= (uint8_t)(1u << next_random() % 8);
            break;
        case 2:
            n = at;
            break;
        case 3:
            memmove(to + at, to + from_at, MIN_OF(len, n - MAX_OF(at, from_at)));
            break;
        default:
            if (at + 4 <= n)
                put_u32(to + at, next_random() % 3 ? UINT32_MAX >> next_random() % 32 : 0);
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    unsigned long count = 0;
    target *run = NULL;

    for (size_t i = 0; argc > 2 && i < sizeof(targets) / sizeof(*targets); i++)
        run = strcmp(targets[i].name, argv[1]) == 0 ? targets[i].run : run;
    if (!run) {
        fprintf(stderr, "usage: fuzz capture|filter|format|json|rules [-n COUNT] FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct error err;
        struct buf b;
        uint8_t *copy;

        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) {
            count = strtoul(argv[++i], NULL, 10);
            continue;
        }
        buf_init(&b, (size_t)64 << 20);
        if (file_read(argv[i], (size_t)64 << 20, &b, &err) != SEV_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 2;
        }
        run((const uint8_t *)buf_str(&b), b.len);
        for (unsigned long k = 0; k < count; k++) {
            size_t n;

            copy = xmalloc(b.len + 1); /* of its own size, so that a read behind it is seen */
            n = change(copy, (const uint8_t *)buf_str(&b), b.len);
            copy = xrealloc(copy, n + 1);
            run(copy, n);
            free(copy);
        }
        buf_fini(&b);
    }
    return 0;
}

#endif

/* Every call to a plugin leaves its name in the record before it starts, and its time in the
 * account after. */
#include "internal.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define TIME_ONE_IN 16

static int32_t thread_id(void)
{
    static _Thread_local int32_t tid;

    if (!tid)
        tid = (int32_t)syscall(SYS_gettid);
    return tid;
}

static uint64_t coarse_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void record_start(struct plugin_call *c, struct plugin *p, enum plugin_fn fn, uint64_t event,
                         uint64_t since)
{
    uint64_t serial = atomic_load_explicit(&c->serial, memory_order_relaxed);

    c->fn = fn;
    c->event = event;
    c->tid = thread_id();
    c->file_mtime = p->info.file_mtime;
    memcpy(c->plugin, p->name, RECORD_NAME);
    atomic_store_explicit(&c->since, since, memory_order_relaxed);
    atomic_store_explicit(&c->serial, serial + 1, memory_order_relaxed);
}

static void copy_arg(struct plugin_call *c, const char *arg)
{
    if (arg)
        snprintf(c->arg, sizeof(c->arg), "%s", arg);
    else
        c->arg[0] = '\0';
}

static bool traced(const struct plugin *p)
{
    return atomic_load_explicit(&p->host->tracing, memory_order_relaxed);
}

struct call_timer call_begin(struct plugin *p, enum plugin_fn fn, uint64_t event, const char *arg)
{
    struct plugin_call *c = &p->host->record->call;
    struct call_timer t = {time_mono(), true};

    record_start(c, p, fn, event, t.start);
    c->field[0] = '\0';
    copy_arg(c, arg);
    atomic_store_explicit(&c->active, 1, memory_order_release);
    return t;
}

struct call_timer call_begin_extract(struct plugin *p, uint32_t field, uint64_t event,
                                     const char *key)
{
    struct plugin_call *c = &p->host->record->call;
    uint64_t n = atomic_load_explicit(&p->field_stats[field].calls, memory_order_relaxed);
    struct call_timer t = {0, n % TIME_ONE_IN == 0 || traced(p)};

    t.start = t.timed ? time_mono() : coarse_now();
    record_start(c, p, PF_EXTRACT_FIELDS, event, t.start);
    memcpy(c->field, p->field_names[field], RECORD_NAME);
    copy_arg(c, key);
    atomic_store_explicit(&c->active, 1, memory_order_release);
    return t;
}

struct call_timer call_begin_often(struct plugin *p, enum plugin_fn fn, uint64_t event)
{
    struct plugin_call *c = &p->host->record->call;
    uint64_t n = atomic_load_explicit(&p->fn_stats[fn].calls, memory_order_relaxed);
    struct call_timer t = {0, n % TIME_ONE_IN == 0 || traced(p)};

    t.start = t.timed ? time_mono() : coarse_now();
    record_start(c, p, fn, event, t.start);
    c->field[0] = '\0';
    c->arg[0] = '\0';
    atomic_store_explicit(&c->active, 1, memory_order_release);
    return t;
}

/* ---- account --------------------------------------------------------------------------------- */

#define BUMP(counter, by)                                                                          \
    atomic_store_explicit(&(counter),                                                              \
                          atomic_load_explicit(&(counter), memory_order_relaxed) + (by),           \
                          memory_order_relaxed)

static unsigned bucket_of(uint64_t ns)
{
    unsigned e, i;

    if (ns < 4)
        return (unsigned)ns;
    e = 63 - (unsigned)__builtin_clzll(ns);
    i = e * 4 + (unsigned)(ns >> (e - 2) & 3) - 4;
    return MIN_OF(i, (unsigned)PLUGIN_BUCKETS - 1);
}

static uint64_t bucket_top(unsigned i)
{
    unsigned e = (i + 4) / 4;

    return i < 4 ? i : (((uint64_t)((i & 3) + 5)) << (e - 2)) - 1;
}

static void account(struct plugin_stats *s, const struct call_timer *t, uint64_t end, bool failed)
{
    BUMP(s->calls, 1);
    if (failed)
        BUMP(s->failures, 1);
    if (!t->timed)
        return;
    BUMP(s->timed, 1);
    BUMP(s->total_ns, end - t->start);
    BUMP(s->buckets[bucket_of(end - t->start)], 1);
    if (end - t->start > atomic_load_explicit(&s->max_ns, memory_order_relaxed))
        atomic_store_explicit(&s->max_ns, end - t->start, memory_order_relaxed);
}

static void over(struct plugin *p, const struct call_timer *t, uint64_t end, bool failed)
{
    atomic_store_explicit(&p->host->record->call.active, 0, memory_order_release);
    if (t->timed && traced(p))
        trace_note(p->host, end - t->start, failed);
}

void call_end(struct plugin *p, enum plugin_fn fn, struct call_timer t, bool failed)
{
    uint64_t end = time_mono();

    over(p, &t, end, failed);
    account(&p->fn_stats[fn], &t, end, failed);
}

void call_end_often(struct plugin *p, enum plugin_fn fn, struct call_timer t, bool failed)
{
    uint64_t end = t.timed ? time_mono() : 0;

    over(p, &t, end, failed);
    account(&p->fn_stats[fn], &t, end, failed);
}

void call_end_extract(struct plugin *p, uint32_t field, struct call_timer t, bool failed)
{
    uint64_t end = t.timed ? time_mono() : 0;

    over(p, &t, end, failed);
    account(&p->field_stats[field], &t, end, failed);
    account(&p->fn_stats[PF_EXTRACT_FIELDS], &t, end, failed);
}

uint64_t plugin_stats_quantile(const struct plugin_stats *s, double share)
{
    uint64_t timed = atomic_load_explicit(&s->timed, memory_order_relaxed), seen = 0;
    uint64_t want = (uint64_t)((double)timed * share);

    for (unsigned i = 0; i < PLUGIN_BUCKETS; i++) {
        seen += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        if (seen > want || (seen == timed && timed))
            return MIN_OF(bucket_top(i), (uint64_t)atomic_load(&s->max_ns));
    }
    return 0;
}

const struct plugin_stats *plugin_stats(const struct plugin *p, enum plugin_fn fn)
{
    return &p->fn_stats[fn];
}

const struct plugin_stats *plugin_field_stats(const struct plugin *p, uint32_t field)
{
    return p->field_stats && field < p->info.fields.n ? &p->field_stats[field] : NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

void plugin_set_last_error(struct plugin *p, const char *text)
{
    pthread_mutex_lock(&p->lock);
    free(p->last_error);
    p->last_error = xstrdup(text);
    pthread_mutex_unlock(&p->lock);
}

char *plugin_last_error(struct plugin *p)
{
    char *copy;

    pthread_mutex_lock(&p->lock);
    copy = p->last_error ? xstrdup(p->last_error) : NULL;
    pthread_mutex_unlock(&p->lock);
    return copy;
}

void call_last_error(struct plugin *p, char *out, size_t size)
{
    struct call_timer t;
    const char *s;

    out[0] = '\0';
    if (p->has_instance) {
        t = call_begin(p, PF_GET_LAST_ERROR, 0, NULL);
        s = p->api.get_last_error(p->instance);
        if (s)
            snprintf(out, size, "%.*s", (int)MIN_OF(size - 1, (size_t)1 << 20), s);
        call_end(p, PF_GET_LAST_ERROR, t, false);
    }
    if (!*out)
        snprintf(out, size, "the plugin gave no reason");
    plugin_set_last_error(p, out);
}

/* ---- what the process leaves behind when it dies by a signal --------------------------------- */

static struct plugin_record *crash_record;

static void add_frame(struct plugin_crash *c, void *pc)
{
    uint32_t n = c->nframes;
    Dl_info where;

    if (n >= RECORD_FRAMES)
        return;
    memset(&c->frames[n], 0, sizeof(c->frames[n]));
    c->frames[n].offset = (uint64_t)(uintptr_t)pc;
    if (dladdr(pc, &where) && where.dli_fname) {
        c->frames[n].offset -= (uint64_t)(uintptr_t)where.dli_fbase;
        strncpy(c->frames[n].module, where.dli_fname, sizeof(c->frames[n].module) - 1);
        if (where.dli_sname)
            strncpy(c->frames[n].symbol, where.dli_sname, sizeof(c->frames[n].symbol) - 1);
    }
    c->nframes++;
}

/* Where the signal struck; NULL where the machine is not known. */
static void *struck_at(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)context->uc_mcontext.pc;
#else
    UNUSED(context);
    return NULL;
#endif
}

/* Runs in a process that is dying anyway: an alarm ends it should the unwinder hang. */
static void on_fatal_signal(int sig, siginfo_t *info, void *context)
{
    struct plugin_crash *c = &crash_record->crash;
    uint32_t first = 0;
    void *pcs[RECORD_FRAMES + 16], *struck = struck_at(context);
    int n, from;

    signal(sig, SIG_DFL);
    if (atomic_compare_exchange_strong(&c->written, &first, 1)) {
        c->signal = sig;
        c->code = info->si_code;
        c->tid = (int32_t)syscall(SYS_gettid);
        c->address = (uint64_t)(uintptr_t)info->si_addr;
        c->nframes = 0;
        signal(SIGALRM, SIG_DFL);
        alarm(2);
        n = backtrace(pcs, (int)COUNT_OF(pcs));
        for (from = 0; from < n && pcs[from] != struck; from++)
            ;
        if (from == n)
            from = 2; /* this handler and the kernel's trampoline */
        for (int i = from; i < n; i++)
            add_frame(c, pcs[i]);
        alarm(0);
    }
    if (info->si_code <= 0) /* sent, not caused: it won't happen again by itself */
        raise(sig);
}

void plugin_crash_install(struct plugin_record *record)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    static char stack[65536];
    struct sigaction sa = {.sa_sigaction = on_fatal_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
    void *warm[2];

    crash_record = record;
    backtrace(warm, 2); /* loads the unwinder now: the handler could not */
    sigaltstack(&alt, NULL);
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < COUNT_OF(fatal); i++)
        sigaction(fatal[i], &sa, NULL);
}

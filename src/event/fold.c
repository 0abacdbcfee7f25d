/* Older forms of events in the current one: headers of version 1, and the halves of system calls. */
#include <pthread.h>
#include <stdatomic.h>

#include "facts.h"

#define ROUNDS_MAX 50 /* conversions of one event; the longest chain of the table has eight */

/* ---- headers of version 1 -------------------------------------------------------------------- */

/* The count of parameters that makes the lengths add up; it grows strictly, so that there is one at
 * the most (§5.2). */
static bool count_params(const char *lengths, uint32_t size, uint32_t *n)
{
    uint64_t sum = 0;

    for (uint32_t k = 0; sum + (uint64_t)k * 2 <= size; k++) {
        if (sum + (uint64_t)k * 2 == size) {
            *n = k;
            return true;
        }
        if ((uint64_t)k * 2 + 2 > size)
            return false;
        sum += get_u16(lengths + (size_t)k * 2);
    }
    return false;
}

static enum severity peek_v1(const char *raw, size_t n, struct event_head *out, struct error *err)
{
    uint32_t len, size;

    if (n < EVENT_HEADER_LEN_V1)
        return error_set(err, ERR_FORMAT, "an event header has 22 bytes, only %zu are there", n);
    len = event_len(raw);
    out->type = event_code(raw);
    if (out->type == EVENT_NOTIFICATION || out->type == EVENT_INFRA)
        len -= MIN_OF(len, 3u); /* these types say three too many */
    if (len < EVENT_HEADER_LEN_V1 || len > n || event_len_width(out->type) == 4)
        return error_set(err, ERR_FORMAT, "event of type %u and %u bytes in %zu", out->type, len,
                         n);
    size = len - EVENT_HEADER_LEN_V1;
    if (!count_params(raw + EVENT_HEADER_LEN_V1, size, &out->nparams))
        return error_set(err, ERR_FORMAT, "no count of parameters fits event type %u of %u bytes",
                         out->type, len);
    out->len = size + EVENT_HEADER_LEN;
    return SEV_OK;
}

/* Bytes behind the last value are allowed in files (§5.4); inside mews there are none. */
static enum severity peek_v2(const char *raw, size_t n, struct event_head *out, struct error *err)
{
    uint64_t sum = EVENT_HEADER_LEN;
    unsigned width;
    const char *at;

    if (n < EVENT_HEADER_LEN || event_len(raw) < EVENT_HEADER_LEN || event_len(raw) > n ||
        event_len(raw) > EVENT_LEN_MAX)
        return error_set(err, ERR_FORMAT, "event of %u bytes in %zu",
                         n < EVENT_HEADER_LEN ? 0 : event_len(raw), n);
    out->type = event_code(raw);
    width = event_len_width(out->type);
    out->nparams = event_nparams(raw);
    sum += (uint64_t)out->nparams * width;
    if (sum > event_len(raw))
        return error_set(err, ERR_FORMAT, "%u parameter lengths do not fit into %u bytes",
                         out->nparams, event_len(raw));
    at = raw + EVENT_HEADER_LEN;
    for (uint32_t i = 0; i < out->nparams; i++, at += width) {
        sum += width == 4 ? get_u32(at) : get_u16(at);
        if (sum > event_len(raw))
            return error_set(err, ERR_FORMAT, "parameter %u ends behind the event's %u bytes", i,
                             event_len(raw));
    }
    out->len = (uint32_t)sum;
    out->as_is = sum == event_len(raw);
    return SEV_OK;
}

enum severity event_peek(const char *raw, size_t n, bool v1, struct event_head *out,
                         struct error *err)
{
    enum severity sev;

    out->as_is = false;
    sev = v1 ? peek_v1(raw, n, out, err) : peek_v2(raw, n, out, err);
    if (sev != SEV_OK)
        return sev;
    out->ts = event_ts(raw);
    out->tid = event_tid(raw);
    return SEV_OK;
}

void event_stub(const struct event_head *h, uint16_t type, uint16_t call, char out[EVENT_STUB_LEN])
{
    put_u64(out, h->ts);
    put_u64(out + 8, h->tid);
    put_u32(out + 16, call ? EVENT_STUB_LEN : EVENT_HEADER_LEN);
    put_u16(out + 20, type);
    put_u32(out + 22, call ? 1 : 0);
    put_u16(out + 26, 2);
    put_u16(out + 28, call);
}

uint16_t event_generic_call(const void *e)
{
    uint16_t type = event_code(e);
    struct span id = {NULL, 0};

    if (type == EVENT_GENERIC_E || type == EVENT_GENERIC_X)
        id = event_param(e, 0);
    return id.n == 2 ? get_u16(id.p) : 0;
}

enum severity event_upgrade(const char *raw, size_t n, bool v1, struct buf *out, struct error *err)
{
    size_t header = v1 ? EVENT_HEADER_LEN_V1 : EVENT_HEADER_LEN;
    char h[EVENT_HEADER_LEN];
    struct event_head head = {0};

    if (event_peek(raw, n, v1, &head, err) != SEV_OK)
        return SEV_FAILED;
    memcpy(h, raw, EVENT_HEADER_LEN_V1);
    put_u32(h + 16, head.len);
    put_u32(h + 22, head.nparams);
    buf_add(out, h, sizeof(h));
    buf_add(out, raw + header, head.len - EVENT_HEADER_LEN);
    return SEV_OK;
}

/* ---- what becomes of an event (§7, steps 1 to 3) --------------------------------------------- */

/* Whether a rule is looked up for it at all; else *fate is final. */
static bool has_rule(const struct event_type *t, uint32_t nparams, enum event_fate *fate)
{
    bool old = t->flags & EVENT_OLD_VERSION;

    *fate = EVENT_DROPPED;
    if (t->flags & EVENT_UNUSED)
        return false;
    if (!(t->flags & EVENT_CONVERTER)) {
        *fate = old && t->enter ? EVENT_DROPPED : EVENT_PASSED;
        return false;
    }
    *fate = EVENT_PASSED;
    return t->enter || old || nparams < t->nparams;
}

static enum event_fate fate_of(const struct convert_rule *r, bool enter, bool old)
{
    if (!r) /* no such form is known: an old enter half tells nothing that its exit does not */
        return enter && old ? EVENT_DROPPED : EVENT_PASSED;
    return r->action == CONVERT_STORE            ? EVENT_STORED
           : r->action == CONVERT_STORE_AND_PASS ? EVENT_STORED_AND_PASSED
                                                 : EVENT_PASSED;
}

/* Its place in the table of rules + 1, by type and count of parameters. */
static uint16_t rule_at[EVENT_TYPES][EVENT_PLAN_PARAMS];

static const struct convert_rule *rule_of(uint16_t type, uint32_t nparams)
{
    if (nparams >= EVENT_PLAN_PARAMS)
        return convert_rule_find(type, nparams);
    return rule_at[type][nparams] ? convert_rule_get(rule_at[type][nparams] - 1u) : NULL;
}

/* One step on the way: the next type and count, or the end. */
static bool step(uint16_t *type, uint32_t *nparams, enum event_fate *fate, bool *takes_enter,
                 const struct convert_rule **rule)
{
    const struct event_type *t = event_type_get(*type);

    *fate = EVENT_PASSED;
    if (!t || !has_rule(t, *nparams, fate))
        return false;
    *rule = rule_of(*type, *nparams);
    if (!*rule || (*rule)->action == CONVERT_STORE || (*rule)->action == CONVERT_PASS ||
        (*rule)->action == CONVERT_STORE_AND_PASS) {
        *fate = fate_of(*rule, t->enter, t->flags & EVENT_OLD_VERSION);
        return false;
    }
    for (unsigned i = 0; i < (*rule)->nsources; i++)
        *takes_enter |= (*rule)->sources[i].from == FROM_ENTER;
    if ((*rule)->action == CONVERT_APPEND) {
        *nparams += (*rule)->nsources;
    } else {
        *type = (*rule)->to;
        *nparams = (*rule)->nsources;
    }
    return true;
}

static struct event_plan make_plan(uint16_t type, uint32_t nparams)
{
    struct event_plan plan = {.same = true};
    const struct convert_rule *rule;
    enum event_fate fate = EVENT_PASSED;
    bool takes = false;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!step(&type, &nparams, &fate, &takes, &rule))
            break;
        plan.same = false;
    }
    plan.fate = (uint8_t)fate;
    plan.takes_enter = takes;
    plan.type = type;
    return plan;
}

struct event_plan event_plans[EVENT_TYPES][EVENT_PLAN_PARAMS];

static void make_plans(void)
{
    const struct convert_rule *r;

    for (unsigned i = 0; (r = convert_rule_get(i)); i++) {
        if (r->nparams < EVENT_PLAN_PARAMS)
            rule_at[r->type][r->nparams] = (uint16_t)(i + 1);
    }
    for (unsigned type = 0; type < EVENT_TYPES; type++) {
        for (unsigned n = 0; n < EVENT_PLAN_PARAMS; n++)
            event_plans[type][n] = make_plan((uint16_t)type, n);
    }
}

void event_plans_make(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_plans);
}

struct event_plan event_plan_other(uint16_t type, uint32_t nparams)
{
    return make_plan(type, nparams);
}

void event_plan_enters(uint16_t type, uint32_t nparams, bool takes[EVENT_TYPES])
{
    const struct convert_rule *rule;
    enum event_fate fate;

    event_plans_make();
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint16_t before = type;
        bool taken = false;

        if (!step(&type, &nparams, &fate, &taken, &rule))
            break;
        if (taken && before)
            takes[before - 1] = true;
    }
}

/* A parameter's way through one step. */
static struct event_fd_place source_place(const struct event_fd_place *old, uint32_t nold,
                                          const struct convert_source *s, uint16_t type)
{
    if (s->from == FROM_OLD && s->index < nold)
        return old[s->index];
    if (s->from == FROM_ENTER && s->index <= INT8_MAX && type)
        return (struct event_fd_place){(int8_t)s->index, (uint16_t)(type - 1)};
    return (struct event_fd_place){-1, 0};
}

struct event_fd_place event_plan_fd(uint16_t type, uint32_t nparams)
{
    struct event_fd_place places[EVENT_PLAN_PARAMS], made[EVENT_PLAN_PARAMS], none = {-1, 0};
    uint32_t n = MIN_OF(nparams, (uint32_t)EVENT_PLAN_PARAMS);
    const struct convert_rule *rule;
    const struct event_type *t;
    enum event_fate fate;
    bool takes, taken = false;

    event_plans_make();
    memset(made, 0, sizeof(made));
    for (uint32_t i = 0; i < n; i++)
        places[i] = (struct event_fd_place){(int8_t)i, 0};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint16_t before = type;
        uint32_t keep;

        nparams = n;
        takes = false;
        if (!step(&type, &nparams, &fate, &takes, &rule))
            break;
        keep = rule->action == CONVERT_APPEND ? n : 0;
        for (uint32_t i = 0; i < rule->nsources && keep + i < EVENT_PLAN_PARAMS; i++)
            made[i] = source_place(places, n, &rule->sources[i], taken ? 0 : before);
        taken |= takes; /* one step uses the enter half up */
        n = MIN_OF(keep + rule->nsources, (uint32_t)EVENT_PLAN_PARAMS);
        memcpy(places + keep, made, (n - keep) * sizeof(*made));
    }
    t = event_type_get(type);
    return t && t->fd_param >= 0 && (uint32_t)t->fd_param < n ? places[t->fd_param] : none;
}

/* ---- folding --------------------------------------------------------------------------------- */

/* Bytes of a type that always has them; 0: its length varies. */
static size_t fixed_size(uint8_t type)
{
    switch (type) {
    case VT_INT8:
    case VT_UINT8:
    case VT_SIGTYPE:
    case VT_L4PROTO:
    case VT_SOCKFAMILY:
    case VT_FLAGS8:
    case VT_ENUMFLAGS8:
        return 1;
    case VT_INT16:
    case VT_UINT16:
    case VT_SYSCALLID:
    case VT_PORT:
    case VT_FLAGS16:
    case VT_ENUMFLAGS16:
        return 2;
    case VT_INT32:
    case VT_UINT32:
    case VT_BOOL:
    case VT_IPV4ADDR:
    case VT_FLAGS32:
    case VT_UID:
    case VT_GID:
    case VT_SIGSET:
    case VT_MODE:
    case VT_ENUMFLAGS32:
    case VT_FD32:
    case VT_PID32:
        return 4;
    case VT_INT64:
    case VT_UINT64:
    case VT_ERRNO:
    case VT_FD:
    case VT_PID:
    case VT_RELTIME:
    case VT_ABSTIME:
        return 8;
    case VT_IPV6ADDR:
        return 16;
    default:
        return 0;
    }
}

/* What an event becomes, parameter by parameter, when all steps of its way are taken at once. */
struct flat_source {
    uint8_t from, index; /* of the event, of its enter half; FROM_DEFAULT: the type is `of` */
    uint8_t cap;         /* bytes at the most; 0: as many as there are */
    uint8_t of;
};

struct flat {
    uint16_t to;
    uint8_t n;
    struct flat_source sources[EVENT_PLAN_PARAMS];
};

struct way {
    uint16_t enter;       /* type of the half that it takes something of */
    bool known[2];        /* else its steps are taken one by one */
    struct flat flats[2]; /* without a half of that type, and with one */
};
static struct flat_source flat_source(const struct flat *before, const struct convert_source *s,
                                      bool enter, uint8_t type)
{
    struct flat_source out = {.from = s->from, .index = s->index, .of = type};
    size_t cap = fixed_size(type);

    if (s->from == FROM_ENTER && !enter)
        out.from = s->otherwise;
    if (out.from == FROM_OLD)
        out = s->index < before->n ? before->sources[s->index]
                                   : (struct flat_source){.from = FROM_EMPTY};
    if (out.from != FROM_DEFAULT && cap && (!out.cap || cap < out.cap))
        out.cap = (uint8_t)cap;
    if (out.from == FROM_DEFAULT && s->from == FROM_OLD && fixed_size(out.of) > cap && cap)
        out.from = FROM_CALLBACK; /* cut short: no rule of the table does it */
    return out;
}

/* False: its steps are not told by where its parameters come from alone. */
static bool make_flat(uint16_t type, uint32_t nparams, bool enter, struct flat *out)
{
    const struct convert_rule *rule;
    enum event_fate fate;
    bool takes;

    *out = (struct flat){.to = type, .n = (uint8_t)nparams};
    for (uint32_t i = 0; i < nparams; i++)
        out->sources[i] = (struct flat_source){.from = FROM_OLD, .index = (uint8_t)i};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct flat before = *out;
        uint32_t keep;

        nparams = before.n;
        takes = false;
        if (!step(&out->to, &nparams, &fate, &takes, &rule))
            return true;
        keep = rule->action == CONVERT_APPEND ? before.n : 0;
        if (keep + rule->nsources > EVENT_PLAN_PARAMS)
            return false;
        for (uint32_t i = 0; i < rule->nsources; i++) {
            const struct event_type *t = event_type_get(out->to);
            struct flat_source *to = &out->sources[keep + i];

            *to = flat_source(&before, &rule->sources[i], enter,
                              keep + i < t->nparams ? t->params[keep + i].type : VT_NONE);
            if (to->from == FROM_CALLBACK)
                return false;
        }
        out->n = (uint8_t)(keep + rule->nsources);
        enter &= !takes; /* one step uses the half up */
    }
    return false;
}

/* Of an enter half that is taken not by the first step but by a later one, the type is that step's. */
static uint16_t enter_of(uint16_t type, uint32_t nparams)
{
    const struct convert_rule *rule;
    enum event_fate fate;
    bool takes = false;

    for (int round = 0; round < ROUNDS_MAX && !takes; round++) {
        uint16_t before = type;

        if (!step(&type, &nparams, &fate, &takes, &rule))
            break;
        if (takes)
            return (uint16_t)(before - 1);
    }
    return 0;
}

/* Made when the first such event comes, by any thread. */
static const struct way *way_of(uint16_t type, uint32_t nparams)
{
    static struct way *_Atomic ways[EVENT_TYPES][EVENT_PLAN_PARAMS];
    struct way *w = atomic_load_explicit(&ways[type][nparams], memory_order_acquire), *none = NULL;

    if (w)
        return w;
    w = xcalloc(1, sizeof(*w));
    w->enter = enter_of(type, nparams);
    for (int enter = 0; enter < 2; enter++)
        w->known[enter] = make_flat(type, nparams, enter, &w->flats[enter]);
    if (!atomic_compare_exchange_strong(&ways[type][nparams], &none, w)) {
        free(w);
        w = none; /* another was quicker: its own */
    }
    return w;
}

#define FOLD_PARAMS 64

struct folding {
    uint16_t type;
    uint32_t n;
    struct span params[FOLD_PARAMS];
    const void *enter;
};

static struct span default_of(uint8_t type)
{
    static const char zeros[16], ones[4] = {-1, -1, -1, -1};

    return (struct span){type == VT_UID || type == VT_GID ? ones : zeros, fixed_size(type)};
}

static struct span source_value(const struct folding *f, const struct convert_source *s,
                                uint8_t type)
{
    static const struct span empty = {"", 0};
    uint8_t from = s->from;
    size_t cap = fixed_size(type);
    struct span v = empty;

    if (from == FROM_OLD && s->index < f->n)
        v = f->params[s->index];
    else if (from == FROM_ENTER && (!f->enter || event_code(f->enter) != f->type - 1))
        from = s->otherwise;
    else if (from == FROM_ENTER && s->index < event_nparams(f->enter))
        v = event_param(f->enter, s->index);
    if (from == FROM_DEFAULT)
        return default_of(type);
    if (cap && v.n > cap)
        v.n = cap;
    return v;
}

/* Parameters of the type that a rule leads to; the old ones stay where they are appended to. */
static void apply(struct folding *f, const struct convert_rule *r)
{
    uint16_t to = r->action == CONVERT_RETYPE ? r->to : f->type;
    const struct event_type *t = event_type_get(to);
    uint32_t keep = r->action == CONVERT_RETYPE ? 0 : f->n;
    struct span made[FOLD_PARAMS];

    for (unsigned i = 0; i < r->nsources && keep + i < FOLD_PARAMS; i++)
        made[i] = source_value(f, &r->sources[i],
                               keep + i < t->nparams ? t->params[keep + i].type : VT_NONE);
    for (unsigned i = 0; i < r->nsources; i++) {
        if (r->sources[i].from == FROM_ENTER)
            f->enter = NULL; /* one step uses it up */
    }
    f->n = MIN_OF(keep + r->nsources, FOLD_PARAMS);
    memcpy(f->params + keep, made, (f->n - keep) * sizeof(*made));
    f->type = to;
}

/* The oldest container events as the JSON that came later; their names hold no control characters,
 * and what does is left out (§7.4, callback). */
static void container_json(struct folding *f, struct buf *text)
{
    const char *const names[] = {"id", "name", "image"};
    const uint8_t at[] = {0, 2, 3};

    buf_addc(text, '{');
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        struct span v = at[i] < f->n ? f->params[at[i]] : (struct span){"", 0};

        buf_addf(text, "%s\"%s\":\"", i ? "," : "", names[i]);
        for (size_t k = 0; k < v.n && v.p[k]; k++) {
            if (v.p[k] == '"' || v.p[k] == '\\')
                buf_addc(text, '\\');
            if ((unsigned char)v.p[k] >= 0x20)
                buf_addc(text, v.p[k]);
        }
        buf_addc(text, '"');
    }
    buf_addf(text, ",\"type\":%u}", f->n > 1 && f->params[1].n == 4 ? get_u32(f->params[1].p) : 0);
    buf_addc(text, '\0');
    f->params[0] = (struct span){text->data, text->len};
    f->n = 1;
    f->type = EVENT_CONTAINER_JSON_OLD;
}

static void write_event(const struct folding *f, const void *header, struct buf *out)
{
    unsigned width = event_len_width(f->type);
    uint64_t len = EVENT_HEADER_LEN + (uint64_t)f->n * width;
    char *h, *to;

    for (uint32_t i = 0; i < f->n; i++)
        len += f->params[i].n;
    if (!buf_reserve(out, len))
        return;
    h = out->data + out->len;
    to = h + EVENT_HEADER_LEN + (size_t)f->n * width;
    memcpy(h, header, 16);
    put_u32(h + 16, (uint32_t)len);
    put_u16(h + 20, f->type);
    put_u32(h + 22, f->n);
    for (uint32_t i = 0; i < f->n; i++) {
        char *at = h + EVENT_HEADER_LEN + (size_t)i * width;
        struct span v = f->params[i];

        if (width == 4)
            put_u32(at, (uint32_t)v.n);
        else
            put_u16(at, (uint16_t)v.n);
        if (v.n)
            memcpy(to, v.p, v.n);
        to += v.n;
    }
    out->len += (size_t)len;
    out->data[out->len] = '\0';
}

/* All steps at once. False: they have to be taken one by one. */
static bool fold_flat(const void *e, const void *enter, struct buf *out)
{
    uint16_t type = event_code(e);
    uint32_t n = event_nparams(e), nenter = 0;
    struct span old[EVENT_PLAN_PARAMS], half[EVENT_PLAN_PARAMS];
    const struct flat *flat;
    const struct way *way;
    struct folding f;

    if (type >= EVENT_TYPES || n >= EVENT_PLAN_PARAMS)
        return false;
    way = way_of(type, n);
    enter = enter && event_code(enter) == way->enter ? enter : NULL;
    flat = &way->flats[enter != NULL];
    if (!way->known[enter != NULL] || (enter && event_nparams(enter) > EVENT_PLAN_PARAMS))
        return false;
    event_params(e, old, n);
    if (enter)
        event_params(enter, half, nenter = event_nparams(enter));
    f.type = flat->to;
    f.n = flat->n;
    for (uint32_t i = 0; i < f.n; i++) {
        const struct flat_source *s = &flat->sources[i];
        struct span v = {"", 0};

        if (s->from == FROM_OLD)
            v = old[s->index];
        else if (s->from == FROM_ENTER && s->index < nenter)
            v = half[s->index];
        else if (s->from == FROM_DEFAULT)
            v = default_of(s->of);
        if (s->cap && v.n > s->cap)
            v.n = s->cap;
        f.params[i] = v;
    }
    write_event(&f, e, out);
    return true;
}

enum event_fate event_fold(const void *e, const void *enter, struct buf *out)
{
    struct folding f;
    const struct convert_rule *rule;
    struct event_plan plan;
    enum event_fate fate;
    struct buf json;
    bool takes = false;

    event_plans_make();
    f.type = event_code(e);
    f.n = event_nparams(e);
    f.enter = enter;
    plan = event_plan(f.type, f.n);
    fate = plan.fate;
    buf_reset(out);
    if (fate == EVENT_DROPPED)
        return fate;
    if (!plan.same && fold_flat(e, enter, out))
        return fate;
    if (f.n > FOLD_PARAMS || plan.same) {
        buf_add(out, e, event_len(e));
        return fate;
    }
    event_params(e, f.params, f.n);
    buf_init(&json, EVENT_LEN_MAX);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint16_t type = f.type;
        uint32_t n = f.n;

        if (!step(&type, &n, &fate, &takes, &rule))
            break;
        if (rule->nsources && rule->sources[0].from == FROM_CALLBACK)
            container_json(&f, &json);
        else
            apply(&f, rule);
    }
    write_event(&f, e, out);
    buf_fini(&json);
    return fate;
}

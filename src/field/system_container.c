/* Fields of containers and of pods, where no plugin has them (event-state, §6.3). */
#include "system.h"

/* ---- which container -------------------------------------------------------------------------- */

/* The container of the event's thread, or that an event tells of; "": the host. False: no container is
 * meant. */
static bool container_here(const struct get *g, char own[13], struct span *id)
{
    const struct thread_view *t;

    if (g->e->state && state_tells_of_container(g->e->bytes) &&
        state_container_in(g->e->bytes, own)) {
        *id = span_of(own);
        return true;
    }
    t = field_thread_of(g->e);
    if (t)
        *id = t->image->container;
    return t != NULL;
}

static const struct container_info *record_here(const struct get *g)
{
    struct span id;
    char own[13];

    return container_here(g, own, &id) && id.n ? state_container(g->e->state, id, g->e->at) : NULL;
}

static void put_known(struct get *g, struct span s)
{
    if (s.n)
        put_text(g, s);
}

/* ---- container.id, .name, .type: of the host, too --------------------------------------------- */

void system_get_container(struct get *g)
{
    const struct container_info *c;
    struct span id;
    char own[13];

    if (!container_here(g, own, &id))
        return;
    if (id.n == 0) {
        put_words(g, "host");
        return;
    }
    c = state_container(g->e->state, id, g->e->at);
    if (g->what == CT_ID || g->what == CT_FULL_ID)
        put_known(g,
                  !c ? (g->what == CT_ID ? (struct span){arena_strndup(g->arena, id.p, id.n), id.n}
                                         : (struct span){"", 0})
                  : g->what == CT_ID || !c->full_id.n ? c->id
                                                      : c->full_id);
    else if (c && g->what == CT_NAME)
        put_known(g, c->name);
    else if (c)
        put_words(g, flag_name_of("_container_type", c->type));
}

/* fd.containername, fd.containerdirectory */
void system_get_fd_in_container(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct get inner = *g;
    struct value v = {0};
    struct buf b;

    inner.out = &v;
    inner.what = g->what;
    system_get_fd(&inner);
    if (!t || v.state != VALUE_OK)
        return;
    buf_init(&b, 65536);
    buf_addf(&b, "%.*s:%.*s", (int)t->image->container.n, t->image->container.p, (int)v.one.s.n,
             v.one.s.n ? v.one.s.p : "");
    put_buf(g, &b);
}

/* ---- what is known of it ------------------------------------------------------------------------ */

void system_get_container_text(struct get *g)
{
    const struct container_info *c = record_here(g);

    if (!c)
        return;
    switch (g->what) {
    case CT_IMAGE:
        put_known(g, c->image);
        break;
    case CT_IMAGE_ID:
        put_known(g, c->image_id);
        break;
    case CT_REPOSITORY:
        put_known(g, c->image_repository);
        break;
    case CT_TAG:
        put_known(g, c->image_tag);
        break;
    case CT_DIGEST:
        put_known(g, c->image_digest);
        break;
    case CT_IP:
        put_known(g, c->ip);
        break;
    case CT_CNI:
        put_known(g, c->cni_json);
        break;
    case CT_SANDBOX:
        put_known(g, (struct span){c->sandbox_id.p, MIN_OF(c->sandbox_id.n, (size_t)12)});
        break;
    default:
        put_known(g, c->sandbox_id);
    }
}

void system_get_container_mark(struct get *g)
{
    const struct container_info *c = record_here(g);

    if (c)
        put_number(g, g->what == CT_PRIVILEGED     ? c->privileged
                      : g->what == CT_HOST_PID     ? c->host_pid
                      : g->what == CT_HOST_NETWORK ? c->host_network
                                                   : c->host_ipc);
}

/* Its start is that of its PID namespace. */
void system_get_container_time(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (!t || !t->image->container.n || !t->image->pidns_ts)
        return;
    put_number(g, g->what == CT_START ? t->image->pidns_ts
                                      : event_ts(g->e->bytes) - t->image->pidns_ts);
}

/* ---- labels -------------------------------------------------------------------------------------- */

static bool label_of(struct span list, struct span key, struct span *value)
{
    while (list.n) {
        struct span k = span_take(&list);

        *value = span_take(&list);
        if (span_eq(k, key))
            return true;
    }
    return false;
}

static bool internal_label(struct span key)
{
    return (key.n >= 11 && memcmp(key.p, "annotation.", 11) == 0) ||
           (key.n >= 14 && memcmp(key.p, "io.kubernetes.", 14) == 0);
}

static void put_labels(struct get *g, struct span list)
{
    struct buf b;

    buf_init(&b, EVENT_LEN_MAX);
    while (list.n) {
        struct span key = span_take(&list), value = span_take(&list);

        if (internal_label(key))
            continue;
        buf_addf(&b, "%s%.*s%s%.*s", b.len ? ", " : "", (int)key.n, key.p, value.n ? ":" : "",
                 (int)value.n, value.p);
    }
    if (b.len)
        put_buf(g, &b);
    else
        buf_fini(&b);
}

void system_get_labels(struct get *g)
{
    const struct container_info *c = record_here(g);
    const struct container_info *sandbox;
    struct span list, value;

    if (!c)
        return;
    list = g->what == CT_LABELS ? c->labels : c->pod_labels;
    if (g->what == CT_POD_LABELS && list.n == 0 && c->sandbox_id.n &&
        (sandbox = state_container(
             g->e->state, (struct span){c->sandbox_id.p, MIN_OF(c->sandbox_id.n, (size_t)12)},
             g->e->at)))
        list = sandbox->labels;
    if (!g->ref->arg_present)
        put_labels(g, list);
    else if (label_of(list, g->ref->arg_text, &value))
        put_text(g, value);
}

/* k8s.pod.name and others that the engine's labels tell. */
void system_get_pod(struct get *g)
{
    static const char *const keys[] = {"io.kubernetes.pod.name", "io.kubernetes.pod.namespace",
                                       "io.kubernetes.pod.uid"};
    const struct container_info *c = record_here(g);
    struct span value;

    if (c && label_of(c->labels, span_of(keys[g->what]), &value))
        put_known(g, value);
}

/* ---- mounts --------------------------------------------------------------------------------------- */

enum { MOUNT_PARTS = 5 };

static void put_mount(struct get *g, const struct span part[MOUNT_PARTS])
{
    struct buf b;

    if (g->what != MOUNT_WHOLE) {
        put_text(g, part[g->what]);
        return;
    }
    buf_init(&b, 65536);
    for (int i = 0; i < MOUNT_PARTS; i++)
        buf_addf(&b, "%s%.*s", i ? ":" : "", (int)part[i].n, part[i].p);
    put_buf(g, &b);
}

void system_get_mount(struct get *g)
{
    const struct container_info *c = record_here(g);
    struct span list = c ? c->mounts : (struct span){"", 0}, part[MOUNT_PARTS];
    bool numeric = g->ref->arg_present && parse_u64(g->ref->arg_text, &(uint64_t){0});
    uint64_t wanted = numeric ? g->ref->arg.index : 0;
    struct buf all;

    buf_init(&all, EVENT_LEN_MAX);
    for (uint64_t n = 0; list.n; n++) {
        for (int i = 0; i < MOUNT_PARTS; i++)
            part[i] = span_take(&list);
        if (!g->ref->arg_present) {
            buf_addf(&all, "%s%.*s:%.*s:%.*s:%.*s:%.*s", all.len ? "," : "", (int)part[0].n,
                     part[0].p, (int)part[1].n, part[1].p, (int)part[2].n, part[2].p,
                     (int)part[3].n, part[3].p, (int)part[4].n, part[4].p);
        } else if (numeric ? n == wanted
                           : glob_match(g->ref->arg_text, part[g->what == MOUNT_SOURCE ? 1 : 0],
                                        false)) {
            put_mount(g, part);
            break;
        }
    }
    if (c && !g->ref->arg_present)
        put_buf(g, &all);
    else
        buf_fini(&all);
}

bool system_container_address(const struct get *g, struct ip_bytes *out)
{
    const struct thread_view *t = field_thread_of(g->e);
    const struct container_info *c =
        t && t->image->container.n ? state_container(g->e->state, t->image->container, g->e->at)
                                   : NULL;

    return c && ip_parse(c->ip, out) && out->len == 4;
}

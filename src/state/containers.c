/* Containers: which one a thread is in, by its control groups, and what events tell of them (event-state,
 * §6; capture-format, §6.4). */
#include <jansson.h>

#include "internal.h"

#define ID_LEN 64 /* hexadecimal digits of a whole ID */

enum { EV_CONTAINER_OLD = 228 };

/* ---- the ID in a path of a control group (§6.1) ----------------------------------------------- */

struct affixes {
    const char *before, *behind;
};

/* Of podman, docker and cri in this order. */
static const struct affixes affixes[] = {
    {"/libpod-", ".scope"},
    {"/libpod-", ".scope/container"},
    {"/libpod-", ""},
    {"/libpod-payload-", ".scope"},
    {"/libpod-payload-", ".scope/container"},
    {"/libpod-payload-", ""},
    {"/", ""},
    {"/docker-", ".scope"},
    {"/crio-", ""},
    {"/cri-containerd-", ".scope"},
    {"/crio-", ".scope"},
    {":cri-containerd:", ""},
    {"/nerdctl-", ".scope"},
};

static const char *last_of(struct span s, struct span part)
{
    const char *found = NULL;

    for (size_t i = 0; i + part.n <= s.n; i++) {
        if (memcmp(s.p + i, part.p, part.n) == 0)
            found = s.p + i;
    }
    return found;
}

static bool hex_id(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f') &&
            !(s.p[i] >= 'A' && s.p[i] <= 'F'))
            return false;
    }
    return s.n == ID_LEN;
}

static bool by_affixes(struct span path, struct span *id)
{
    for (size_t i = 0; i < COUNT_OF(affixes); i++) {
        struct span before = span_of(affixes[i].before), behind = span_of(affixes[i].behind);
        const char *at = last_of(path, before), *end;

        if (!at)
            continue;
        at += before.n;
        end = behind.n ? last_of(path, behind) : path.p + path.n;
        if (end && end > at && hex_id((struct span){at, (size_t)(end - at)})) {
            *id = (struct span){at, 12};
            return true;
        }
    }
    return false;
}

static bool name_char(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(more, c));
}

/* What stands behind a prefix, up to the end or the first byte that no name has. */
static bool behind_prefix(struct span path, const char *prefix, const char *more, struct span *id)
{
    const char *at = span_find(path, span_of(prefix));
    size_t n = 0;

    if (!at)
        return false;
    at += strlen(prefix);
    while (at + n < path.p + path.n && name_char(at[n], more))
        n++;
    *id = (struct span){at, n};
    return n > 0;
}

/* Containers without an engine that has IDs of 64 digits: the name is the ID. */
static bool by_name(struct span path, struct span *id)
{
    static const struct {
        const char *prefix, *more;
    } engines[] = {{"/lxc.payload.", "_.-"},
                   {"/lxc.payload/", "_.-"},
                   {"/lxc/", "_.-"},
                   {"/libvirt/lxc/", "_.-\\/"}};
    static const char libvirt[] = ".libvirt-lxc";
    const char *slash;

    for (size_t i = 0; i < COUNT_OF(engines); i++) {
        if (behind_prefix(path, engines[i].prefix, engines[i].more, id))
            return true;
    }
    if (path.n > sizeof(libvirt) &&
        memcmp(path.p + path.n - (sizeof(libvirt) - 1), libvirt, sizeof(libvirt) - 1) == 0) {
        slash = memrchr(path.p, '/', path.n);
        slash = slash ? slash + 1 : path.p;
        *id = (struct span){slash, path.n - (size_t)(slash - path.p) - (sizeof(libvirt) - 1)};
        return id->n > 0;
    }
    return span_find(path, span_of(".scope")) && behind_prefix(path, "bpm-", "_.-", id) &&
           (id->n -= id->n > 6 && memcmp(id->p + id->n - 6, ".scope", 6) == 0 ? 6 : 0) > 0;
}

struct span state_container_of(struct state *s, struct span cgroups)
{
    struct span id;

    while (cgroups.n) {
        struct span path = span_take(&cgroups);
        const char *equals = memchr(path.p, '=', path.n);

        if (equals)
            path = (struct span){equals + 1, (size_t)(path.p + path.n - equals) - 1};

        if (by_affixes(path, &id) || by_name(path, &id))
            return state_text(s, id);
    }
    return span_of("");
}

/* ---- records ------------------------------------------------------------------------------------ */

struct container_version {
    struct version v;
    struct container_info info;
    struct span record; /* the text that tells it; "": none */
    bool gone;
};

static uint64_t key_of(struct span id)
{
    return hash_bytes(id.p, id.n, 0);
}

static struct span member(struct state *s, const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    return json_is_string(v)
               ? state_text(s, (struct span){json_string_value(v), json_string_length(v)})
               : span_of("");
}

/* Keys and values by turns, a NUL behind each. */
static struct span pairs(struct state *s, const json_t *o)
{
    const char *key;
    json_t *v;

    buf_reset(&s->name);
    json_object_foreach((json_t *)o, key, v) {
        buf_add(&s->name, key, strlen(key) + 1);
        if (json_is_string(v))
            buf_add(&s->name, json_string_value(v), strlen(json_string_value(v)));
        buf_addc(&s->name, '\0');
    }
    return state_text(s, (struct span){s->name.data, s->name.len});
}

/* Source, destination, mode, rdwr and propagation of each, a NUL behind each. */
static struct span mounts(struct state *s, const json_t *list)
{
    static const char *const members[] = {"Source", "Destination", "Mode", "RW", "Propagation"};
    const json_t *m;
    size_t i;

    buf_reset(&s->name);
    json_array_foreach(list, i, m) {
        for (size_t k = 0; k < COUNT_OF(members); k++) {
            const json_t *v = json_object_get(m, members[k]);
            const char *text = json_is_boolean(v)  ? json_is_true(v) ? "true" : "false"
                               : json_is_string(v) ? json_string_value(v)
                                                   : "";

            buf_add(&s->name, text, strlen(text) + 1);
        }
    }
    return state_text(s, (struct span){s->name.data, s->name.len});
}

static bool truth(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

static void read_record(struct state *s, const json_t *o, struct container_info *c)
{
    c->id = member(s, o, "id");
    if (c->id.n > 12)
        c->id = state_text(s, (struct span){c->id.p, 12});
    c->full_id = member(s, o, "full_id");
    c->name = member(s, o, "name");
    c->image = member(s, o, "image");
    c->image_id = member(s, o, "imageid");
    c->image_repository = member(s, o, "imagerepo");
    c->image_tag = member(s, o, "imagetag");
    c->image_digest = member(s, o, "imagedigest");
    c->ip = member(s, o, "ip");
    c->cni_json = member(s, o, "cni_json");
    c->user = member(s, o, "User");
    c->sandbox_id = member(s, o, "pod_sandbox_id");
    c->labels = pairs(s, json_object_get(o, "labels"));
    c->pod_labels = pairs(s, json_object_get(o, "pod_sandbox_labels"));
    c->mounts = mounts(s, json_object_get(o, "Mounts"));
    c->type = (uint32_t)json_integer_value(json_object_get(o, "type"));
    c->privileged = truth(o, "privileged");
    c->host_pid = truth(o, "host_pid");
    c->host_network = truth(o, "host_network");
    c->host_ipc = truth(o, "host_ipc");
}

static void keep(struct state *s, const struct container_info *c, struct span record, bool gone)
{
    struct container_version *v;

    if (c->id.n == 0)
        return;
    v = xcalloc(1, sizeof(*v));
    v->info = *c;
    v->record = record;
    v->gone = gone;
    s->memory += sizeof(*v);
    s->epoch++;
    s->records_epoch++;
    version_push(s, &slot_get(s, &s->containers, key_of(c->id), true)->name, &v->v, s->at);
}

void containers_keep_texts(struct state *s)
{
    for (size_t i = 0; i < COUNT_OF(s->containers.buckets); i++) {
        for (struct slot *p = s->containers.buckets[i]; p; p = p->next) {
            struct container_version *v =
                (struct container_version *)version_at(&p->name, STATE_NOW);
            struct container_info *c = v ? &v->info : NULL;
            struct span *const texts[] = {
                &c->id,       &c->full_id,          &c->name,      &c->image,
                &c->image_id, &c->image_repository, &c->image_tag, &c->image_digest,
                &c->ip,       &c->cni_json,         &c->user,      &c->sandbox_id,
                &c->labels,   &c->pod_labels,       &c->mounts,    &v->record};

            for (size_t k = 0; c && k < COUNT_OF(texts); k++)
                text_keep(s, texts[k]);
        }
    }
}

void containers_forget_past(struct state *s)
{
    forget_slots(s, &s->containers, sizeof(struct container_version));
}

const struct container_info *state_container(const struct state *s, struct span id, uint64_t at)
{
    struct slot *p =
        slot_get((struct state *)s, &((struct state *)s)->containers, key_of(id), false);
    const struct container_version *v = p ? (const void *)version_at(&p->name, at) : NULL;

    return v && !v->gone ? &v->info : NULL;
}

/* ---- events --------------------------------------------------------------------------------------- */

bool state_tells_of_container(const void *e)
{
    struct span name;

    switch (event_code(e)) {
    case EV_CONTAINER_OLD:
    case EVENT_CONTAINER_JSON_OLD:
    case EVENT_CONTAINER_JSON:
        return true;
    case EVENT_ASYNC:
        name = event_async_name(e);
        return span_is(name, "container") || span_is(name, "container_removed");
    default:
        return false;
    }
}

static struct span record_of(const void *e)
{
    struct span text = event_code(e) == EVENT_ASYNC ? event_param(e, 2) : event_param(e, 0);

    return (struct span){text.p ? text.p : "", text.p ? strnlen(text.p, text.n) : 0};
}

static json_t *json_of(const void *e)
{
    struct span text = record_of(e);

    return json_loadb(text.p, text.n, 0, NULL);
}

bool state_container_in(const void *e, char id[13])
{
    struct span text;
    const char *s;
    json_t *o;

    id[0] = '\0';
    if (event_code(e) == EV_CONTAINER_OLD) {
        param_text(e, 0, &text);
        snprintf(id, 13, "%.*s", (int)MIN_OF(text.n, (size_t)12), text.p);
        return id[0];
    }
    o = json_of(e);
    s = json_string_value(json_object_get(json_object_get(o, "container"), "id"));
    if (s)
        snprintf(id, 13, "%s", s);
    json_decref(o);
    return id[0];
}

/* Whether what counts now is what this record says. */
static bool counts_now(struct state *s, const struct container_record *r)
{
    struct slot *p = slot_get(s, &s->containers, key_of(r->info.id), false);
    const struct container_version *v = p ? (const void *)version_at(&p->name, STATE_NOW) : NULL;

    return v && !v->gone && v->record.p == r->text.p;
}

/* A record in words: the same ones come again and again. */
static const struct container_record *read_words(struct state *s, const void *e)
{
    struct span text = record_of(e), none = span_of("");
    uint64_t hash = hash_bytes(text.p, text.n, 0);
    struct container_record *r = &s->records[hash % COUNT_OF(s->records)];
    struct container_info *c = &r->info;
    json_t *o;

    if (r->text.n && r->hash == hash && span_eq(r->text, text))
        return r;
    o = json_loadb(text.p, text.n, 0, NULL);
    *r = (struct container_record){hash, state_text(s, text), {.type = UINT32_MAX, .id = none}};
    c->full_id = c->ip = c->cni_json = c->user = c->sandbox_id = c->labels = c->pod_labels =
        c->mounts = none;
    c->name = c->image = c->image_id = c->image_repository = c->image_tag = c->image_digest = none;
    if (o)
        read_record(s, json_object_get(o, "container"), c);
    json_decref(o);
    return r;
}

static void on_old_container(struct state *s, const void *e)
{
    struct span id, name, image, none = span_of("");
    struct container_info c = {.type = param_u32(e, 1, UINT32_MAX)};

    c.full_id = c.ip = c.cni_json = c.user = c.sandbox_id = c.labels = c.pod_labels = c.mounts =
        none;
    c.image_id = c.image_repository = c.image_tag = c.image_digest = none;
    param_text(e, 0, &id);
    param_text(e, 2, &name);
    param_text(e, 3, &image);
    c.id = state_text(s, (struct span){id.p, MIN_OF(id.n, (size_t)12)});
    c.name = state_text(s, name);
    c.image = state_text(s, image);
    keep(s, &c, none, false);
}

void on_container(struct state *s, const void *e)
{
    bool gone = event_code(e) == EVENT_ASYNC && span_is(event_async_name(e), "container_removed");
    const struct container_record *r;

    if (event_code(e) == EV_CONTAINER_OLD) {
        on_old_container(s, e);
        return;
    }
    r = read_words(s, e);
    if (gone || !counts_now(s, r))
        keep(s, &r->info, r->text, gone);
}

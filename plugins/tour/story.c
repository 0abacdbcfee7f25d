/*
 * "The night a key was copied": a web shop on Kubernetes, 03:00 to 03:12 UTC, as its audit log
 * tells it.
 *
 * A token of the CI system has leaked. Somebody at 203.0.113.66 uses it: asks who it is, is refused
 * the secrets fourteen times, gets them once, starts a pod with the host's file system in it, runs
 * a command there and deletes the pod. Around it, some 4,800 events of an ordinary night.
 */
#include "internal.h"

#include <stdarg.h>

#define START_NS   1773457200000000000ull /* 2026-03-14 03:00:00 UTC */
#define LENGTH_NS  (720ull * 1000000000ull)
#define QUIET      4780                     /* events of the ordinary night */
#define THIEF_FROM (371ull * 1000000000ull) /* 03:06:11 */

struct dice {
    uint64_t x;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
    d->x ^= d->x << 13;
    d->x ^= d->x >> 7;
    d->x ^= d->x << 17;
    return (uint32_t)((d->x >> 20) % n);
}

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *text(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        abort();
    va_end(ap);
    return s;
}

static void add(struct story *s, uint64_t ts, char *json)
{
    GROW(s->events, s->n, s->cap);
    s->events[s->n++] = (struct story_event){ts, json};
}

/* ---- the form of an audit event -------------------------------------------------------------- */

struct act {
    const char *user, *group, *from, *agent, *verb, *resource, *sub, *ns, *name;
    int status;
    unsigned took_us;
    const char *extra; /* more members, or "" */
};

static char *audit_event(const struct act *a, struct dice *d)
{
    return text(
        "{\"kind\":\"Event\",\"level\":\"Request\",\"auditID\":\"%08x-%04x-4%03x-9%03x-%08x%04x\","
        "\"stage\":\"ResponseComplete\",\"verb\":\"%s\",\"user\":{\"username\":\"%s\",\"groups\":["
        "\"%s\","
        "\"system:authenticated\"]},\"sourceIPs\":[\"%s\"],\"userAgent\":\"%s\",\"objectRef\":{"
        "\"resource\":"
        "\"%s\"%s%s%s,\"namespace\":\"%s\",\"name\":\"%s\"},\"responseStatus\":{\"code\":%d},"
        "\"tookMicroseconds\":%u%s}",
        roll(d, UINT32_MAX), roll(d, 0x10000), roll(d, 0x1000), roll(d, 0x1000),
        roll(d, UINT32_MAX), roll(d, 0x10000), a->verb, a->user, a->group, a->from, a->agent,
        a->resource, *a->sub ? ",\"subresource\":\"" : "", a->sub, *a->sub ? "\"" : "", a->ns,
        a->name, a->status, a->took_us, a->extra);
}

/* ---- the ordinary night ---------------------------------------------------------------------- */

static const struct {
    const char *user, *group, *from, *agent, *verb, *resource, *ns, *names[4];
    unsigned weight, failing; /* failing: one in so many is a 404 or a 409 */
} routine[] = {
    {"system:kube-controller-manager",
     "system:masters",
     "10.0.0.2",
     "kube-controller-manager/v1.31.2",
     "update",
     "leases",
     "kube-system",
     {"kube-controller-manager", "kube-scheduler", "apiserver-x7", "cloud-controller"},
     24,
     0},
    {"system:node:node-1",
     "system:nodes",
     "10.0.1.11",
     "kubelet/v1.31.2",
     "get",
     "pods",
     "shop",
     {"cart-6d9f7-2x8zq", "web-5c8b9-kk2vw", "pay-7f4d5-9s6tn", "db-0"},
     20,
     40},
    {"system:node:node-2",
     "system:nodes",
     "10.0.1.12",
     "kubelet/v1.31.2",
     "patch",
     "pods",
     "shop",
     {"cart-6d9f7-p4m7c", "web-5c8b9-x7h2d", "pay-7f4d5-b8w3r", "db-1"},
     14,
     60},
    {"system:serviceaccount:kube-system:replicaset-controller",
     "system:serviceaccounts",
     "10.0.0.2",
     "kube-controller-manager/v1.31.2",
     "create",
     "pods",
     "shop",
     {"web-5c8b9", "cart-6d9f7", "pay-7f4d5", "mail-59b6c"},
     4,
     25},
    {"system:serviceaccount:monitoring:prometheus",
     "system:serviceaccounts",
     "10.0.3.40",
     "Prometheus/2.55.0",
     "list",
     "endpoints",
     "shop",
     {"web", "cart", "pay", "db"},
     22,
     0},
    {"system:serviceaccount:shop:web",
     "system:serviceaccounts",
     "10.0.2.21",
     "shop-web/3.9.1",
     "get",
     "configmaps",
     "shop",
     {"features", "prices", "texts", "limits"},
     16,
     30},
    {"system:serviceaccount:ci:deployer",
     "system:serviceaccounts",
     "10.0.4.7",
     "ci-runner/17.4",
     "get",
     "deployments",
     "shop",
     {"web", "cart", "pay", "mail"},
     5,
     0},
    {"anna@shop.example",
     "developers",
     "198.51.100.23",
     "kubectl/v1.31.1",
     "get",
     "pods",
     "shop",
     {"web-5c8b9-kk2vw", "cart-6d9f7-2x8zq", "mail-59b6c-77xkq", "db-0"},
     2,
     9},
};

static size_t pick_routine(struct dice *d)
{
    unsigned total = 0, at;
    size_t n = sizeof(routine) / sizeof(*routine), i;

    for (i = 0; i < n; i++)
        total += routine[i].weight;
    at = roll(d, total);
    for (i = 0; at >= routine[i].weight; i++)
        at -= routine[i].weight;
    return i;
}

static void ordinary(struct story *s, struct dice *d, uint64_t ts)
{
    size_t r = pick_routine(d);
    bool fails = routine[r].failing && roll(d, routine[r].failing) == 0;
    bool write = strcmp(routine[r].verb, "update") == 0 || strcmp(routine[r].verb, "patch") == 0;
    struct act a = {.user = routine[r].user,
                    .group = routine[r].group,
                    .from = routine[r].from,
                    .agent = routine[r].agent,
                    .verb = routine[r].verb,
                    .resource = routine[r].resource,
                    .sub = strcmp(routine[r].verb, "patch") == 0 ? "status" : "",
                    .ns = routine[r].ns,
                    .name = routine[r].names[roll(d, 4)],
                    .status = !fails  ? (strcmp(routine[r].verb, "create") == 0 ? 201 : 200)
                              : write ? 409
                                      : 404,
                    .took_us = 400 + roll(d, 9000),
                    .extra = ""};

    if (strcmp(routine[r].verb, "create") == 0)
        a.extra = ",\"requestObject\":{\"labels\":{\"app\":\"web\",\"team\":\"shop\"},"
                  "\"containers\":[{\"name\":\"main\","
                  "\"image\":\"registry.shop.example/"
                  "web:3.9.1\",\"privileged\":false,\"ports\":[8080,9102]}]}";
    add(s, ts, audit_event(&a, d));
}

/* ---- the thief ------------------------------------------------------------------------------- */

/* The user agent carries an escape sequence: it must stand on the screen as text. */
#define THIEF_AGENT "curl/8.5.0 \\u001b[31mnothing to see\\u001b[0m"

static void thief(struct story *s, struct dice *d, uint64_t *ts, unsigned after_ms, struct act a)
{
    *ts += after_ms * 1000000ull + roll(d, 900) * 1000ull;
    a.user = "system:serviceaccount:ci:deployer";
    a.group = "system:serviceaccounts";
    a.from = "203.0.113.66";
    a.agent = THIEF_AGENT;
    a.took_us = 700 + roll(d, 4000);
    if (!a.sub)
        a.sub = "";
    if (!a.extra)
        a.extra = "";
    add(s, *ts, audit_event(&a, d));
}

static void the_theft(struct story *s, struct dice *d)
{
    static const char *const places[] = {"default", "kube-system", "monitoring", "ci",
                                         "ingress", "db",          "mail"};
    uint64_t ts = START_NS + THIEF_FROM;

    thief(s, d, &ts, 0,
          (struct act){.verb = "create",
                       .resource = "selfsubjectreviews",
                       .ns = "",
                       .name = "",
                       .status = 201});
    thief(s, d, &ts, 1900,
          (struct act){
              .verb = "list", .resource = "namespaces", .ns = "", .name = "", .status = 200});
    for (int i = 0; i < 14; i++)
        thief(s, d, &ts, 350 + roll(d, 500),
              (struct act){.verb = "list",
                           .resource = "secrets",
                           .ns = places[i % 7],
                           .name = "",
                           .status = 403,
                           .extra = ",\"reason\":\"\""});
    thief(s, d, &ts, 2600,
          (struct act){.verb = "list",
                       .resource = "secrets",
                       .ns = "shop",
                       .name = "",
                       .status = 200,
                       .extra =
                           ",\"reason\":\"RBAC: allowed by RoleBinding \\\"ci-everything\\\"\""});
    thief(s, d, &ts, 9100,
          (struct act){.verb = "get",
                       .resource = "secrets",
                       .ns = "shop",
                       .name = "payment-key",
                       .status = 200});
    thief(s, d, &ts, 21000,
          (struct act){.verb = "create",
                       .resource = "pods",
                       .ns = "shop",
                       .name = "debug-0",
                       .status = 201,
                       .extra = ",\"requestObject\":{\"labels\":{\"app\":\"debug\",\"team\":\"\"},"
                                "\"hostPath\":\"/\","
                                "\"containers\":[{\"name\":\"pause\",\"image\":\"registry.k8s.io/"
                                "pause:3.10\",\"privileged\":"
                                "false,\"ports\":[]},{\"name\":\"sh\",\"image\":\"alpine:latest\","
                                "\"privileged\":true,"
                                "\"ports\":[4444]}]}"});
    thief(s, d, &ts, 4400,
          (struct act){
              .verb = "get", .resource = "pods", .ns = "shop", .name = "debug-0", .status = 200});
    thief(s, d, &ts, 3300,
          (struct act){
              .verb = "create",
              .resource = "pods",
              .sub = "exec",
              .ns = "shop",
              .name = "debug-0",
              .status = 101,
              .extra =
                  ",\"command\":[\"sh\",\"-c\",\"cat /host/etc/kubernetes/pki/ca.key | base64\"]"});
    thief(
        s, d, &ts, 17000,
        (struct act){
            .verb = "delete", .resource = "pods", .ns = "shop", .name = "debug-0", .status = 200});
    thief(s, d, &ts, 1200,
          (struct act){
              .verb = "list", .resource = "events", .ns = "shop", .name = "", .status = 403});
}

static int by_time(const void *a, const void *b)
{
    const struct story_event *x = a, *y = b;

    return x->ts < y->ts ? -1 : x->ts > y->ts;
}

void story_tell(struct story *s)
{
    struct dice d = {0x6d657773746f7572ull};

    for (size_t i = 0; i < QUIET; i++)
        ordinary(s, &d, START_NS + LENGTH_NS * i / QUIET + roll(&d, 140000000));
    the_theft(s, &d);
    qsort(s->events, s->n, sizeof(*s->events), by_time);
}

void story_free(struct story *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->events[i].json);
    free(s->events);
}

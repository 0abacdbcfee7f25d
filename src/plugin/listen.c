/* Capture listening (§1.8, §7.7): told when a capture opens and closes, with routines that run again
 * and again on threads of the host. */
#include "internal.h"

#include <unistd.h>

#define ROUTINES_MAX 256

struct routine {
    struct routine *next;
    struct plugin *plugin;
    ss_plugin_routine_fn_t fn;
    ss_plugin_routine_state_t *state;
    bool running, gone; /* gone: unsubscribed; freed when it does not run */
    uint64_t calls;
};

struct routines {
    pthread_mutex_t lock; /* guards all of it */
    pthread_cond_t work, idle;
    struct routine *list;
    size_t n, running;
    bool quit;
    pthread_t threads[8];
    unsigned nthreads;
};

struct routines *routines_new(void)
{
    struct routines *r = xcalloc(1, sizeof(*r));

    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->idle, NULL);
    return r;
}

static void forget(struct routines *r, struct routine *gone)
{
    for (struct routine **at = &r->list; *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            free(gone);
            r->n--;
            return;
        }
    }
}

/* The one that was not run for the longest: each that runs goes to the end. */
static struct routine *next_routine(struct routines *r)
{
    struct routine *found = NULL;

    for (struct routine **at = &r->list; *at; at = &(*at)->next) {
        if (!(*at)->running && !(*at)->gone) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    if (found) {
        struct routine **end = &r->list;

        while (*end)
            end = &(*end)->next;
        *end = found;
        found->next = NULL;
    }
    return found;
}

static void *routine_main(void *arg)
{
    struct routines *r = arg;

    pthread_mutex_lock(&r->lock);
    while (!r->quit) {
        struct routine *one = next_routine(r);
        bool again;

        if (!one) {
            pthread_cond_wait(&r->work, &r->lock);
            continue;
        }
        one->running = true;
        r->running++;
        pthread_mutex_unlock(&r->lock);
        again = one->fn(one->plugin->instance, one->state) != 0;
        pthread_mutex_lock(&r->lock);
        one->running = false;
        one->calls++;
        r->running--;
        if (!again || one->gone)
            forget(r, one);
        pthread_cond_broadcast(&r->idle);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* As many as there are cores, but for the one that the screen has. */
static void start_threads(struct routines *r)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN) - 1;
    unsigned want = (unsigned)MIN_OF(MAX_OF(cores, 1L), (long)COUNT_OF(r->threads));

    while (r->nthreads < want &&
           pthread_create(&r->threads[r->nthreads], NULL, routine_main, r) == 0)
        r->nthreads++;
}

static ss_plugin_routine_t *on_subscribe(ss_plugin_owner_t *o, ss_plugin_routine_fn_t f,
                                         ss_plugin_routine_state_t *state)
{
    struct plugin *p = owner_hold(o);
    struct routine *one = NULL;
    struct routines *r;

    if (!p)
        return NULL;
    r = p->host->routines;
    pthread_mutex_lock(&r->lock);
    if (f && p->listening && r->n < ROUTINES_MAX) {
        one = xcalloc(1, sizeof(*one));
        *one = (struct routine){.next = r->list, .plugin = p, .fn = f, .state = state};
        r->list = one;
        r->n++;
        start_threads(r);
        pthread_cond_broadcast(&r->work);
    }
    pthread_mutex_unlock(&r->lock);
    owner_release();
    return one;
}

/* Does not wait for one that runs. */
static ss_plugin_rc on_unsubscribe(ss_plugin_owner_t *o, ss_plugin_routine_t *handle)
{
    struct plugin *p = owner_hold(o);
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    struct routines *r;

    if (!p)
        return rc;
    r = p->host->routines;
    pthread_mutex_lock(&r->lock);
    for (struct routine *one = r->list; one && rc != SS_PLUGIN_SUCCESS; one = one->next) {
        if ((void *)one != handle || one->plugin != p || one->gone)
            continue;
        rc = SS_PLUGIN_SUCCESS;
        if (one->running)
            one->gone = true;
        else
            forget(r, one);
        break;
    }
    pthread_mutex_unlock(&r->lock);
    owner_release();
    return rc;
}

/* All of a plugin's, or of all (NULL): none runs any more when this returns. */
static void drop_routines(struct routines *r, const struct plugin *p)
{
    bool running;

    pthread_mutex_lock(&r->lock);
    do {
        running = false;
        for (struct routine *one = r->list, *next; one; one = next) {
            next = one->next;
            if (p && one->plugin != p)
                continue;
            one->gone = true;
            if (one->running)
                running = true;
            else
                forget(r, one);
        }
        if (running)
            pthread_cond_wait(&r->idle, &r->lock);
    } while (running);
    pthread_mutex_unlock(&r->lock);
}

void routines_free(struct routines *r)
{
    drop_routines(r, NULL);
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (unsigned i = 0; i < r->nthreads; i++)
        pthread_join(r->threads[i], NULL);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->idle);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static ss_plugin_rc listen_call(struct plugin *p, enum plugin_fn fn,
                                ss_plugin_rc (*call)(ss_plugin_t *,
                                                     const ss_plugin_capture_listen_input *))
{
    ss_plugin_routine_vtable routine = {on_subscribe, on_unsubscribe};
    ss_plugin_capture_listen_input in = {
        .owner = p,
        .routine = &routine,
        .table_reader_ext = tables_reader_ext(),
        .table_writer_ext = tables_writer_ext(),
        .get_owner_last_error = owner_error_get,
    };
    struct call_timer t = call_begin(p, fn, 0, NULL);
    ss_plugin_rc rc;

    tables_enter(p, TABLES_READ | TABLES_WRITE);
    rc = call(p->instance, &in);
    tables_leave();
    call_end(p, fn, t, rc != SS_PLUGIN_SUCCESS);
    return rc;
}

enum severity plugin_listen_open(struct plugin_host *h, struct error *err)
{
    char words[PLUGIN_MAX_ERRLEN];

    for (size_t i = 0; i < h->plugins.n; i++) {
        struct plugin *p = h->plugins.v[i];

        if (p->state != PLUGIN_INITIALISED || !(p->info.caps & CAP_LISTENING) || p->listening)
            continue;
        p->listening = true;
        if (listen_call(p, PF_CAPTURE_OPEN, p->api.capture_open) == SS_PLUGIN_SUCCESS)
            continue;
        p->listening = false;
        drop_routines(h->routines, p);
        call_last_error(p, words, sizeof(words));
        return error_set(err, ERR_PLUGIN, "plugin %s: plugin_capture_open: %s", p->info.name,
                         words);
    }
    return SEV_OK;
}

/* Every plugin is told; what went wrong is joined. */
void plugin_listen_close(struct plugin_host *h, struct buf *errors)
{
    char words[PLUGIN_MAX_ERRLEN];

    for (size_t i = 0; i < h->plugins.n; i++) {
        struct plugin *p = h->plugins.v[i];

        if (!p->listening)
            continue;
        if (listen_call(p, PF_CAPTURE_CLOSE, p->api.capture_close) != SS_PLUGIN_SUCCESS) {
            call_last_error(p, words, sizeof(words));
            if (errors)
                buf_addf(errors, "%splugin %s: plugin_capture_close: %s", errors->len ? "; " : "",
                         p->info.name, words);
        }
        p->listening = false;
        drop_routines(h->routines, p);
    }
}

size_t plugin_routines(const struct plugin *p)
{
    struct routines *r = p->host->routines;
    size_t n = 0;

    pthread_mutex_lock(&r->lock);
    for (const struct routine *one = r->list; one; one = one->next)
        n += one->plugin == p && !one->gone;
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* Work for the plugin thread, and messages for the main one. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

void job_post(struct engine *e, void (*run)(struct engine *e, struct job *j), const json_t *id,
              const json_t *params, void *data)
{
    struct job *j = xcalloc(1, sizeof(*j));

    j->run = run;
    j->id = json_incref((json_t *)id);
    j->params = json_incref((json_t *)params);
    j->data = data;
    pthread_mutex_lock(&e->job_lock);
    *e->jobs_end = j;
    e->jobs_end = &j->next;
    pthread_cond_signal(&e->job_cond);
    pthread_mutex_unlock(&e->job_lock);
}

void job_post_kept(struct engine *e, void (*run)(struct engine *e, struct job *j), const json_t *id,
                   const json_t *params)
{
    if (e->store)
        job_post(e, run, id, params, NULL);
    else
        reply_code(e, id, RPC_INVALID_PARAMS, "the stream is not kept");
}

static struct job *job_take(struct engine *e)
{
    struct job *j;

    pthread_mutex_lock(&e->job_lock);
    j = e->jobs;
    if (j) {
        e->jobs = j->next;
        if (!e->jobs)
            e->jobs_end = &e->jobs;
    }
    pthread_mutex_unlock(&e->job_lock);
    return j;
}

bool job_run_one(struct engine *e)
{
    struct job *j = job_take(e);

    if (!j)
        return false;
    j->run(e, j);
    json_decref(j->id);
    json_decref(j->params);
    free(j->data);
    free(j);
    return true;
}

bool job_waiting(struct engine *e)
{
    bool waiting;

    pthread_mutex_lock(&e->job_lock);
    waiting = e->jobs != NULL || e->plugin_quit;
    pthread_mutex_unlock(&e->job_lock);
    return waiting;
}

void job_wait(struct engine *e, uint64_t ns)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ns / NS_PER_S);
    until.tv_nsec += (long)(ns % NS_PER_S);
    if (until.tv_nsec >= (long)NS_PER_S) {
        until.tv_nsec -= (long)NS_PER_S;
        until.tv_sec++;
    }
    pthread_mutex_lock(&e->job_lock);
    while (!e->jobs && !e->plugin_quit && !e->woken) {
        if (pthread_cond_timedwait(&e->job_cond, &e->job_lock, &until) == ETIMEDOUT)
            break;
    }
    e->woken = false;
    pthread_mutex_unlock(&e->job_lock);
}

void plugin_thread_wake(struct engine *e)
{
    pthread_mutex_lock(&e->job_lock);
    e->woken = true;
    pthread_cond_signal(&e->job_cond);
    pthread_mutex_unlock(&e->job_lock);
}

/* ---- messages -------------------------------------------------------------------------------- */

void wake_main(struct engine *e, unsigned what)
{
    uint64_t one = 1;

    /* one write for many wakes: the main thread clears the flags before it looks */
    if ((atomic_fetch_or(&e->wakes, what | 0x80000000u) & 0x80000000u) == 0 &&
        write(e->wake_fd, &one, sizeof(one)) < 0)
        return;
}

static void post(struct engine *e, json_t *message)
{
    pthread_mutex_lock(&e->out_lock);
    vec_push(&e->outbox, message);
    pthread_mutex_unlock(&e->out_lock);
    wake_main(e, 0);
}

void reply(struct engine *e, const json_t *id, json_t *result)
{
    if (id)
        post(e, rpc_result(id, result));
    else
        json_decref(result);
}

void reply_error(struct engine *e, const json_t *id, const struct error *err)
{
    if (id)
        post(e, rpc_error_of(id, err));
}

void reply_code(struct engine *e, const json_t *id, int code, const char *text)
{
    if (id)
        post(e, rpc_error(id, code, text, NULL));
}

json_t *syntax_error_json(const struct syntax_error *err)
{
    return json_pack("{ss si si si si sb so}", "code", err->code, "index", (int)err->index, "line",
                     (int)err->line, "column", (int)err->column, "length", (int)err->len,
                     "unfinished", err->unfinished, "text", rpc_str(err->text));
}

void reply_syntax(struct engine *e, const json_t *id, const struct syntax_error *err)
{
    if (id)
        post(e,
             rpc_error(id, RPC_FAILED, err->text,
                       json_pack("{ss so}", "code", "syntax", "syntax", syntax_error_json(err))));
}

void notify(struct engine *e, const char *method, json_t *params)
{
    post(e, rpc_notification(method, params));
}

void redispatch(struct engine *e, const json_t *id, const char *method, const json_t *params)
{
    post(e, json_pack("{sO? ss sO}", "id", id, "redispatch", method, "params", params));
}

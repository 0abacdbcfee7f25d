/* Processes that plugins started and left behind: the keeper inherits them, and ends them. */
#include "keeper.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_GRACE_MS 500

void orphans_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Sends sig to every child that is neither screen nor engine; how many there are. */
size_t orphans_signal(const struct keeper *k, int sig)
{
    char path[64], *at;
    struct buf list;
    size_t n = 0;

    buf_init(&list, 1 << 20);
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    if (file_read(path, 1 << 20, &list, NULL) != SEV_OK)
        buf_reset(&list);
    for (at = list.len ? list.data : NULL; at && isdigit((unsigned char)*at);) {
        long pid = strtol(at, &at, 10);

        if (pid > 1 && pid != k->screen && pid != k->engine.pid) {
            kill((pid_t)pid, sig);
            n++;
        }
        while (*at == ' ')
            at++;
    }
    buf_fini(&list);
    return n;
}

void orphans_end(const struct keeper *k)
{
    for (int ms = 0; ms < LAST_GRACE_MS && orphans_signal(k, SIGTERM); ms += 10) {
        poll(NULL, 0, 10);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    while (orphans_signal(k, SIGKILL)) {
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            break;
    }
}

/* mews engine: a keeper with an engine, for a client at the other end of standard input and output.
 */
#include <unistd.h>

#include "internal.h"

int command_engine(struct options *o)
{
    struct keeper_options ko = {.keep = true, .input_fd = -1};
    struct keeper *k = keeper_new(&ko, NULL);
    struct rpc *rpc = rpc_new(STDIN_FILENO, STDOUT_FILENO);
    struct error err;
    int code = EXIT_FAILED;

    UNUSED(o);
    keeper_serve(k, rpc);
    if (keeper_start(k, &err) == SEV_OK)
        code = keeper_run(k);
    else
        complain("%s", err.text);
    keeper_free(k);
    rpc_free(rpc);
    return code;
}

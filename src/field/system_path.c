/* evt.abspath and fs.path.*: the paths that a call works on (field-extraction, §1; event-state, §8.4). */
#include "system.h"

#define AT_FDCWD (-100)

/* ---- what a path is relative to ------------------------------------------------------------------- */

enum {
    DIR_CWD = -1,
    DIR_FD_NAME = -2,
    DIR_NONE = -3
}; /* else: the parameter with the descriptor */

static struct span path_param(const struct get *g, unsigned i)
{
    struct span v = event_param(g->e->bytes, i);

    if (v.n == 0 || (v.n == 7 && memcmp(v.p, "(NULL)", 7) == 0))
        return (struct span){NULL, 0};
    return (struct span){v.p, strnlen(v.p, v.n)};
}

static int64_t fd_param(const struct get *g, unsigned i)
{
    struct span v = event_param(g->e->bytes, i);

    return v.n == 8 ? (int64_t)get_u64(v.p) : v.n == 4 ? (int32_t)get_u32(v.p) : AT_FDCWD;
}

/* The folder that a descriptor stands for, with a slash behind it; any: of whatever kind it is. */
static void add_folder(const struct get *g, const struct thread_view *t, int64_t fd, bool any,
                       struct buf *out)
{
    const struct fd_info *f;
    struct span cwd;

    if (fd == AT_FDCWD) {
        cwd = state_cwd(g->e->state, t, g->e->at);
        buf_add(out, cwd.p, cwd.n);
        return;
    }
    f = state_fd(g->e->state, t, fd, g->e->at);
    if (f && (any || f->type == FDT_DIRECTORY))
        buf_addf(out, "%.*s/", (int)f->name.n, f->name.p);
    else
        buf_adds(out, "<UNKNOWN>/");
}

static void put_resolved(struct get *g, struct buf *dir, struct span path)
{
    struct buf out;

    buf_init(&out, 65536);
    state_resolve_path((struct span){buf_str(dir), dir->len}, path, &out);
    put_buf(g, &out);
    buf_fini(dir);
}

/* ---- evt.abspath ------------------------------------------------------------------------------------ */

struct at_call {
    uint16_t code;
    uint8_t dir, path, dir2, path2; /* parameters; of the destination, where it is another */
};

static const struct at_call at_calls[] = {
    {177, 1, 2, 3, 4}, {319, 1, 2, 3, 4}, {311, 1, 2, 3, 4}, {181, 2, 3, 2, 3}, {307, 1, 2, 1, 2},
    {327, 1, 2, 1, 2}, {303, 1, 2, 1, 2}, {305, 1, 2, 1, 2}, {313, 1, 2, 1, 2}, {385, 1, 2, 1, 2},
};

void system_get_abspath(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    uint16_t code = event_code(g->e->bytes);
    bool destination = g->ref->arg_present && span_is(g->ref->arg_text, "dst");
    struct span path;
    struct buf dir;
    int64_t res;

    if (!t || (g->ref->arg_present && !destination && !span_is(g->ref->arg_text, "src")))
        return;
    if (code == 337 && event_result(g->e->bytes, &res) && res > 0 && (path = path_param(g, 3)).p)
        put_text(g, path);
    for (size_t i = 0; i < COUNT_OF(at_calls); i++) {
        const struct at_call *c = &at_calls[i];

        if (c->code != code)
            continue;
        path = path_param(g, destination ? c->path2 : c->path);
        if (!path.n || event_param(g->e->bytes, destination ? c->dir2 : c->dir).n == 0)
            return;
        buf_init(&dir, 65536);
        add_folder(g, t, fd_param(g, destination ? c->dir2 : c->dir), true, &dir);
        put_resolved(g, &dir, path);
    }
}

/* ---- fs.path.* ---------------------------------------------------------------------------------------- */

struct path_call {
    uint16_t code;
    uint8_t which; /* enum PATH_NAME, PATH_SOURCE, PATH_TARGET */
    int8_t path;   /* its parameter; 0: the name of the event's descriptor */
    int8_t dir;    /* what it is relative to */
};

static const struct path_call path_calls[] = {
    {277, PATH_NAME, 1, DIR_CWD},     {305, PATH_NAME, 2, 1},
    {279, PATH_NAME, 1, DIR_CWD},     {301, PATH_NAME, 1, DIR_CWD},
    {303, PATH_NAME, 2, 1},           {3, PATH_NAME, 1, DIR_CWD},
    {307, PATH_NAME, 2, DIR_FD_NAME}, {327, PATH_NAME, 2, DIR_FD_NAME},
    {259, PATH_NAME, 1, DIR_CWD},     {387, PATH_NAME, 1, DIR_CWD},
    {391, PATH_NAME, 1, DIR_CWD},     {315, PATH_NAME, 1, DIR_CWD},
    {313, PATH_NAME, 2, 1},           {317, PATH_NAME, 0, DIR_NONE},
    {383, PATH_NAME, 0, DIR_NONE},    {379, PATH_NAME, 1, DIR_CWD},
    {381, PATH_NAME, 1, DIR_CWD},     {385, PATH_NAME, 2, 1},
    {191, PATH_NAME, 1, DIR_CWD},     {175, PATH_SOURCE, 1, DIR_CWD},
    {175, PATH_TARGET, 2, DIR_CWD},   {177, PATH_SOURCE, 2, 1},
    {177, PATH_TARGET, 4, 3},         {319, PATH_SOURCE, 2, 1},
    {319, PATH_TARGET, 4, 3},         {309, PATH_SOURCE, 2, DIR_CWD},
    {309, PATH_TARGET, 1, DIR_CWD},   {311, PATH_SOURCE, 4, DIR_CWD},
    {311, PATH_TARGET, 2, DIR_CWD},   {179, PATH_SOURCE, 2, DIR_CWD},
    {179, PATH_TARGET, 1, DIR_CWD},   {181, PATH_SOURCE, 3, 2},
    {181, PATH_TARGET, 1, DIR_CWD},   {257, PATH_SOURCE, 1, DIR_CWD},
    {257, PATH_TARGET, 2, DIR_CWD},
};

static void absolute_path(struct get *g, const struct path_call *c, struct span path)
{
    const struct thread_view *t = field_thread_of(g->e);
    const struct fd_info *f = field_fd_of(g);
    struct buf dir;

    if (!t)
        return;
    if (c->dir == DIR_FD_NAME && f) {
        put_text(g, f->name);
        return;
    }
    buf_init(&dir, 65536);
    if (c->dir == DIR_FD_NAME)
        buf_adds(&dir, "<UNKNOWN>/");
    else
        add_folder(g, t, c->dir < 0 ? AT_FDCWD : fd_param(g, (unsigned)c->dir), false, &dir);
    put_resolved(g, &dir, path);
}

bool system_fs_path_told(uint16_t type, int what)
{
    for (size_t i = 0; i < COUNT_OF(path_calls); i++) {
        if (path_calls[i].code == type && path_calls[i].which == (what & ~PATH_RAW))
            return false;
    }
    return true;
}

/* what: which path, and whether as the program gave it. Opens count as successful but for -1, as they do
 * in the reference. */
void system_get_fs_path(struct get *g)
{
    uint16_t code = event_code(g->e->bytes);
    const struct fd_info *f;
    struct span path;
    int64_t res;

    bool opens = code == 3 || code == 307 || code == 327;

    if (!event_result(g->e->bytes, &res) || (opens ? res == -1 : res < 0))
        return;
    for (size_t i = 0; i < COUNT_OF(path_calls); i++) {
        const struct path_call *c = &path_calls[i];

        if (c->code != code || c->which != (g->what & ~PATH_RAW))
            continue;
        if (c->path == 0) {
            f = field_fd_of(g);
            if (f)
                put_text(g, f->name);
            return;
        }
        path = path_param(g, (unsigned)c->path);
        if (!path.p)
            return;
        if (g->what & PATH_RAW)
            put_text(g, path);
        else
            absolute_path(g, c, path);
        return;
    }
}

/* Fields of descriptors (field-extraction, §1 and §2; event-state, §8). */
#include "system.h"

void system_get_fd_num(struct get *g)
{
    if (event_uses_fd(g->type) && field_thread_of(g->e))
        put_number(g, (uint64_t)field_fd_number(g->e));
}

/* What an exit tells of a descriptor that is not known (event-state, §8.3). */
static void fd_name_from_event(struct get *g)
{
    struct event_resolver r = field_resolver(g->e);
    uint16_t code = event_code(g->e->bytes);
    struct buf b, resolved;

    if (code % 2 == 0)
        return;
    buf_init(&b, EVENT_LEN_MAX);
    buf_init(&resolved, EVENT_LEN_MAX);
    if (code == 3 || code == 59 || code == 247 || code == 389 || code == 23)
        event_param_text(g->e->bytes, 1, &r, &b, &resolved);
    else if (code == 307 || code == 327)
        event_param_text(g->e->bytes, 2, &r, &b, &resolved);
    else if (code == 337)
        event_param_text(g->e->bytes, 3, &r, &b, &resolved);
    put_param(g, &b, &resolved);
}

static void squeezed(struct get *g, struct span s)
{
    struct buf b;

    buf_init(&b, 65536);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '/' || i == 0 || s.p[i - 1] != '/')
            buf_addc(&b, s.p[i]);
    }
    put_buf(g, &b);
}

static void fd_folder(struct get *g, const struct fd_info *f)
{
    const char *slash = f->name.n ? memrchr(f->name.p, '/', f->name.n) : NULL;

    if (f->type == FDT_DIRECTORY)
        put_text(g, f->name);
    else if (f->type != FDT_FILE && f->type != FDT_FILE_OLD)
        return;
    else if (!slash || slash == f->name.p)
        put_words(g, "/");
    else if (slash == f->name.p + f->name.n - 1)
        put_text(g, f->name);
    else
        put_text(g, (struct span){f->name.p, (size_t)(slash - f->name.p)});
}

static void fd_file(struct get *g, const struct fd_info *f)
{
    const char *slash = f->name.n ? memrchr(f->name.p, '/', f->name.n) : NULL;

    if (f->type != FDT_FILE && f->type != FDT_FILE_OLD)
        return;
    if (!slash)
        put_words(g, "/");
    else if (slash == f->name.p + f->name.n - 1)
        put_text(g, f->name);
    else
        put_text(g, (struct span){slash + 1, (size_t)(f->name.p + f->name.n - slash - 1)});
}

/* The kind that a call would have made. */
static const char *guessed_char(uint16_t code)
{
    switch (code) {
    case 307:
    case 327:
    case 59:
        return "f";
    case 19:
    case 247:
    case 389:
        return "4";
    case 61:
    case 393:
        return "p";
    case 63:
    case 397:
        return "e";
    case 127:
    case 399:
        return "s";
    case 137:
        return "t";
    case 139:
    case 395:
        return "i";
    default:
        return "o";
    }
}

/* What is told of a descriptor that is not known. */
static void fd_from_event(struct get *g)
{
    struct fd_info f = {.type = FDT_FILE};
    struct span raw;

    if (g->what == FD_L4) {
        put_words(g, "<NA>");
    } else if (g->what == FD_TYPECHAR) {
        put_words(g, guessed_char(event_code(g->e->bytes)));
    } else if (g->what == FD_NAME) {
        fd_name_from_event(g);
    } else if (g->what == FD_NAMERAW && event_code(g->e->bytes) % 2) {
        raw = event_param(g->e->bytes, event_code(g->e->bytes) == 3 || event_code(g->e->bytes) == 59
                                           ? 1
                                           : UINT32_MAX);
        if (event_code(g->e->bytes) == 307 || event_code(g->e->bytes) == 327)
            raw = event_param(g->e->bytes, 2);
        squeezed(g, (struct span){raw.p ? raw.p : "", raw.p ? strnlen(raw.p, raw.n) : 0});
    } else if (g->what == FD_DIRECTORY && event_code(g->e->bytes) % 2) {
        fd_name_from_event(g);
        f.name = g->out->one.s;
        fd_folder(g, &f);
    }
}

void system_get_fd(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);
    char c[2] = "o";

    if (!field_thread_of(g->e) || !event_uses_fd(g->type))
        return;
    if (!f) {
        fd_from_event(g);
        return;
    }
    switch (g->what) {
    case FD_NAME:
        put_text(g, f->name);
        break;
    case FD_NAMERAW:
        squeezed(g, f->raw);
        break;
    case FD_TYPE:
        put_words(g, fd_type_text(f));
        break;
    case FD_TYPECHAR:
        c[0] = fd_type_char(f);
        put_text(g, (struct span){arena_strndup(g->arena, c, 1), 1});
        break;
    case FD_DIRECTORY:
        fd_folder(g, f);
        break;
    case FD_FILENAME:
        fd_file(g, f);
        break;
    case FD_L4:
        put_words(g, fd_l4_text(f) ? fd_l4_text(f) : "<NA>");
        break;
    default:
        put_words(g, fd_is_ip(f) ? "ip" : f->type == FDT_UNIX ? "unix" : NULL);
    }
}

/* Typing into the shell: libedit, with a history that lasts and the completion of the screen. While nobody
 * types, the engine is served. */
#include <errno.h>
#include <glob.h>
#include <histedit.h>
#include <limits.h>
#include <unistd.h>
#include <wchar.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "shell.h"

#define HISTORY_LINES 1000
#define LISTED_MAX    20

static const char *prompt(EditLine *el)
{
    void *ctx;

    el_get(el, EL_CLIENTDATA, &ctx);
    return *((struct shell *)ctx)->filter ? "mews+ " : "mews> ";
}

/* One character, once there is one. */
static int get_char(EditLine *el, wchar_t *out)
{
    struct shell *s;
    void *ctx;
    char bytes[MB_LEN_MAX];
    size_t n = 0;

    el_get(el, EL_CLIENTDATA, &ctx);
    s = ctx;
    while (n < sizeof(bytes)) {
        mbstate_t state = {0};
        bool readable = false;
        ssize_t got;
        size_t len;

        s->interrupted = false;
        while (!readable) {
            if (s->interrupted) {
                *out = L'\025'; /* ^U: what was typed is dropped */
                return 1;
            }
            if (s->over || !keeper_turn(s->c.keeper, STDIN_FILENO, &readable)) {
                s->over = true;
                return 0;
            }
        }
        got = read(STDIN_FILENO, bytes + n, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        len = mbrtowc(out, bytes, ++n, &state);
        if (len != (size_t)-2) {
            if (len == (size_t)-1)
                *out = L'?';
            return 1;
        }
    }
    *out = L'?';
    return 1;
}

/* ---- completion ---------------------------------------------------------------------------------- */

struct completing {
    const char *line; /* up to the cursor */
    size_t n;
    const char *args; /* behind the command; NULL: the command itself */
    const struct shell_command *command;
};

static struct completing where(const char *line, size_t n)
{
    struct completing k = {line, n, NULL, NULL};
    size_t word = 0;

    while (word < n && line[word] != ' ')
        word++;
    if (word == n)
        return k;
    for (size_t i = 0; i < shell_command_count && !k.command; i++) {
        if (strlen(shell_commands[i].name) == word &&
            memcmp(shell_commands[i].name, line, word) == 0)
            k.command = &shell_commands[i];
    }
    while (word < n && line[word] == ' ')
        word++;
    k.args = line + word;
    return k;
}

/* What could stand there: texts, and from which byte of the line on. */
static size_t names_of_commands(const struct completing *k, struct str_list *out)
{
    const char *word = k->args ? k->args : k->line;
    size_t n = k->n - (size_t)(word - k->line);

    for (size_t i = 0; i < shell_command_count; i++) {
        if (strncmp(shell_commands[i].name, word, n) == 0)
            str_list_addf(out, "%s ", shell_commands[i].name);
    }
    return (size_t)(word - k->line);
}

static size_t words_of_filters(struct shell *s, const struct completing *k, struct str_list *out)
{
    size_t from = (size_t)(k->args - k->line), start;
    const char *text = k->args;
    char *part;
    const json_t *a, *c;
    size_t i;

    if (k->command->completes == SHELL_FIELD) { /* the field behind the last comma or blank */
        for (size_t at = 0; k->args[at] && from + at < k->n; at++) {
            if (k->args[at] == ',' || k->args[at] == ' ')
                text = k->args + at + 1;
        }
    }
    from = (size_t)(text - k->line);
    part = xstrndup(text, k->n - from);
    a = shell_try(s, "filter/complete",
                  json_pack("{so si}", "filter", rpc_str(part), "cursor", (int)strlen(part)));
    start = from + (size_t)rpc_u64_or(a, "start", 0);
    json_array_foreach(json_object_get(a, "candidates"), i, c) {
        const char *word = rpc_get_str(c, "text");

        str_list_addf(out, "%s%s", word,
                      str_ends(word, " ") || str_ends(word, "[") || str_ends(word, "(") ? "" : " ");
    }
    free(part);
    return start;
}

static size_t files(const struct completing *k, struct str_list *out)
{
    size_t from = (size_t)(k->args - k->line);
    char *pattern = xasprintf("%.*s*", (int)(k->n - from), k->args);
    glob_t found;

    if (glob(pattern, GLOB_MARK | GLOB_TILDE, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            str_list_add(out, found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern);
    return from;
}

static size_t candidates(struct shell *s, const struct completing *k, struct str_list *out)
{
    if (!k->args || (k->command && k->command->completes == SHELL_COMMAND))
        return names_of_commands(k, out);
    if (!k->command)
        return k->n;
    switch (k->command->completes) {
    case SHELL_FILTER:
    case SHELL_FIELD:
        return words_of_filters(s, k, out);
    case SHELL_PATH:
        return files(k, out);
    default:
        return k->n;
    }
}

static size_t common(const struct str_list *l)
{
    size_t n = strlen(l->v[0]);

    for (size_t i = 1; i < l->n; i++) {
        size_t k = 0;

        while (k < n && l->v[i][k] == l->v[0][k])
            k++;
        n = k;
    }
    return n;
}

static void list(const struct str_list *l)
{
    putchar('\n');
    for (size_t i = 0; i < l->n && i < LISTED_MAX; i++) {
        struct buf safe;

        buf_init(&safe, 65536);
        text_make_visible(&safe, l->v[i], strlen(l->v[i]));
        printf("  %s\n", buf_str(&safe));
        buf_fini(&safe);
    }
    if (l->n > LISTED_MAX)
        printf("  and %zu more\n", l->n - LISTED_MAX);
    fflush(stdout);
}

static unsigned char complete(EditLine *el, int ch)
{
    const LineInfo *li = el_line(el);
    size_t n = (size_t)(li->cursor - li->buffer), start;
    char *line = xstrndup(li->buffer, n);
    struct completing k = where(line, n);
    struct str_list found = {0};
    unsigned char answer = CC_ERROR;
    void *ctx;

    UNUSED(ch);
    el_get(el, EL_CLIENTDATA, &ctx);
    start = candidates(ctx, &k, &found);
    if (found.n && common(&found) > n - start) {
        char *more = xstrndup(found.v[0] + (n - start), common(&found) - (n - start));

        answer = el_insertstr(el, more) == 0 ? CC_REFRESH : CC_ERROR;
        free(more);
    } else if (found.n) {
        list(&found);
        answer = CC_REDISPLAY;
    }
    str_list_fini(&found);
    free(line);
    return answer;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static void load_history(History *h)
{
    struct str_list lines = {0};
    HistEvent ev;

    history(h, &ev, H_SETSIZE, HISTORY_LINES);
    history(h, &ev, H_SETUNIQUE, 1);
    kept_lines_read(&lines);
    for (size_t i = 0; i < lines.n; i++)
        history(h, &ev, H_ENTER, lines.v[i]);
    str_list_fini(&lines);
}

/* libedit keeps copies of both texts, and never frees them. */
static void add_completion(EditLine *el)
{
#ifdef __SANITIZE_ADDRESS__
    __lsan_disable();
#endif
    el_set(el, EL_ADDFN, "mews-complete", "completes what is typed", complete);
#ifdef __SANITIZE_ADDRESS__
    __lsan_enable();
#endif
}

void shell_type(struct shell *s)
{
    EditLine *el = el_init("mews", stdin, stdout, stderr);
    History *h = history_init();
    HistEvent ev;
    const char *line;
    int n;

    load_history(h);
    el_set(el, EL_CLIENTDATA, s);
    el_set(el, EL_PROMPT, prompt);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_HIST, history, h);
    el_set(el, EL_GETCFN, get_char);
    add_completion(el);
    el_set(el, EL_BIND, "^I", "mews-complete", NULL);
    el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(el, NULL); /* the person's own .editrc */
    while (!s->over && (line = el_gets(el, &n)) && n > 0) {
        char *copy = xstrndup(line, strcspn(line, "\r\n"));

        if (copy[strspn(copy, " \t")]) {
            history(h, &ev, H_ENTER, copy);
            kept_lines_add(copy);
        }
        shell_line(s, copy);
        fflush(stdout);
        free(copy);
    }
    history_end(h);
    el_end(el);
}

/* What a person keeps from one run to the next: lines that were typed, and filters under names. */
#include <fcntl.h>
#include <unistd.h>

#include "mews/base.h"

#define LINES_MAX    1000u
#define FILE_MAX_LEN ((size_t)1 << 20)

static char *path_of(const char *kind, const char *name)
{
    char *dir = user_dir(kind), *path = dir ? path_join(dir, name) : NULL;

    free(dir);
    return path;
}

static char *text_of(const char *kind, const char *name)
{
    char *path = path_of(kind, name);
    struct buf text;

    buf_init(&text, FILE_MAX_LEN);
    if (path)
        file_read(path, FILE_MAX_LEN, &text, NULL);
    free(path);
    return buf_steal(&text);
}

/* ---- lines that were typed --------------------------------------------------------------------- */

void kept_lines_read(struct str_list *out)
{
    char *text = text_of("state", "history"), *at = text, *line;

    while ((line = strsep(&at, "\n"))) {
        if (*line)
            str_list_add(out, line);
    }
    free(text);
}

/* The newest only. */
static void shorten(const char *path)
{
    struct str_list lines = {0};
    struct buf b;

    kept_lines_read(&lines);
    buf_init(&b, FILE_MAX_LEN);
    for (size_t i = lines.n > LINES_MAX ? lines.n - LINES_MAX : 0; i < lines.n; i++)
        buf_addf(&b, "%s\n", lines.v[i]);
    if (lines.n > 2 * LINES_MAX)
        file_replace(path, buf_str(&b), b.len, NULL);
    buf_fini(&b);
    str_list_fini(&lines);
}

void kept_lines_add(const char *line)
{
    char *path = strchr(line, '\n') ? NULL : path_of("state", "history");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    char *whole = xasprintf("%s\n", line);

    if (fd >= 0) {
        ssize_t n = write(fd, whole, strlen(whole)); /* in one piece, beside other sessions */

        if (n > 0 && lseek(fd, 0, SEEK_END) > (off_t)(FILE_MAX_LEN / 2))
            shorten(path);
        close(fd);
    }
    free(whole);
    free(path);
}

/* ---- filters under names ------------------------------------------------------------------------ */

char *kept_filters(void)
{
    return text_of("config", "filters.yaml");
}

void yaml_add_quoted(struct buf *b, const char *s)
{
    buf_addc(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_addc(b, '\\');
        if (*s == '\n')
            buf_adds(b, "\\n");
        else
            buf_addc(b, *s);
    }
    buf_addc(b, '"');
}

void yaml_add_rule(struct buf *b, const char *name, const char *condition, const char *output,
                   const char *source)
{
    buf_adds(b, "- rule: ");
    yaml_add_quoted(b, name);
    buf_adds(b, "\n  desc: ");
    yaml_add_quoted(b, name);
    buf_adds(b, "\n  condition: ");
    yaml_add_quoted(b, condition);
    buf_adds(b, "\n  output: ");
    yaml_add_quoted(b, *output ? output : "%evt.type");
    buf_addf(b, "\n  priority: NOTICE\n  source: %s\n  tags: []\n", source);
}

static void add_numbers(struct buf *b, const char *key, const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            buf_addf(b, "  %s: [", key);
        else
            buf_adds(b, ", ");
        buf_add_u64(b, v[i]);
    }
    if (n)
        buf_adds(b, "]\n");
}

void yaml_add_test(struct buf *b, const char *rule, const char *filter, const char *input,
                   const struct judged_numbers *n)
{
    buf_adds(b, rule ? "- rule: " : "- filter: ");
    yaml_add_quoted(b, rule ? rule : filter);
    if (input) {
        buf_adds(b, "\n  input: ");
        yaml_add_quoted(b, input);
    }
    buf_addc(b, '\n');
    add_numbers(b, "must", n->must.v, n->must.n);
    add_numbers(b, "must_not", n->must_not.v, n->must_not.n);
}

/* The text without the macro of this name: an entry reaches to the next line that starts one. */
static void add_without(struct buf *out, const char *text, const char *name)
{
    char *start = xasprintf("- macro: %s", name);
    bool dropping = false;

    while (*text) {
        size_t n = strcspn(text, "\n");

        n += text[n] == '\n';
        if (*text == '-')
            dropping = str_starts(text, start) && strchr("\n\r ", text[strlen(start)]);
        if (!dropping)
            buf_add(out, text, n);
        text += n;
    }
    free(start);
}

static bool is_name(const char *s)
{
    for (size_t i = 0; s[i]; i++) {
        bool letter = (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z';

        if (!letter && s[i] != '_' && !(i && s[i] >= '0' && s[i] <= '9'))
            return false;
    }
    return *s && !str_eq(s, "and") && !str_eq(s, "or") && !str_eq(s, "not");
}

enum severity kept_filter_set(const char *name, const char *filter, struct error *err)
{
    char *path = path_of("config", "filters.yaml"), *text = kept_filters();
    enum severity sev;
    struct buf b;

    buf_init(&b, FILE_MAX_LEN);
    add_without(&b, text, name);
    if (filter) {
        buf_addf(&b, "- macro: %s\n  condition: ", name);
        yaml_add_quoted(&b, filter);
        buf_addc(&b, '\n');
    }
    if (filter && !is_name(name))
        sev = error_set(err, ERR_FORMAT,
                        "a name has letters, digits and _ only: other filters name it");
    else if (!path || b.failed)
        sev = error_set(err, ERR_LIMIT,
                        path ? "too many filters are saved" : "there is no folder for them");
    else
        sev = file_replace(path, buf_str(&b), b.len, err);
    buf_fini(&b);
    free(text);
    free(path);
    return sev;
}

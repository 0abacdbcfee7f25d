/* What the files of the logs plugin share. */
#ifndef MEWS_LOGS_INTERNAL_H
#define MEWS_LOGS_INTERNAL_H

#include <sys/types.h>
#include <zlib.h>

#include "../common.h"

#define LINE_MAX_LEN ((size_t)16 << 20)
#define NO_TIME      UINT64_MAX

/* ---- recognise.c: what a line says of itself */
struct recognised {
    uint64_t ts;       /* ns since the epoch; NO_TIME: none */
    const char *level; /* fatal critical error warning notice info debug trace; NULL: none */
    const char *host, *program, *message; /* in the line or in text; n bytes; NULL: none */
    size_t host_len, program_len, message_len;
    char *text; /* unescaped JSON strings; free() it */
};
/* year: what a time without one is taken to be in (that of the file, or of now). */
void recognise(const char *line, size_t n, int year, struct recognised *out);
/* Just the time: the quick half. */
uint64_t recognise_time(const char *line, size_t n, int year);

/* ---- input.c: where lines come from */
enum input_kind { INPUT_FILE, INPUT_FD };

struct input {
    enum input_kind kind;
    char *path; /* shown as log.path */
    int fd;     /* INPUT_FD, and files that are followed */
    gzFile gz;  /* files that are read once; plain ones pass through */
    dev_t dev;
    ino_t ino;
    bool follow, eof;
    bool replaced; /* another file has its path: it gives out what it has, then goes on with that
                      one */
    pid_t child;   /* of exec: */
    char *buf;     /* bytes read and not yet given out */
    size_t start, len, cap;
    uint64_t offset; /* of buf[start] in the input */
    uint64_t size;   /* of the file when it was opened */
    int year;
    /* the next line, when there is one */
    bool has_line;
    size_t line_len;   /* without its end */
    size_t line_whole; /* with it */
    uint64_t line_ts, last_ts;
};

struct input *input_open_file(const char *path, bool follow, char *error, size_t size);
/* Reads from a copy of fd. */
struct input *input_open_fd(int fd, const char *path, char *error, size_t size);
struct input *input_open_exec(const char *command, char *error, size_t size);
void input_free(struct input *in);
/* Makes the next line ready if the bytes for it are there. */
bool input_line(struct input *in);
void input_take(struct input *in); /* done with that line */
/* Reads what is there; false when nothing was. */
bool input_fill(struct input *in);

#endif

/* A look at a library's file before anything of it runs: is it one, for this machine, in which
 * language, and are there functions that only look like the API's. */
#include "internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTIONS_MAX 4096
#define TABLE_MAX    ((uint64_t)64 << 20)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

struct elf {
    int fd;
    uint64_t size;
    Elf64_Ehdr header;
    Elf64_Shdr *sections;
    char *names;
    uint64_t names_len;
};

/* size bytes at off with a NUL behind them, NULL when the file has not got them. */
static void *read_at(const struct elf *e, uint64_t off, uint64_t size)
{
    char *p;

    if (size > TABLE_MAX || off > e->size || size > e->size - off)
        return NULL;
    p = xmalloc(size + 1);
    if (pread(e->fd, p, size, (off_t)off) != (ssize_t)size) {
        free(p);
        return NULL;
    }
    p[size] = '\0';
    return p;
}

static const char *what_it_is(const unsigned char *p, size_t n)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *what;
    } kinds[] = {
        {"\x1f\x8b", 2, "gzip data"},
        {"\x0a\x0d\x0d\x0a", 4, "a capture"},
        {"!<arch>", 7, "a static library"},
        {"#!", 2, "a script"},
        {"PK", 2, "a zip archive"},
        {"MZ", 2, "a Windows program"},
        {"\xcf\xfa\xed\xfe", 4, "a macOS library"},
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (n >= kinds[i].len && memcmp(p, kinds[i].magic, kinds[i].len) == 0)
            return kinds[i].what;
    }
    return n == 0 ? "empty" : "something else";
}

static enum severity check_header(struct elf *e, const char *path, struct error *err)
{
    unsigned char start[64] = {0};
    ssize_t n = pread(e->fd, start, sizeof(start), 0);

    memcpy(&e->header, start, sizeof(e->header));
    if (n < (ssize_t)sizeof(e->header) || memcmp(start, ELFMAG, SELFMAG) != 0)
        return error_set(err, ERR_FORMAT, "%s is no shared library: it is %s", path,
                         what_it_is(start, n > 0 ? (size_t)n : 0));
    if (start[EI_CLASS] != ELFCLASS64 || start[EI_DATA] != ELFDATA2LSB)
        return error_set(err, ERR_FORMAT, "%s is built for a 32-bit or big-endian machine", path);
    if (MACHINE != EM_NONE && e->header.e_machine != MACHINE)
        return error_set(err, ERR_FORMAT,
                         "%s is built for another processor (ELF machine %u, this one is %u)", path,
                         e->header.e_machine, (unsigned)MACHINE);
    if (e->header.e_type != ET_DYN)
        return error_set(err, ERR_FORMAT, "%s is %s, not a shared library", path,
                         e->header.e_type == ET_REL ? "an object file" : "a program");
    return SEV_OK;
}

static void load_sections(struct elf *e)
{
    const Elf64_Ehdr *h = &e->header;
    const Elf64_Shdr *s;

    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum == 0 || h->e_shnum > SECTIONS_MAX ||
        h->e_shstrndx >= h->e_shnum)
        return;
    e->sections = read_at(e, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr));
    if (!e->sections)
        return;
    s = &e->sections[h->e_shstrndx];
    e->names = read_at(e, s->sh_offset, s->sh_size);
    e->names_len = e->names ? s->sh_size : 0;
}

static const Elf64_Shdr *section_named(const struct elf *e, const char *name)
{
    for (unsigned i = 0; e->sections && e->names && i < e->header.e_shnum; i++) {
        if (e->sections[i].sh_name < e->names_len &&
            str_eq(e->names + e->sections[i].sh_name, name))
            return &e->sections[i];
    }
    return NULL;
}

static bool has_section(const struct elf *e, const char *name)
{
    return section_named(e, name) != NULL;
}

/* Whether one of the compilers that made it calls itself by this name. */
static bool made_by(struct elf *e, const char *name)
{
    const Elf64_Shdr *s = section_named(e, ".comment");
    char *text = s && s->sh_type == SHT_PROGBITS ? read_at(e, s->sh_offset, s->sh_size) : NULL;
    bool yes = text && memmem(text, s->sh_size, name, strlen(name));

    free(text);
    return yes;
}

/* A name of the API inside a mangled C++ or Rust name: it was meant to be exported. */
static const char *lookalike(const char *symbol)
{
    if (!str_starts(symbol, "_Z") && !str_starts(symbol, "_R"))
        return NULL;
    for (unsigned i = 0; i < PF_COUNT; i++) {
        const char *at = strstr(symbol, plugin_fn_name(i));
        size_t n = strlen(plugin_fn_name(i));

        /* followed by an argument list, not by more of a longer name */
        if (at && at > symbol && at[-1] >= '0' && at[-1] <= '9' && at[n] != '_')
            return plugin_fn_name(i);
    }
    return NULL;
}

static void scan_symbols(struct elf *e, const Elf64_Shdr *s, struct plugin_info *info, bool *rust,
                         bool *cpp)
{
    const Elf64_Shdr *strings = s->sh_link < e->header.e_shnum ? &e->sections[s->sh_link] : NULL;
    Elf64_Sym *symbols = strings ? read_at(e, s->sh_offset, s->sh_size) : NULL;
    char *names = symbols ? read_at(e, strings->sh_offset, strings->sh_size) : NULL;

    for (uint64_t i = 0; names && i < s->sh_size / sizeof(Elf64_Sym); i++) {
        const char *name = symbols[i].st_name < strings->sh_size ? names + symbols[i].st_name : "",
                   *like;

        *rust |= strstr(name, "rust_") != NULL;
        *cpp |= str_starts(name, "_ZNSt") || str_eq(name, "__gxx_personality_v0") ||
                str_eq(name, "__cxa_throw");
        if (symbols[i].st_shndx == SHN_UNDEF || !(like = lookalike(name)))
            continue;
        str_list_addf(&info->warnings,
                      "%s is exported under the mangled name %s: hosts can't find it without "
                      "extern \"C\"",
                      like, name);
    }
    free(symbols);
    free(names);
}

static void study(struct elf *e, struct plugin_info *info)
{
    bool rust = false, cpp = false;

    load_sections(e);
    for (unsigned i = 0; e->sections && i < e->header.e_shnum; i++) {
        if (e->sections[i].sh_type == SHT_DYNSYM)
            scan_symbols(e, &e->sections[i], info, &rust, &cpp);
    }
    rust = rust || has_section(e, ".debug_gdb_scripts") || made_by(e, "rustc version");
    snprintf(info->language, sizeof(info->language), "%s",
             has_section(e, ".go.buildinfo") || has_section(e, ".gopclntab") ? "Go"
             : rust                                                          ? "Rust"
             : cpp                                                           ? "C++"
                                                                             : "C");
    free(e->sections);
    free(e->names);
}

enum severity plugin_elf_check(const char *path, struct plugin_info *info, struct error *err)
{
    struct elf e = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    enum severity sev;
    struct stat st;

    if (e.fd < 0)
        return error_sys(err, errno, "%s", path);
    if (fstat(e.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(e.fd);
        return error_set(err, ERR_FORMAT, "%s is no file", path);
    }
    e.size = (uint64_t)st.st_size;
    info->file_size = e.size;
    info->file_mtime = (uint64_t)st.st_mtim.tv_sec * NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
    sev = check_header(&e, path, err);
    if (sev == SEV_OK)
        study(&e, info);
    close(e.fd);
    return sev;
}

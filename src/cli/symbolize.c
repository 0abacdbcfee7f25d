/* The helper that names source lines: `mews --symbolize OFFSET MODULE …`. A process of its own,
 * since it reads debug information that anybody may have written. */
#include "internal.h"

#include "build.h"

#ifdef HAVE_LIBDW

#include <elfutils/libdwfl.h>

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static void print_one(const char *module, uint64_t offset)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);
    Dwfl_Module *m = dwfl ? dwfl_report_offline(dwfl, module, module, -1) : NULL;
    const char *symbol = "", *file = NULL;
    GElf_Addr bias = 0;
    int line = 0;

    if (m && dwfl_report_end(dwfl, NULL, NULL) == 0) {
        Dwfl_Line *at;
        const char *name;

        if (!dwfl_module_getelf(m, &bias))
            bias = 0;
        name = dwfl_module_addrname(m, bias + offset);
        symbol = name ? name : "";
        at = dwfl_module_getsrc(m, bias + offset);
        if (at)
            file = dwfl_lineinfo(at, NULL, &line, NULL, NULL, NULL);
    }
    if (file) {
        const char *slash = strrchr(file, '/');

        printf("%s\t%s:%d\n", symbol, slash ? slash + 1 : file, line);
    } else {
        printf("%s\t\n", symbol);
    }
    fflush(stdout);
    if (dwfl)
        dwfl_end(dwfl);
}

#else

static void print_one(const char *module, uint64_t offset)
{
    UNUSED(module);
    UNUSED(offset);
    printf("\t\n");
}

#endif

int symbolize_main(int argc, char **argv)
{
    for (int i = 0; i + 1 < argc; i += 2) {
        uint64_t offset = strtoull(argv[i], NULL, 10);

        print_one(argv[i + 1], offset);
    }
    return 0;
}

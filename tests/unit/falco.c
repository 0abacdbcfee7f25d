/* Configurations of Falco: plugins, included files, the environment, options, what does not fit. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mews/config.h"

static char dir[64];
static struct session_spec spec;
static struct str_list options;
static struct error err;

static void start(void)
{
    snprintf(dir, sizeof(dir), "/tmp/mews-falco-XXXXXX");
    cr_assert(mkdtemp(dir));
    spec_init(&spec);
}

static void end(void)
{
    char command[128];

    spec_fini(&spec);
    str_list_fini(&options);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

static char *file(const char *name, const char *text)
{
    char *path = path_join(dir, name);
    FILE *f = fopen(path, "w");

    cr_assert(f);
    fputs(text, f);
    fclose(f);
    return path;
}

/* As mews -c does it; the path is freed. */
static enum severity read_config(const char *text)
{
    char *path = file("falco.yaml", text);
    enum severity sev = spec_add_falco(&spec, path, &options, &err);

    free(path);
    return sev;
}

static bool noted(const char *words)
{
    for (size_t i = 0; i < spec.notes.n; i++) {
        if (strstr(spec.notes.v[i], words))
            return true;
    }
    return false;
}

TestSuite(falco, .init = start, .fini = end, .timeout = 20);

Test(falco, plugins_come_with_their_configuration_and_the_first_with_parameters_is_opened)
{
    cr_assert_eq(read_config("plugins:\n"
                             "  - name: one\n"
                             "    library_path: /opt/libone.so\n"
                             "    init_config: '{\"a\": 1}'\n"
                             "  - name: two\n"
                             "    library_path: libtwo.so\n"
                             "    open_params: '  file.json '\n"
                             "rules_files: [a.yaml, b.yaml]\n"
                             "json_output: true\n"),
                 SEV_OK, "%s", err.text);
    cr_assert_eq(spec.plugins.n, 2);
    cr_assert_str_eq(spec.plugins.v[0].library, "/opt/libone.so");
    cr_assert_str_eq(spec.plugins.v[0].config, "{\"a\": 1}");
    cr_assert_str_eq(spec.plugins.v[1].library, "/usr/share/falco/plugins/libtwo.so");
    cr_assert_str_eq(spec.plugins.v[1].config, "");
    cr_assert_str_eq(spec.source, "two");
    cr_assert_str_eq(spec.params, "file.json");
    cr_assert_eq(spec.rules_files.n, 2);
    cr_assert_eq(spec.notes.n, 0);
}

Test(falco, load_plugins_chooses_and_orders)
{
    cr_assert_eq(read_config("plugins:\n"
                             "  - {name: a, library_path: /a.so}\n"
                             "  - {name: b, library_path: /b.so}\n"
                             "  - {name: c, library_path: /c.so}\n"
                             "load_plugins: [c, a]\n"),
                 SEV_OK);
    cr_assert_eq(spec.plugins.n, 2);
    cr_assert_str_eq(spec.plugins.v[0].library, "/c.so");
    cr_assert_str_eq(spec.plugins.v[1].library, "/a.so");
    cr_assert_neq(read_config("plugins: []\nload_plugins: [nobody]\n"), SEV_OK);
    cr_assert(strstr(err.text, "line 2") && strstr(err.text, "“nobody”"));
}

Test(falco, maps_become_json_as_falco_reads_them)
{
    cr_assert_eq(read_config("plugins:\n"
                             "  - name: a\n"
                             "    library_path: /a.so\n"
                             "    init_config:\n"
                             "      quoted: \"123\"\n"
                             "      word: \"yes\"\n"
                             "      hex: 0x10\n"
                             "      wide: 4294967296\n"
                             "      text: a b\n"
                             "      nothing:\n"
                             "      empty: {}\n"
                             "      blank: \"\"\n"
                             "      list: [1, two]\n"),
                 SEV_OK);
    cr_assert_str_eq(spec.plugins.v[0].config,
                     "{\"quoted\":123,\"word\":true,\"hex\":16,\"wide\":4294967296.0,\"text\":\"a "
                     "b\",\"nothing\":null,\"empty\":null,\"blank\":\"\",\"list\":[1,\"two\"]}");
    cr_assert_neq(
        read_config("plugins:\n  - name: a\n    library_path: /a.so\n    init_config: [1]\n"),
        SEV_OK);
    cr_assert(strstr(err.text, "line 4"));
}

Test(falco, the_environment_is_read)
{
    setenv("MEWS_TEST_VALUE", "seven", 1);
    unsetenv("MEWS_TEST_NONE");
    cr_assert_eq(
        read_config("plugins:\n"
                    "  - name: a\n"
                    "    library_path: /a.so\n"
                    "    open_params: x${MEWS_TEST_VALUE}y${MEWS_TEST_NONE}z$${MEWS_TEST_VALUE}\n"
                    "    init_config: {key: \"${MEWS_TEST_NONE}\"}\n"),
        SEV_OK);
    cr_assert_str_eq(spec.params, "xsevenyz${MEWS_TEST_VALUE}");
    cr_assert_str_eq(spec.plugins.v[0].config, "{\"key\":\"\"}");
}

Test(falco, included_files_append_override_or_only_add)
{
    char *a = file("a.yaml", "plugins:\n  - {name: b, library_path: /b.so}\nload_plugins: [b]\n"),
         *b = file("b.yaml", "plugins:\n  - {name: c, library_path: /c.so}\n"),
         *folder = path_join(dir, "d"), text[600];

    cr_assert_eq(mkdir(folder, 0700), 0);
    free(file("d/2.yaml", "plugins:\n  - {name: e, library_path: /e.so}\n"));
    free(file("d/1.yaml", "plugins:\n  - {name: d, library_path: /d.so}\n"));
    free(file("d/notes.txt", "no yaml: ["));
    snprintf(text, sizeof(text),
             "plugins:\n  - {name: a, library_path: /a.so}\nload_plugins: [a, d, e]\n"
             "config_files:\n  - {path: %s, strategy: add-only}\n  - %s\n  - /no/such/place\n",
             a, folder);
    cr_assert_eq(read_config(text), SEV_OK, "%s", err.text);
    cr_assert_eq(spec.plugins.n, 3);
    cr_assert_str_eq(spec.plugins.v[1].library, "/d.so");
    cr_assert_str_eq(spec.plugins.v[2].library, "/e.so");
    cr_assert(noted("a.yaml, line 1: “plugins” is set already"));
    cr_assert(noted("/no/such/place: is not there"));
    spec_fini(&spec);
    spec_init(&spec);
    snprintf(
        text, sizeof(text),
        "plugins:\n  - {name: a, library_path: /a.so}\nconfig_files:\n  - {path: %s, strategy: "
        "override}\n",
        b);
    cr_assert_eq(read_config(text), SEV_OK);
    cr_assert_eq(spec.plugins.n, 1);
    cr_assert_str_eq(spec.plugins.v[0].library, "/c.so");
    snprintf(text, sizeof(text), "config_files:\n  - {path: %s, strategy: replace}\n", b);
    cr_assert_neq(read_config(text), SEV_OK);
    cr_assert(strstr(err.text, "“replace” is none of append, override, add-only"));
    free(a);
    free(b);
    free(folder);
}

Test(falco, options_are_set_last)
{
    str_list_add(&options, "plugins[0].open_params=other");
    str_list_add(&options, "plugins[0].init_config.depth.n=5");
    cr_assert_eq(read_config("plugins:\n  - {name: a, library_path: /a.so, open_params: x}\n"),
                 SEV_OK, "%s", err.text);
    cr_assert_str_eq(spec.params, "other");
    cr_assert_str_eq(spec.plugins.v[0].config, "{\"depth\":{\"n\":5}}");
    str_list_add(&options, "nothing");
    cr_assert_neq(read_config("{}\n"), SEV_OK);
    cr_assert(strstr(err.text, "KEY=VALUE"));
}

Test(falco, what_does_not_fit_is_told_with_its_place)
{
    cr_assert_eq(read_config("plugins:\n  - name: a\n    library_path: /a.so\n    colour: blue\n"),
                 SEV_OK);
    cr_assert(noted("line 4: plugins: “colour” is no key of a plugin"));
    cr_assert_neq(read_config("plugins:\n  - name: a\n    library_path: ../../a.so\n"), SEV_OK);
    cr_assert(strstr(err.text, "line 3") && strstr(err.text, "leads out of the folder"));
    cr_assert_neq(read_config("plugins:\n  - name: a\n"), SEV_OK);
    cr_assert(strstr(err.text, "no library_path"));
    cr_assert_neq(read_config("plugins: text\n"), SEV_OK);
    cr_assert(strstr(err.text, "“plugins” is a list"));
    cr_assert_neq(read_config("- rule: x\n"), SEV_OK);
    cr_assert(strstr(err.text, "map of keys"));
    cr_assert_neq(read_config("plugins: [\n"), SEV_OK);
    cr_assert(strstr(err.text, "line"));
}

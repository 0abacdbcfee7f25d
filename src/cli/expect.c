/* mews rules --expect: events that rules and filters must match, and must not, as a file says; what came of
 * them. The file is a list of {rule: NAME or filter: TEXT, input: FILE, must: [N…], must_not: [N…]}. */
#include <stdlib.h>

#include "internal.h"

#define FILE_MAX_LEN ((size_t)16 << 20)

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_input(const struct options *o, const char *input)
{
    for (size_t i = 0; i < o->inputs.n; i++) {
        if (str_eq(base_name(o->inputs.v[i]), base_name(input)))
            return true;
    }
    return false;
}

static enum severity check_numbers(const json_t *list, size_t at, const char *key,
                                   struct error *err)
{
    const json_t *item;
    uint64_t n;
    size_t i;

    if (list && !json_is_array(list))
        return error_set(err, ERR_FORMAT, "entry %zu: %s is a list of events' numbers", at, key);
    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);

        if (!text || !parse_u64(span_of(text), &n) || n == 0)
            return error_set(err, ERR_FORMAT, "entry %zu: %s: “%s” is no number of an event", at,
                             key, text ? text : "");
    }
    return SEV_OK;
}

static enum severity check_entry(const json_t *entry, size_t at, struct error *err)
{
    static const char *const known[] = {"rule", "filter", "input", "must", "must_not"};
    const char *key;
    json_t *value;

    if (!json_is_object(entry))
        return error_set(err, ERR_FORMAT, "entry %zu is no map of rule, must and must_not", at);
    json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
        bool ok = false;

        for (size_t i = 0; i < COUNT_OF(known); i++)
            ok |= str_eq(key, known[i]);
        if (!ok)
            return error_set(err, ERR_FORMAT, "entry %zu: there is no key %s", at, key);
    }
    if (!rpc_get_str(entry, "rule") == !rpc_get_str(entry, "filter"))
        return error_set(err, ERR_FORMAT, "entry %zu needs either a rule's name or a filter", at);
    if (check_numbers(json_object_get(entry, "must"), at, "must", err) != SEV_OK)
        return SEV_FAILED;
    return check_numbers(json_object_get(entry, "must_not"), at, "must_not", err);
}

json_t *expect_read(const struct options *o, struct error *err)
{
    json_t *root = NULL, *mine = json_array(), *entry;
    size_t i, others = 0;
    struct buf text;
    bool ok;

    buf_init(&text, FILE_MAX_LEN);
    ok = file_read(o->expect, FILE_MAX_LEN, &text, err) == SEV_OK &&
         (root = yaml_read(buf_str(&text), text.len, err)) != NULL;
    if (ok && !json_is_array(root)) {
        error_set(err, ERR_FORMAT, "it is no list of entries");
        ok = false;
    }
    json_array_foreach(root, i, entry) {
        const char *input = rpc_get_str(entry, "input");

        ok = ok && check_entry(entry, i + 1, err) == SEV_OK;
        if (!ok)
            break;
        if (input && !is_input(o, input))
            others++;
        else
            json_array_append(mine, entry);
    }
    if (ok && json_array_size(mine) == 0) {
        error_set(err, ERR_FORMAT,
                  others ? "none of its %zu entries is about this input" : "it has no entries",
                  others);
        ok = false;
    }
    if (ok && others)
        complain("%zu entries are about other inputs", others);
    buf_fini(&text);
    json_decref(root);
    if (ok)
        return mine;
    json_decref(mine);
    return NULL;
}

/* ---- what came of it ------------------------------------------------------------------------------ */

static void print_numbers(const json_t *o, const char *key, const char *words)
{
    const json_t *list = json_object_get(o, key), *item;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    printf("    %s:", words);
    json_array_foreach(list, i, item)
        printf(" %s", json_string_value(item));
    putchar('\n');
}

static size_t size_of(const json_t *o, const char *key)
{
    return json_array_size(json_object_get(o, key));
}

bool expect_print(const struct options *o, const json_t *expected)
{
    const json_t *x;
    bool good = true;
    size_t i;

    json_array_foreach(expected, i, x) {
        const char *rule = rpc_get_str(x, "rule"), *error = rpc_get_str(x, "error");
        bool ok = !error && !size_of(x, "missed") && !size_of(x, "false") && !size_of(x, "absent");

        good &= ok;
        if (o->json) {
            put_json(x, JSON_COMPACT);
            continue;
        }
        printf("%s  %s: %zu caught, %zu missed, %zu false\n", ok ? "ok  " : "FAIL",
               rule ? rule : rpc_get_str(x, "filter"), size_of(x, "caught"), size_of(x, "missed"),
               size_of(x, "false"));
        if (error)
            printf("    %s\n", error);
        print_numbers(x, "missed", "must match");
        print_numbers(x, "false", "must not match");
        print_numbers(x, "absent", "there is no event");
    }
    fflush(stdout);
    return good;
}

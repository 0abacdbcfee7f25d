/* Versions of three numbers (§3.1). */
#include "internal.h"

bool plugin_version_parse(const char *text, unsigned out[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t v = 0;
        size_t digits = strspn(text, "0123456789");

        if (digits == 0 || digits > 9 || (i < 2 && text[digits] != '.'))
            return false;
        for (size_t k = 0; k < digits; k++)
            v = v * 10 + (unsigned)(text[k] - '0');
        out[i] = (unsigned)v;
        text += digits + (i < 2 ? 1 : 0);
    }
    return true;
}

enum severity plugin_version_check(const char *required, struct error *err)
{
    static const char *const part[] = {"major", "minor", "patch"};
    static const unsigned host[3] = {PLUGIN_API_VERSION_MAJOR, PLUGIN_API_VERSION_MINOR,
                                     PLUGIN_API_VERSION_PATCH};
    unsigned v[3];
    int wrong = -1;

    if (!plugin_version_parse(required, v))
        return error_set(err, ERR_PLUGIN,
                         "“%.60s” is no API version: three numbers are needed, as in 3.12.0",
                         required);
    if (v[0] != host[0])
        wrong = 0;
    else if (v[1] > host[1])
        wrong = 1;
    else if (v[1] == host[1] && v[2] > host[2])
        wrong = 2;
    if (wrong < 0)
        return SEV_OK;
    return error_set(err, ERR_PLUGIN,
                     "requires plugin API %u.%u.%u, mews has %s: the %s versions disagree", v[0],
                     v[1], v[2], PLUGIN_API_VERSION_STR, part[wrong]);
}

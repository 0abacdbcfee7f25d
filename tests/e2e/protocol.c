/* A stranger drives `mews engine`: knows share/doc/protocol.md and nothing else of mews. */
#include "peer.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* ---- what is documented ---------------------------------------------------------------------- */

static void test_frames(void)
{
    struct engine e;
    json_t *m;
    const char *odd = "X-Other: 1\r\ncontent-length: 58\r\n\r\n"
                      "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"initialize\",\"params\":{}}";

    engine_start(&e);
    for (size_t i = 0; i < strlen(odd); i++)
        send_bytes(&e, odd + i, 1);
    m = answer_to(&e, 7);
    expect(json_object_get(m, "result") != NULL, "a header in another form, byte by byte");
    json_decref(m);

    send_body(&e, "{\"jsonrpc\":");
    while ((m = receive(&e)) && json_object_get(m, "method"))
        json_decref(m);
    expect(json_integer_value(json_object_get(json_object_get(m, "error"), "code")) == -32700,
           "a body that is no JSON gets -32700");
    json_decref(m);
    expect(strcmp(text_of(ask(&e, "initialize", NULL), "name"), "mews") == 0, "it goes on behind");
    expect(engine_end(&e) == 0, "the end of input is a shutdown");

    engine_start(&e);
    send_bytes(&e, "Content-Length: much\r\n\r\n", 24);
    while ((m = receive(&e)))
        json_decref(m);
    expect(engine_end(&e) == 1, "a header that can't be read ends the conversation");
}

static void test_order(void)
{
    struct engine e;

    engine_start(&e);
    expect(refused(&e, "rows", NULL) == -32600, "rows before session/start");
    expect(refused(&e, "initialize", json_pack("{si}", "protocol", 99)) == -32602,
           "another version of the protocol");
    expect(refused(&e, "session/start", json_pack("{si}", "session", 3)) == -32000,
           "a session is an object");
    ask(&e, "session/start", json_pack("{s{}}", "session"));
    expect(refused(&e, "session/start", json_pack("{s{}}", "session")) == -32600, "it starts once");
    expect(refused(&e, "no/such", NULL) == -32601, "no such method");
    expect(refused(&e, "keeper/nonsense", NULL) == -32601, "no such method of the keeper");
    ask(&e, "shutdown", NULL);
    expect(engine_end(&e) == 0, "shutdown ends it well");
}

/* Every method that the document names is there. */
static void test_methods(void)
{
    char path[PATH_MAX], line[500];
    struct engine e;
    FILE *f;
    int n = 0;

    snprintf(path, sizeof(path), "%s/share/doc/protocol.md", env("MEWS_SRCDIR"));
    f = fopen(path, "r");
    if (!f)
        exit(99);
    engine_start(&e);
    ask(&e, "session/start", json_pack("{s{}}", "session"));
    while (fgets(line, sizeof(line), f)) {
        char name[100];

        if (sscanf(line, "### `%99[^`]`", name) != 1 || strcmp(name, "shutdown") == 0 ||
            strcmp(name, "keeper/quit") == 0 || strcmp(name, "keeper/start") == 0 ||
            strcmp(name, "keeper/end") == 0 || strcmp(name, "keeper/suspend") == 0)
            continue;
        n++;
        expect(refused(&e, name, NULL) != -32601, "%s is documented", name);
    }
    fclose(f);
    expect(n >= 30, "the document names the methods");
    engine_end(&e);
}

static void test_events(struct engine *e)
{
    const json_t *r, *row;
    json_t *n;

    r = ask(e, "stream", NULL);
    expect(strcmp(text_of(r, "end"), "1000") == 0, "64-bit numbers are decimal strings");
    r = ask(e, "select", json_pack("{ss}", "filter", "stunt.n in (3, 500)"));
    expect(strcmp(text_of(r, "filter"), "stunt.n in (3, 500)") == 0, "a selection says its filter");
    do {
        n = note(e, "selection");
        if (!n || strcmp(text_of(n, "scanned"), "1000") == 0)
            break;
        json_decref(n);
    } while (true);
    expect(strcmp(text_of(n, "matches"), "2") == 0, "a selection counts its matches");
    r = ask(e, "rows",
            json_pack("{sO s{ss} si s[sss] si}", "selection", json_object_get(n, "selection"),
                      "anchor", "number", "3", "after", 5, "columns", "stunt.n", "stunt.list",
                      "stunt.none", "wait_ms", 5000));
    row = json_array_get(json_object_get(r, "rows"), 1);
    expect(strcmp(text_of(row, "number"), "500") == 0, "a row has its number");
    row = json_object_get(row, "cells");
    expect(strcmp(json_string_value(json_array_get(row, 0)), "500") == 0, "a number is a text");
    expect(json_array_size(json_object_get(json_array_get(row, 1), "list")) == 3, "a list");
    expect(json_is_null(json_array_get(row, 2)), "no value is null");
    r = ask(e, "event/field", json_pack("{ss ss}", "number", "3", "field", "stunt.refused"));
    expect(*text_of(json_object_get(r, "value"), "error") != '\0', "a failure has its words");
    r = ask(e, "event/clause",
            json_pack("{ss ss ss ss}", "number", "3", "field", "stunt.text", "filter",
                      "stunt.even = true", "join", "or"));
    expect(strcmp(text_of(r, "filter"), "stunt.even = true or stunt.text = \"number 3\"") == 0,
           "a clause in its filter: %s", text_of(r, "filter"));
    r = ask(e, "filter/check", json_pack("{ss}", "filter", "stunt.n contains 3"));
    expect(json_integer_value(json_object_get(json_object_get(r, "error"), "index")) == 8,
           "an error has its place");
    r = json_object_get(
        ask(e, "filter/check",
            json_pack("{ss}", "filter", "stunt.n = 3 and syslog.severity < 3 and proc.name = a")),
        "not_offered");
    expect(json_array_size(r) == 2 && strstr(json_string_value(json_array_get(r, 0)), "syslog") &&
               strcmp(json_string_value(json_array_get(r, 1)), "proc.name") == 0,
           "what Falco has not for this source is named");
    json_decref(n);
}

static void test_death(struct engine *e)
{
    json_t *died;
    const json_t *r;

    expect(refused(e, "event/field", json_pack("{ss ss}", "number", "7", "field", "stunt.crash")) ==
               -32001,
           "a request that the engine did not survive");
    died = note(e, "keeper/died");
    expect(strcmp(text_of(died, "signal_name"), "SIGSEGV") == 0, "the report has the signal");
    expect(strcmp(text_of(died, "plugin"), "stunt") == 0, "the report has the plugin");
    expect(strcmp(text_of(died, "function"), "plugin_extract_fields") == 0, "and the function");
    expect(strcmp(text_of(died, "field"), "stunt.crash") == 0, "and the field");
    expect(strcmp(text_of(died, "event"), "7") == 0, "and the event");
    json_decref(died);
    expect(refused(e, "stream", NULL) == -32001, "no engine, no stream");
    ask(e, "keeper/start", NULL);
    json_decref(note(e, "session/ready"));
    r = ask(e, "stream", NULL);
    expect(strcmp(text_of(r, "end"), "1000") == 0, "what was read is kept");
    expect(strcmp(text_of(r, "state"), "closed") == 0, "the source stays closed");
    r = ask(e, "event/field", json_pack("{ss ss}", "number", "7", "field", "stunt.crash"));
    expect(strstr(text_of(json_object_get(r, "value"), "error"), "SIGSEGV") != NULL,
           "the call that killed is not made again");
}

static void test_session(void)
{
    struct engine e;
    json_t *ready;

    engine_start(&e);
    ask(&e, "initialize", json_pack("{si}", "protocol", 1));
    ask(&e, "session/start", stunt_session("count=1000"));
    ready = note(&e, "session/ready");
    expect(json_array_size(json_object_get(ready, "failures")) == 0, "the plugin is loaded");
    json_decref(ready);
    wait_for_end(&e);
    test_events(&e);
    test_death(&e);
    expect(engine_end(&e) == 0, "it ends well");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setenv("XDG_CACHE_HOME", "/nonexistent", 1);
    test_frames();
    test_order();
    test_methods();
    test_session();
    if (!failures)
        printf("all as it should be\n");
    return failures ? 1 : 0;
}

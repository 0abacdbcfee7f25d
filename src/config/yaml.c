/* YAML as JSON values: types are for the reader to decide, so scalars stay text. */
#include "mews/config.h"

#include <yaml.h>

#define DEPTH_MAX 64
#define NODES_MAX 1000000 /* with those that aliases stand for */

struct yaml_reader {
    yaml_parser_t parser;
    struct error *err;
    unsigned depth;
    json_int_t nodes;
    bool marked;
    json_t *anchors, *sizes; /* of the document: {name: value}, {name: nodes} */
};

static json_t *wrong(struct yaml_reader *r, const yaml_mark_t *at, const char *what)
{
    error_set(r->err, ERR_FORMAT, "line %zu, column %zu: %s", at->line + 1, at->column + 1, what);
    if (r->err) {
        r->err->line = (uint32_t)at->line + 1;
        r->err->column = (uint32_t)at->column + 1;
    }
    return NULL;
}

static bool next_event(struct yaml_reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e))
        return true;
    wrong(r, &r->parser.problem_mark, r->parser.problem ? r->parser.problem : "no YAML");
    return false;
}

static json_t *read_value(struct yaml_reader *r, yaml_event_t *e);

static json_t *read_scalar(struct yaml_reader *r, yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length;
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (!utf8_valid(text, n) || memchr(text, '\0', n))
        return wrong(r, &e->start_mark, "a text that is not UTF-8");
    if (plain && (n == 0 || str_eq(text, "~") || str_eq(text, "null")))
        return json_null();
    return json_stringn(text, n);
}

static json_t *read_sequence(struct yaml_reader *r)
{
    json_t *list = json_array(), *item;
    yaml_event_t e;

    while (next_event(r, &e)) {
        bool end = e.type == YAML_SEQUENCE_END_EVENT;

        item = end ? NULL : read_value(r, &e);
        yaml_event_delete(&e);
        if (end)
            return list;
        if (!item)
            break;
        json_array_append_new(list, item);
    }
    json_decref(list);
    return NULL;
}

static json_t *read_mapping(struct yaml_reader *r)
{
    json_t *map = json_object(), *lines = r->marked ? json_object() : NULL;
    yaml_event_t key, value;

    while (next_event(r, &key)) {
        json_t *member = NULL;
        bool end = key.type == YAML_MAPPING_END_EVENT;

        if (!end && key.type != YAML_SCALAR_EVENT)
            wrong(r, &key.start_mark, "a key must be a text");
        else if (!end && next_event(r, &value)) {
            member = read_value(r, &value);
            yaml_event_delete(&value);
            if (member &&
                json_object_set_new(map, (const char *)key.data.scalar.value, member) != 0) {
                wrong(r, &key.start_mark, "a key that is not UTF-8");
                member = NULL;
            } else if (member && lines) {
                json_object_set_new(lines, (const char *)key.data.scalar.value,
                                    json_integer((json_int_t)key.start_mark.line + 1));
            }
        }
        yaml_event_delete(&key);
        if (end) {
            if (lines)
                json_object_set_new(map, YAML_LINES, lines);
            return map;
        }
        if (!member)
            break;
    }
    json_decref(lines);
    json_decref(map);
    return NULL;
}

static const char *anchor_of(const yaml_event_t *e)
{
    return (const char *)(e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
                          : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
                          : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
                                                                 : NULL);
}

static json_t *read_value(struct yaml_reader *r, yaml_event_t *e)
{
    const char *anchor = anchor_of(e);
    json_int_t before = r->nodes;
    json_t *v;

    if (++r->depth > DEPTH_MAX)
        return wrong(r, &e->start_mark, "nested more than 64 deep");
    if (++r->nodes > NODES_MAX)
        return wrong(r, &e->start_mark, "more than a million values, with those of aliases");
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        v = read_scalar(r, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        v = read_sequence(r);
        break;
    case YAML_MAPPING_START_EVENT:
        v = read_mapping(r);
        break;
    case YAML_ALIAS_EVENT:
        v = json_incref(json_object_get(r->anchors, (const char *)e->data.alias.anchor));
        r->nodes +=
            json_integer_value(json_object_get(r->sizes, (const char *)e->data.alias.anchor));
        if (!v)
            wrong(r, &e->start_mark, "there is no anchor (&name) of this name before it");
        break;
    default:
        v = wrong(r, &e->start_mark, "a value is needed here");
    }
    r->depth--;
    if (v && anchor) {
        json_object_set(r->anchors, anchor, v);
        json_object_set_new(r->sizes, anchor, json_integer(r->nodes - before));
    }
    return v;
}

/* Past the events that open a stream and a document, to the first of its value. */
static json_t *read_document(struct yaml_reader *r)
{
    yaml_event_t e;

    while (next_event(r, &e)) {
        yaml_event_type_t type = e.type;
        json_t *v;

        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT) {
            yaml_event_delete(&e);
            continue;
        }
        v = type == YAML_STREAM_END_EVENT ? json_null() : read_value(r, &e);
        yaml_event_delete(&e);
        return v;
    }
    return NULL;
}

/* All documents as an array. */
static json_t *read_documents(struct yaml_reader *r)
{
    json_t *all = json_array();
    yaml_event_t e;

    while (next_event(r, &e)) {
        bool end = e.type == YAML_STREAM_END_EVENT,
             value = !end && e.type != YAML_STREAM_START_EVENT &&
                     e.type != YAML_DOCUMENT_START_EVENT && e.type != YAML_DOCUMENT_END_EVENT;
        json_t *v = value ? read_value(r, &e) : NULL;

        if (e.type == YAML_DOCUMENT_END_EVENT)
            json_object_clear(r->anchors);
        yaml_event_delete(&e);
        if (end)
            return all;
        if (value && !v)
            break;
        if (v)
            json_array_append_new(all, v);
    }
    json_decref(all);
    return NULL;
}

static json_t *read_text(const char *text, size_t n, bool marked, struct error *err,
                         json_t *(*read)(struct yaml_reader *r))
{
    struct yaml_reader r = {
        .err = err, .marked = marked, .anchors = json_object(), .sizes = json_object()};
    json_t *v = NULL;

    if (yaml_parser_initialize(&r.parser)) {
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
        v = read(&r);
        yaml_parser_delete(&r.parser);
    }
    json_decref(r.anchors);
    json_decref(r.sizes);
    return v;
}

json_t *yaml_read(const char *text, size_t n, struct error *err)
{
    return read_text(text, n, false, err, read_document);
}

json_t *yaml_read_marked(const char *text, size_t n, struct error *err)
{
    return read_text(text, n, true, err, read_document);
}

json_t *yaml_read_all_marked(const char *text, size_t n, struct error *err)
{
    return read_text(text, n, true, err, read_documents);
}

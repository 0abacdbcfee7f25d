/*
 * The ABI of Falco plugins, API version 3.12.0, as a plugin includes it.
 *
 * Self-contained: needs a C11 or C++11 compiler and nothing else. A plugin is a shared library that
 * exports some of the `plugin_*` functions declared at the end; mews, Falco and every other host of
 * the same API look them up by name. All layouts are those of 64-bit little-endian Linux.
 *
 * Who owns what: a pointer that the plugin returns stays the plugin's and must hold until the next
 * call of the same function; a pointer that the host passes holds during the call only, unless said
 * otherwise.
 */
#ifndef MEWS_PLUGIN_API_H
#define MEWS_PLUGIN_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLUGIN_API_VERSION_MAJOR 3
#define PLUGIN_API_VERSION_MINOR 12
#define PLUGIN_API_VERSION_PATCH 0
#define PLUGIN_API_VERSION_STR   "3.12.0"

/* Room that the host is given for the text of an error. */
#define PLUGIN_MAX_ERRLEN 1024

/* Where the payload of a plugin event starts, from the event's first byte. */
#define PLUGIN_EVENT_PAYLOAD_OFFSET 38

/* Codes of the two events that plugins make. */
#define PLUGIN_EVENT_CODE 322
#define ASYNC_EVENT_CODE  402

/* Any value but 0 is true. */
typedef uint32_t ss_plugin_bool;

typedef enum ss_plugin_rc {
    SS_PLUGIN_TIMEOUT = -1, /* next_batch: nothing to give now, ask again */
    SS_PLUGIN_SUCCESS = 0,
    SS_PLUGIN_FAILURE = 1, /* plugin_get_last_error says why */
    SS_PLUGIN_EOF = 2,     /* next_batch: the stream is over */
    SS_PLUGIN_NOT_SUPPORTED = 3,
} ss_plugin_rc;

typedef enum ss_plugin_schema_type {
    SS_PLUGIN_SCHEMA_NONE = 0,
    SS_PLUGIN_SCHEMA_JSON = 1, /* a JSON Schema */
} ss_plugin_schema_type;

/* Types of fields that plugins extract. */
typedef enum ss_plugin_field_type {
    FTYPE_UINT64 = 8,
    FTYPE_STRING = 9,
    FTYPE_RELTIME = 20, /* a duration in nanoseconds */
    FTYPE_ABSTIME = 21, /* nanoseconds since the epoch */
    FTYPE_BOOL = 25,
    FTYPE_IPADDR = 40, /* 4 or 16 bytes, network order */
    FTYPE_IPNET = 41,
} ss_plugin_field_type;

/* Types of keys and fields of state tables. */
typedef enum ss_plugin_state_type {
    SS_PLUGIN_ST_INT8 = 1,
    SS_PLUGIN_ST_INT16 = 2,
    SS_PLUGIN_ST_INT32 = 3,
    SS_PLUGIN_ST_INT64 = 4,
    SS_PLUGIN_ST_UINT8 = 5,
    SS_PLUGIN_ST_UINT16 = 6,
    SS_PLUGIN_ST_UINT32 = 7,
    SS_PLUGIN_ST_UINT64 = 8,
    SS_PLUGIN_ST_STRING = 9,
    SS_PLUGIN_ST_TABLE = 10,
    SS_PLUGIN_ST_BOOL = 25,
} ss_plugin_state_type;

typedef enum ss_plugin_log_severity {
    SS_PLUGIN_LOG_SEV_FATAL = 1,
    SS_PLUGIN_LOG_SEV_CRITICAL = 2,
    SS_PLUGIN_LOG_SEV_ERROR = 3,
    SS_PLUGIN_LOG_SEV_WARNING = 4,
    SS_PLUGIN_LOG_SEV_NOTICE = 5,
    SS_PLUGIN_LOG_SEV_INFO = 6,
    SS_PLUGIN_LOG_SEV_DEBUG = 7,
    SS_PLUGIN_LOG_SEV_TRACE = 8,
} ss_plugin_log_severity;

typedef enum ss_plugin_metric_type {
    SS_PLUGIN_METRIC_TYPE_MONOTONIC = 0,
    SS_PLUGIN_METRIC_TYPE_NON_MONOTONIC = 1,
} ss_plugin_metric_type;

typedef enum ss_plugin_metric_value_type {
    SS_PLUGIN_METRIC_VALUE_TYPE_U32 = 0,
    SS_PLUGIN_METRIC_VALUE_TYPE_S32 = 1,
    SS_PLUGIN_METRIC_VALUE_TYPE_U64 = 2,
    SS_PLUGIN_METRIC_VALUE_TYPE_S64 = 3,
    SS_PLUGIN_METRIC_VALUE_TYPE_D = 4,
    SS_PLUGIN_METRIC_VALUE_TYPE_F = 5,
    SS_PLUGIN_METRIC_VALUE_TYPE_I = 6,
} ss_plugin_metric_value_type;

/* Opaque: the plugin's state, an open stream, the host. A plugin may use any value but NULL. */
typedef void ss_plugin_t;
typedef void ss_instance_t;
typedef void ss_plugin_owner_t;
typedef void ss_plugin_table_t;
typedef void ss_plugin_table_entry_t;
typedef void ss_plugin_table_field_t;
typedef void ss_plugin_table_iterator_state_t;
typedef void ss_plugin_routine_t;
typedef void ss_plugin_routine_state_t;

/*
 * An event: this header, `nparams` lengths, then the parameters, without padding, little endian.
 * Lengths have 2 bytes, but 4 in plugin and async events. `len` counts everything, the header too.
 *
 * Plugin event (322): plugin ID (u32, 0 lets the host write it), payload.
 * Async event (402): plugin ID (u32, the host writes it), name with its NUL, data.
 */
#pragma pack(push, 1)
typedef struct ss_plugin_event {
    uint64_t ts;  /* nanoseconds since the epoch; all ones: the host fills it in */
    uint64_t tid; /* thread; all ones: none */
    uint32_t len;
    uint16_t type;
    uint32_t nparams;
} ss_plugin_event;
#pragma pack(pop)

typedef struct ss_plugin_event_input {
    const ss_plugin_event *evt;
    uint64_t evtnum; /* unique for each event, never 0 */
    const char *evtsrc;
} ss_plugin_event_input;

typedef struct ss_plugin_byte_buffer {
    uint32_t len;
    const void *ptr;
} ss_plugin_byte_buffer;

/* Where in the event the value of a field stands; both 0: it was computed. */
typedef struct ss_plugin_extract_value_offsets {
    uint32_t *start;
    uint32_t *length;
} ss_plugin_extract_value_offsets;

typedef struct ss_plugin_extract_field {
    /* Out: an array of res_len values that the plugin owns. */
    union {
        const char **str;
        uint64_t *u64;
        uint32_t *u32;
        ss_plugin_bool *boolean;
        ss_plugin_byte_buffer *buf;
    } res;
    uint64_t res_len; /* out: 0 means no value */
    /* In: place in the array of plugin_get_fields, its name, the argument. */
    uint32_t field_id;
    const char *field;
    const char *arg_key;
    uint64_t arg_index;
    ss_plugin_bool arg_present;
    uint32_t ftype;
    ss_plugin_bool flist;
} ss_plugin_extract_field;

typedef struct ss_plugin_set_config_input {
    const char *config;
} ss_plugin_set_config_input;

typedef union ss_plugin_state_data {
    int8_t s8;
    int16_t s16;
    int32_t s32;
    int64_t s64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    const char *str;
    ss_plugin_bool b;
    ss_plugin_table_t *table;
} ss_plugin_state_data;

typedef struct ss_plugin_table_info {
    const char *name;
    ss_plugin_state_type key_type;
} ss_plugin_table_info;

typedef struct ss_plugin_table_fieldinfo {
    const char *name;
    ss_plugin_state_type field_type;
    ss_plugin_bool read_only;
} ss_plugin_table_fieldinfo;

typedef union ss_plugin_metric_value {
    uint32_t u32;
    int32_t s32;
    uint64_t u64;
    int64_t s64;
    double d;
    float f;
    int i;
} ss_plugin_metric_value;

typedef struct ss_plugin_metric {
    const char *name;
    ss_plugin_metric_type type;
    ss_plugin_metric_value value;
    ss_plugin_metric_value_type value_type;
} ss_plugin_metric;

/* ---- state tables ------------------------------------------------------------------------------
 */

/* Returns 0 to stop. */
typedef ss_plugin_bool (*ss_plugin_table_iterator_func_t)(ss_plugin_table_iterator_state_t *s,
                                                          ss_plugin_table_entry_t *e);

typedef struct ss_plugin_table_fields_vtable {
    const ss_plugin_table_fieldinfo *(*list_table_fields)(ss_plugin_table_t *t, uint32_t *nfields);
    ss_plugin_table_field_t *(*get_table_field)(ss_plugin_table_t *t, const char *name,
                                                ss_plugin_state_type type);
    ss_plugin_table_field_t *(*add_table_field)(ss_plugin_table_t *t, const char *name,
                                                ss_plugin_state_type type);
} ss_plugin_table_fields_vtable;

typedef struct ss_plugin_table_fields_vtable_ext {
    const ss_plugin_table_fieldinfo *(*list_table_fields)(ss_plugin_table_t *t, uint32_t *nfields);
    ss_plugin_table_field_t *(*get_table_field)(ss_plugin_table_t *t, const char *name,
                                                ss_plugin_state_type type);
    ss_plugin_table_field_t *(*add_table_field)(ss_plugin_table_t *t, const char *name,
                                                ss_plugin_state_type type);
} ss_plugin_table_fields_vtable_ext;

typedef struct ss_plugin_table_reader_vtable {
    const char *(*get_table_name)(ss_plugin_table_t *t);
    uint64_t (*get_table_size)(ss_plugin_table_t *t);
    ss_plugin_table_entry_t *(*get_table_entry)(ss_plugin_table_t *t,
                                                const ss_plugin_state_data *key);
    ss_plugin_rc (*read_entry_field)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                                     const ss_plugin_table_field_t *f, ss_plugin_state_data *out);
} ss_plugin_table_reader_vtable;

typedef struct ss_plugin_table_reader_vtable_ext {
    const char *(*get_table_name)(ss_plugin_table_t *t);
    uint64_t (*get_table_size)(ss_plugin_table_t *t);
    ss_plugin_table_entry_t *(*get_table_entry)(ss_plugin_table_t *t,
                                                const ss_plugin_state_data *key);
    ss_plugin_rc (*read_entry_field)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                                     const ss_plugin_table_field_t *f, ss_plugin_state_data *out);
    void (*release_table_entry)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e);
    ss_plugin_bool (*iterate_entries)(ss_plugin_table_t *t, ss_plugin_table_iterator_func_t it,
                                      ss_plugin_table_iterator_state_t *s);
} ss_plugin_table_reader_vtable_ext;

typedef struct ss_plugin_table_writer_vtable {
    ss_plugin_rc (*clear_table)(ss_plugin_table_t *t);
    ss_plugin_rc (*erase_table_entry)(ss_plugin_table_t *t, const ss_plugin_state_data *key);
    ss_plugin_table_entry_t *(*create_table_entry)(ss_plugin_table_t *t);
    void (*destroy_table_entry)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e);
    ss_plugin_table_entry_t *(*add_table_entry)(ss_plugin_table_t *t,
                                                const ss_plugin_state_data *key,
                                                ss_plugin_table_entry_t *entry);
    ss_plugin_rc (*write_entry_field)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                                      const ss_plugin_table_field_t *f,
                                      const ss_plugin_state_data *in);
} ss_plugin_table_writer_vtable;

typedef struct ss_plugin_table_writer_vtable_ext {
    ss_plugin_rc (*clear_table)(ss_plugin_table_t *t);
    ss_plugin_rc (*erase_table_entry)(ss_plugin_table_t *t, const ss_plugin_state_data *key);
    ss_plugin_table_entry_t *(*create_table_entry)(ss_plugin_table_t *t);
    void (*destroy_table_entry)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e);
    ss_plugin_table_entry_t *(*add_table_entry)(ss_plugin_table_t *t,
                                                const ss_plugin_state_data *key,
                                                ss_plugin_table_entry_t *entry);
    ss_plugin_rc (*write_entry_field)(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                                      const ss_plugin_table_field_t *f,
                                      const ss_plugin_state_data *in);
} ss_plugin_table_writer_vtable_ext;

/* A table that a plugin registers. The embedded tables of functions are those of API 3.0. */
typedef struct ss_plugin_table_input {
    const char *name;
    ss_plugin_state_type key_type;
    ss_plugin_table_t *table;
    ss_plugin_table_reader_vtable reader;
    ss_plugin_table_writer_vtable writer;
    ss_plugin_table_fields_vtable fields;
    ss_plugin_table_reader_vtable_ext *reader_ext; /* since 3.1 */
    ss_plugin_table_writer_vtable_ext *writer_ext; /* since 3.1 */
    ss_plugin_table_fields_vtable_ext *fields_ext; /* since 3.1 */
} ss_plugin_table_input;

typedef struct ss_plugin_init_tables_input {
    ss_plugin_table_info *(*list_tables)(ss_plugin_owner_t *o, uint32_t *ntables);
    ss_plugin_table_t *(*get_table)(ss_plugin_owner_t *o, const char *name,
                                    ss_plugin_state_type key_type);
    ss_plugin_rc (*add_table)(ss_plugin_owner_t *o, const ss_plugin_table_input *in);
    ss_plugin_table_fields_vtable fields;
    ss_plugin_table_fields_vtable_ext *fields_ext; /* since 3.1 */
    ss_plugin_table_reader_vtable_ext *reader_ext; /* since 3.5 */
    ss_plugin_table_writer_vtable_ext *writer_ext; /* since 3.5 */
} ss_plugin_init_tables_input;

/* ---- inputs ------------------------------------------------------------------------------------
 */

typedef const char *(*ss_plugin_get_owner_last_error_fn)(ss_plugin_owner_t *o);
typedef void (*ss_plugin_log_fn)(ss_plugin_owner_t *o, const char *component, const char *msg,
                                 ss_plugin_log_severity sev);

typedef struct ss_plugin_init_input {
    const char *config;
    ss_plugin_owner_t *owner; /* the same as long as the plugin lives */
    const char *(*get_owner_last_error)(ss_plugin_owner_t *o);
    const ss_plugin_init_tables_input *tables; /* NULL without extraction and parsing */
    void (*log_fn)(ss_plugin_owner_t *o, const char *component, const char *msg,
                   ss_plugin_log_severity sev); /* since 3.3, from any thread */
} ss_plugin_init_input;

typedef struct ss_plugin_field_extract_input {
    ss_plugin_owner_t *owner;
    const char *(*get_owner_last_error)(ss_plugin_owner_t *o);
    uint32_t num_fields;
    ss_plugin_extract_field *fields;
    ss_plugin_table_reader_vtable table_reader;
    ss_plugin_table_reader_vtable_ext *table_reader_ext; /* since 3.1 */
    ss_plugin_extract_value_offsets *value_offsets;      /* since 3.11; NULL: not wanted */
} ss_plugin_field_extract_input;

typedef struct ss_plugin_event_parse_input {
    ss_plugin_owner_t *owner;
    const char *(*get_owner_last_error)(ss_plugin_owner_t *o);
    ss_plugin_table_reader_vtable table_reader;
    ss_plugin_table_writer_vtable table_writer;
    ss_plugin_table_reader_vtable_ext *table_reader_ext; /* since 3.1 */
    ss_plugin_table_writer_vtable_ext *table_writer_ext; /* since 3.1 */
} ss_plugin_event_parse_input;

/* Returns 0 to be called no more. */
typedef ss_plugin_bool (*ss_plugin_routine_fn_t)(ss_plugin_t *s, ss_plugin_routine_state_t *i);

typedef struct ss_plugin_routine_vtable {
    ss_plugin_routine_t *(*subscribe)(ss_plugin_owner_t *o, ss_plugin_routine_fn_t f,
                                      ss_plugin_routine_state_t *i);
    ss_plugin_rc (*unsubscribe)(ss_plugin_owner_t *o, ss_plugin_routine_t *r);
} ss_plugin_routine_vtable;

typedef struct ss_plugin_capture_listen_input {
    ss_plugin_owner_t *owner;
    ss_plugin_routine_vtable *routine;
    ss_plugin_table_reader_vtable_ext *table_reader_ext;
    ss_plugin_table_writer_vtable_ext *table_writer_ext;
    const char *(*get_owner_last_error)(ss_plugin_owner_t *o); /* since 3.9 */
} ss_plugin_capture_listen_input;

/* Takes a copy of the event. err, when not NULL, has room for PLUGIN_MAX_ERRLEN bytes. */
typedef ss_plugin_rc (*ss_plugin_async_event_handler_t)(ss_plugin_owner_t *o,
                                                        const ss_plugin_event *evt, char *err);

/* ---- a plugin as a table of functions (for plugins that are linked in) ----------------------- */

typedef struct plugin_api {
    const char *(*get_required_api_version)(void);
    const char *(*get_init_schema)(ss_plugin_schema_type *schema_type);
    ss_plugin_t *(*init)(const ss_plugin_init_input *in, ss_plugin_rc *rc);
    void (*destroy)(ss_plugin_t *s);
    const char *(*get_last_error)(ss_plugin_t *s);
    const char *(*get_name)(void);
    const char *(*get_description)(void);
    const char *(*get_contact)(void);
    const char *(*get_version)(void);
    struct {
        uint32_t (*get_id)(void);
        const char *(*get_event_source)(void);
        ss_instance_t *(*open)(ss_plugin_t *s, const char *params, ss_plugin_rc *rc);
        void (*close)(ss_plugin_t *s, ss_instance_t *h);
        const char *(*list_open_params)(ss_plugin_t *s, ss_plugin_rc *rc);
        const char *(*get_progress)(ss_plugin_t *s, ss_instance_t *h, uint32_t *progress_pct);
        const char *(*event_to_string)(ss_plugin_t *s, const ss_plugin_event_input *evt);
        ss_plugin_rc (*next_batch)(ss_plugin_t *s, ss_instance_t *h, uint32_t *nevts,
                                   ss_plugin_event ***evts);
    };
    struct {
        uint16_t *(*get_extract_event_types)(uint32_t *numtypes, ss_plugin_t *s);
        const char *(*get_extract_event_sources)(void);
        const char *(*get_fields)(void);
        ss_plugin_rc (*extract_fields)(ss_plugin_t *s, const ss_plugin_event_input *evt,
                                       const ss_plugin_field_extract_input *in);
    };
    struct {
        uint16_t *(*get_parse_event_types)(uint32_t *numtypes, ss_plugin_t *s);
        const char *(*get_parse_event_sources)(void);
        ss_plugin_rc (*parse_event)(ss_plugin_t *s, const ss_plugin_event_input *evt,
                                    const ss_plugin_event_parse_input *in);
    };
    struct {
        const char *(*get_async_event_sources)(void);
        const char *(*get_async_events)(void);
        ss_plugin_rc (*set_async_event_handler)(ss_plugin_t *s, ss_plugin_owner_t *owner,
                                                const ss_plugin_async_event_handler_t handler);
        ss_plugin_rc (*dump_state)(ss_plugin_t *s, ss_plugin_owner_t *owner,
                                   const ss_plugin_async_event_handler_t handler); /* since 3.10 */
    };
    ss_plugin_rc (*set_config)(ss_plugin_t *s, const ss_plugin_set_config_input *i); /* since 3.4 */
    ss_plugin_metric *(*get_metrics)(ss_plugin_t *s, uint32_t *num_metrics);         /* since 3.6 */
    struct {
        ss_plugin_rc (*capture_open)(ss_plugin_t *s, const ss_plugin_capture_listen_input *i);
        ss_plugin_rc (*capture_close)(ss_plugin_t *s, const ss_plugin_capture_listen_input *i);
    };
    const char *(*get_required_event_schema_version)(ss_plugin_t *s); /* since 3.12 */
} plugin_api;

/* ---- what a plugin exports ------------------------------------------------------------------- */

/* Every plugin. The strings must not need plugin_init. */
const char *plugin_get_required_api_version(void);
const char *plugin_get_name(void);
const char *plugin_get_description(void);
const char *plugin_get_contact(void);
const char *plugin_get_version(void);
ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc);
void plugin_destroy(ss_plugin_t *s);
const char *plugin_get_last_error(ss_plugin_t *s);
/* Optional. */
const char *plugin_get_init_schema(ss_plugin_schema_type *schema_type);
ss_plugin_rc plugin_set_config(ss_plugin_t *s, const ss_plugin_set_config_input *i);
ss_plugin_metric *plugin_get_metrics(ss_plugin_t *s, uint32_t *num_metrics);
const char *plugin_get_required_event_schema_version(ss_plugin_t *s);

/* Event sourcing: open, close, next_batch; an ID and a source, or neither. */
uint32_t plugin_get_id(void);
const char *plugin_get_event_source(void);
ss_instance_t *plugin_open(ss_plugin_t *s, const char *params, ss_plugin_rc *rc);
void plugin_close(ss_plugin_t *s, ss_instance_t *h);
ss_plugin_rc plugin_next_batch(ss_plugin_t *s, ss_instance_t *h, uint32_t *nevts,
                               ss_plugin_event ***evts);
const char *plugin_list_open_params(ss_plugin_t *s, ss_plugin_rc *rc);
const char *plugin_get_progress(ss_plugin_t *s, ss_instance_t *h, uint32_t *progress_pct);
const char *plugin_event_to_string(ss_plugin_t *s, const ss_plugin_event_input *evt);

/* Field extraction: get_fields, extract_fields. */
const char *plugin_get_fields(void);
ss_plugin_rc plugin_extract_fields(ss_plugin_t *s, const ss_plugin_event_input *evt,
                                   const ss_plugin_field_extract_input *in);
const char *plugin_get_extract_event_sources(void);
uint16_t *plugin_get_extract_event_types(uint32_t *numtypes, ss_plugin_t *s);

/* Event parsing. */
ss_plugin_rc plugin_parse_event(ss_plugin_t *s, const ss_plugin_event_input *evt,
                                const ss_plugin_event_parse_input *in);
const char *plugin_get_parse_event_sources(void);
uint16_t *plugin_get_parse_event_types(uint32_t *numtypes, ss_plugin_t *s);

/* Async events: get_async_events, set_async_event_handler. */
const char *plugin_get_async_events(void);
const char *plugin_get_async_event_sources(void);
ss_plugin_rc plugin_set_async_event_handler(ss_plugin_t *s, ss_plugin_owner_t *owner,
                                            const ss_plugin_async_event_handler_t handler);
ss_plugin_rc plugin_dump_state(ss_plugin_t *s, ss_plugin_owner_t *owner,
                               const ss_plugin_async_event_handler_t handler);

/* Capture listening. */
ss_plugin_rc plugin_capture_open(ss_plugin_t *s, const ss_plugin_capture_listen_input *i);
ss_plugin_rc plugin_capture_close(ss_plugin_t *s, const ss_plugin_capture_listen_input *i);

#ifdef __cplusplus
}
#endif

#endif

//! With an older official Rust crate, of plugin API 3.7: parsing of closes alone, a field added to the host's threads and a
//! table of its own, fields with and without an index read from both, async events at each opening of a stream.
use falco_plugin::anyhow::{anyhow, Error};
use falco_plugin::async_event::{AsyncEvent, AsyncEventPlugin, AsyncHandler};
use falco_plugin::base::Plugin;
use falco_plugin::event::events::types::EventType;
use falco_plugin::event::events::{Event, EventMetadata};
use falco_plugin::extract::{
    field, EventInput, ExtractFieldInfo, ExtractPlugin, ExtractRequest,
};
use falco_plugin::parse::{ParseInput, ParsePlugin};
use falco_plugin::tables::import::{Entry, Field, Table, TableMetadata};
use falco_plugin::tables::{export, TablesInput};
use falco_plugin::{async_event_plugin, extract_plugin, parse_plugin, plugin};
use std::ffi::{CStr, CString};
use std::sync::Arc;

type Thread = Entry<Arc<ThreadMetadata>>;
type Threads = Table<i64, Thread>;

#[derive(TableMetadata)]
#[entry_type(Thread)]
struct ThreadMetadata {
    comm: Field<CStr, Thread>,
    #[custom]
    older_closes: Field<u64, Thread>,
}

#[derive(export::Entry)]
struct Closer {
    closes: export::Readonly<u64>,
    name: export::Public<CString>,
}

struct Older {
    threads: Threads,
    closers: Box<export::Table<i64, Closer>>,
}

impl Plugin for Older {
    const NAME: &'static CStr = c"interop_older";
    const PLUGIN_VERSION: &'static CStr = c"0.1.0";
    const DESCRIPTION: &'static CStr = c"Counts closes, with an older crate";
    const CONTACT: &'static CStr = c"the tests";
    type ConfigType = String;

    fn new(input: Option<&TablesInput>, _config: String) -> Result<Self, Error> {
        let input = input.ok_or_else(|| anyhow!("no tables"))?;
        Ok(Older {
            threads: input.get_table(c"threads")?,
            closers: input.add_table(export::Table::new(c"closers")?)?,
        })
    }
}

impl ParsePlugin for Older {
    const EVENT_TYPES: &'static [EventType] = &[EventType::SYSCALL_CLOSE_X];
    const EVENT_SOURCES: &'static [&'static str] = &["syscall"];

    fn parse_event(&mut self, event: &EventInput, input: &ParseInput) -> Result<(), Error> {
        let tid = event.event()?.metadata.tid;
        let Ok(thread) = self.threads.get_entry(&input.reader, &tid) else {
            return Ok(());
        };
        let closes = thread.get_older_closes(&input.reader)? + 1;
        thread.set_older_closes(&input.writer, &closes)?;
        let mut entry = self.closers.create_entry()?;
        *entry.closes = closes;
        *entry.name = thread.get_comm(&input.reader)?.to_owned();
        self.closers.insert(&tid, entry);
        Ok(())
    }
}

impl Older {
    fn closes(&mut self, req: ExtractRequest<Self>) -> Result<u64, Error> {
        let tid = req.event.event()?.metadata.tid;
        let thread = self.threads.get_entry(req.table_reader, &tid)?;
        thread.get_older_closes(req.table_reader)
    }
    fn name_of(&mut self, _req: ExtractRequest<Self>, tid: u64) -> Result<CString, Error> {
        let entry = self.closers.lookup(&(tid as i64));
        Ok(entry.map(|e| (*e.name).clone()).unwrap_or_default())
    }
}

impl ExtractPlugin for Older {
    const EVENT_TYPES: &'static [EventType] = &[];
    const EVENT_SOURCES: &'static [&'static str] = &["syscall"];
    type ExtractContext = ();
    const EXTRACT_FIELDS: &'static [ExtractFieldInfo<Self>] = &[
        field("older.closes", &Self::closes),
        field("older.name_of", &Self::name_of),
    ];
}

impl AsyncEventPlugin for Older {
    const ASYNC_EVENTS: &'static [&'static str] = &["older_begins"];
    const EVENT_SOURCES: &'static [&'static str] = &[];

    fn start_async(&mut self, handler: AsyncHandler) -> Result<(), Error> {
        handler.emit(Event {
            metadata: EventMetadata::default(),
            params: AsyncEvent { plugin_id: Some(0), name: Some(c"older_begins"), data: Some(b"3.7") },
        })?;
        Ok(())
    }

    fn stop_async(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

plugin!(Older);
parse_plugin!(Older);
extract_plugin!(Older);
async_event_plugin!(Older);

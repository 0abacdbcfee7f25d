//! Everything that surrounds a source, with the official Rust crate: parsing with tables of the host and of its own,
//! fields read from them, async events from a thread, a routine while a capture is open, metrics.
use falco_plugin::anyhow::{anyhow, Error};
use falco_plugin::async_event::{AsyncEventPlugin, AsyncHandler, BackgroundTask};
use falco_plugin::base::{Metric, MetricLabel, MetricType, MetricValue, Plugin};
use falco_plugin::event::events::RawEvent;
use falco_plugin::extract::{field, ExtractFieldInfo, ExtractPlugin, ExtractRequest};
use falco_plugin::listen::{CaptureListenInput, CaptureListenPlugin, Routine};
use falco_plugin::parse::{EventInput, ParseInput, ParsePlugin};
use falco_plugin::tables::import::{Entry, Field, Table, TableMetadata};
use falco_plugin::tables::{export, TablesInput};
use falco_plugin::{async_event_plugin, capture_listen_plugin, extract_plugin, parse_plugin, plugin};
use std::ffi::{CStr, CString};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

type Arg = Entry<Arc<ArgMetadata>>;
type Args = Table<u64, Arg>;

#[derive(TableMetadata)]
#[entry_type(Arg)]
struct ArgMetadata {
    value: Field<CStr, Arg>,
}

type Thread = Entry<Arc<ThreadMetadata>>;
type Threads = Table<i64, Thread>;

#[derive(TableMetadata)]
#[entry_type(Thread)]
struct ThreadMetadata {
    comm: Field<CStr, Thread>,
    pid: Field<i64, Thread>,
    args: Field<Args, Thread>,
    #[custom]
    whole_events: Field<u64, Thread>,
}

#[derive(export::Entry)]
struct Seen {
    events: export::Readonly<u64>,
    name: export::Public<CString>,
}

struct Whole {
    threads: Threads,
    seen: Box<export::Table<u64, Seen>>,
    count: u64,
    task: Arc<BackgroundTask>,
    thread: Option<JoinHandle<Result<(), Error>>>,
    turns: Arc<AtomicU64>,
    routines: Vec<Routine>,
}

impl Plugin for Whole {
    const NAME: &'static CStr = c"interop_whole";
    const PLUGIN_VERSION: &'static CStr = c"0.1.0";
    const DESCRIPTION: &'static CStr = c"All that surrounds a source";
    const CONTACT: &'static CStr = c"the tests";
    type ConfigType = String;

    fn new(input: Option<&TablesInput>, _config: String) -> Result<Self, Error> {
        let input = input.ok_or_else(|| anyhow!("no tables"))?;
        Ok(Whole {
            threads: input.get_table(c"threads")?,
            seen: input.add_table(export::Table::new(c"seen")?)?,
            count: 0,
            task: Arc::new(Default::default()),
            thread: None,
            turns: Arc::new(AtomicU64::new(0)),
            routines: Vec::new(),
        })
    }

    fn get_metrics(&mut self) -> impl IntoIterator<Item = Metric> {
        let label = MetricLabel::new(c"parsed", MetricType::Monotonic);
        [label.with_value(MetricValue::U64(self.count))]
    }
}

impl ParsePlugin for Whole {
    type Event<'a> = RawEvent<'a>;

    fn parse_event(&mut self, event: &EventInput<RawEvent>, input: &ParseInput) -> Result<(), Error> {
        self.count += 1;
        let raw = event.event()?;
        let tid = raw.metadata.tid;
        let mut entry = self.seen.create_entry()?;
        *entry.events = self.count;
        *entry.name = CString::new(format!("after {}", self.count))?;
        self.seen.insert(&(self.count / 10), entry);
        if let Ok(thread) = self.threads.get_entry(&input.reader, &tid) {
            let n = thread.get_whole_events(&input.reader)?;
            thread.set_whole_events(&input.writer, &(n + 1))?;
        }
        Ok(())
    }
}

impl Whole {
    fn so_far(&mut self, _req: ExtractRequest<Self>) -> Result<u64, Error> {
        Ok(self.count)
    }
    fn of_thread(&mut self, req: ExtractRequest<Self>) -> Result<u64, Error> {
        let tid = req.event.event()?.metadata.tid;
        self.threads.get_entry(req.table_reader, &tid)?.get_whole_events(req.table_reader)
    }
    fn comm(&mut self, req: ExtractRequest<Self>) -> Result<CString, Error> {
        let tid = req.event.event()?.metadata.tid;
        let thread = self.threads.get_entry(req.table_reader, &tid)?;
        Ok(thread.get_comm(req.table_reader)?.to_owned())
    }
    fn first_arg(&mut self, req: ExtractRequest<Self>) -> Result<CString, Error> {
        let tid = req.event.event()?.metadata.tid;
        let thread = self.threads.get_entry(req.table_reader, &tid)?;
        let arg = thread.get_args_by_key(req.table_reader, &0)?;
        Ok(arg.get_value(req.table_reader)?.to_owned())
    }
}

impl ExtractPlugin for Whole {
    type ExtractContext = ();
    type Event<'a> = RawEvent<'a>;
    const EXTRACT_FIELDS: &'static [ExtractFieldInfo<Self>] = &[
        field("whole.so_far", &Self::so_far),
        field("whole.of_thread", &Self::of_thread),
        field("whole.comm", &Self::comm),
        field("whole.first_arg", &Self::first_arg),
    ];
}

impl AsyncEventPlugin for Whole {
    const ASYNC_EVENTS: &'static [&'static str] = &["whole_beat"];
    const EVENT_SOURCES: &'static [&'static str] = &[];

    fn start_async(&mut self, handler: AsyncHandler) -> Result<(), Error> {
        handler.emit(Self::async_event(c"whole_beat", b"at once"))?;
        self.thread = Some(self.task.spawn(Duration::from_millis(5), move || {
            handler.emit(Self::async_event(c"whole_beat", b"later"))?;
            Ok(())
        })?);
        Ok(())
    }

    fn stop_async(&mut self) -> Result<(), Error> {
        self.task.request_stop_and_notify()?;
        match self.thread.take() {
            Some(t) => t.join().unwrap_or_else(|e| std::panic::resume_unwind(e)),
            None => Ok(()),
        }
    }
}

impl CaptureListenPlugin for Whole {
    fn capture_open(&mut self, input: &CaptureListenInput) -> Result<(), Error> {
        let turns = self.turns.clone();
        self.routines.push(input.thread_pool.subscribe(move || {
            turns.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            ControlFlow::Continue(())
        })?);
        Ok(())
    }

    fn capture_close(&mut self, input: &CaptureListenInput) -> Result<(), Error> {
        for r in self.routines.drain(..) {
            input.thread_pool.unsubscribe(&r)?;
        }
        eprintln!("the routine ran: {}", self.turns.load(Ordering::Relaxed) > 0);
        Ok(())
    }
}

plugin!(Whole);
parse_plugin!(Whole);
extract_plugin!(Whole);
async_event_plugin!(Whole);
capture_listen_plugin!(Whole);

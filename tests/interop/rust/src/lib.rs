//! A small plugin made with the official Rust crate: a source, fields of some types, and panics on demand.
use falco_plugin::anyhow::{anyhow, bail, Error};
use falco_plugin::base::Plugin;
use falco_plugin::event::events::Event;
use falco_plugin::event::PluginEvent;
use falco_plugin::extract::{field, EventInput, ExtractByteRange, ExtractFieldInfo, ExtractPlugin, ExtractRequest};
use falco_plugin::source::{EventBatch, SourcePlugin, SourcePluginInstance};
use falco_plugin::tables::TablesInput;
use falco_plugin::{extract_plugin, plugin, source_plugin, FailureReason};
use std::ffi::{CStr, CString};
use std::time::Duration;

struct Interop;

struct Instance {
    count: u64,
    made: u64,
    words: String,
}

impl Plugin for Interop {
    const NAME: &'static CStr = c"interop_rust";
    const PLUGIN_VERSION: &'static CStr = c"0.4.2";
    const DESCRIPTION: &'static CStr = c"Made with the Rust crate";
    const CONTACT: &'static CStr = c"the tests";
    type ConfigType = String;

    fn new(_input: Option<&TablesInput>, config: String) -> Result<Self, Error> {
        if config.contains("refuse") {
            bail!("this configuration is refused");
        }
        Ok(Interop)
    }
}

impl SourcePluginInstance for Instance {
    type Plugin = Interop;

    fn next_batch(&mut self, _plugin: &mut Interop, batch: &mut EventBatch) -> Result<(), Error> {
        if self.words.contains("panic") && self.made > 0 {
            panic!("the batch had enough");
        }
        if self.made == self.count {
            return Err(anyhow!("all is given").context(FailureReason::Eof));
        }
        for _ in self.made..self.count.min(self.made + 10) {
            self.made += 1;
            let data = self.made.to_string();
            let mut event = Self::plugin_event(data.as_bytes());
            event.metadata.ts = 1700000000000000000 + self.made * 1000000;
            batch.add(event)?;
        }
        Ok(())
    }
}

impl SourcePlugin for Interop {
    type Instance = Instance;
    const EVENT_SOURCE: &'static CStr = c"interop_rust";
    const PLUGIN_ID: u32 = 994;
    type Event<'a> = Event<PluginEvent<&'a [u8]>>;

    fn open(&mut self, params: Option<&str>) -> Result<Instance, Error> {
        let words = params.unwrap_or("3").to_string();
        let count = words.split(' ').next().unwrap_or("").parse();
        match count {
            Ok(count) => Ok(Instance { count, made: 0, words }),
            Err(e) => bail!("the parameters start with a count: {e}"),
        }
    }

    fn event_to_string(&mut self, event: &EventInput<Self::Event<'_>>) -> Result<CString, Error> {
        Ok(CString::new(format!("event {} of Rust", number(event)?))?)
    }
}

fn number(event: &EventInput<Event<PluginEvent<&[u8]>>>) -> Result<u64, Error> {
    let event = event.event()?;
    Ok(std::str::from_utf8(event.params.event_data)?.parse()?)
}

impl Interop {
    fn n(&mut self, req: ExtractRequest<Self>) -> Result<u64, Error> {
        let n = number(req.event)?;
        *req.offset = ExtractByteRange::in_plugin_data(0..n.to_string().len());
        Ok(n)
    }
    fn text(&mut self, req: ExtractRequest<Self>) -> Result<CString, Error> {
        Ok(CString::new(format!("number {}", number(req.event)?))?)
    }
    fn took(&mut self, req: ExtractRequest<Self>) -> Result<Duration, Error> {
        Ok(Duration::from_millis(number(req.event)?))
    }
    fn odd(&mut self, req: ExtractRequest<Self>) -> Result<bool, Error> {
        Ok(number(req.event)? % 2 == 1)
    }
    fn list(&mut self, req: ExtractRequest<Self>) -> Result<Vec<u64>, Error> {
        let n = number(req.event)?;
        Ok(vec![n, n + 1])
    }
    fn key(&mut self, _req: ExtractRequest<Self>, key: &CStr) -> Result<CString, Error> {
        Ok(key.to_owned())
    }
    fn fails(&mut self, req: ExtractRequest<Self>) -> Result<u64, Error> {
        bail!("no luck with event {}", number(req.event)?)
    }
    fn panics(&mut self, req: ExtractRequest<Self>) -> Result<u64, Error> {
        panic!("the field of event {} had enough", number(req.event)?)
    }
}

impl ExtractPlugin for Interop {
    type ExtractContext = ();
    type Event<'a> = Event<PluginEvent<&'a [u8]>>;
    const EXTRACT_FIELDS: &'static [ExtractFieldInfo<Self>] = &[
        field("irust.n", &Self::n),
        field("irust.text", &Self::text),
        field("irust.took", &Self::took),
        field("irust.odd", &Self::odd),
        field("irust.list", &Self::list),
        field("irust.key", &Self::key),
        field("irust.fails", &Self::fails),
        field("irust.panics", &Self::panics),
    ];
}

plugin!(Interop);
source_plugin!(Interop);
extract_plugin!(Interop);

//! What the unit tests share: a store with requests in it, and no cluster.

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Instance, RequestId, TemplateId};
use hf_store::{Durability, MachineRow, NewAcquire, Options, Store};
use jiff::Timestamp;

/// When all tests begin.
pub(crate) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

pub(crate) fn template() -> TemplateId {
    TemplateId::parse("t").unwrap()
}

/// A store in a folder of its own.
pub(crate) struct Shelf {
    pub(crate) store: Store,
    _folder: tempfile::TempDir,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workdir = folder.path().to_owned();
        let options = Options { workdir, shared: false, durability: Durability::Repeat };
        let store = Store::open(options, Instance::parse("p").unwrap()).unwrap();
        Self { store, _folder: folder }
    }

    /// Registers a request, whose machines may take so many seconds to be created.
    pub(crate) fn request(&mut self, count: u32, create_timeout: u32) -> RequestId {
        let new = NewAcquire {
            id: None,
            template: &template(),
            count,
            max_number: None,
            manifest: "{}",
            digest: "d",
            target: &Target::default(),
            readiness: Readiness::Running,
            start_timeout: 300,
            create_timeout,
            priority: 0,
            now: now(),
        };
        self.store.write(|tx| tx.register_acquire(&new)).unwrap()
    }

    pub(crate) fn machines(&mut self, id: &RequestId) -> Vec<MachineRow> {
        self.store.read(|tx| tx.machines_of(tx.request(id.as_str())?.expect("is known").seq)).unwrap()
    }
}

//! The provider: Host Factory's calls, answered from the store.

use hf_core::wire::{
    get_available_templates, get_request_status, get_return_requests, request_machines,
    request_return_machines,
};
use hf_core::{Config, MachineName, Provider, RequestId};
use hf_settings::Settings;
use hf_store::{Durability, Inbox, NewAcquire, Options, ReturnedName, Store, Waker};
use jiff::Timestamp;

use crate::error::CliError;
use crate::host_factory::Sign;
use crate::surroundings::View;
use crate::{availability, host_factory, returns, status, templates};

/// Answers Host Factory's calls from the store in the work directory.
#[derive(Debug)]
pub struct StoreProvider {
    settings: Settings,
    request_id: Option<String>,
    show_availability: Option<bool>,
    now: Timestamp,
}

impl StoreProvider {
    /// A provider with these settings, at this time. `request_id` is what a new request is to be called.
    pub fn new(settings: Settings, request_id: Option<String>, now: Timestamp) -> Self {
        Self { settings, request_id, show_availability: None, now }
    }

    /// Says whether getAvailableTemplates prints how many machines may be had, whatever the configuration says.
    #[must_use]
    pub fn showing_availability(self, show: Option<bool>) -> Self {
        Self { show_availability: show, ..self }
    }

    fn given_id(&self) -> Result<Option<RequestId>, CliError> {
        self.request_id.as_deref().map(RequestId::parse).transpose().map_err(CliError::RequestId)
    }

    fn open(&self, config: &Config) -> Result<Store, CliError> {
        self.settings.prepare_workdir(config)?;
        let workdir = self.settings.workdir.clone();
        let options = Options { workdir, shared: config.shared_workdir, durability: Durability::Promise };
        Ok(Store::open(options, self.settings.instance.clone())?)
    }

    /// Registers a request. If the file is replaced under the call, the request is registered in the new one.
    fn register(
        &self,
        store: &mut Store,
        work: impl Fn(&Inbox<'_>) -> Result<RequestId, CliError>,
    ) -> Result<RequestId, CliError> {
        let sign = Sign { now: self.now, hosts: false };
        let work = |inbox: &Inbox<'_>| {
            let id = work(inbox)?;
            sign.beats().try_for_each(|beat| inbox.beat(&beat))?;
            Ok::<_, CliError>(id)
        };
        match store.accept(work) {
            Err(error) if error.was_replaced() => store.accept(work),
            other => other,
        }
    }

    fn add_availability(
        &self,
        templates: &hf_settings::Templates,
        output: &mut get_available_templates::Output,
    ) -> Result<(), CliError> {
        if self.show_availability == Some(false) {
            return Ok(());
        }
        let config = self.settings.config()?;
        // Without a database there is nothing to be told of, and this call makes none.
        if self.show_availability.unwrap_or(config.show_availability) && self.settings.database().is_file() {
            let mut store = self.open(&config)?;
            store.read(|tx| availability::add(tx, &config, templates, output))?;
        }
        Ok(())
    }

    fn view<'a>(&'a self, config: &'a Config) -> View<'a> {
        View { settings: &self.settings, config, now: self.now }
    }

    fn wake(&self, program: &str) {
        Waker::new(&self.settings.workdir).wake(program);
    }
}

impl Provider for StoreProvider {
    type Error = CliError;

    fn get_available_templates(
        &self,
        _: get_available_templates::Input,
    ) -> Result<get_available_templates::Output, CliError> {
        let templates = self.settings.templates()?;
        let mut output = templates::announce(&templates)?;
        // Host Factory may make this call only once: nothing that is merely added to the answer may fail it.
        if let Err(error) = self.add_availability(&templates, &mut output) {
            tracing::warn!("availableNumber and requestedMachines are left out: {error}");
        }
        Ok(output)
    }

    fn request_machines(&self, input: request_machines::Input) -> Result<request_machines::Output, CliError> {
        let config = self.settings.config()?;
        let id = self.given_id()?;
        let (template, manifest) = self.settings.template(&input.template.template_id)?;
        let asked = input.template.machine_count;
        if let Some(max) = template.max_number.filter(|max| asked > *max) {
            let file = self.settings.templates_file()?;
            return Err(CliError::Count { template: template.id, asked, max, file });
        }
        let (json, digest) = manifest.canonical();
        let target = template.target(&manifest);
        let new = NewAcquire {
            id,
            template: &template.id,
            count: asked,
            max_number: template.max_number,
            manifest: &json,
            digest: &digest,
            target: &target,
            readiness: template.own.readiness.unwrap_or(config.readiness),
            start_timeout: template.own.start_timeout.unwrap_or(config.start_timeout),
            create_timeout: template.own.create_timeout.unwrap_or(config.create_timeout),
            priority: template.own.priority,
            now: self.now,
        };
        let mut store = self.open(&config)?;
        let id = self.register(&mut store, |inbox| Ok(inbox.accept_acquire(&new)?))?;
        self.wake("hf-watch-requests");
        tracing::info!(request = %id, template = %template.id, count = asked, "registered a request");
        let message = format!("{} of {} requested", host_factory::machines(asked as usize), template.id);
        Ok(request_machines::Output { message, request_id: id.to_string() })
    }

    fn request_return_machines(
        &self,
        input: request_return_machines::Input,
    ) -> Result<request_return_machines::Output, CliError> {
        let config = self.settings.config()?;
        let id = self.given_id()?;
        let names: Vec<_> = host_factory::once(input.machines, |machine| machine.name.clone())
            .map(|machine| ReturnedName {
                name: MachineName::from_host(&machine.name, &config.host_suffix).ok(),
                machine_id: machine.machine_id.unwrap_or_default(),
                host: machine.name,
            })
            .collect();
        let mut store = self.open(&config)?;
        let id =
            self.register(&mut store, |inbox| Ok(inbox.accept_return(id.clone(), &names, self.now)?))?;
        self.wake("hf-watch-returns");
        tracing::info!(request = %id, count = names.len(), "registered a return");
        let message = format!("return of {} requested", host_factory::machines(names.len()));
        Ok(request_return_machines::Output { message, request_id: id.to_string() })
    }

    fn get_request_status(
        &self,
        input: get_request_status::Input,
    ) -> Result<get_request_status::Output, CliError> {
        let config = self.settings.config()?;
        let mut store = self.open(&config)?;
        let ids: Vec<_> = host_factory::once(input.requests, |asked| asked.request_id.clone())
            .map(|asked| asked.request_id)
            .collect();
        let requests = status::answer(self.view(&config), &mut store, &ids)?;
        Ok(get_request_status::Output { requests })
    }

    fn get_return_requests(
        &self,
        input: get_return_requests::Input,
    ) -> Result<get_return_requests::Output, CliError> {
        let config = self.settings.config()?;
        let mut store = self.open(&config)?;
        let names: Vec<_> = host_factory::once(input.machines, |machine| machine.name.clone())
            .map(|machine| machine.name)
            .collect();
        returns::announce(self.view(&config), &mut store, &names)
    }
}

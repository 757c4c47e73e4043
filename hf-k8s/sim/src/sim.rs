//! A simulator that runs in this process.

use std::{net::SocketAddr, ops::Deref, path::Path, sync::Arc};

use anyhow::Context;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    access::{ADMIN, USER},
    handle::Handle,
    kubeconfig, life,
    options::Options,
    server,
    world::{Shared, World},
};

/// A running simulator; it ends when it is dropped. Everything that [`Handle`] does, it does too.
pub struct Sim {
    handle: Handle,
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Sim {
    /// Starts one that is explicit, with three nodes, and no limits or faults.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Options::default()).await
    }

    /// Starts one.
    pub async fn with(options: Options) -> anyhow::Result<Self> {
        let listen = options.listen;
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(World::new(options)?));
        let mut tasks = vec![tokio::spawn(server::run(listener, address, Arc::clone(&shared)))];
        if shared.lock().is_auto() {
            tasks.push(tokio::spawn(life::drive(Arc::downgrade(&shared))));
        }
        Ok(Self { handle: Handle::new(Arc::clone(&shared)), shared, address, tasks })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that can be given away.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// A kubeconfig, as JSON, of the user that roles bind.
    pub fn kubeconfig(&self) -> String {
        let world = self.shared.lock();
        let access = &world.access;
        kubeconfig::text(&self.url(), USER, &access.user_token, &world.options.namespace, access.demanded)
    }

    /// A kubeconfig, as JSON, of a user that may do everything.
    pub fn admin_kubeconfig(&self) -> String {
        let world = self.shared.lock();
        let access = &world.access;
        kubeconfig::text(&self.url(), ADMIN, &access.admin_token, &world.options.namespace, access.demanded)
    }

    /// Writes the kubeconfig into a file that only its owner may read.
    pub fn write_kubeconfig(&self, path: &Path) -> std::io::Result<()> {
        kubeconfig::write_private(path, &self.kubeconfig())
    }
}

impl Deref for Sim {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

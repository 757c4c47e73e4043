//! The listener and its connections.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

use crate::{http, world::Shared};

/// Serves until the task is aborted. While the cluster is down there is no listener, and no connection.
pub(crate) async fn run(mut listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut down = shared.down.subscribe();
    loop {
        let mut connections = JoinSet::new();
        let until = loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        let _ = stream.set_nodelay(true);
                        connections.spawn(connection(TokioIo::new(stream), Arc::clone(&shared)));
                    } else {
                        // Out of files: the next one may be luckier.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                _ = connections.join_next(), if !connections.is_empty() => {}
                Ok(()) = down.changed() => {
                    if let Some(until) = *down.borrow_and_update() {
                        break until;
                    }
                }
            }
        };
        drop(listener);
        drop(connections);
        tokio::time::sleep_until(until).await;
        listener = rebind(address).await;
    }
}

async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep_until(Instant::now() + Duration::from_millis(20)).await,
        }
    }
}

async fn connection(stream: TokioIo<tokio::net::TcpStream>, shared: Arc<Shared>) {
    let service = service_fn(move |request| http::serve(Arc::clone(&shared), request));
    // A connection that a client or a fault cuts is none of our errors.
    let _ = http1::Builder::new().pipeline_flush(true).serve_connection(stream, service).await;
}

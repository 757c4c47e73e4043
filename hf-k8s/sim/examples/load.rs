//! How fast is the simulator? Creates pods over many connections with a watch open, then lists them in pages.
//!
//! `cargo run --release -p hf-k8s-sim --example load -- http://127.0.0.1:PORT PODS CONNECTIONS`

#![expect(clippy::print_stdout, reason = "its results are what it is for")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let url = args.get(1).context("the first argument is the server's URL")?;
    let address = url.trim_start_matches("http://").to_owned();
    let number = |n: usize, default| args.get(n).map_or(Ok(default), |text| text.parse::<usize>());
    let (pods, connections) = (number(2, 20_000)?, number(3, 64)?);

    let watched = Arc::new(AtomicUsize::new(0));
    tokio::spawn(watch(address.clone(), Arc::clone(&watched)));
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (address, next) = (address.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut stream = BufReader::new(TcpStream::connect(&address).await?);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= pods {
                        return anyhow::Ok(());
                    }
                    let body = format!(
                        r#"{{"metadata":{{"name":"load-{n:07}","labels":{{"app":"load"}}}},"spec":{{"containers":[{{"name":"main","image":"image:1","resources":{{"requests":{{"cpu":"10m","memory":"1Mi"}}}}}}]}}}}"#
                    );
                    let (status, _) = ask(&mut stream, "POST", PODS, &body).await?;
                    anyhow::ensure!(status == 201, "a create was answered with {status}");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    let time = began.elapsed();
    println!(
        "{pods} creates in {time:?}: {:.0} a second",
        f64::from(u32::try_from(pods)?) / time.as_secs_f64()
    );

    let began = Instant::now();
    let mut stream = BufReader::new(TcpStream::connect(&address).await?);
    let (mut token, mut pages, mut bytes) = (String::new(), 0, 0);
    loop {
        let (_, body) = ask(&mut stream, "GET", &format!("{PODS}?limit=500&continue={token}"), "").await?;
        (pages, bytes) = (pages + 1, bytes + body.len());
        let mark = "\"continue\":\"";
        let head = String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned();
        let Some((_, rest)) = head.split_once(mark) else { break };
        rest.split('"').next().unwrap_or_default().clone_into(&mut token);
    }
    println!("{pages} pages of 500, {bytes} bytes, in {:?}", began.elapsed());
    println!("the watch saw {} events", watched.load(Ordering::Relaxed));
    Ok(())
}

async fn ask(
    stream: &mut BufReader<TcpStream>,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, Vec<u8>)> {
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
        if line.starts_with("HTTP/") {
            status = line.split(' ').nth(1).context("a status")?.parse()?;
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((status, body))
}

async fn watch(address: String, seen: Arc<AtomicUsize>) -> Result<()> {
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        if line.starts_with(b"{\"type\":") {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

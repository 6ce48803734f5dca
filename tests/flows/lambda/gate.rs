//! A TLS proxy between a function and a service. It records connections and operations, and can
//! break or block connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};

use crate::support::tls::AWS_CA;

/// A port that forwards to a service while the gate is open.
#[derive(Clone)]
pub struct Gate {
    /// Address of the port.
    pub url: String,
    way: Arc<Mutex<Way>>,
    traffic: Arc<Mutex<Traffic>>,
}

/// How the gate treats a new connection.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// It is forwarded to the service.
    Open,
    /// It is closed.
    Shut,
    /// It stays open without a response.
    Silent,
}

/// What has passed the gate.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections with a completed TLS handshake.
    pub handshakes: usize,
    /// Operations in the order of their requests.
    pub operations: Vec<String>,
}

impl Gate {
    /// Opens a gate to `service`.
    pub async fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            url: format!("https://{}", listener.local_addr().unwrap()),
            way: Arc::new(Mutex::new(Way::Open)),
            traffic: Arc::default(),
        };
        let opened = gate.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let way = *opened.way.lock().unwrap();
                match way {
                    Way::Open => drop(tokio::spawn(opened.clone().pass(stream, service))),
                    Way::Shut => drop(stream),
                    Way::Silent => silent.push(stream),
                }
            }
        });
        gate
    }

    /// Sets what happens to new connections.
    pub fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    /// Returns what has passed since this was last called.
    pub fn traffic(&self) -> Traffic {
        std::mem::take(&mut self.traffic.lock().unwrap())
    }

    async fn pass(self, from: TcpStream, service: SocketAddr) -> std::io::Result<()> {
        from.set_nodelay(true)?;
        let from = AWS_CA.acceptor.accept(from).await?;
        self.traffic.lock().unwrap().handshakes += 1;
        let to = TcpStream::connect(service).await?;
        to.set_nodelay(true)?;
        let (requests, mut answers) = split(from);
        let (mut answered, asked) = to.into_split();
        let back = async {
            copy(&mut answered, &mut answers).await?;
            answers.shutdown().await
        };
        tokio::try_join!(self.forward(requests, asked), back)?;
        Ok(())
    }

    /// Forwards requests and records their operations.
    async fn forward(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let mut unread = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            unread.extend_from_slice(&buffer[..length]);
            let operations = operations(&mut unread);
            self.traffic.lock().unwrap().operations.extend(operations);
            to.write_all(&buffer[..length]).await?;
        }
    }
}

/// Removes the operations from the bytes of requests. Keeps the last bytes, which may be the beginning
/// of another.
fn operations(requests: &mut Vec<u8>) -> Vec<String> {
    const HEADER: &[u8] = b"\nx-amz-target: ";
    /// More than the header with the longest name.
    const LONGEST: usize = 100;
    let mut operations = Vec::new();
    let found = |bytes: &[u8], pattern: &[u8]| {
        let mut windows = bytes.windows(pattern.len());
        windows.position(|window| window == pattern)
    };
    while let Some(start) = found(requests, HEADER) {
        let Some(length) = found(&requests[start + 1..], b"\r") else {
            return operations;
        };
        let header = String::from_utf8(requests[start..=start + length].to_vec()).unwrap();
        let (_, operation) = header.rsplit_once('.').unwrap();
        operations.push(operation.to_owned());
        requests.drain(..=start + length);
    }
    requests.drain(..requests.len().saturating_sub(LONGEST));
    operations
}

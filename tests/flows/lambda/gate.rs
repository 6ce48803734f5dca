//! A proxy between a function and a service that can break or block connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

/// A port that forwards to a service while the gate is open.
#[derive(Clone)]
pub struct Gate {
    /// Address of the port.
    pub url: String,
    way: Arc<Mutex<Way>>,
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

impl Gate {
    /// Opens a gate to `service`.
    pub async fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            way: Arc::new(Mutex::new(Way::Open)),
        };
        let way = gate.way.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let way = *way.lock().unwrap();
                match way {
                    Way::Open => drop(tokio::spawn(pass(stream, service))),
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
}

async fn pass(mut from: TcpStream, service: SocketAddr) -> std::io::Result<()> {
    let mut to = TcpStream::connect(service).await?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut from, &mut to).await?;
    Ok(())
}

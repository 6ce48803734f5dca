//! What stands between a function and a service, and can be shut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

/// A port that leads to a service, while it is open.
#[derive(Clone)]
pub struct Gate {
    /// Where to connect to.
    pub url: String,
    way: Arc<Mutex<Way>>,
}

/// Where a new connection leads to.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// To the service.
    Open,
    /// It breaks.
    Shut,
    /// Nowhere: nothing is ever answered.
    Silent,
}

impl Gate {
    /// An open gate to `service`.
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

    /// From now on new connections go this way.
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

//! TLS servers with certificates of a private CA.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub type Ca = CertifiedIssuer<'static, KeyPair>;

pub fn private_ca() -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Accepts TLS connections to these names, with a certificate of the CA.
pub fn acceptor(ca: &Ca, names: &[&str]) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let certificate = CertificateParams::new(names).unwrap();
    let certificate = certificate.signed_by(&key, ca).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    // Like DynamoDB, which does not speak HTTP/2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Accepts TLS connections; those that fail the handshake are dropped.
pub struct TlsListener {
    pub listener: TcpListener,
    pub acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, from) = self.listener.accept().await.unwrap();
            if let Ok(connection) = self.acceptor.accept(connection).await {
                return (connection, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// TLS for the stand-ins for AWS services: an acceptor, and the path of a file with the certificate of
/// its CA, for `AWS_CA_BUNDLE`.
pub struct AwsCa {
    pub acceptor: TlsAcceptor,
    pub bundle: String,
}

/// One for all tests, because generating keys takes time.
pub static AWS_CA: LazyLock<AwsCa> = LazyLock::new(|| {
    let ca = private_ca();
    let name = format!("aws-ca-{}.pem", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, ca.pem()).unwrap();
    AwsCa {
        acceptor: acceptor(&ca, &["127.0.0.1"]),
        bundle: path.to_str().unwrap().to_owned(),
    }
});

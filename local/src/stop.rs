//! Stops the process on Ctrl-C or SIGTERM.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::sync::watch;

/// Time limit for open requests once a stop is requested.
const GRACE: Duration = Duration::from_secs(2);

/// A stop request, which holds `true` once a signal has arrived.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Starts to listen for the signals.
    ///
    /// # Errors
    /// When the operating system refuses to register a signal handler.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let sigterm = terminate()?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = sigterm => {}
            }
            sender.send_replace(true);
        });
        Ok(Self(receiver))
    }

    /// Waits until a stop is requested.
    pub(crate) async fn requested(mut self) {
        // An error means that the sender was dropped, which is treated as a stop request.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Runs `work`. Once a stop is requested, gives it two seconds, and returns `None` if it
    /// takes longer.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let deadline = async {
            self.requested().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = work => Some(result),
            () = deadline => None,
        }
    }
}

/// A future that completes on SIGTERM.
#[cfg(unix)]
fn terminate() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        terminate.recv().await;
    })
}

#[cfg(not(unix))]
fn terminate() -> io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}

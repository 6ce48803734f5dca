//! When to stop: Ctrl-C, or SIGTERM.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::sync::watch;

/// How long open requests may hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Turns true once, when the process is asked to end.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits for the signals from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let signal = terminate()?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = signal => {}
            }
            sender.send_replace(true);
        });
        Ok(Self(receiver))
    }

    /// Returns when the process is asked to end.
    pub(crate) async fn requested(mut self) {
        // An error would mean that the sender is gone: time to end as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Gives `work` a bounded time once the end is asked for; `None` when it took longer.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let patience = async {
            self.requested().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            done = work => Some(done),
            () = patience => None,
        }
    }
}

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

//! One tokio runtime on one thread for the whole process. It resolves names, connects, renews leases and runs the fallback lane.

use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle};

/// Runs `task` on the background thread, which starts with the first task and never ends.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    static RUNTIME: OnceLock<Result<Handle, String>> = OnceLock::new();
    let handle = RUNTIME.get_or_init(start).as_ref().map_err(Clone::clone)?;
    handle.spawn(task);
    Ok(())
}

fn start() -> Result<Handle, String> {
    // Node unloads an addon that only workers used. Without this call the thread would then run unloaded code.
    napi::bindgen_prelude::retain_current_module_for_unload_safety();
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| format!("the background thread could not be set up: {error}"))?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("locking-redis".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(|error| format!("the background thread could not be started: {error}"))?;
    Ok(handle)
}

//! Listens to the Sentinels, so that the client notices a change of the master at once (`failoverDetector`). There is one task
//! for each Sentinel; it ends with its client.

use crate::net::{Detection, Place, Sentinel, Sentinels, SocketRules, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;

/// Starts to listen if the options ask for it. A change of the master calls `moved` with a line for the log. The tasks end with
/// the set.
pub(super) fn start(target: &Target, moved: impl Fn(String) + Clone + Send + Sync + 'static) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if let Place::Asked(sentinels) = &target.place
        && let Some(detection) = &sentinels.detection
    {
        for sentinel in sentinels.all().into_iter().take(detection.most) {
            let (sentinels, rules) = (Arc::clone(sentinels), target.socket.clone());
            tasks.spawn(listen(sentinels, sentinel, rules, detection.clone(), moved.clone()));
        }
    }
    tasks
}

async fn listen(
    sentinels: Arc<Sentinels>,
    sentinel: Sentinel,
    rules: SocketRules,
    detection: Detection,
    moved: impl Fn(String),
) {
    let failed = AtomicU32::new(0);
    loop {
        let began = || failed.store(0, Ordering::Relaxed);
        match sentinels.hear_of_switch(&sentinel, &rules, began).await {
            Ok(()) => moved(format!("Sentinel {} says that the master is another", sentinel.endpoint)),
            Err(_) => {
                let attempt = failed.fetch_add(1, Ordering::Relaxed);
                let Some(pause) = detection.pause(attempt) else { return };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

//! Hears from the Sentinels at once that the master is another (`failoverDetector`): one task for each of them, which
//! ends with its client.

use super::renewal::Renewer;
use super::shared::Inbound;
use crate::net::{Detection, Place, Sentinel, Sentinels};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;

/// Starts to listen, where the options ask for it; who drops the set ends it.
pub(super) fn start(renewer: &Arc<Renewer>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if let Place::Asked(sentinels) = &renewer.settings().target.place
        && let Some(detection) = &sentinels.detection
    {
        for sentinel in sentinels.all().into_iter().take(detection.most) {
            let (renewer, sentinels) = (Arc::clone(renewer), Arc::clone(sentinels));
            tasks.spawn(listen(renewer, sentinels, sentinel, detection.clone()));
        }
    }
    tasks
}

async fn listen(renewer: Arc<Renewer>, sentinels: Arc<Sentinels>, sentinel: Sentinel, detection: Detection) {
    let failed = AtomicU32::new(0);
    loop {
        let rules = &renewer.settings().target.socket;
        let began = || failed.store(0, Ordering::Relaxed);
        match sentinels.hear_of_switch(&sentinel, rules, began).await {
            Ok(()) => {
                let reason = format!("Sentinel {} says that the master is another", sentinel.endpoint);
                renewer.leave();
                renewer.shared().send(Inbound::Moved { reason });
            }
            Err(_) => {
                let attempt = failed.fetch_add(1, Ordering::Relaxed);
                let Some(pause) = detection.pause(attempt) else { return };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

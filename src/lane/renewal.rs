//! Renews leases from the background thread over its own connection, also while the JavaScript thread is busy. JavaScript is only
//! told when a lease is lost.

use super::renewal_call::{Answers, ask, is_readonly};
use super::settings::Settings;
use super::shared::{Inbound, Shared};
use super::{background, detector, lookup, side};
use crate::net::{Failure, Place, Talk};
use crate::sys::now;
use lock_core::resp::Value;
use lock_core::{
    HandshakeOptions, HoldId, Instant, LogLevel, Loss, Mode, Namespace, NodeAddress, Notice, Renewal,
    RenewalCall, Routes, Unrenewed,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Longest pause while there are leases. While the machine is suspended, timers stop, but leases run on.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection, or none yet.
type Kept = Arc<Mutex<Option<Talk>>>;

struct Renewer {
    shared: Arc<Shared>,
    settings: Settings,
    namespace: Namespace,
    /// The connections, by node.
    places: std::sync::Mutex<HashMap<Option<NodeAddress>, Kept>>,
    stall_told: AtomicBool,
}

/// Starts the renewal of one client; it ends when `shared` is closed.
pub(crate) fn start(shared: Arc<Shared>, settings: Settings) -> Result<(), String> {
    let renewer = Renewer {
        namespace: Namespace::new(&settings.client.prefix),
        shared,
        settings,
        places: std::sync::Mutex::default(),
        stall_told: AtomicBool::new(false),
    };
    background::spawn(run(Arc::new(renewer)))
}

async fn run(renewer: Arc<Renewer>) {
    let shared = Arc::clone(&renewer.shared);
    // Both end with this task, because nothing is renewed for a closed client.
    let mut detectors = None;
    let mut calls = JoinSet::new();
    while !shared.is_closed() {
        let (mut due, mut lost) = (Vec::new(), Vec::new());
        let next = shared.leases().poll(now(), &mut due, &mut lost);
        for (hold, why) in lost {
            renewer.tell_lost(hold, why, None);
        }
        if !due.is_empty() {
            renewer.begin(due, &mut calls);
        }
        if shared.reachable.swap(false, Ordering::AcqRel) {
            // The connection is made early, so that the first renewal does not wait for it.
            tokio::spawn(Arc::clone(&renewer).connect_ahead());
            // By now the Sentinels have named the other Sentinels.
            detectors.get_or_insert_with(|| {
                let listener = Arc::clone(&renewer);
                detector::start(&renewer.settings.target, move |reason| {
                    listener.leave();
                    listener.shared.send(Inbound::Moved { reason });
                })
            });
        }
        while calls.try_join_next().is_some() {}
        if next == Instant::FAR_FUTURE {
            shared.renewal.notified().await;
        } else {
            // This asks each time, so that a stall is noticed when it begins and not at the next renewal.
            shared.stuck_for();
            let pause = next.since(now()).clamp(Duration::from_millis(1), LONGEST_PAUSE);
            let _ = tokio::time::timeout(pause, shared.renewal.notified()).await;
        }
    }
}

impl Renewer {
    /// Drops the connections. The next renewal makes new ones.
    fn leave(&self) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Begins the due renewals, unless the JavaScript thread has been stuck for too long. A hung process must not hold a lock for
    /// ever.
    fn begin(self: &Arc<Self>, due: Vec<Renewal>, calls: &mut JoinSet<()>) {
        let stuck = self.shared.stuck_for();
        if stuck > self.settings.maximum_stall {
            if !self.stall_told.swap(true, Ordering::AcqRel) {
                self.log(format!(
                    "The JavaScript thread has been stuck for {} s, longer than maximumStallMs allows: its locks are no longer renewed.",
                    stuck.as_secs()
                ));
            }
            let why = format!(
                "the event loop has been stuck for {} s, longer than maximumStallMs allows",
                stuck.as_secs()
            );
            let why = Unrenewed { stuck: true, why: why.into() };
            self.count_failed(due.len());
            let mut leases = self.shared.leases();
            due.iter().for_each(|renewal| leases.failed(now(), renewal.hold, &why));
            return;
        }
        self.stall_told.store(false, Ordering::Release);
        let slots = self.settings.discovery.is_some() || self.shared.keeps_to_slots.load(Ordering::Acquire);
        for call in RenewalCall::for_due(due, slots) {
            calls.spawn(Arc::clone(self).renew(call));
        }
    }

    async fn renew(self: Arc<Self>, call: RenewalCall) {
        let sent_at = now();
        let replication = self.settings.client.safety.map_or(Duration::ZERO, |safety| safety.timeout);
        let limit = call.answer_limit(sent_at) + replication;
        let outcome = match tokio::time::timeout(limit, self.ask(&call)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => {
                self.drop_connections(&call);
                Err(format!("no answer within {} ms", limit.as_millis()))
            }
        };
        match outcome {
            Ok(Answers { per_key, shortfall }) => {
                let unrenewed = shortfall.as_deref().map(Unrenewed::failed);
                let lost =
                    call.take_in(&mut self.shared.leases(), now(), sent_at, &per_key, unrenewed.as_ref());
                for (hold, keys) in lost {
                    let names = keys.iter().map(|key| self.namespace.caller_name(key)).collect();
                    self.tell_lost(hold, Loss::TakenAway, Some(names));
                }
                if let Some(reason) = shortfall {
                    self.tell_failed(&call, &reason);
                }
            }
            Err(reason) => {
                call.failed(&mut self.shared.leases(), now(), &Unrenewed::failed(reason.as_str()));
                self.tell_failed(&call, &reason);
            }
        }
        self.shared.renewal.notify_one();
    }

    /// Renews a batch; the answers are in the order of its keys.
    async fn ask(&self, call: &RenewalCall) -> Result<Answers, Failure> {
        let nodes = self.settings.discovery.is_some();
        if !nodes && !self.shared.keeps_to_slots.load(Ordering::Acquire) {
            match self.ask_server(None, call).await {
                // Redis has executed nothing. The server is a cluster behind one address.
                Err(Failure::Said(said)) if said.text().contains("CROSSSLOT") => {
                    self.shared.keeps_to_slots.store(true, Ordering::Release);
                }
                outcome => return outcome,
            }
        }
        let mut answers = Answers { per_key: Vec::new(), shortfall: None };
        for (slot, part) in call.by_slot() {
            let asked =
                if nodes { self.ask_node(slot, &part).await } else { self.ask_server(None, &part).await };
            let mut answer = asked?;
            answers.per_key.append(&mut answer.per_key);
            answers.shortfall = answers.shortfall.or(answer.shortfall);
        }
        Ok(answers)
    }

    /// Asks the slot's node. A node that has handed the slot over names the new node.
    async fn ask_node(&self, slot: u16, part: &RenewalCall) -> Result<Answers, Failure> {
        let mut address = self.shared.routes().of(slot).cloned();
        if address.is_none() {
            self.look_up().await?;
            address = self.shared.routes().of(slot).cloned();
        }
        let outcome = self.ask_server(address.as_ref(), part).await;
        match outcome {
            Err(Failure::Said(said)) if said.starts_with(b"MOVED ") => {
                let Some((node, slot)) = moved_to(&said.text()) else { return Err(Failure::Said(said)) };
                let moved = self.settings.address(&node);
                let mut routes = (*self.shared.routes()).clone();
                routes.set([slot], &moved);
                self.shared.set_routes(routes);
                self.ask_server(Some(&moved), part).await
            }
            Err(error @ Failure::Broken(_)) => {
                // A replica may have taken over the slot. Then the next attempt finds it.
                self.look_up().await?;
                Err(error)
            }
            outcome => outcome,
        }
    }

    /// Looks up the table of slots without the JavaScript thread, which may be stuck.
    async fn look_up(&self) -> Result<(), Failure> {
        let known = self.shared.routes().nodes().to_vec();
        let ranges = lookup::look_up(&self.shared, &self.settings, known).await.map_err(Failure::Broken)?;
        self.shared.set_routes(Routes::new(&ranges));
        Ok(())
    }

    fn place(&self, address: Option<&NodeAddress>) -> Kept {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(address.cloned()).or_default())
    }

    /// One script call.
    async fn ask_server(
        &self,
        address: Option<&NodeAddress>,
        call: &RenewalCall,
    ) -> Result<Answers, Failure> {
        let safety = self.settings.client.safety;
        let place = self.place(address);
        let mut guard = place.lock().await;
        let reused = guard.is_some();
        let plain = self.shared.mode() == Some(Mode::Plain);
        let talk = match guard.as_ref() {
            Some(talk) => talk.clone(),
            None => guard.insert(self.connect(address).await?).clone(),
        };
        drop(guard);
        match ask(&talk, call, plain, safety).await {
            Err(error @ Failure::Broken(_)) => {
                place.lock().await.take();
                if !reused {
                    return Err(error);
                }
                // The connection may have broken long ago, so the server may be reachable now.
                let fresh = self.connect(address).await?;
                let answers = ask(&fresh, call, plain, safety).await?;
                place.lock().await.replace(fresh);
                Ok(answers)
            }
            Err(error) if is_readonly(&error) => {
                // The server was a master before. The name or a Sentinel may lead to another server by now.
                self.leave();
                if matches!(self.settings.target.place, Place::Asked(_)) {
                    self.shared.send(Inbound::Moved { reason: error.to_string() });
                }
                Err(error)
            }
            outcome => outcome,
        }
    }

    async fn connect(&self, address: Option<&NodeAddress>) -> Result<Talk, Failure> {
        let target = self.settings.target_of(address);
        let unwanted = self.shared.password_unwanted.load(Ordering::Acquire);
        let talk = side::open(&self.settings, &target, unwanted).await;
        // In a cluster the loss of one node says nothing about the other nodes.
        if talk.is_ok() || address.is_none() {
            self.shared.renewal_connects(talk.is_ok());
        }
        let talk = talk?;
        self.check_role(&talk).await?;
        Ok(talk)
    }

    /// Checks the role, as the main connection does. A replica does not know the newest locks, so it would report each of them as
    /// lost.
    async fn check_role(&self, talk: &Talk) -> Result<(), Failure> {
        let HandshakeOptions { master_only, ready_check, .. } = self.settings.client.handshake_options;
        if !master_only || !ready_check {
            return Ok(());
        }
        // If the user may not ask, the client relies on the Sentinels.
        if let Ok(Value::Text(info)) = talk.ask(&["INFO", "replication"]).await
            && String::from_utf8_lossy(&info).contains("role:slave")
        {
            return Err(Failure::Broken("the server that the Sentinels named is no master".to_owned()));
        }
        Ok(())
    }

    async fn connect_ahead(self: Arc<Self>) {
        let routes = self.shared.routes();
        let nodes: Vec<_> = routes.nodes().iter().map(Some).collect();
        for address in if self.settings.discovery.is_none() { vec![None] } else { nodes } {
            let place = self.place(address);
            let mut guard = place.lock().await;
            if guard.is_none() && !self.shared.is_closed() {
                // A failure is not reported here: the next renewal connects again.
                *guard = self.connect(address).await.ok();
            }
        }
    }

    /// Drops the connections of a batch that got no answer; they may never answer.
    fn drop_connections(&self, call: &RenewalCall) {
        let routes = self.shared.routes();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.remove(&None);
        for key in call.keys() {
            places.remove(&routes.of(key.slot()).cloned());
        }
    }

    /// Reports that `keys` of a hold are lost; `None`: all of its keys.
    fn tell_lost(&self, hold: HoldId, why: Loss, keys: Option<Vec<String>>) {
        let Some(held) = self.shared.leases().held(hold).cloned() else { return };
        let keys =
            keys.unwrap_or_else(|| held.keys.iter().map(|key| self.namespace.caller_name(key)).collect());
        let named = !held.owner.is_unique();
        let by = self.shared.leases().freed_by(now(), &held).filter(|_| why == Loss::TakenAway);
        let because = (self.shared.leases().unrenewed(hold).map(|unrenewed| Arc::clone(&unrenewed.why)))
            .filter(|_| matches!(why, Loss::Lapsed | Loss::Stuck));
        self.shared.send(Inbound::Notice(Notice::Lost { hold, keys, why, by, because, named }));
    }

    fn count_failed(&self, leases: usize) {
        let leases = u64::try_from(leases).unwrap_or(u64::MAX);
        self.shared.renewals_failed.fetch_add(leases, Ordering::Relaxed);
    }

    fn tell_failed(&self, call: &RenewalCall, reason: &str) {
        self.count_failed(call.count());
        let mut names: Vec<_> = call.keys().take(10).map(|key| self.namespace.caller_name(key)).collect();
        names.dedup();
        self.log(format!(
            "Failed to renew lock for key(s) \"{}\": {reason}. Retrying.",
            names.join("\", \"")
        ));
    }

    fn log(&self, message: String) {
        self.shared.send(Inbound::Notice(Notice::Log { level: LogLevel::Warn, message }));
    }
}

/// The new node and the slot from a MOVED reply.
fn moved_to(text: &str) -> Option<(String, u16)> {
    let mut words = text.split(' ').skip(1);
    let (slot, node) = (words.next()?.parse().ok()?, words.next()?);
    Some((node.to_owned(), slot))
}

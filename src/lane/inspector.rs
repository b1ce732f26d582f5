//! Looks at a server, its locks and the processes that use them, for operators: over connections of its own on the background thread.

use super::settings::Settings;
use super::shared::Shared;
use super::{lookup, side};
use crate::net::{Failure, Talk};
use crate::sys::now;
use lock_core::census::{
    CHANNEL, Census, Collector, Freed, KeyFacts, Question, freed_message, question_message, read, reading,
    reply_channel, revoking,
};
use lock_core::resp::Value;
use lock_core::{IdSource, LockKey, Namespace, NodeAddress, Routes, SIDE_KEY_MARK, ScriptCall};
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Mutex;

/// Longest wait for the reply to one command.
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// Keys that one SCAN looks at.
const SCAN_COUNT: &str = "1000";
/// Lock keys that are read at once.
const READ_AT_ONCE: usize = 200;

/// See the module. It connects when it is first asked.
pub(crate) struct Inspector {
    settings: Settings,
    namespace: Namespace,
    /// For looking up a cluster.
    shared: Shared,
    routes: Mutex<Option<Routes>>,
    talks: Mutex<HashMap<Option<NodeAddress>, Talk>>,
    ids: std::sync::Mutex<IdSource>,
}

impl Inspector {
    /// Not connected yet.
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let mut seed = [0; 24];
        getrandom::fill(&mut seed).map_err(|error| format!("the system gives no random numbers: {error}"))?;
        Ok(Self {
            namespace: Namespace::new(&settings.client.prefix),
            settings,
            shared: Shared::new(),
            routes: Mutex::default(),
            talks: Mutex::default(),
            ids: std::sync::Mutex::new(IdSource::new(seed)),
        })
    }

    /// Sends one command: to this node of a cluster, or to the server, or to any node.
    pub(crate) async fn command(&self, node: Option<String>, parts: Vec<String>) -> Result<Value, Failure> {
        let place = match node {
            Some(node) => Some(self.settings.address(&node)),
            None => self.nodes().await?.into_iter().next(),
        };
        let answers = self.ask_all(place, &[parts]).await?;
        answers.into_iter().next().unwrap_or_else(|| Err(Failure::odd("a command")))
    }

    /// The masters of the cluster; none on a single server.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeAddress>, Failure> {
        Ok(self.routes().await?.map(|routes| routes.nodes().to_vec()).unwrap_or_default())
    }

    /// Lock keys of the namespace, at most `most`; true if there are more.
    pub(crate) async fn scan(&self, most: usize) -> Result<(Vec<String>, bool), Failure> {
        let nodes = self.nodes().await?;
        let places = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
        let mut found = BTreeSet::new();
        for place in places {
            let mut cursor = b"0".to_vec();
            loop {
                let scan = [
                    b"SCAN".to_vec(),
                    cursor,
                    b"MATCH".to_vec(),
                    self.namespace.pattern(),
                    b"COUNT".to_vec(),
                    SCAN_COUNT.into(),
                ];
                let reply = self.ask_all(place.clone(), &[scan.to_vec()]).await?.into_iter().next();
                let Some(Value::Array(parts)) = reply.transpose()? else { return Err(Failure::odd("SCAN")) };
                let [Value::Text(next), Value::Array(names)] = parts.as_slice() else {
                    return Err(Failure::odd("SCAN"));
                };
                let locks = names.iter().filter_map(|name| match name {
                    Value::Text(name) if !name.starts_with(SIDE_KEY_MARK) => {
                        Some(String::from_utf8_lossy(name))
                    }
                    _ => None,
                });
                found.extend(locks.map(std::borrow::Cow::into_owned));
                cursor = next.clone();
                if found.len() > most {
                    return Ok((found.into_iter().take(most).collect(), true));
                }
                if cursor == b"0" {
                    break;
                }
            }
        }
        Ok((found.into_iter().collect(), false))
    }

    /// What Redis has about these lock keys.
    pub(crate) async fn read(&self, keys: Vec<String>) -> Result<Vec<KeyFacts>, Failure> {
        let routes = self.routes().await?;
        let mut by_place: HashMap<Option<NodeAddress>, Vec<LockKey>> = HashMap::new();
        for key in keys.into_iter().map(|key| LockKey::new(key.into_bytes())) {
            let place = routes.as_ref().and_then(|routes| routes.of(key.slot()).cloned());
            by_place.entry(place).or_default().push(key);
        }
        let mut facts = Vec::new();
        for (place, keys) in by_place {
            for some in keys.chunks(READ_AT_ONCE) {
                let commands: Vec<_> = some.iter().map(reading).collect();
                let replies = self.ask_all(place.clone(), &commands.concat()).await?;
                let mut replies = replies.into_iter();
                for (key, commands) in some.iter().zip(&commands) {
                    let own: Vec<_> = replies.by_ref().take(commands.len()).collect();
                    // Without the lock itself nothing is known. What is no text is no lock.
                    if let Some(Err(refused @ Failure::Said(said))) = own.first()
                        && !said.starts_with(b"WRONGTYPE")
                    {
                        return Err(refused.clone());
                    }
                    facts.push(read(key, &own.into_iter().map(Result::ok).collect::<Vec<_>>()));
                }
            }
        }
        Ok(facts)
    }

    /// Asks all processes what they hold and wait for.
    pub(crate) async fn ask(&self, keys: Option<Vec<String>>, limit: Duration) -> Result<Census, Failure> {
        let place = self.nodes().await?.into_iter().next();
        let channel = reply_channel(&self.ids.lock().unwrap_or_else(PoisonError::into_inner).attempt());
        let target = self.settings.target_of(place.as_ref());
        let (talk, mut pushes) = in_time(side::listen(&self.settings, &target, false, &channel)).await?;
        // The reply's channel must be there before anybody answers.
        in_time(async { pushes.recv().await.ok_or_else(|| Failure::odd("SUBSCRIBE")) }).await?;
        let question = question_message(Question { reply: channel, keys });
        let mut collector = Collector::new(now(), limit);
        let reached = in_time(talk.ask(&[b"PUBLISH", CHANNEL.as_bytes(), &question])).await?;
        // In a cluster the number is that of one node.
        if let (Value::Int(reached), None) = (reached, place) {
            collector.reached(u64::try_from(reached).unwrap_or(0));
        }
        while !collector.is_done(now()) {
            let left = collector.until().since(now());
            match tokio::time::timeout(left, pushes.recv()).await {
                Ok(Some(push)) => {
                    if let [_, _, Value::Text(message)] = push.as_slice() {
                        collector.take_in(message);
                    }
                }
                Ok(None) => return Err(Failure::Broken("the connection was closed".to_owned())),
                Err(_) => {}
            }
        }
        Ok(collector.finish())
    }

    /// Takes a lock away from `owner`, or from whoever holds it. Tells its holder by whom. Gives how many were taken away.
    pub(crate) async fn free(&self, key: String, owner: Option<String>, by: String) -> Result<i64, Failure> {
        let lock = LockKey::new(key.clone().into_bytes());
        let place = self.routes().await?.and_then(|routes| routes.of(lock.slot()).cloned());
        let freed = freed_message(Freed { keys: vec![key], owner: owner.clone(), by });
        let tell = vec![b"PUBLISH".to_vec(), CHANNEL.into(), freed];
        // Each node tells those who listen there, before the lock is gone: from node to node it may take longer than the loss.
        let nodes = self.nodes().await?;
        let places = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
        for place in places {
            // Without the right to say it, the holder is told of the loss only.
            self.ask_all(place, std::slice::from_ref(&tell)).await?;
        }
        // A connection of its own: a command that may have been executed must not be repeated, the next holder has the lock by then.
        let talk =
            in_time(side::open(&self.settings, &self.settings.target_of(place.as_ref()), false)).await?;
        let answer = match revoke(&talk, &revoking(&lock, owner.as_deref(), false)).await {
            Err(Failure::Said(said)) if said.text().contains("NOPERM") => {
                revoke(&talk, &revoking(&lock, owner.as_deref(), true)).await
            }
            answer => answer,
        };
        match answer? {
            Value::Array(parts) => match parts.as_slice() {
                [Value::Int(1), Value::Int(count)] => Ok(*count),
                _ => Err(Failure::odd("a script")),
            },
            _ => Err(Failure::odd("a script")),
        }
    }

    /// Sends commands over the connection to a place. One that was made before may have broken meanwhile, so a new one is tried once.
    async fn ask_all<P: AsRef<[u8]>>(
        &self,
        place: Option<NodeAddress>,
        commands: &[Vec<P>],
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let known = self.talks.lock().await.get(&place).cloned();
        if let Some(talk) = known
            && let Ok(answers) = in_time(talk.ask_all(commands)).await
        {
            return Ok(answers);
        }
        let target = self.settings.target_of(place.as_ref());
        let talk = in_time(side::open(&self.settings, &target, false)).await?;
        let answers = in_time(talk.ask_all(commands)).await;
        match &answers {
            Ok(_) => drop(self.talks.lock().await.insert(place, talk)),
            Err(_) => drop(self.talks.lock().await.remove(&place)),
        }
        answers
    }

    /// The table of slots; `None` on a single server.
    async fn routes(&self) -> Result<Option<Routes>, Failure> {
        if self.settings.discovery.is_none() {
            return Ok(None);
        }
        let mut routes = self.routes.lock().await;
        if routes.is_none() {
            let ranges = lookup::look_up(&self.shared, &self.settings, Vec::new()).await;
            *routes = Some(Routes::new(&ranges.map_err(Failure::Broken)?));
        }
        Ok(routes.clone())
    }
}

async fn revoke(talk: &Talk, call: &ScriptCall) -> Result<Value, Failure> {
    let ScriptCall { script, keys, args } = call;
    let mut command = vec![b"EVAL".to_vec(), script.body().into(), keys.len().to_string().into()];
    command.extend(keys.iter().chain(args).cloned());
    in_time(talk.ask(&command)).await
}

async fn in_time<T>(asked: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Failure::Broken(format!("no answer within {} s", REPLY_LIMIT.as_secs()));
    tokio::time::timeout(REPLY_LIMIT, asked).await.map_err(late)?
}

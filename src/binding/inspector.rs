//! The class for operators: what Redis and all processes know about the locks. Answers are JSON.

use super::options::NativeOptions;
use super::values::{millis, number};
use crate::lane::{Inspector, background};
use crate::net::Failure;
use lock_core::resp::Value;
use napi::bindgen_prelude::{Object, Result, Status};
use napi::{Env, JsDeferred};
use napi_derive::napi;
use serde_json::json;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Looks at a server, its locks, and the processes that use them. It connects when it is first asked. Each answer is JSON:
/// the result, or `{"error": …}` with an error reply of Redis, or `{"broken": …}` with the reason why there is no answer.
#[napi]
pub struct NativeInspector {
    inspector: Mutex<Option<Arc<Inspector>>>,
}

type Answer = std::result::Result<serde_json::Value, Failure>;

#[napi]
impl NativeInspector {
    /// Throws when an option cannot be used.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: NativeOptions) -> Result<Self> {
        let settings = options.into_settings();
        let settings = settings.map_err(|trouble| napi::Error::new(Status::InvalidArg, trouble))?;
        let inspector = Inspector::new(settings);
        let inspector = inspector.map_err(|reason| napi::Error::new(Status::GenericFailure, reason))?;
        Ok(Self { inspector: Mutex::new(Some(Arc::new(inspector))) })
    }

    /// Sends one command in RESP2: to this node (`host:port`) of a cluster, to the only server, or to any node. `{"value": …}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn command<'a>(&self, env: &'a Env, node: Option<String>, parts: Vec<String>) -> Result<Object<'a>> {
        self.ask_for(env, |inspector| async move {
            inspector.command(node, parts).await.map(|value| json!({ "value": value_of(&value) }))
        })
    }

    /// The masters of the cluster; an empty list on a single server. `{"nodes": ["host:port"]}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn nodes<'a>(&self, env: &'a Env) -> Result<Object<'a>> {
        self.ask_for(env, |inspector| async move {
            let nodes = inspector.nodes().await?;
            Ok(json!({ "nodes": nodes.iter().map(ToString::to_string).collect::<Vec<_>>() }))
        })
    }

    /// The lock keys of the namespace with their names in Redis, at most `most`. `{"keys": [], "more": false}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn scan<'a>(&self, env: &'a Env, most: u32) -> Result<Object<'a>> {
        self.ask_for(env, move |inspector| async move {
            let (keys, more) = inspector.scan(most as usize).await?;
            Ok(json!({ "keys": keys, "more": more }))
        })
    }

    /// Reads these lock keys from Redis. `{"locks": []}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn read<'a>(&self, env: &'a Env, keys: Vec<String>) -> Result<Object<'a>> {
        self.ask_for(env, |inspector| async move { Ok(json!({ "locks": inspector.read(keys).await? })) })
    }

    /// Asks all processes which locks they hold and wait for: among these keys, or all. It ends when all have answered, or after
    /// `wait_ms`. `{"reached": 2, "answers": []}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn ask<'a>(&self, env: &'a Env, keys: Option<Vec<String>>, wait_ms: f64) -> Result<Object<'a>> {
        self.ask_for(env, move |inspector| async move {
            inspector.ask(keys, millis(wait_ms)).await.map(|census| json!(census))
        })
    }

    /// Takes a lock away from `owner`, or from any holder. Tells the holder that `by` took it, and hands the lock over to the
    /// next waiter. With a `token`, the lock is only taken from the hold that has this token. `{"freed": 1}`
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn free<'a>(
        &self,
        env: &'a Env,
        key: String,
        owner: Option<String>,
        token: Option<f64>,
        by: String,
    ) -> Result<Object<'a>> {
        let token = token.map(number);
        self.ask_for(env, move |inspector| async move {
            inspector.free(key, owner, token, by).await.map(|freed| json!({ "freed": freed }))
        })
    }

    /// Closes the connections once the questions under way are answered. Idempotent.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inspector.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn ask_for<'a, F>(&self, env: &'a Env, body: impl FnOnce(Arc<Inspector>) -> F) -> Result<Object<'a>>
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let inspector = self.inspector.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let inspector = inspector.ok_or_else(|| napi::Error::new(Status::GenericFailure, "it was closed"))?;
        let (deferred, promise): (JsDeferred<String, _>, _) = env.create_deferred()?;
        let answer = body(inspector);
        let task = async move {
            let told = match answer.await {
                Ok(answer) => answer,
                Err(Failure::Said(said)) => json!({ "error": said.shown() }),
                Err(Failure::Broken(reason)) => json!({ "broken": reason }),
            };
            let text = told.to_string();
            deferred.resolve(move |_| Ok(text));
        };
        background::spawn(task).map_err(|reason| napi::Error::new(Status::GenericFailure, reason))?;
        Ok(promise)
    }
}

fn value_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => json!(null),
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(String::from_utf8_lossy(text)),
        Value::Error(said) => json!({ "error": said.shown() }),
        Value::Array(items) | Value::Push(items) => items.iter().map(value_of).collect(),
    }
}

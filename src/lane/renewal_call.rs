//! Sends a call of the renewal to Redis and returns the answers.

use crate::net::{Failure, Talk};
use lock_core::resp::Value;
use lock_core::{RenewalCall, Safety, Script, ScriptCall};

/// Redis' answers to the renewal of a batch.
pub(super) struct Answers {
    /// The script's answer for each key, in order. 0: the owner did not hold the lock.
    pub(super) per_key: Vec<i64>,
    /// Why the renewal does not count; `None`: it does.
    pub(super) shortfall: Option<String>,
}

/// If too few replicas have the writes of this connection: the reason as a line. Else `None`.
async fn shortfall(talk: &Talk, Safety { replicas, timeout }: Safety) -> Result<Option<String>, Failure> {
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
    let Value::Int(count) = talk.ask(&["WAIT", &replicas.to_string(), &ms.to_string()]).await? else {
        return Err(Failure::odd("WAIT"));
    };
    Ok((count < i64::from(replicas))
        .then(|| format!("{count} of {replicas} replicas acknowledged it within {ms} ms (option safety)")))
}

/// One script call. With `plain` it uses no side keys.
pub(super) async fn ask(
    talk: &Talk,
    call: &RenewalCall,
    plain: bool,
    safety: Option<Safety>,
) -> Result<Answers, Failure> {
    let ScriptCall { script, keys, args } = call.script(plain);
    let mut arguments = vec![keys.len().to_string().into_bytes()];
    arguments.extend(keys);
    arguments.extend(args);
    let reply = evaluate(talk, script, &arguments).await?;
    let Some(per_key) = call.read(&reply) else { return Err(Failure::odd("the renewal")) };
    let shortfall = match safety {
        Some(safety) => shortfall(talk, safety).await?,
        None => None,
    };
    Ok(Answers { per_key, shortfall })
}

/// Tries EVALSHA, then EVAL. SCRIPT LOAD would need a right that the official package does not need.
async fn evaluate(talk: &Talk, script: Script, arguments: &[Vec<u8>]) -> Result<Value, Failure> {
    let command = |name: &str, script: &str| {
        let mut command = vec![name.as_bytes().to_vec(), script.as_bytes().to_vec()];
        command.extend_from_slice(arguments);
        command
    };
    match talk.ask(&command("EVALSHA", script.sha())).await {
        Err(Failure::Said(said))
            if said.starts_with(b"NOSCRIPT") || said.text().to_lowercase().contains("evalsha") =>
        {
            talk.ask(&command("EVAL", script.body())).await
        }
        outcome => outcome,
    }
}

/// Whether the server says that it is a replica. Redis 6.2 wraps errors that come from within a script.
pub(super) fn is_readonly(failure: &Failure) -> bool {
    matches!(failure, Failure::Said(said) if said.starts_with(b"READONLY") || said.text().contains("-READONLY "))
}

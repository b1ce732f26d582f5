//! What the renewal says to Redis, and what it hears.

use lock_core::{LockKey, Renewal, Safety, Script, Term};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult};

/// What Redis said to the renewal of a batch.
pub(super) struct Answers {
    /// What the script says of each key, in order; 0: it was not its holder's.
    pub(super) per_key: Vec<i64>,
    /// Why it does not count.
    pub(super) shortfall: Option<String>,
}

/// Why what was written on this connection does not count yet, if too few replicas have it.
async fn shortfall(
    connection: &mut MultiplexedConnection,
    Safety { replicas, timeout }: Safety,
) -> RedisResult<Option<String>> {
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
    let count: u32 = redis::cmd("WAIT").arg(replicas).arg(ms).query_async(connection).await?;
    Ok((count < replicas)
        .then(|| format!("{count} of {replicas} replicas acknowledged it within {ms} ms (option safety)")))
}

/// Takes a grant over for a job that blocks the thread which would have claimed it.
async fn claim(
    connection: &mut MultiplexedConnection,
    renewal: &Renewal,
    key: &LockKey,
    grant: &[u8],
) -> RedisResult<Answers> {
    let command = |name: &str, script: &str| {
        let mut command = redis::cmd(name);
        command.arg(script).arg(2).arg(key.name()).arg(key.queue_name());
        command
            .arg(grant)
            .arg(renewal.owner.as_bytes())
            .arg(Term::Exactly(renewal.lease).text())
            .arg("")
            .arg("");
        command
    };
    let answer = evaluate(connection, Script::Claim, command).await?;
    // With the option safety no job begins on a grant.
    Ok(Answers { per_key: answer, shortfall: None })
}

/// Renews a batch; what may still be a grant comes alone. `records`: the holds are of named owners, whose hold records tell them apart.
pub(super) async fn call(
    connection: &mut MultiplexedConnection,
    batch: &[Renewal],
    records: bool,
    safety: Option<Safety>,
) -> RedisResult<Answers> {
    if let [renewal] = batch
        && let (Some(grant), [key]) = (&renewal.grant, &renewal.keys[..])
    {
        return claim(connection, renewal, key, grant).await;
    }
    let command = |name: &str, script: &str| {
        let stride = if records { 2 } else { 1 };
        let mut command = redis::cmd(name);
        command.arg(script).arg(stride * batch.iter().map(|renewal| renewal.keys.len()).sum::<usize>());
        let pairs = || {
            batch
                .iter()
                .flat_map(|renewal| renewal.keys.iter().enumerate().map(move |(at, key)| (renewal, at, key)))
        };
        for (.., key) in pairs() {
            command.arg(key.name());
            if records {
                command.arg(key.record_name());
            }
        }
        command.arg(stride);
        for (renewal, at, _) in pairs() {
            command.arg(renewal.owner.as_bytes()).arg(renewal.term.text());
            if let (true, Some(tokens)) = (records, &renewal.tokens) {
                command.arg(tokens.get(at).copied().unwrap_or_default());
            }
        }
        command
    };
    let answers = evaluate(connection, Script::Renew, command).await?;
    let shortfall = match safety {
        Some(safety) => shortfall(connection, safety).await?,
        None => None,
    };
    // The first number is the reply's tag.
    Ok(Answers { per_key: answers.into_iter().skip(1).collect(), shortfall })
}

/// EVALSHA, then EVAL: SCRIPT LOAD is a right that users of the official package never had to give.
async fn evaluate(
    connection: &mut MultiplexedConnection,
    script: Script,
    command: impl Fn(&str, &str) -> redis::Cmd,
) -> RedisResult<Vec<i64>> {
    let first: Result<Vec<i64>, RedisError> = command("EVALSHA", script.sha()).query_async(connection).await;
    match first {
        Err(error) if is_not_known(&error) => command("EVAL", script.body()).query_async(connection).await,
        outcome => outcome,
    }
}

/// Whether the script was not carried out because it was named by its hash.
fn is_not_known(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT") || error.to_string().to_lowercase().contains("evalsha")
}

/// Whether the server says that it is a replica. Redis 6.2 wraps what happens inside of a script.
pub(super) fn is_readonly(error: &RedisError) -> bool {
    error.code() == Some("READONLY") || error.to_string().contains("-READONLY ")
}

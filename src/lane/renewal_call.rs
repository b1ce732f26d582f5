//! What the renewal says to Redis, and what it hears.

use crate::net::{Failure, Talk};
use lock_core::resp::Value;
use lock_core::{LockKey, Renewal, Safety, Script, Term};

/// What Redis said to the renewal of a batch.
pub(super) struct Answers {
    /// What the script says of each key, in order; 0: it was not its holder's.
    pub(super) per_key: Vec<i64>,
    /// Why it does not count.
    pub(super) shortfall: Option<String>,
}

/// Why what was written on this connection does not count yet, if too few replicas have it.
async fn shortfall(talk: &Talk, Safety { replicas, timeout }: Safety) -> Result<Option<String>, Failure> {
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
    let Value::Int(count) = talk.ask(&["WAIT", &replicas.to_string(), &ms.to_string()]).await? else {
        return Err(Failure::odd("WAIT"));
    };
    Ok((count < i64::from(replicas))
        .then(|| format!("{count} of {replicas} replicas acknowledged it within {ms} ms (option safety)")))
}

/// Takes a grant over for a job that blocks the thread which would have claimed it.
async fn claim(talk: &Talk, renewal: &Renewal, key: &LockKey, grant: &[u8]) -> Result<Answers, Failure> {
    let arguments = [
        b"2".to_vec(),
        key.name().to_vec(),
        key.queue_name(),
        grant.to_vec(),
        renewal.owner.as_bytes().to_vec(),
        Term::Exactly(renewal.lease).text().into_bytes(),
        Vec::new(),
        Vec::new(),
    ];
    // With the option safety no job begins on a grant.
    Ok(Answers { per_key: evaluate(talk, Script::Claim, &arguments).await?, shortfall: None })
}

/// Renews a batch; what may still be a grant comes alone. `records`: the holds are of named owners, whose hold records tell them apart.
pub(super) async fn call(
    talk: &Talk,
    batch: &[Renewal],
    records: bool,
    safety: Option<Safety>,
) -> Result<Answers, Failure> {
    if let [renewal] = batch
        && let (Some(grant), [key]) = (&renewal.grant, &renewal.keys[..])
    {
        return claim(talk, renewal, key, grant).await;
    }
    let stride = if records { 2 } else { 1 };
    let pairs = || {
        batch
            .iter()
            .flat_map(|renewal| renewal.keys.iter().enumerate().map(move |(at, key)| (renewal, at, key)))
    };
    let keys = pairs().count();
    let mut arguments = vec![(stride * keys).to_string().into_bytes()];
    for (.., key) in pairs() {
        arguments.push(key.name().to_vec());
        if records {
            arguments.push(key.record_name());
        }
    }
    arguments.push(stride.to_string().into_bytes());
    for (renewal, at, _) in pairs() {
        arguments.push(renewal.owner.as_bytes().to_vec());
        arguments.push(renewal.term.text().into_bytes());
        if let (true, Some(tokens)) = (records, &renewal.tokens) {
            arguments.push(tokens.get(at).copied().unwrap_or_default().to_string().into_bytes());
        }
    }
    let answers = evaluate(talk, Script::Renew, &arguments).await?;
    // The first number is the reply's tag. What says nothing of a key must not count as its loss.
    let per_key: Vec<i64> = answers.into_iter().skip(1).collect();
    if per_key.len() != keys {
        return Err(Failure::odd("the renewal"));
    }
    let shortfall = match safety {
        Some(safety) => shortfall(talk, safety).await?,
        None => None,
    };
    Ok(Answers { per_key, shortfall })
}

/// EVALSHA, then EVAL: SCRIPT LOAD is a right that users of the official package never had to give.
async fn evaluate(talk: &Talk, script: Script, arguments: &[Vec<u8>]) -> Result<Vec<i64>, Failure> {
    let command = |name: &str, script: &str| {
        let mut command = vec![name.as_bytes().to_vec(), script.as_bytes().to_vec()];
        command.extend_from_slice(arguments);
        command
    };
    let answer = match talk.ask(&command("EVALSHA", script.sha())).await {
        Err(Failure::Said(said))
            if said.starts_with(b"NOSCRIPT") || said.text().to_lowercase().contains("evalsha") =>
        {
            talk.ask(&command("EVAL", script.body())).await?
        }
        outcome => outcome?,
    };
    let Value::Array(items) = answer else { return Err(Failure::odd("a script")) };
    let number = |item| if let Value::Int(number) = item { Some(number) } else { None };
    items.into_iter().map(number).collect::<Option<_>>().ok_or_else(|| Failure::odd("a script"))
}

/// Whether the server says that it is a replica. Redis 6.2 wraps what happens inside of a script.
pub(super) fn is_readonly(failure: &Failure) -> bool {
    matches!(failure, Failure::Said(said) if said.starts_with(b"READONLY") || said.text().contains("-READONLY "))
}

//! Connections of the background thread: for the renewal, for messages, and for questions that do not concern locks.

use super::settings::Settings;
use crate::net::{self, Failure, SocketRules, Talk, Target};
use lock_core::resp::Value;
use lock_core::{Credentials, HandshakeOptions, is_unwanted_password};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Longest time for the handshake on a new connection.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// On a connection that only listens: idle time after which the system asks whether the server is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Connects and logs in.
pub(super) async fn open(
    settings: &Settings,
    target: &Target,
    password_unwanted: bool,
) -> Result<Talk, Failure> {
    open_with_pushes(settings, target, password_unwanted).await.map(|(talk, _)| talk)
}

/// Connects, logs in, and subscribes to a channel.
pub(super) async fn listen(
    settings: &Settings,
    target: &Target,
    password_unwanted: bool,
    channel: &str,
) -> Result<(Talk, Receiver<Vec<Value>>), Failure> {
    // This connection may be silent for hours. The process must still notice that a firewall has forgotten it.
    let target = Target {
        socket: SocketRules { keep_alive: Some(KEEP_ALIVE), ..target.socket.clone() },
        ..target.clone()
    };
    let (talk, pushes) = open_with_pushes(settings, &target, password_unwanted).await?;
    let limit = |_| Failure::Broken("no answer to HELLO".to_owned());
    let subscribed = async {
        talk.ask(&["HELLO", "3"]).await?;
        talk.tell(&["SUBSCRIBE", channel])?;
        // The answer to SUBSCRIBE is a push. If Redis refuses SUBSCRIBE, the refusal comes in place of the answer to this HELLO.
        talk.ask(&["HELLO", "3"]).await
    };
    tokio::time::timeout(HANDSHAKE_LIMIT, subscribed).await.map_err(limit)??;
    Ok((talk, pushes))
}

async fn open_with_pushes(
    settings: &Settings,
    target: &Target,
    password_unwanted: bool,
) -> Result<(Talk, Receiver<Vec<Value>>), Failure> {
    let stream = net::connect_stream(target).await.map_err(|trouble| Failure::Broken(trouble.reason))?;
    let (talk, pushes) = Talk::new(stream, target.secrets.clone());
    match tokio::time::timeout(HANDSHAKE_LIMIT, greet(settings, &talk, password_unwanted)).await {
        Ok(greeted) => greeted.map(|()| (talk, pushes)),
        Err(_) => {
            let seconds = HANDSHAKE_LIMIT.as_secs();
            Err(Failure::Broken(format!("no answer on a new connection within {seconds} s")))
        }
    }
}

/// Sends all commands of the handshake at once.
async fn greet(settings: &Settings, talk: &Talk, password_unwanted: bool) -> Result<(), Failure> {
    let HandshakeOptions { library_name, connection_name, .. } = &settings.client.handshake_options;
    let database = settings.client.database.to_string();
    let mut login = vec!["AUTH"];
    let mut names: Vec<[&str; 4]> = Vec::new();
    if let Some(Credentials { username, password }) = &settings.client.credentials
        && !password_unwanted
    {
        login.extend(username.as_deref());
        login.push(password);
    }
    if let Some(name) = library_name {
        names.push(["CLIENT", "SETINFO", "LIB-NAME", name]);
        names.push(["CLIENT", "SETINFO", "LIB-VER", settings.client.version]);
    }
    let login = async {
        if login.len() == 1 {
            return Ok(());
        }
        match talk.ask(&login).await {
            Err(Failure::Said(said)) if is_unwanted_password(&said.text()) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    let select = async {
        if settings.client.database == 0 {
            return Ok(());
        }
        talk.ask(&["SELECT", &database]).await.map(drop)
    };
    // The names only help people, so a refusal does no harm.
    let named = async {
        for name in &names {
            passes(talk.ask(name).await)?;
        }
        if let Some(name) = connection_name {
            passes(talk.ask(&["CLIENT", "SETNAME", name]).await)?;
        }
        Ok(())
    };
    let (login, select, named) = tokio::join!(login, select, named);
    login.and(select).and(named)
}

fn passes(outcome: Result<Value, Failure>) -> Result<(), Failure> {
    match outcome {
        Err(broken @ Failure::Broken(_)) => Err(broken),
        Err(Failure::Said(_)) | Ok(_) => Ok(()),
    }
}

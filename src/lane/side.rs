//! Connections of the background thread, over the `redis` crate: for the renewal, and for questions that are not about
//! locks.

use super::Settings;
use crate::net::{self, Target};
use lock_core::{Credentials, Greeting};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, RedisResult};
use std::time::Duration;

/// Longest time for the first words on a new connection.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// Connects, and says who we are.
pub(super) async fn open(
    settings: &Settings,
    target: &Target,
    password_unwanted: bool,
) -> RedisResult<MultiplexedConnection> {
    let stream = net::connect_stream(target).await.map_err(|trouble| io_error(trouble.reason))?;
    match tokio::time::timeout(GREETING_LIMIT, greet(settings, stream, password_unwanted)).await {
        Ok(greeted) => greeted,
        Err(_) => {
            let seconds = GREETING_LIMIT.as_secs();
            Err(io_error(format!("no answer on a new connection within {seconds} s")))
        }
    }
}

async fn greet(
    settings: &Settings,
    stream: Box<dyn net::Stream>,
    password_unwanted: bool,
) -> RedisResult<MultiplexedConnection> {
    let Greeting { library_name, connection_name, .. } = &settings.client.greeting;
    let mut info = RedisConnectionInfo::default().set_db(i64::from(settings.client.database));
    info = match library_name {
        Some(name) => info.set_lib_name(name, settings.client.version),
        None => info.set_skip_set_lib_name(),
    };
    if let Some(Credentials { username, password }) = &settings.client.credentials
        && !password_unwanted
    {
        info = info.set_password(password);
        if let Some(username) = username {
            info = info.set_username(username);
        }
    }
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let (mut connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
    tokio::spawn(driver);
    if let Some(name) = connection_name {
        // Names are for people: a refusal does not matter.
        let _ = redis::cmd("CLIENT").arg("SETNAME").arg(name).query_async::<()>(&mut connection).await;
    }
    Ok(connection)
}

/// An error of ours as one of the crate's.
pub(super) fn io_error(reason: String) -> RedisError {
    RedisError::from(std::io::Error::other(reason))
}

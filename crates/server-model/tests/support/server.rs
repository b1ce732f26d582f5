//! Real servers that are started for a test and end with it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use server_model::Reply;

use super::resp::Connection;

/// The server programs to compare with: MLR_SERVERS, separated by ':' (see `scripts/servers.mjs`), or else `redis-server` of the PATH.
/// Empty: there is neither.
pub(crate) fn programs() -> Vec<String> {
    if let Ok(list) = std::env::var("MLR_SERVERS") {
        return list.split(':').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    }
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("no redis-server on the PATH and no MLR_SERVERS: nothing is compared");
    }
    found.then(|| "redis-server".to_owned()).into_iter().collect()
}

pub(crate) struct RealServer {
    child: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl RealServer {
    pub(crate) fn start(program: &str) -> Self {
        // Another program may take a free port before the server binds it.
        (0..5).find_map(|_| Self::try_start(program)).unwrap_or_else(|| panic!("{program} does not start"))
    }

    fn try_start(program: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("mlr-model-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let mut server = Self { child, folder, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && server.child.try_wait().unwrap().is_none() {
            // Another program may listen on that port. Only the own process id counts.
            let ours = format!("process_id:{}\r", server.child.id());
            if let Ok(mut connection) = Connection::open(port)
                && matches!(connection.command(&["INFO", "server"]), Reply::Text(info) if String::from_utf8_lossy(&info).contains(&ours))
            {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

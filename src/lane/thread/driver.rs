//! The background thread's side: it executes the actions of lock-core, and runs the tasks of the connections.

use super::core::Core;
use crate::lane::settings::Settings;
use crate::lane::{lookup, wire};
use crate::net::{self, Connection, Socket, Target, Trouble, describe};
use crate::sys::now;
use lock_core::{Action, NodeId};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::consume_budget;

/// An order to a connection's task.
enum Order {
    Connect(Target),
    Close,
    /// There may be bytes to write.
    Write,
}

type Connecting = tokio::task::JoinHandle<Result<Connection, Trouble>>;

/// The lane's main task. It executes the actions of lock-core when there is work or a timer is due.
pub(super) async fn drive(core: Arc<Core>, settings: Settings) {
    let mut places: HashMap<NodeId, UnboundedSender<Order>> = HashMap::new();
    while !core.shared.is_closed() {
        // This runs in every round. If a server sends without end, there is always work, so the pause below would never end by
        // itself.
        core.engine().router().handle_timeout(now());
        while let Some(action) = next_action(&core) {
            let (node, order) = match action {
                Action::Stands { mode, keeps_to_slots, password_unwanted } => {
                    core.shared.stands(mode, keeps_to_slots, password_unwanted);
                    continue;
                }
                Action::Route(routes) => {
                    core.shared.set_routes(routes);
                    continue;
                }
                Action::WakeRenewal => {
                    core.shared.renewal.notify_one();
                    continue;
                }
                Action::LookUp => {
                    lookup::begin(&core.shared, &settings, core.engine().router().known());
                    continue;
                }
                Action::Connect(node) => {
                    (node, Order::Connect(settings.target_of(core.engine().router().address(node))))
                }
                Action::Disconnect(node) => (node, Order::Close),
            };
            let place = places.entry(node).or_insert_with(|| {
                let (sender, orders) = unbounded_channel();
                tokio::spawn(hold(Arc::clone(&core), node, orders));
                sender
            });
            // This fails only when the lane ends.
            let _ = place.send(order);
        }
        places.retain(|_, place| place.send(Order::Write).is_ok());
        let timeout = core.engine().router().poll_timeout();
        let pause =
            timeout.map_or(Duration::from_secs(3_600), |at| at.since(now()).max(Duration::from_millis(1)));
        tokio::select! {
            () = core.work.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The task of one connection: waits for orders, bytes and room.
async fn hold(core: Arc<Core>, node: NodeId, mut orders: UnboundedReceiver<Order>) {
    let mut open: Option<Connection> = None;
    let mut connecting: Option<Connecting> = None;
    let mut buffer = vec![0; 64 << 10];
    while !core.shared.is_closed() {
        let waits_for_room = match open.as_mut().map(|connection| write(&core, node, connection)) {
            None => false,
            Some(Ok(all)) => !all,
            Some(Err(error)) => {
                let tls = open.take().is_some_and(|connection| last_words(&core, node, connection));
                lose(&core, node, tls, describe(&error));
                false
            }
        };
        tokio::select! {
            // Orders come first: an order may say that the client no longer wants the current connection.
            biased;
            order = orders.recv() => match order {
                None => return,
                Some(Order::Write) => {}
                Some(order) => {
                    open = None;
                    if let Some(old) = connecting.take() {
                        old.abort();
                    }
                    if let Order::Connect(target) = order {
                        connecting = Some(tokio::spawn(async move { net::connect(&target).await }));
                    }
                }
            },
            connected = join(&mut connecting) => {
                connecting = None;
                let mut engine = core.engine();
                match (connected, engine.router().client(node)) {
                    (Ok(connection), Some(client)) => {
                        open = client.handle_connected(now()).then_some(connection);
                    }
                    (Err(trouble), Some(client)) => trouble.tell(now(), client),
                    (_, None) => {}
                }
                core.work.notify_one();
            }
            () = room(open.as_ref(), waits_for_room) => {}
            outcome = read(open.as_ref(), &mut buffer) => {
                if let Err(reason) = take_in(&core, node, open.as_mut(), &buffer, outcome) {
                    let tls = open.take().is_some_and(|connection| connection.tls.is_some());
                    lose(&core, node, tls, reason);
                }
                core.progress.notify_all();
                core.work.notify_one();
                // If a socket always had more to read, this thread could do nothing else.
                consume_budget().await;
            }
        }
    }
}

/// Reads what the server sent before a write failed. Returns whether the connection has TLS.
fn last_words(core: &Core, node: NodeId, Connection { socket, mut tls }: Connection) -> bool {
    if let Some(client) = core.engine().router().client(node) {
        wire::last_words(client, tls.as_deref_mut(), &mut WithoutWaiting(&socket));
    }
    tls.is_some()
}

/// Tells the engine that the connection is lost.
fn lose(core: &Core, node: NodeId, tls: bool, reason: String) {
    if let Some(client) = core.engine().router().client(node) {
        let reason = wire::ended(client, tls, reason);
        client.handle_disconnected(now(), &reason);
    }
    core.work.notify_one();
}

/// Handles bytes that were read. The error says why the connection cannot go on.
fn take_in(
    core: &Core,
    node: NodeId,
    open: Option<&mut Connection>,
    buffer: &[u8],
    outcome: io::Result<usize>,
) -> Result<(), String> {
    match outcome {
        Ok(0) => Err("the server closed the connection".to_owned()),
        Ok(count) => {
            let tls = open.and_then(|connection| connection.tls.as_deref_mut());
            let mut engine = core.engine();
            let Some(client) = engine.router().client(node) else { return Ok(()) };
            wire::receive(client, tls, buffer.get(..count).unwrap_or_default())
        }
        Err(error) => Err(describe(&error)),
    }
}

fn next_action(core: &Core) -> Option<Action> {
    let mut engine = core.engine();
    let action = engine.next_action(now());
    if engine.has_notices() && !core.pauses.load(Ordering::Acquire) {
        core.shared.wake();
    }
    action
}

/// Makes a socket of the runtime look like a socket that does not block.
struct WithoutWaiting<'a>(&'a Socket);

impl Write for WithoutWaiting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for WithoutWaiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

/// Writes the output. False if some output is left, for which the socket may have no room.
fn write(core: &Core, node: NodeId, Connection { socket, tls }: &mut Connection) -> io::Result<bool> {
    let mut engine = core.engine();
    let Some(client) = engine.router().client(node) else { return Ok(true) };
    // The JavaScript thread may be waiting for the engine.
    let has_more = client.handle_write_of_turn(now());
    Ok(wire::send(client, tls.as_deref_mut(), &mut WithoutWaiting(socket))? && !has_more)
}

async fn read(open: Option<&Connection>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(Connection { socket, .. }) = open else { return std::future::pending().await };
    loop {
        socket.readable().await?;
        match socket.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}

async fn room(open: Option<&Connection>, wanted: bool) {
    match open {
        // The next write meets the error again.
        Some(Connection { socket, .. }) if wanted => drop(socket.writable().await),
        _ => std::future::pending().await,
    }
}

async fn join(connecting: &mut Option<Connecting>) -> Result<Connection, Trouble> {
    match connecting {
        Some(task) => task.await.unwrap_or_else(|error| Err(error.to_string().into())),
        None => std::future::pending().await,
    }
}

//! One state for all states that differ only in the height of tickets and tokens, because these are only compared.

use crate::state::{Cmd, Data, Grant, Lock, Message, Reply, State};

/// Calls `visit` with every ticket and token of a state.
fn numbers(state: &mut State, visit: &mut impl FnMut(&mut u8)) {
    visit(&mut state.ghost.high);
    state.ghost.begun.iter_mut().for_each(&mut *visit);
    data_numbers(&mut state.data, visit);
    state.history.iter_mut().for_each(|data| data_numbers(data, visit));
    for conn in state.conns.iter_mut() {
        conn.wire.iter_mut().for_each(|cmd| cmd_numbers(cmd, visit));
        for message in conn.inbox.iter_mut() {
            match message {
                Message::Push { token, .. } => visit(token),
                Message::Answer(cmd, reply) => {
                    cmd_numbers(cmd, visit);
                    reply_numbers(reply, visit);
                }
            }
        }
    }
    for client in state.clients.iter_mut() {
        client.backlog.iter_mut().for_each(|cmd| cmd_numbers(cmd, visit));
        client.pushed.iter_mut().for_each(&mut *visit);
    }
    for call in state.calls.iter_mut() {
        visit(&mut call.ticket);
        visit(&mut call.grant.token);
        call.tokens.iter_mut().for_each(&mut *visit);
    }
}

fn data_numbers(data: &mut Data, visit: &mut impl FnMut(&mut u8)) {
    visit(&mut data.counter);
    for key in data.keys.iter_mut() {
        key.queue.iter_mut().for_each(|(ticket, _)| visit(ticket));
        match &mut key.lock {
            Lock::Held { token, .. } | Lock::Granted(Grant { token, .. }) => visit(token),
            Lock::Free | Lock::Foreign => {}
        }
    }
}

fn cmd_numbers(cmd: &mut Cmd, visit: &mut impl FnMut(&mut u8)) {
    match cmd {
        Cmd::Park { ticket, next, .. } => {
            visit(ticket);
            visit(next);
        }
        Cmd::Claim { grant, next, .. } => {
            visit(&mut grant.token);
            visit(next);
        }
        Cmd::HandOver { grant, ticket, after, .. } => {
            visit(&mut grant.token);
            visit(ticket);
            visit(after);
        }
        Cmd::Release { .. } | Cmd::RollBack { .. } | Cmd::Leave { .. } => {}
    }
}

fn reply_numbers(reply: &mut Reply, visit: &mut impl FnMut(&mut u8)) {
    match reply {
        Reply::Held(tokens) => tokens.iter_mut().for_each(visit),
        Reply::Parked { ticket, .. } => visit(ticket),
        Reply::Passed { token } | Reply::Granted { token, .. } => visit(token),
        Reply::Refused | Reply::Yes | Reply::No | Reply::NotRun => {}
    }
}

/// Renumbers tickets and tokens to 1, 2, 3, … in their order. 0 stays: it means none.
pub(crate) fn normalize(state: &mut State) {
    let mut used = 0_u64;
    numbers(state, &mut |number| used |= 1_u64 << (*number & 63));
    used &= !1;
    numbers(state, &mut |number| {
        if *number > 0 {
            // Each step gives at most one more, so numbers stay far below 64.
            let below = used & ((1_u64 << *number) - 1);
            *number = u8::try_from(below.count_ones()).unwrap_or(u8::MAX) + 1;
        }
    });
}

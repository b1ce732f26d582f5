//! park: takes keys, or waits at the first lock that another owner holds.

use crate::call::Call;
use crate::parts::{Record, index, is_grant_to, promise, record_text};
use crate::reply::{LUA, Outcome, Reply};
use crate::store::number;

/// How long a waiter holds its earlier locks while it waits for a later one.
const PARTIAL_MS: i64 = 5000;

/// The state of a lock for this attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mine {
    /// Another owner holds it, or the script did not look at it.
    No,
    /// This attempt took it.
    Attempt,
    /// The same owner held it before.
    Owner,
    /// Free to take.
    Open,
}

/// A lock's five keys, and its state.
struct Lock<'a> {
    name: &'a [u8],
    counter: &'a [u8],
    record: &'a [u8],
    queue: &'a [u8],
    polled: &'a [u8],
    mine: Mine,
    token: Option<i64>,
    /// The hold record of the same owner.
    held: Option<Record>,
}

struct Park<'c, 'a> {
    call: &'c mut Call<'a>,
    owner: &'a [u8],
    lease: &'a [u8],
    sync: bool,
    attempt: &'a [u8],
    client: &'a [u8],
    waits: bool,
    /// The owner is one of `execute`, which identifies the attempt as well as an attempt id.
    unique: bool,
    /// The lock at which the attempt is parked.
    at: Option<usize>,
    /// How many more waiters of the client come along.
    along: i64,
}

pub(super) fn park(call: &mut Call<'_>) -> Outcome<Reply> {
    let owner = call.needed(1)?;
    let at = number(call.needed(7)?).ok_or(LUA)?;
    let mut park = Park {
        owner,
        lease: call.needed(2)?,
        sync: call.flag(3),
        attempt: call.needed(4)?,
        client: call.needed(5)?,
        waits: call.arg(6) == Some(b"wait"),
        unique: owner.starts_with(b"execute:"),
        at: usize::try_from(at).ok().and_then(|at| at.checked_sub(1)),
        along: number(call.needed(11)?).ok_or(LUA)?,
        call,
    };
    let mut locks = Vec::with_capacity(park.call.keys.len() / 5);
    for keys in park.call.keys.chunks_exact(5) {
        let &[name, counter, record, queue, polled] = keys else { continue };
        locks.push(Lock { name, counter, record, queue, polled, mine: Mine::No, token: None, held: None });
    }
    park.run(&mut locks)
}

impl<'a> Park<'_, 'a> {
    fn run(&mut self, locks: &mut [Lock<'a>]) -> Outcome<Reply> {
        let mut blocked = vec![0];
        let mut first = None;
        for i in 0..locks.len() {
            let Some(lock) = locks.get_mut(i) else { break };
            let Some(holder) = self.look(i, lock)? else { continue };
            blocked.push(index(i));
            first = first.or(Some((i, holder)));
            if self.waits {
                self.look_after(locks.get_mut(i + 1..).unwrap_or_default())?;
                break;
            }
        }
        let Some((here, holder)) = first else { return self.take_all(locks) };
        if self.waits
            && let Some(reply) = self.wait(here, &holder, locks)?
        {
            return Ok(reply);
        }
        self.give_back(0, locks)?;
        Ok(Reply::ints(&blocked))
    }

    /// Looks at one lock. Returns its holder, if that is another owner.
    fn look(&mut self, i: usize, lock: &mut Lock<'a>) -> Outcome<Option<Vec<u8>>> {
        let oldest = self.at == Some(i) && self.call.flag(9);
        if self.call.get(lock.name)?.is_none() && self.call.exists(lock.queue) {
            let queue = self.call.store.sorted(self.call.now_ms(), lock.queue)?;
            let next = queue.and_then(|queue| queue.first()).is_some_and(|(client, _)| client == self.client);
            let its_turn = oldest && next;
            if !its_turn && !self.call.exists(lock.polled) {
                self.call.grant_next(
                    lock.name,
                    lock.queue,
                    lock.counter,
                    self.sync,
                    oldest.then_some(self.client),
                    0,
                )?;
            }
        }
        let Some(holder) = self.call.get(lock.name)?.map(<[u8]>::to_vec) else {
            if !self.waits || self.call.may_take(lock.polled, false, self.call.flag(13))? {
                lock.mine = Mine::Open;
                return Ok(None);
            }
            return Ok(Some(Vec::new()));
        };
        if holder == self.owner {
            let record = if self.unique { None } else { self.call.record_of(lock.name, lock.record)? };
            if self.unique || record.as_ref().is_some_and(|record| record.names(self.attempt)) {
                lock.mine = Mine::Attempt;
            } else if self.owner != b"*" {
                lock.mine = Mine::Owner;
            }
            lock.token = record.as_ref().map(|record| record.token);
            lock.held = record;
        } else if oldest && is_grant_to(&holder, self.client) {
            lock.mine = Mine::Open;
        }
        Ok((lock.mine == Mine::No).then_some(holder))
    }

    /// Looks for locks of this attempt behind the one at which it waits.
    fn look_after(&self, later: &mut [Lock<'a>]) -> Outcome<()> {
        for lock in later {
            if !self.call.holds(lock.name, self.owner)? {
                continue;
            }
            lock.held = if self.unique { None } else { self.call.record_of(lock.name, lock.record)? };
            if self.unique || lock.held.as_ref().is_some_and(|record| record.names(self.attempt)) {
                lock.mine = Mine::Attempt;
            }
        }
        Ok(())
    }

    fn take_all(&mut self, locks: &mut [Lock<'a>]) -> Outcome<Reply> {
        for lock in &mut *locks {
            // The counter is raised even if the token is known.
            if lock.token.is_none() || self.sync {
                let token = self.call.next_token(lock.counter, self.sync, self.along)?;
                lock.token.get_or_insert(token);
            }
        }
        self.leave_queue(locks)?;
        let mut reply = vec![1];
        for lock in &mut *locks {
            self.write(lock, self.lease)?;
            reply.extend(lock.token);
        }
        if !self.unique && locks.iter().any(|lock| lock.mine == Mine::Owner) {
            reply.push(-1);
        }
        if let Some(lock) = locks.first().filter(|lock| self.along > 0 && !self.call.exists(lock.polled)) {
            let token = lock.token.ok_or(LUA)?;
            self.enter(lock.queue, token + 1)?;
            reply.push(token + 1);
        }
        Ok(Reply::ints(&reply))
    }

    /// Parks at lock `here`. `None`: the caller has to poll.
    fn wait(&mut self, here: usize, holder: &[u8], locks: &mut [Lock<'a>]) -> Outcome<Option<Reply>> {
        let (before, rest) = locks.split_at_mut_checked(here).ok_or(LUA)?;
        let (lock, after) = rest.split_first_mut().ok_or(LUA)?;
        let hands_over = self.hands_over(holder, lock)?;
        // Otherwise the lock is free, and left alone for others.
        if !holder.is_empty() {
            self.call.mark_polled(lock.polled, hands_over, false)?;
        }
        if !hands_over || self.call.exists(lock.polled) {
            if let Some(at) = self.at.take() {
                let queue = locks.get(at).ok_or(LUA)?.queue;
                self.call.remove(queue, self.client)?;
            }
            return Ok(None);
        }
        let ticket = if self.at == Some(here) {
            self.call.arg(8).and_then(number)
        } else {
            Some(self.call.next_token(lock.counter, self.sync, self.along)?)
        };
        let (name, queue) = (lock.name, lock.queue);
        if self.at != Some(here) {
            let parked = match self.at {
                Some(at) if at < here => before.get(at).map(|lock| lock.queue),
                Some(at) => after.get(at - here - 1).map(|lock| lock.queue),
                None => None,
            };
            self.leave(parked)?;
        }
        let short = self.lease != b"0" && number(self.lease).ok_or(LUA)? < PARTIAL_MS;
        let partial: &[u8] = if short { self.lease } else { b"5000" };
        for lock in before.iter_mut().filter(|lock| lock.mine == Mine::Open) {
            lock.token = Some(self.call.next_token(lock.counter, self.sync, 0)?);
        }
        for lock in before {
            if lock.mine == Mine::Open {
                self.write(lock, partial)?;
            } else if lock.mine == Mine::Attempt
                && (0..number(partial).ok_or(LUA)?).contains(&self.call.pttl(lock.name))
            {
                self.call.expire(lock.name, partial)?;
                if let Some(record) = lock.held.as_ref().filter(|_| !self.unique) {
                    let attempts =
                        self.call.asked_again(lock.record, &record.attempts, self.attempt, partial)?;
                    let text = record_text(&attempts, record.token, true);
                    self.call.set(lock.record, &text, Some(partial))?;
                }
            }
        }
        let ticket = ticket.ok_or(LUA)?;
        self.enter(queue, ticket)?;
        self.give_back(here + 1, after)?;
        Ok(Some(Reply::ints(&[2, index(here), ticket, self.call.pttl(name), 1])))
    }

    /// Whether the holder will hand over at its release, and not only delete.
    fn hands_over(&self, holder: &[u8], lock: &Lock<'a>) -> Outcome<bool> {
        // Empty: the lock is free, and left alone for others.
        if holder.is_empty() || holder.starts_with(b"grant:") {
            return Ok(true);
        }
        if holder.starts_with(b"execute:") {
            return Ok(holder.get(22) == Some(&b'8'));
        }
        Ok(self.call.record_of(lock.name, lock.record)?.is_some())
    }

    fn enter(&mut self, queue: &[u8], ticket: i64) -> Outcome<()> {
        self.call.add_lower(queue, ticket.to_string().as_bytes(), self.client)?;
        self.call.expire(queue, b"60000")?;
        Ok(())
    }

    fn leave_queue(&mut self, locks: &[Lock<'a>]) -> Outcome<()> {
        let queue = self.at.and_then(|at| locks.get(at)).map(|lock| lock.queue);
        self.leave(queue)
    }

    /// Leaves the queue in which the attempt is parked to the client's next waiter, or for good.
    fn leave(&mut self, queue: Option<&[u8]>) -> Outcome<()> {
        let Some(queue) = queue else { return Ok(()) };
        if let Some(next_ticket) = self.call.given(10) {
            self.call.add(queue, next_ticket, self.client)?;
            self.call.expire(queue, b"60000")?;
        } else {
            // A later waiter, whose park is not answered yet, may have entered the client again.
            let set = self.call.store.sorted(self.call.now_ms(), queue)?;
            if let Some(score) = set.and_then(|set| set.score(self.client)) {
                let ticket: f64 = text_number(self.call.needed(8)?)?;
                if score <= ticket {
                    self.call.remove(queue, self.client)?;
                }
            }
        }
        self.at = None;
        Ok(())
    }

    /// Passes on the locks that this attempt holds among these, and a grant that came with them. The first of them is the lock at `first`.
    fn give_back(&mut self, first: usize, locks: &[Lock<'a>]) -> Outcome<()> {
        let asked = number(self.call.needed(7)?).ok_or(LUA)?;
        for (i, lock) in locks.iter().enumerate() {
            let granted = asked == index(first + i) + 1 && self.call.flag(9);
            match (lock.mine, &lock.held) {
                (Mine::Attempt, Some(record)) => {
                    let keys = [lock.name, lock.record, lock.queue, lock.counter];
                    self.call.roll_back_one(keys, self.sync, record, self.attempt)?;
                }
                (Mine::Attempt, None) => {
                    self.call.grant_next(lock.name, lock.queue, lock.counter, self.sync, None, 0)?;
                }
                _ if granted
                    && self.call.get(lock.name)?.is_some_and(|holder| is_grant_to(holder, self.client)) =>
                {
                    self.call.grant_next(lock.name, lock.queue, lock.counter, self.sync, None, 0)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes a lock for this attempt, with its hold record.
    fn write(&mut self, lock: &Lock<'a>, lease: &[u8]) -> Outcome<()> {
        let held = lock.held.as_ref().map(|record| record.attempts.as_slice());
        let lease = if self.unique { lease.to_vec() } else { self.call.time_left(lock.name, held, lease)? };
        let timed = lease != b"0";
        let attempts = match lock.mine {
            Mine::Attempt => {
                self.call.asked_again(lock.record, held.unwrap_or_default(), self.attempt, &lease)?
            }
            Mine::Owner => self.call.join([lock.name, lock.record], held, self.attempt, &lease)?,
            Mine::Open | Mine::No => self.attempt.to_vec(),
        };
        self.call.set(lock.name, self.owner, timed.then_some(lease.as_slice()))?;
        if !self.unique {
            let attempts = promise(attempts, self.call.flag(12));
            let text = record_text(&attempts, lock.token.ok_or(LUA)?, timed);
            self.call.set(lock.record, &text, Some(if timed { &lease } else { b"86400000" }))?;
        }
        Ok(())
    }
}

pub(super) fn text_number(text: &[u8]) -> Outcome<f64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(LUA)
}

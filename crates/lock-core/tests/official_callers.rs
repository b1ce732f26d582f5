//! A key that is handed on is left alone for callers of the official package, who leave no trace while they wait. If other software runs
//! scripts and nobody takes the key, this happens less and less often.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Hold, Outcome};
use std::time::Duration;
use support::{MS, Rig, SECOND, config, verb};

const PARKED: &[u8] = b"*5\r\n:2\r\n:0\r\n:1800000000000000\r\n:50\r\n:1\r\n";
const HELD: &[u8] = b"*2\r\n:1\r\n:1800000000000100\r\n";
const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";
/// Place in a park: the lock at which it is parked already.
const AT: usize = 14;

struct Server {
    marks: usize,
    /// The time that a mark has left when the next one is made.
    mark_left: i64,
    refuses: bool,
    /// Another owner holds the key when the client asks for it.
    is_held: bool,
    /// The verbs that it executed.
    verbs: Vec<&'static str>,
}

impl Server {
    const fn new() -> Self {
        Self { marks: 0, mark_left: -2, refuses: false, is_held: true, verbs: Vec::new() }
    }

    fn answer(&mut self, rig: &mut Rig) {
        for command in rig.sent() {
            if command[0].starts_with("EVAL") {
                self.verbs.push(verb(&command));
            }
            match command[0].as_str() {
                "SCRIPT" => rig.reply(b"*1\r\n:1\r\n"),
                "CLIENT" => {
                    let list = "id=7 addr=127.0.0.1:1 name= idle=0 sub=0 cmd=evalsha user=default lib-name= lib-ver=\n";
                    rig.reply(format!("${}\r\n{list}\r\n", list.len()).as_bytes());
                }
                "PTTL" => rig.reply(format!(":{}\r\n", self.mark_left).as_bytes()),
                "SET" => {
                    self.marks += 1;
                    self.refuses = true;
                    rig.reply(b"+OK\r\n");
                }
                "EVAL" | "EVALSHA" if verb(&command) == "park" => {
                    let refused = std::mem::take(&mut self.refuses);
                    rig.reply(if refused {
                        REFUSED
                    } else if command[AT] == "0" && self.is_held {
                        PARKED
                    } else {
                        HELD
                    });
                }
                _ => rig.reply(b"*2\r\n:1\r\n:1\r\n"),
            }
        }
    }

    /// Makes one call after the other for this long. Returns the number of marks.
    fn serve(&mut self, rig: &mut Rig, seconds: u32) -> usize {
        let (before, end) = (self.marks, rig.now + seconds * SECOND);
        while rig.now < end {
            rig.wait_for("k", 600 * SECOND);
            let hold = self.held(rig);
            rig.release("k", &hold.owner, Some(rig.now + SECOND));
            self.answer(rig);
            rig.done.clear();
        }
        self.marks - before
    }

    fn held(&mut self, rig: &mut Rig) -> Hold {
        loop {
            self.answer(rig);
            match rig.done.pop() {
                Some((_, Outcome::Held(hold))) => return hold,
                _ => rig.pass(5 * MS),
            }
        }
    }
}

#[test]
fn a_key_is_marked_ever_less_often_when_nobody_comes_although_scripts_are_run() {
    let mut rig = Rig::ready(config());
    let mut server = Server::new();
    let first = server.serve(&mut rig, 60);
    assert!((2..=6).contains(&first), "{first} marks in the first minute");
    let later = server.serve(&mut rig, 240);
    assert!(later <= 3, "{later} marks in the next four minutes");
}

/// One caller alone, whose job takes 5 ms and who comes back after `pause`, for three seconds.
fn alone(rig: &mut Rig, server: &mut Server, pause: Duration) {
    let end = rig.now + 3 * SECOND;
    while rig.now < end {
        rig.wait_for("k", 600 * SECOND);
        let hold = server.held(rig);
        rig.pass(5 * MS);
        rig.release("k", &hold.owner, Some(rig.now + SECOND));
        server.answer(rig);
        rig.done.clear();
        rig.pass(pause);
    }
}

#[test]
fn a_key_that_one_caller_takes_again_at_once_is_left_alone_now_and_then_too() {
    let mut rig = Rig::ready(config());
    let mut server = Server { is_held: false, ..Server::new() };
    alone(&mut rig, &mut server, MS);
    assert!(server.marks >= 1);
    assert!(server.verbs.contains(&"take"));
    assert!(!server.verbs.iter().rev().take(20).any(|verb| *verb == "take"), "it would not see the mark");
}

#[test]
fn a_key_that_one_caller_takes_again_after_a_while_is_nothing_to_ask_about() {
    let mut rig = Rig::ready(config());
    let mut server = Server { is_held: false, ..Server::new() };
    alone(&mut rig, &mut server, 30 * MS);
    assert_eq!(server.marks, 0);
}

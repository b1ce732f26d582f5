//! A key that is handed on is left alone for callers of the official package, who leave no trace while they wait. When others run scripts, and nobody
//! takes the key, that is done ever less often.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Hold, Outcome};
use support::{MS, Rig, SECOND, config, verb};

const PARKED: &[u8] = b"*5\r\n:2\r\n:0\r\n:1800000000000000\r\n:50\r\n:1\r\n";
const HELD: &[u8] = b"*2\r\n:1\r\n:1800000000000100\r\n";
const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";
/// Place in a park: the lock at which it is parked already.
const AT: usize = 14;

struct Server {
    marks: usize,
    /// What a mark has left when the next one is made.
    mark_left: i64,
    refuses: bool,
}

impl Server {
    fn answer(&mut self, rig: &mut Rig) {
        for command in rig.sent() {
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
                    } else if command[AT] == "0" {
                        PARKED
                    } else {
                        HELD
                    });
                }
                _ => rig.reply(b"*2\r\n:1\r\n:1\r\n"),
            }
        }
    }

    /// One call after the other, for so long; how many marks there were.
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
    let mut server = Server { marks: 0, mark_left: -2, refuses: false };
    let first = server.serve(&mut rig, 60);
    assert!((2..=6).contains(&first), "{first} marks in the first minute");
    let later = server.serve(&mut rig, 240);
    assert!(later <= 3, "{later} marks in the next four minutes");
}

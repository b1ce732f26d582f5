//! One command, for the real server and for the model.

use std::fmt;

use server_model::{Reply, Server, Verb};

#[derive(Clone)]
pub(crate) enum Op {
    Verb {
        verb: Verb,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
    },
    /// SET, NX for an official client, with PX or without.
    Set {
        key: Vec<u8>,
        text: Vec<u8>,
        ms: Option<u64>,
        only_new: bool,
    },
    /// The release of the official package: deletes the key if it is still this owner's.
    DeleteIf {
        key: Vec<u8>,
        text: Vec<u8>,
    },
    Delete {
        key: Vec<u8>,
    },
    Expire {
        key: Vec<u8>,
        ms: i64,
    },
    /// A value of the wrong type.
    Add {
        key: Vec<u8>,
        member: Vec<u8>,
        score: f64,
    },
    FlushAll,
}

const DELETE_IF: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

impl Op {
    /// The command for the real server. `sha`: the hash of a verb's script.
    pub(crate) fn command(&self, sha: impl Fn(Verb) -> Vec<u8>) -> Vec<Vec<u8>> {
        let words = |list: &[&[u8]]| list.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
        match self {
            Self::Verb { verb, keys, args } => {
                let mut parts = vec![b"EVALSHA".to_vec(), sha(*verb), keys.len().to_string().into_bytes()];
                parts.extend(keys.iter().chain(args).cloned());
                parts
            }
            Self::Set { key, text, ms, only_new } => {
                let mut parts = words(&[b"SET", key, text]);
                parts.extend(only_new.then(|| b"NX".to_vec()));
                parts.extend(ms.iter().flat_map(|ms| [b"PX".to_vec(), ms.to_string().into_bytes()]));
                parts
            }
            Self::DeleteIf { key, text } => words(&[b"EVAL", DELETE_IF.as_bytes(), b"1", key, text]),
            Self::Delete { key } => words(&[b"DEL", key]),
            Self::Expire { key, ms } => words(&[b"PEXPIRE", key, ms.to_string().as_bytes()]),
            Self::Add { key, member, score } => words(&[b"ZADD", key, score.to_string().as_bytes(), member]),
            Self::FlushAll => words(&[b"FLUSHALL"]),
        }
    }

    /// The model's reply.
    pub(crate) fn run(
        &self,
        model: &mut Server,
        now_us: u64,
        publish: &mut dyn FnMut(&[u8], &[u8]) -> u64,
    ) -> Reply {
        let ok = || Reply::Text(b"OK".to_vec());
        match self {
            Self::Verb { verb, keys, args } => {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
                model.run(now_us, *verb, &keys, &args, publish)
            }
            Self::Set { key, text, ms, only_new: true } => {
                if model.set_if_absent(now_us, key, text, *ms) {
                    ok()
                } else {
                    Reply::Nil
                }
            }
            Self::Set { key, text, ms, only_new: false } => {
                model.set(now_us, key, text, *ms);
                ok()
            }
            Self::DeleteIf { key, .. } if model.sorted(now_us, key).is_some() => {
                Reply::Error("WRONGTYPE".into())
            }
            Self::DeleteIf { key, text } => Reply::Int(model.delete_if(now_us, key, text).into()),
            Self::Delete { key } => Reply::Int(model.delete(now_us, key).into()),
            Self::Expire { key, ms } => Reply::Int(model.expire(now_us, key, *ms).into()),
            Self::Add { key, member, score } => {
                let new = model.sorted(now_us, key).is_none_or(|set| set.score(member).is_none());
                if model.add(now_us, key, member, *score) {
                    Reply::Int(new.into())
                } else {
                    Reply::Error("WRONGTYPE".into())
                }
            }
            Self::FlushAll => {
                model.flush_all();
                ok()
            }
        }
    }

    /// The command's name in the tally.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Verb { verb, .. } => format!("{verb:?}"),
            Self::Set { .. } => "SET".into(),
            Self::DeleteIf { .. } => "compare and delete".into(),
            Self::Delete { .. } => "DEL".into(),
            Self::Expire { .. } => "PEXPIRE".into(),
            Self::Add { .. } => "ZADD".into(),
            Self::FlushAll => "FLUSHALL".into(),
        }
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.command(|verb| format!("<{verb:?}>").into_bytes());
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        write!(to, "{words:?}")
    }
}

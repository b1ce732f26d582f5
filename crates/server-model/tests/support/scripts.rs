//! The Lua texts, put together as `lock-core/src/script.rs` does it. This does not use lock-core, because the files themselves are
//! compared.

use server_model::Verb;

pub(crate) const VERBS: [Verb; 12] = [
    Verb::Take,
    Verb::Park,
    Verb::Claim,
    Verb::HandOver,
    Verb::GiveBack,
    Verb::Leave,
    Verb::Acquire,
    Verb::Release,
    Verb::RollBack,
    Verb::Renew,
    Verb::Revoke,
    Verb::Probe,
];

macro_rules! lua {
    ($name:literal) => {
        include_str!(concat!("../../../lock-core/src/scripts/", $name, ".lua"))
    };
}

const PARTS: [(&str, &str); 6] = [
    ("--@ token\n", lua!("parts/token")),
    ("--@ moved\n", lua!("parts/moved")),
    ("--@ record\n", lua!("parts/record")),
    ("--@ grant_next\n", lua!("parts/grant_next")),
    ("--@ roll_back_one\n", lua!("parts/roll_back_one")),
    ("--@ turn\n", lua!("parts/turn")),
];

/// The script of a verb.
pub(crate) fn body(verb: Verb) -> String {
    let file = match verb {
        Verb::Take => lua!("take"),
        Verb::Park => lua!("park"),
        Verb::Claim => lua!("claim"),
        Verb::HandOver => lua!("hand_over"),
        Verb::GiveBack => lua!("give_back"),
        Verb::Leave => lua!("leave"),
        Verb::Acquire => lua!("acquire"),
        Verb::Release => lua!("release"),
        Verb::RollBack => lua!("roll_back"),
        Verb::Renew => lua!("renew"),
        Verb::Revoke => lua!("revoke"),
        Verb::Probe => lua!("probe"),
    };
    PARTS.iter().fold(file.to_owned(), |body, (mark, part)| body.replace(mark, part))
}

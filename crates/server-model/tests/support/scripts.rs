//! The Lua texts, put together as `lock-core/src/script.rs` does it. Not by way of lock-core: what is compared is the files.

use server_model::Verb;

pub(crate) const VERBS: [Verb; 11] = [
    Verb::Take,
    Verb::Park,
    Verb::Claim,
    Verb::HandOver,
    Verb::Leave,
    Verb::Acquire,
    Verb::Release,
    Verb::Undo,
    Verb::Renew,
    Verb::Free,
    Verb::Probe,
];

macro_rules! lua {
    ($name:literal) => {
        (concat!($name, ".lua"), include_str!(concat!("../../../lock-core/src/scripts/", $name, ".lua")))
    };
}

const PARTS: [(&str, (&str, &str)); 4] = [
    ("--@ token\n", lua!("parts/token")),
    ("--@ record\n", lua!("parts/record")),
    ("--@ pass_on\n", lua!("parts/pass_on")),
    ("--@ give_up\n", lua!("parts/give_up")),
];

/// The script of a verb. MLR_SCRIPTS names a folder with changed copies, to see whether the comparison notices.
pub(crate) fn body(verb: Verb) -> String {
    let file = match verb {
        Verb::Take => lua!("take"),
        Verb::Park => lua!("park"),
        Verb::Claim => lua!("claim"),
        Verb::HandOver => lua!("hand_over"),
        Verb::Leave => lua!("leave"),
        Verb::Acquire => lua!("acquire"),
        Verb::Release => lua!("release"),
        Verb::Undo => lua!("undo"),
        Verb::Renew => lua!("renew"),
        Verb::Free => lua!("free"),
        Verb::Probe => lua!("probe"),
    };
    PARTS.iter().fold(text(file), |body, &(mark, part)| body.replace(mark, &text(part)))
}

fn text((name, built_in): (&str, &str)) -> String {
    match std::env::var_os("MLR_SCRIPTS") {
        None => built_in.to_owned(),
        Some(folder) => std::fs::read_to_string(std::path::Path::new(&folder).join(name)).unwrap(),
    }
}

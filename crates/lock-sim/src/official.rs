//! Callers of the official package. They take a free key, delete it at the end, and ask again after a pause.

use crate::servers::slot_of_key;
use crate::world::{Happening, MS, World};

impl World {
    pub(crate) fn official(&mut self, who: usize, releases: bool) {
        let key = self.rng.usize(0..self.plan.keys);
        let Some(holding) = self.officials.get(who).copied() else { return };
        let slot = slot_of_key(holding.and_then(|key| usize::try_from(key).ok()).unwrap_or(key));
        let name = format!("l:k{}", holding.unwrap_or(key as u64));
        let server = self.servers.place_of(slot, [self.us_of(0), self.us_of(1)], name.as_bytes());
        let us = self.us_of(server);
        let away = self.servers.is_away(server);
        let owner = format!("execute:00000000-0000-4000-8000-{who:012}").into_bytes();
        if releases {
            if holding.is_some() {
                if away {
                    let pause = self.rng.u64(5..200) * MS;
                    return self.after(pause, Happening::Official { who, releases });
                }
                self.servers.at(server).data.delete_if(us, name.as_bytes(), &owner);
                self.set_official(who, None);
            }
            if !self.is_over() {
                let pause = self.rng.u64(0..300) * MS;
                self.after(pause, Happening::Official { who, releases: false });
            }
            return;
        }
        if self.is_over() {
            return;
        }
        if !away && self.servers.at(server).data.set_if_absent(us, name.as_bytes(), &owner, Some(10_000)) {
            self.set_official(who, Some(key as u64));
            self.note(|| format!("official {who} holds k{key}"));
            let job = self.rng.u64(1..200) * MS;
            self.after(job, Happening::Official { who, releases: true });
        } else {
            let pause = self.rng.u64(5..200) * MS;
            self.after(pause, Happening::Official { who, releases: false });
        }
    }

    fn set_official(&mut self, who: usize, key: Option<u64>) {
        if let Some(holding) = self.officials.get_mut(who) {
            *holding = key;
        }
    }
}

//! Runs of the checker.

use crate::action::{Action, Protocol};
use crate::config::Config;
use crate::state::State;
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Instant;

/// The findings of a run.
#[derive(Clone, Debug)]
pub struct Found {
    /// Unique states.
    pub states: usize,
    /// Longest path looked at.
    pub depth: usize,
    /// Each property that does not hold, with the steps that lead there.
    pub broken: Vec<(&'static str, Vec<Action>)>,
}

impl Found {
    /// The steps that break a property, if it was broken.
    #[must_use]
    pub fn steps(&self, property: &str) -> Option<&[Action]> {
        self.broken.iter().find(|(name, _)| *name == property).map(|(_, steps)| steps.as_slice())
    }

    fn print(&self, title: &str, begun: Instant) {
        println!(
            "{title}: {} states, depth {}, {:.1} s",
            self.states,
            self.depth,
            begun.elapsed().as_secs_f32()
        );
        for (name, steps) in &self.broken {
            println!("  broken: {name}, by {} steps: {steps:?}", steps.len());
        }
    }
}

/// Visits every reachable state, or stops at the first broken property. Depth first: it needs the least memory.
#[must_use]
pub fn check(title: &str, config: Config) -> Found {
    let begun = Instant::now();
    let checker =
        Protocol(config).checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    report(title, begun, &checker)
}

/// Visits every reachable state, whatever it finds.
#[must_use]
pub fn check_all(title: &str, config: Config) -> Found {
    let begun = Instant::now();
    let checker = Protocol(config).checker().threads(2).spawn_dfs().join();
    report(title, begun, &checker)
}

/// Looks for the shortest way to break a property, breadth first.
#[must_use]
pub fn find(title: &str, property: &'static str, config: &Config) -> Found {
    let begun = Instant::now();
    let mut shortest = None;
    // The checker looks at states in batches and keeps the last find of a batch, so shorter ones are asked for again.
    let mut depth = usize::MAX;
    loop {
        let wanted = HasDiscoveries::AnyOf(BTreeSet::from([property]));
        let search = Protocol(config.clone()).checker().finish_when(wanted).target_max_depth(depth);
        let found = report("", begun, &search.spawn_bfs().join());
        let Some(steps) = found.steps(property) else {
            let shortest = shortest.unwrap_or(found);
            shortest.print(title, begun);
            return shortest;
        };
        depth = steps.len() + 1;
        shortest = Some(found);
    }
}

/// The number of states from which the steps that happen by themselves cannot lead to an end in which nobody waits. (Fairness makes them
/// lead there: every command arrives, every poll is made, every lease ends.)
#[must_use]
pub fn dead_ends(title: &str, config: Config) -> usize {
    let begun = Instant::now();
    let model = Protocol(config);
    let mut numbers = HashMap::new();
    let mut states: VecDeque<State> = model.init_states().into();
    let mut before: Vec<Vec<usize>> = Vec::new();
    let mut good = Vec::new();
    let (mut all, mut by_itself) = (Vec::new(), Vec::new());
    for state in &states {
        numbers.insert(state.clone(), numbers.len());
        before.push(Vec::new());
    }
    let mut at = 0;
    while let Some(state) = states.pop_front() {
        if model.nobody_waits(&state) {
            good.push(at);
        }
        all.clear();
        by_itself.clear();
        model.actions(&state, &mut all);
        model.progress(&state, &mut by_itself);
        for action in all.drain(..) {
            let Some(next) = model.next_state(&state, action) else { continue };
            let fresh = numbers.len();
            let number = *numbers.entry(next).or_insert_with_key(|next| {
                states.push_back(next.clone());
                before.push(Vec::new());
                fresh
            });
            if by_itself.contains(&action)
                && let Some(from) = before.get_mut(number)
            {
                from.push(at);
            }
        }
        at += 1;
    }
    let mut reached: HashSet<usize> = good.iter().copied().collect();
    while let Some(number) = good.pop() {
        let earlier = before.get(number).into_iter().flatten().copied();
        good.extend(earlier.filter(|number| reached.insert(*number)));
    }
    println!("{title}: {at} states, {} lead on, {:.1} s", reached.len(), begun.elapsed().as_secs_f32());
    at - reached.len()
}

fn report(title: &str, begun: Instant, checker: &impl Checker<Protocol>) -> Found {
    let found = Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken: checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions())).collect(),
    };
    if !title.is_empty() {
        found.print(title, begun);
    }
    found
}

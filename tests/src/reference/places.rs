//! The endpoints of the reference: one place for each key, and a list of keys in order.

use redial::{Selection, Timestamp, WaitReason};

use super::arith::splitmix;
use super::circuit::DullBreaker;
use super::shape::Class;
use super::{Mode, Reference, Wanted};

/// What is known of a key.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: u32,
    /// Failed in this round.
    pub(super) visited: bool,
    pub(super) failures: u16,
    /// Times parked in a row.
    pub(super) parks: usize,
    pub(super) parked: u64,
    /// When a server's hint ends; not at the clock's origin.
    pub(super) hint: Option<u64>,
    /// A failback to it has failed since the connection was stable.
    pub(super) tried: bool,
    /// Its hint is no server's, but what failbacks have earned.
    pub(super) charged: bool,
    pub(super) breaker: DullBreaker,
}

impl Place {
    fn new(key: u32) -> Self {
        let breaker = DullBreaker::new();
        let (visited, tried, charged) = (false, false, false);
        Self { key, visited, failures: 0, parks: 0, parked: 0, hint: None, tried, charged, breaker }
    }

    /// A backoff of its own, unless a server has said when.
    pub(super) fn charge(&mut self, until: u64) {
        if self.hint.is_none() {
            self.hint = Some(until.max(1));
            self.charged = true;
        }
    }

    /// What was asked for, or imposed, is past. Who was asked to come back after its turn has the first of
    /// the next round.
    fn forget_past_hint(&mut self, now: u64) {
        let comes_back = self.visited && !self.charged;
        self.hint = self.hint.filter(|until| *until > now || comes_back);
    }

    /// Nothing of an outage before is left, but what a server has said.
    fn begin_anew(&mut self, now: u64) {
        self.hint = self.hint.filter(|until| *until > now && !self.charged);
        (self.visited, self.tried, self.charged) = (false, false, false);
    }

    fn eligible(&self, now: u64) -> bool {
        self.hint.is_none_or(|until| until <= now)
            && self.parked <= now
            && self.breaker.ready() <= now
    }
}

/// The next dial.
pub(super) struct Choice {
    pub(super) key: u32,
    pub(super) wake: u64,
    pub(super) reason: WaitReason,
}

impl Reference {
    /// What each key is known for: failures, end of hint, end of parking, readiness of its circuit.
    pub fn health(&self) -> impl Iterator<Item = (u32, u16, Option<u64>, u64, super::Is)> + '_ {
        self.places.iter().map(|p| (p.key, p.failures, p.hint, p.parked, p.breaker.is))
    }

    pub(super) fn list_is(&mut self, keys: &[u32]) {
        self.list = keys.to_vec();
        let mut places: Vec<Place> = Vec::new();
        for key in keys {
            if !places.iter().any(|place| place.key == *key) {
                let known = self.places.iter().find(|place| place.key == *key);
                places.push(known.cloned().unwrap_or(Place::new(*key)));
            }
        }
        self.places = places;
        self.asked.retain(|key| keys.contains(key));
    }

    pub(super) fn place(&mut self, key: Option<u32>) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| Some(place.key) == key)
    }

    fn position(&self, key: u32) -> Option<usize> {
        self.list.iter().position(|other| *other == key)
    }

    /// The cursor stays with the key that it points at, if that stays.
    pub(super) fn set_endpoints(&mut self, now: Timestamp, keys: &[u32]) {
        self.clock(now);
        self.settle();
        let pointed = self.list.get(self.cursor).copied();
        self.list_is(keys);
        if let Some(position) = pointed.and_then(|key| self.position(key)) {
            self.cursor = position;
        }
        let gone = |key: u32| !keys.contains(&key);
        if self.dial.is_some_and(|dial| gone(dial.key)) {
            self.drop_dial();
        }
        if let Some(old) = &mut self.old {
            if old.key.is_none_or(gone) {
                old.key = None;
                old.wanted = Wanted::Other;
            }
        }
        if self.link.is_some_and(|link| link.key.is_none_or(gone)) {
            if let Some(link) = &mut self.link {
                link.key = None;
            }
            self.want(Wanted::Other);
        }
        let first = self.list.first().copied();
        if let Some(link) = &mut self.link {
            // There is none better than the first.
            if link.wanted == Wanted::Better && link.key.is_some() && link.key == first {
                link.wanted = Wanted::No;
            }
        }
        self.admit_one();
        self.recheck_round();
        self.timers();
        self.plan();
    }

    /// Of several not all are open, unless the policy allows it; those tripped by hand are apart.
    fn admit_one(&mut self) {
        let now = self.now;
        let admits = |place: &Place| {
            place.breaker.ready() <= now || matches!(place.breaker.is, super::Is::Probing(_))
        };
        let may = self.policy.allow_all_open() || self.places.len() < 2;
        if may || self.places.iter().any(admits) {
            return;
        }
        let mut soonest = None;
        for place in &mut self.places {
            let super::Is::Open(until) = &mut place.breaker.is else { continue };
            if soonest.as_ref().is_none_or(|other: &&mut u64| **other > *until) {
                soonest = Some(until);
            }
        }
        if let Some(until) = soonest {
            *until = now;
        }
    }

    pub(super) fn set_circuit(&mut self, now: Timestamp, key: u32, trip: bool) {
        self.clock(now);
        self.settle();
        let due = self.now >= self.wake;
        let known = self.place(Some(key)).map(|place| place.breaker = DullBreaker::new()).is_some();
        if let (Some(place), true) = (self.place(Some(key)), trip) {
            place.breaker.is = super::Is::Tripped;
        }
        if known {
            self.admit_one();
            self.recheck_round();
        }
        if known || due {
            self.timers();
            self.plan();
        }
    }

    /// The list or a circuit was changed by hand: a round with nothing left to try is over.
    fn recheck_round(&mut self) {
        let (wanted, link) = match (self.mode, self.dial, self.link, self.old) {
            (Mode::Running, None, None, None) => (Wanted::Any, None),
            (Mode::Running, None, Some(link), None)
                if link.wanted != Wanted::No && link.proof == super::Proof::Stable =>
            {
                (link.wanted, Some(link))
            }
            _ => return,
        };
        let begun = self.places.iter().any(|place| place.visited);
        if !begun || self.more(wanted, link.and_then(|link| link.key)) {
            return;
        }
        if self.round_class() == Class::Clear {
            return self.next_round();
        }
        let elapsed = if link.is_some() { 0 } else { self.elapsed() };
        let pace = self.end_round(elapsed, true, link.is_none());
        if link.is_none() && self.is_exhausted() {
            return self.give_up(redial::GiveUpReason::MaxAttempts, self.last);
        }
        match (pace, link) {
            (Some(pace), _) => self.pace = pace,
            (None, Some(_)) => self.pace = self.once_more(),
            (None, None) => self.give_up(redial::GiveUpReason::PolicyNever, self.last),
        }
    }

    /// The keys that may be dialed for `wanted` when the link is at `link`, in list order.
    pub(super) fn field(&self, wanted: Wanted, link: Option<u32>) -> Vec<u32> {
        let mut keys = Vec::new();
        for key in &self.list {
            if wanted == Wanted::Better && Some(*key) == link {
                break;
            }
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        keys
    }

    /// Whether the round has an endpoint left that may be dialed as far as it is concerned.
    pub(super) fn more(&self, wanted: Wanted, link: Option<u32>) -> bool {
        let field = self.field(wanted, link);
        let mut places = self.places.iter().filter(|place| field.contains(&place.key));
        places.any(|place| !place.visited && place.eligible(self.now))
    }

    /// [`field`](Self::field) in the order of the policy's selection.
    fn order(&self, wanted: Wanted, link: Option<u32>) -> Vec<u32> {
        let mut keys = self.field(wanted, link);
        match self.policy.selection() {
            Selection::RoundRobin => {
                // Those before the cursor come after all others.
                let before = |key: &u32| self.position(*key).is_some_and(|at| at < self.cursor);
                let (behind, ahead): (Vec<u32>, Vec<u32>) = keys.iter().partition(|k| before(k));
                keys = [ahead, behind].concat();
            }
            Selection::Shuffle => {
                let seed = self.seed ^ (self.starts.len() as u64 + 1);
                keys.sort_by_key(|key| splitmix(seed, u64::from(*key)));
            }
            _ => {}
        }
        if wanted == Wanted::Other {
            // Who goes away comes last.
            keys.sort_by_key(|key| Some(*key) == link);
        }
        keys
    }

    /// The first in order among those that may be dialed soonest; `None` if there is nobody.
    pub(super) fn choose(&mut self, wanted: Wanted, link: Option<u32>) -> Option<Choice> {
        if self.places.iter().any(|place| place.visited) && !self.more(wanted, link) {
            self.next_round();
        }
        let mut choices = Vec::new();
        for key in self.order(wanted, link) {
            let place = self.places.iter().find(|place| place.key == key)?;
            if !place.visited {
                let (wake, reason) = self.gate(place);
                choices.push(Choice { key, wake: wake.max(self.now), reason });
            }
        }
        let soonest = choices.iter().map(|choice| choice.wake).min()?;
        choices.into_iter().find(|choice| choice.wake == soonest)
    }

    /// The latest of the gates; the first of equals gives the reason.
    fn gate(&self, place: &Place) -> (u64, WaitReason) {
        let own = if place.charged { WaitReason::Backoff } else { WaitReason::Hint };
        let gates = [
            (if place.hint.is_none() { self.pace } else { 0 }, self.pace_reason),
            (place.hint.unwrap_or(0), own),
            (place.breaker.ready(), WaitReason::Breaker),
            (place.parked, WaitReason::Parked),
            (self.permitted(), WaitReason::RateLimit),
            (self.deferred, WaitReason::Deferred),
        ];
        let latest = gates.iter().map(|gate| gate.0).max().unwrap_or(0);
        let held = gates.into_iter().find(|gate| gate.0 == latest);
        held.unwrap_or((0, self.pace_reason))
    }

    /// When the rate limit admits the next dial, from all dials there were.
    fn permitted(&self) -> u64 {
        let (burst, spacing) = self.policy.rate_limit();
        let spacing = spacing.as_nanos().min(u128::from(u64::MAX));
        let mut arrival = 0_u128;
        for start in &self.starts {
            arrival = arrival.max(u128::from(*start)) + spacing;
        }
        if arrival >= u128::from(u64::MAX) {
            return u64::MAX;
        }
        super::arith::clamp(arrival.saturating_sub(spacing * u128::from(burst - 1)))
    }

    /// A new round: every endpoint may be tried again.
    pub(super) fn next_round(&mut self) {
        for place in &mut self.places {
            // What has not failed in this round has not earned its wait.
            place.tried &= place.visited;
            place.forget_past_hint(self.now);
            place.visited = false;
        }
        self.round.clear();
    }

    pub(super) fn forget_past_hints(&mut self) {
        for place in &mut self.places {
            place.forget_past_hint(self.now);
        }
    }

    /// An endpoint is dialed before the backoff is over, by its hint: that of the others who have earned it
    /// goes on.
    pub(super) fn hold_back(&mut self, choice: &Choice, by_better: bool) {
        if choice.wake > self.now
            || self.pace <= self.now
            || self.pace_reason != WaitReason::Backoff
        {
            return;
        }
        let pace = self.pace;
        for place in self.places.iter_mut().filter(|place| place.key != choice.key) {
            if place.tried || !by_better {
                place.charge(pace);
            }
        }
    }

    /// Nothing of an outage before is left of any endpoint, but what servers have said.
    pub(super) fn begin_anew(&mut self) {
        self.asked.clear();
        for place in &mut self.places {
            place.begin_anew(self.now);
        }
    }

    /// Whether every endpoint has failed since a round was last counted, but those that wait for something
    /// else than a backoff of their own.
    pub(super) fn is_whole(&mut self) -> bool {
        for place in self.places.iter().filter(|place| place.visited) {
            if !self.asked.contains(&place.key) {
                self.asked.push(place.key);
            }
        }
        let now = self.now;
        let charged = |place: &Place| place.charged && place.hint.is_some_and(|until| until > now);
        let open = |place: &Place| place.parked <= now && place.breaker.ready() <= now;
        let asked = |place: &Place| self.asked.contains(&place.key);
        let waits = |place: &Place| !asked(place) && charged(place) && open(place);
        // With fewer dials some of them were tried before the outage.
        let dialed = self.attempts.len() >= self.asked.len().max(1);
        let whole = dialed && !self.places.iter().any(waits);
        if whole {
            self.asked.clear();
        }
        whole
    }

    /// Whether any endpoint could be dialed now if there were no backoff.
    pub(super) fn may_dial(&self) -> bool {
        let latest = self.permitted().max(self.deferred);
        let open = |place: &Place| {
            let own = place.breaker.ready().max(place.parked).max(place.hint.unwrap_or(0));
            own.max(latest) <= self.now
        };
        !self.offline && self.places.iter().any(open)
    }
}

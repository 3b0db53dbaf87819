//! What every connection is to be subscribed to: an ordered set that outlives them all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::hash::Hash;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};

use crate::classify::Classify;
use crate::hub::poll_until;
use crate::sync::{Arc, Mutex, MutexGuard};

/// An ordered set of subscriptions. Clones are the same set; adding and removing work whether or not
/// anything is connected.
///
/// Each connection has a [`Cursor`] of its own, which begins before the first item: replay it while
/// [restoring](crate::on_connected), then follow it while serving.
///
/// ```
/// use redial_async::{Change, Subscriptions};
///
/// let topics = Subscriptions::new();
/// assert!(topics.add("trades"));
/// assert!(topics.add("quotes"));
/// assert!(!topics.add("trades"), "no duplicates");
///
/// let mut cursor = topics.cursor();
/// assert_eq!(cursor.next(), Some(Change::Add("trades")));
/// topics.remove(&"trades");
/// assert_eq!(cursor.next(), Some(Change::Remove("trades")));
/// assert_eq!(cursor.next(), Some(Change::Add("quotes")));
/// assert_eq!(cursor.next(), None);
/// ```
#[derive(Debug)]
pub struct Subscriptions<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    set: Mutex<Set<T>>,
    changed: Event,
}

#[derive(Debug)]
struct Set<T> {
    /// By the number that each got when it was added.
    items: BTreeMap<u64, T>,
    numbers: HashMap<T, u64>,
    added: u64,
    removals: u64,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Set<T>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Eq + Hash> Subscriptions<T> {
    /// An empty set.
    pub fn new() -> Self {
        let set = Set { items: BTreeMap::new(), numbers: HashMap::new(), added: 0, removals: 0 };
        Self { shared: Arc::new(Shared { set: Mutex::new(set), changed: Event::new() }) }
    }

    /// Adds an item at the end; false if it is there already.
    pub fn add(&self, item: T) -> bool {
        let mut set = self.shared.lock();
        if set.numbers.contains_key(&item) {
            return false;
        }
        set.added += 1;
        let number = set.added;
        set.numbers.insert(item.clone(), number);
        set.items.insert(number, item);
        drop(set);
        self.shared.changed.notify(usize::MAX);
        true
    }

    /// Removes an item; false if it is not there.
    pub fn remove(&self, item: &T) -> bool {
        let mut set = self.shared.lock();
        let Some(number) = set.numbers.remove(item) else { return false };
        set.items.remove(&number);
        set.removals += 1;
        drop(set);
        self.shared.changed.notify(usize::MAX);
        true
    }

    /// All items, in the order in which they were added.
    pub fn items(&self) -> Vec<T> {
        self.shared.lock().items.values().cloned().collect()
    }

    /// A cursor for a new connection, which has been told nothing.
    pub fn cursor(&self) -> Cursor<T> {
        Cursor {
            shared: self.shared.clone(),
            told: BTreeMap::new(),
            upto: 0,
            removals: 0,
            gone: VecDeque::new(),
            listener: None,
        }
    }
}

impl<T> Clone for Subscriptions<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: Clone + Eq + Hash> Default for Subscriptions<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Eq + Hash> FromIterator<T> for Subscriptions<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let subscriptions = Self::new();
        for item in items {
            subscriptions.add(item);
        }
        subscriptions
    }
}

/// What a connection is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<T> {
    /// To subscribe to this.
    Add(T),
    /// To unsubscribe from this, which it was told before.
    Remove(T),
}

/// What one connection has been told of the [`Subscriptions`]. An item that came and went before it was
/// told is never told.
#[derive(Debug)]
pub struct Cursor<T> {
    shared: Arc<Shared<T>>,
    told: BTreeMap<u64, T>,
    upto: u64,
    removals: u64,
    /// Told, and removed since.
    gone: VecDeque<u64>,
    listener: Option<EventListener>,
}

impl<T: Clone> Cursor<T> {
    /// The next change, if there is one: removals first, then additions in their order.
    #[expect(clippy::should_implement_trait, reason = "its end is not final")]
    pub fn next(&mut self) -> Option<Change<T>> {
        let set = self.shared.lock();
        if self.removals != set.removals {
            self.removals = set.removals;
            let gone = self.told.keys().filter(|number| !set.items.contains_key(number));
            self.gone = gone.copied().collect();
        }
        while let Some(number) = self.gone.pop_front() {
            if let Some(item) = self.told.remove(&number) {
                return Some(Change::Remove(item));
            }
        }
        drop(set);
        self.addition().map(Change::Add)
    }

    fn addition(&mut self) -> Option<T> {
        let set = self.shared.lock();
        let (number, item) = set.items.range(self.upto + 1..).next()?;
        self.upto = *number;
        self.told.insert(*number, item.clone());
        Some(item.clone())
    }

    /// Waits for the next change. Nothing is lost when it is dropped.
    pub async fn changed(&mut self) -> Change<T> {
        poll_fn(|cx| self.poll_changed(cx)).await
    }

    /// [`changed`](Self::changed) as a poll.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Change<T>> {
        let (shared, mut listener) = (self.shared.clone(), self.listener.take());
        let poll = poll_until(&shared.changed, &mut listener, cx, || self.next());
        self.listener = listener;
        poll
    }

    /// Tells a new connection everything: calls `subscribe` for each item in order. An error that does not
    /// [break the connection](Classify::breaks_connection) is that item's alone, and returned with it.
    ///
    /// # Errors
    /// The first error that breaks the connection: the dial has failed.
    pub async fn replay<E, F>(
        &mut self,
        mut subscribe: impl FnMut(T) -> F,
    ) -> Result<Vec<(T, E)>, E>
    where
        F: Future<Output = Result<(), E>>,
        E: Classify,
    {
        let mut failed = Vec::new();
        // What is removed meanwhile is a change for later.
        while let Some(item) = self.addition() {
            match subscribe(item.clone()).await {
                Ok(()) => {}
                Err(error) if error.breaks_connection() => return Err(error),
                Err(error) => failed.push((item, error)),
            }
        }
        Ok(failed)
    }
}

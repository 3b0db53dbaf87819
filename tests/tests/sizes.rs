//! How large the public types are: a million links fit where their reconnectors do.

use std::mem::size_of;

use redial::{
    Action, Breaker, BreakerPolicy, Counters, Dial, Endpoint, Event, Failure, GiveUp, Hold, Policy,
    Reconnector, Status, Timestamp, Wait,
};

/// Name, size and bound of each; no bound where a policy's size does not matter.
macro_rules! sizes {
    ($($name:ty => $most:expr),* $(,)?) => {
        [$((stringify!($name), size_of::<$name>(), $most)),*]
    };
}

#[test]
fn sizes_stay_small() {
    let sizes: &[(&str, usize, usize)] = &sizes! {
        Endpoint => 48,
        Action => 56,
        Reconnector<&'static Policy> => 216,
        Reconnector => 640,
        Policy => 512,
        Event => 48,
        Failure => 32,
        Dial => 48,
        Wait => 16,
        Hold => 48,
        GiveUp => 64,
        Status => 48,
        Counters => 8,
        Breaker => 96,
        BreakerPolicy => 48,
        Timestamp => 8,
    };
    for (name, size, most) in sizes {
        println!("{size:5} of {most:5}  {name}");
    }
    for (name, size, most) in sizes {
        assert!(size <= most, "{name} has {size} bytes, not {most} at most");
    }
    assert_eq!(size_of::<Option<redial::DialId>>(), 8);
}

//! The breaker's own policy.

use std::time::Duration;

use redial::BreakerPolicy;

#[test]
fn a_longer_open_time_raises_its_maximum_and_a_shorter_one_does_not_lower_it() {
    let policy = BreakerPolicy::consecutive(1);
    let long = policy.open_max + Duration::from_secs(1);
    assert_eq!(policy.open_for(long).open_max, long);
    assert_eq!(policy.open_for(Duration::from_secs(1)).open_max, policy.open_max);
}

from pipeline.local.quota import WriteQuota


def test_a_minutes_writes_pass_at_once_and_then_only_at_the_rate(clock):
    quota = WriteQuota(60, clock.seconds)
    assert quota.take(60, whole=False) == 60
    assert quota.take(1, whole=False) == 0
    clock.advance(10)
    assert quota.take(60, whole=False) == 10
    clock.advance(3600)
    assert quota.take(100, whole=False) == 60


def test_retry_after_is_when_the_writes_can_go(clock):
    quota = WriteQuota(6, clock.seconds)
    assert quota.take(6, whole=False) == 6
    wait = quota.retry_after(1)
    assert wait == 10
    clock.advance(wait - 1)
    assert quota.take(1, whole=False) == 0
    clock.advance(1)
    assert quota.take(1, whole=False) == 1


def test_a_transaction_goes_as_a_whole_or_not_at_all(clock):
    quota = WriteQuota(60, clock.seconds)
    assert quota.take(50, whole=True) == 50
    assert quota.take(11, whole=True) == 0
    assert quota.retry_after(11) == 1
    clock.advance(1)
    assert quota.take(11, whole=True) == 11


def test_a_transaction_larger_than_a_minutes_writes_is_paid_for_afterwards(clock):
    quota = WriteQuota(60, clock.seconds)
    assert quota.take(180, whole=True) == 180
    assert quota.retry_after(1) == 121
    clock.advance(120)
    assert quota.take(1, whole=False) == 0
    clock.advance(1)
    assert quota.take(1, whole=False) == 1


def test_without_a_quota_everything_goes(clock):
    assert WriteQuota(None, clock.seconds).take(10**6, whole=False) == 10**6

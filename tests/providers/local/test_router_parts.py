"""The router's parts that need no process: the deck, the histogram, the table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.local.router.choice import DECK, Deck
from providers.local.router.stats import BOUNDS, GROWTH, SlotStats, quantile
from providers.local.router.table import Address, Route, Table, load, parse


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5), st.integers(0, 1000))
def test_every_deck_of_requests_splits_as_the_weights_say(weights: list[int], seed: int) -> None:
    deck = Deck([(str(index), float(weight)) for index, weight in enumerate(weights)], seed)
    seen = Counter(deck.deal() for _ in range(DECK))
    for index, weight in enumerate(weights):
        assert abs(seen[str(index)] - weight * DECK / sum(weights)) <= len(weights)
        assert seen[str(index)] >= 1


def test_equal_seeds_deal_equally_and_different_ones_do_not() -> None:
    def dealt(seed: int) -> list[str | None]:
        deck = Deck([("a", 50.0), ("b", 50.0)], seed)
        return [deck.deal() for _ in range(200)]

    assert dealt(1) == dealt(1)
    assert dealt(1) != dealt(2)


def test_nothing_with_a_weight_deals_none() -> None:
    assert Deck([("a", 0.0)]).deal() is None


@given(st.lists(st.floats(0.0002, 50.0), min_size=1, max_size=300))
def test_a_quantile_is_within_one_bucket_of_the_exact_one(seconds: list[float]) -> None:
    stats = SlotStats(Route("s", "d", "m", "1", 100, ()))
    for one in seconds:
        stats.done(200, one)
    exact = sorted(seconds)[-(-99 * len(seconds) // 100) - 1]
    assert exact / GROWTH <= quantile(stats.buckets, 0.99) * 1.0001
    assert quantile(stats.buckets, 0.99) <= exact * GROWTH * 1.0001


def test_buckets_grow_and_cover_a_minute() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert BOUNDS[-1] > 60


def test_a_table_survives_its_json() -> None:
    table = Table("e", 3, (Route("s", "d", "m", "1", 12.5, (Address("127.0.0.1", 80),)),), timeout=2.0, replay=False)
    assert parse(table.to_json()) == table


def test_a_missing_table_is_empty_and_a_damaged_one_an_error(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json").routes == ()
    (tmp_path / "bad.json").write_text('{"endpoint": "e"')
    with pytest.raises(ValueError, match=r"bad\.json is damaged"):
        load(tmp_path / "bad.json")
    (tmp_path / "other.json").write_text('{"endpoint": "e"}')
    with pytest.raises(ValueError, match="not a route table"):
        load(tmp_path / "other.json")

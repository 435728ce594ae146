from marketprism.sim.facts import Top
from marketprism.sim.feed import Feed
from marketprism.sim.ladder import Side

TOP = Top(9, 10, 1, 11, 1)


def test_an_update_holds_the_last_quantity_of_every_changed_level_and_which_are_new() -> None:
    feed = Feed(100, last_id=4)
    feed.note(5, price=10, before=3, now=2, bid=True)
    feed.note(6, price=10, before=2, now=7, bid=True)
    feed.note(7, price=9, before=0, now=1, bid=True)
    feed.note(9, price=11, before=5, now=0, bid=False)
    assert feed.pending
    update = feed.take(9, TOP)
    assert (update.first_id, update.last_id, update.previous_id) == (5, 9, 4)
    assert (update.bids, update.asks) == ([(10, 7), (9, 1)], [(11, 0)])
    assert (update.new_bids, update.new_asks) == ({9}, frozenset())
    assert not feed.pending


def test_the_book_of_the_last_update_is_told_from_the_one_of_now() -> None:
    bids, asks = Side(-1, [(10, 3), (8, 1)]), Side(1, [(11, 5)])
    feed = Feed(100, last_id=4)
    for price, lots in ((10, 0), (9, 2), (8, 6)):
        feed.note(5, price, bids.lots_at(price), lots, bid=True)
        bids.put(price, lots)
    assert bids.top() == [(9, 2), (8, 6)]
    assert feed.book(bids, asks) == (4, [(10, 3), (8, 1)], [(11, 5)])


def test_a_rewound_feed_knows_the_book_before_the_last_update() -> None:
    bids, asks = Side(-1, [(10, 3), (8, 1)]), Side(1, [(11, 5)])
    feed = Feed(100, last_id=4)
    for update_id, price, lots in ((5, 10, 0), (6, 9, 2)):
        feed.note(update_id, price, bids.lots_at(price), lots, bid=True)
        bids.put(price, lots)
        feed.take(update_id, TOP)
    feed.note(7, 8, 1, 6, bid=True)
    bids.put(8, 6)
    assert feed.book(bids, asks) == (6, [(9, 2), (8, 1)], [(11, 5)])
    assert feed.rewound().book(bids, asks) == (5, [(8, 1)], [(11, 5)])

from marketprism.sim.okx.limits import RequestWindow


def test_the_window_slides() -> None:
    window = RequestWindow(2, 2)
    admitted = [window.admit("a", now) for now in (0.0, 1.5, 1.9, 2.0, 2.1, 3.5)]
    assert admitted == [True, True, False, True, False, True]


def test_every_client_has_a_window_of_its_own() -> None:
    window = RequestWindow(1, 2)
    assert [window.admit(client, 0.0) for client in ("a", "b", "a")] == [True, True, False]

"""A layer's values and their places; what a wrong file or variable says is tested in test_settings.py."""

from marketprism.setting_layers import Layer, of_variables, places_of


def keys(variable: str) -> tuple[str, ...] | None:
    return tuple(variable.lower().split("__")) if variable.isupper() else None


def layer(**variables: str) -> Layer:
    return of_variables(variables, keys, "${}".format)


def test_variables_nest_and_lists_are_yaml_and_everything_else_is_text() -> None:
    assert layer(A__B="1", A__C="[1, x]", other="2").values == {"a": {"b": "1", "c": [1, "x"]}}


def test_a_part_counts_more_than_the_whole_in_whatever_order_they_come() -> None:
    whole, part = {"A": "{b: 1, c: 2}"}, {"A__B": "3"}
    for given in (whole | part, part | whole):
        found = layer(**given)
        assert found.values == {"a": {"b": "3", "c": 2}}
        assert (places_of([found], ("a", "b")), places_of([found], ("a", "c"))) == ("$A__B", "$A")


def test_the_layer_that_counts_most_is_the_place_of_a_value() -> None:
    first, second = layer(A__B="1"), Layer({"a": {"b": 2, "c": [3]}}, {(): "file"})
    assert places_of([first, second], ("a", "b")) == "$A__B"
    assert places_of([first, second], ("a", "c", "0")) == "file"
    assert places_of([first, second], ("a",)) == "$A__B or file"

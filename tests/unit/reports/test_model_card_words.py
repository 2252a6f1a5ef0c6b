"""Words of the model card that follow from its figures."""

import pytest

from reports.model_card_words import joined, stands_for


@pytest.mark.parametrize(("parts", "words"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_a_list_is_written_as_people_write_it(parts, words):
    assert joined(parts) == words


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (1.0, "All rows are there"),
        (1.0000000001, "All rows are there"),
        (2.5, "each stands for 2.50 of the population (40.0 % were kept)"),
        (2345.6, "each stands for 2,345.60 of the population (< 0.1 % were kept)"),
    ],
)
def test_a_sampled_row_says_for_how_many_it_stands(weight, words):
    assert words in stands_for(weight)

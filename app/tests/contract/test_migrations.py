"""Migrations count up by one, and their titles fit into a statement."""

from marketprism.contract.migrations import MIGRATIONS, VERSION


def test_versions_follow_the_first_release_without_a_hole() -> None:
    assert [each.version for each in MIGRATIONS] == list(range(2, VERSION + 1))


def test_a_migration_names_its_database_and_can_be_recorded() -> None:
    for each in MIGRATIONS:
        assert "{database}." in each.statement
        assert "'" not in each.title

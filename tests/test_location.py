"""Where data lie: on the local disk, or at a URI that holds no credentials."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_vertexai.location import Location, locate, overlap, without_credentials

PROJECT = Path("/project")
NAMES = st.lists(st.sampled_from(["a", "b", "a b", "a.csv"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("data/x.csv", "data/x.csv"),
        ("./data//x.csv", "data/x.csv"),
        ("data/../data/x.csv", "data/x.csv"),
        ("/project/data/x.csv", "data/x.csv"),
        ("file:///project/data/x.csv", "data/x.csv"),
        ("/elsewhere/x.csv", "/elsewhere/x.csv"),
        ("../shared/x.csv", "../shared/x.csv"),
    ],
)
def test_one_place_has_one_path(location: str, path: str) -> None:
    assert locate(location, PROJECT) == Location(path=path)


@pytest.mark.parametrize(
    "uri", ["gs://bucket/x.csv", "s3://bucket/x", "abfs://box@account/x", "hdfs://name/x"]
)
def test_any_other_protocol_is_elsewhere(uri: str) -> None:
    assert locate(uri, PROJECT).path == ""


def test_a_mounted_bucket_is_the_bucket() -> None:
    assert locate("/gcs/bucket/x.csv", PROJECT) == Location(uri="gs://bucket/x.csv")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@host/x.csv", "https://host/x.csv"),
        ("https://host/x.csv?X-Signature=secret#secret", "https://host/x.csv"),
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
        ("gs://bucket/what?#1.csv", "gs://bucket/what?#1.csv"),
        ("postgresql://me:secret@host/db", "postgresql://host/db"),
        ("abfs://container@account/x.csv", "abfs://container@account/x.csv"),
        ("abfs://me:secret@account/x.csv", "abfs://account/x.csv"),
        ("gs://bucket/who@where.csv", "gs://bucket/who@where.csv"),
        # Where a password that holds a slash ends cannot be told.
        ("s3://key:se/cret@bucket/x", ""),
        ("https://me:p/w@host/x", ""),
    ],
)
def test_no_uri_holds_credentials(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown


@given(NAMES, NAMES)
def test_paths_overlap_where_one_is_the_beginning_of_the_other(
    one: list[str], other: list[str]
) -> None:
    shorter = min(len(one), len(other))
    assert overlap("/".join(one), "/".join(other)) == (one[:shorter] == other[:shorter])

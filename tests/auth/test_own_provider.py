"""A project's own provider, as the documentation shows it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cachetools import TTLCache, cached
from signed_server import SignedServer

from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.errors import AuthError

Register = Callable[[Callable[[], Any]], Any]


def own_provider(fetch: Callable[[], str]) -> Any:
    """The class of the documentation; each call has a cache of its own."""

    class MyCustomMLflowHeaderProvider(RequestHeaderProviderWithKedroContext):
        def in_context(self) -> bool:
            return "my_auth_info" in self.params

        @cached(TTLCache(1, ttl=3600))
        def request_headers(self) -> dict[str, str]:
            return {
                "Authorization": f"Bearer {fetch()}",
                "X-My-Custom-Header": self.params["my_auth_info"],
            }

    return MyCustomMLflowHeaderProvider


def test_it_signs(client: Any, server: SignedServer, register: Register) -> None:
    server.plain = {"Bearer good"}
    fetched: list[int] = []
    provider = own_provider(lambda: fetched.append(1) or "good")
    context = object()
    made = register(lambda: provider(kedro_context=context, my_auth_info="me"))
    for _ in range(3):
        assert client.get_experiment_by_name("signed").name == "signed"
    assert server.headers[0]["X-My-Custom-Header"] == "me"
    assert len(fetched) == 1
    assert made.kedro_context is context
    assert made.params == {"my_auth_info": "me"}


def test_it_may_stay_out_of_it(client: Any, server: SignedServer, register: Register) -> None:
    server.plain = {None}
    register(lambda: own_provider(lambda: "good")(object()))
    client.get_experiment_by_name("signed")
    assert "X-My-Custom-Header" not in server.headers[0]


def test_a_failure_is_not_cached(client: Any, server: SignedServer, register: Register) -> None:
    server.plain = {"Bearer good"}
    tokens = iter([None, "good"])
    provider = own_provider(lambda: next(tokens) or 1 / 0)
    register(lambda: provider(object(), my_auth_info="me"))
    with pytest.raises(Exception, match="ZeroDivisionError"):
        client.get_experiment_by_name("signed")
    assert server.seen == []
    client.get_experiment_by_name("signed")


@pytest.mark.parametrize("use", [str, repr, "{}".format, lambda value: value.split()])
def test_what_stands_in_for_a_header_says_why(use: Callable[[Any], object]) -> None:
    """For a project's own tests of its provider."""
    provider = own_provider(lambda: 1 / 0)(object(), my_auth_info="me")
    header = provider.request_headers()["Authorization"]
    with pytest.raises(AuthError, match="ZeroDivisionError"):
        use(header)


def test_many_threads_fetch_once() -> None:
    fetched: list[int] = []
    together = threading.Barrier(16)

    def fetch() -> str:
        time.sleep(0.1)
        fetched.append(1)
        return "good"

    provider = own_provider(fetch)(object(), my_auth_info="me")

    def ask() -> Any:
        together.wait()
        return provider.request_headers()["Authorization"]

    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(ask) for _ in range(16)]
    assert {future.result() for future in futures} == {"Bearer good"}
    assert len(fetched) == 1


def test_methods_of_another_base_are_guarded(
    client: Any, server: SignedServer, register: Register
) -> None:
    class Vault:
        def request_headers(self) -> dict[str, str]:
            raise RuntimeError("sealed")

    class Mine(Vault, RequestHeaderProviderWithKedroContext): ...

    register(lambda: Mine(object()))
    with pytest.raises(Exception, match=r"Mine cannot sign .* RuntimeError: sealed"):
        client.get_experiment_by_name("signed")
    assert server.seen == []


def test_the_method_of_the_base_raises_as_any() -> None:
    class Base(RequestHeaderProviderWithKedroContext):
        def request_headers(self) -> dict[str, str]:
            raise RuntimeError("sealed")

    class Mine(Base):
        def request_headers(self) -> dict[str, str]:
            try:
                return super().request_headers()
            except RuntimeError:
                return {"Authorization": "Bearer other"}

    assert Mine(object()).request_headers() == {"Authorization": "Bearer other"}


def test_a_provider_without_headers_cannot_be_made() -> None:
    class Empty(RequestHeaderProviderWithKedroContext): ...

    with pytest.raises(TypeError, match="request_headers"):
        Empty(object())


def test_without_the_context() -> None:
    """`pass_context: false`."""
    provider = own_provider(lambda: "good")(my_auth_info="me")
    assert provider.kedro_context is None
    assert provider.in_context()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_process_is_not_held_up() -> None:
    """A node may fork while another thread fetches a token."""
    inside, done = threading.Event(), threading.Event()

    def fetch() -> str:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            done.wait(20)
        return "good"

    provider = own_provider(fetch)(object(), my_auth_info="me")
    thread = threading.Thread(target=provider.request_headers)
    thread.start()
    inside.wait(5)
    if (child := os.fork()) == 0:
        os._exit(0 if provider.request_headers()["Authorization"] == "Bearer good" else 1)
    deadline = time.monotonic() + 10
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.02)
    if not ended[0]:
        os.kill(child, 9)
        os.waitpid(child, 0)
    done.set()
    thread.join()
    assert ended == (child, 0)

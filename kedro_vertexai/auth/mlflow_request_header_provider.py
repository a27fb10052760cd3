"""Where MLflow gets its request headers: the base of every provider, and our entry point."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from kedro_vertexai.auth.environment import report_overriding
from kedro_vertexai.auth.newest import newest
from kedro_vertexai.auth.signing import answers, signed
from kedro_vertexai.errors import ConfigError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.tracking.request_header.abstract_request_header_provider import (
        RequestHeaderProvider,
    )
else:
    try:
        from mlflow.tracking.request_header.abstract_request_header_provider import (
            RequestHeaderProvider,
        )
    except ImportError:
        RequestHeaderProvider = object


class _ProviderType(ABCMeta):
    """Admits a provider once it is whole: one that could not be made displaces none."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        provider = super().__call__(*args, **kwargs)
        newest.admit(provider, getattr(provider, "kedro_context", None))
        return provider


class RequestHeaderProviderWithKedroContext(RequestHeaderProvider, metaclass=_ProviderType):
    """Base of a project's own provider, which overrides `request_headers` and `in_context`.

    `server.request_header_provider` in mlflow.yml names the class: `pass_context: true`
    hands over the context, and `init_kwargs` become `params`.

    Called on a provider, both methods are guarded, in every subclass: a provider that has a
    successor does not answer, and one that fails, or returns `Bearer None`, lets no request
    out (see `kedro_vertexai.auth.signing`). `super().request_headers()` is not guarded.
    """

    def __init__(self, kedro_context: KedroContext | None = None, **kwargs: Any) -> None:
        self.kedro_context = kedro_context
        self.params: dict[str, Any] = kwargs

    def in_context(self) -> bool:
        """Whether this provider has headers for the next request."""
        return True

    @abstractmethod
    def request_headers(self) -> Mapping[str, str]:
        """The headers of the next request; called by one thread at a time."""

    if not TYPE_CHECKING:
        # Here and not around the functions of a subclass: those may be decorated, come
        # from a class beside this one, or be put in later.
        def __getattribute__(self, name):
            value = super().__getattribute__(name)
            if name == "in_context":
                return partial(_answers, self, value)
            if name == "request_headers":
                return partial(signed, type(self).__qualname__, value)
            return value


def _answers(provider: RequestHeaderProviderWithKedroContext, in_context: Any) -> bool:
    name = type(provider).__qualname__
    answer = newest.signs(provider) and answers(name, in_context)
    if answer:
        report_overriding(name)
    return answer


class DynamicMLFlowRequestHeaderProvider(RequestHeaderProvider):
    """Hands on what `MLFlowRequestHeaderProviderHook` was given. There is one in a process.

    MLflow makes it from the entry point `mlflow.request_header_provider` and, until it is
    configured, gets nothing from it.
    """

    _instance: ClassVar[DynamicMLFlowRequestHeaderProvider | None] = None

    provider: RequestHeaderProvider | None = None

    def __new__(cls) -> DynamicMLFlowRequestHeaderProvider:
        """The one there is, made when first asked for."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def configure(self, provider: RequestHeaderProvider) -> None:
        """Take this provider, in place of any earlier one: a newer context brings its own.

        Raises:
            ConfigError: this context has another already.
        """
        context = getattr(provider, "kedro_context", None)
        if context is not None and getattr(self.provider, "kedro_context", None) is context:
            names = " and ".join(type(entry).__qualname__ for entry in (self.provider, provider))
            raise ConfigError(
                f"{names} would both sign: keep one of run_config.authentication in vertexai.yml "
                "and MLFlowRequestHeaderProviderHook in settings.py"
            )
        self.provider = provider

    def in_context(self) -> bool:
        provider = self.provider
        return provider is not None and answers(type(provider).__qualname__, provider.in_context)

    def request_headers(self) -> dict[str, Any]:
        provider = self.provider
        if provider is None:
            return {}
        return signed(type(provider).__qualname__, provider.request_headers)

"""Chat models, and finding one by its spec.

openai:MODEL                 OpenAI, key from OPENAI_API_KEY            (extra `openai`)
openai:MODEL@BASE_URL        any server that speaks OpenAI's protocol   (extra `openai`)
vllm:MODEL@BASE_URL          a vLLM server, key from VLLM_API_KEY       (extra `openai`)
surrogate:NAME               a simulated player of the benchmark
package.module:name          a model of one's own, or a factory of one
an object with `invoke`      any langchain-core chat model
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol, cast, runtime_checkable

from agentmem.errors import ConfigError, MissingExtra, nearest
from agentmem.foreign import redact

__all__ = ["SURROGATES", "ChatModel", "resolve"]

SURROGATES: dict[str, str] = {}  # NAME -> dotted path of a factory that is called with the name
SURROGATE_FACTORY = "agentmem.bench.surrogates:model"  # for a name found nowhere else
FORMS = ("openai:MODEL", "openai:MODEL@URL", "vllm:MODEL@URL", "surrogate:NAME", "package.module:x")


@runtime_checkable
class ChatModel(Protocol):
    """A langchain-core chat model, or anything else that answers a list of messages.

    Messages are dicts with `role` ("system", "user", "assistant") and `content`.  The reply has
    `.content` (a string or a list of content blocks) and may have `.usage_metadata` (a mapping
    with `input_tokens` and `output_tokens`).  `ainvoke`, `stream` and `astream` are used where
    the model has them.
    """

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any: ...


def resolve(
    spec: str | ChatModel, *, timeout: float = 60.0, retries: int = 2, **options: Any
) -> ChatModel:
    """The chat model that a spec names; an object that is one is given back as it is.

    `timeout` is in seconds, per try; `retries` follow the first try, with the SDK's backoff, which
    honours Retry-After.  Both concern models behind a server; other `options` (temperature,
    max_tokens, seed, api_key, ...) go to the model.  ConfigError for an unknown spec or option,
    MissingExtra if the SDK is not installed.
    """
    if not isinstance(spec, str):
        if not callable(getattr(spec, "invoke", None)) or isinstance(spec, type):
            raise ConfigError(f"{spec!r} is not a chat model: it has no method `invoke`")
        if options:
            raise ConfigError(
                f"options {sorted(options)} for a model that exists already: {spec!r}"
            )
        return spec
    kind, _, name = spec.partition(":")
    if not kind or not name:
        hint = nearest(redact(spec), FORMS)
        raise ConfigError(f"{redact(spec)!r} does not name a model{hint}")
    if kind == "openai":
        return _openai(spec, name, dict(options), timeout, retries)
    if kind == "vllm":
        return _vllm(spec, name, dict(options), timeout, retries)
    if kind == "surrogate":
        return _made(spec, _surrogate_factory(name), name, **options)
    return _made(spec, _dotted(spec, kind, name), **options)


def _openai(
    spec: str, name: str, options: dict[str, Any], timeout: float, retries: int
) -> ChatModel:
    model, url = _address(spec, name)
    key = options.pop("api_key", None) or os.environ.get("OPENAI_API_KEY")
    if not key and not url:
        raise ConfigError(f"{spec!r} needs a key: set OPENAI_API_KEY or give api_key=")
    return _served(model, url, options, api_key=key or "EMPTY", timeout=timeout, retries=retries)


def _vllm(spec: str, name: str, options: dict[str, Any], timeout: float, retries: int) -> ChatModel:
    model, url = _address(spec, name)
    if not url:
        raise ConfigError(f"{spec!r} needs a server: vllm:MODEL@http://localhost:8000/v1")
    # OpenAI's key must not travel to somebody else's server, hence a variable of its own.
    key = options.pop("api_key", None) or os.environ.get("VLLM_API_KEY") or "EMPTY"
    options = {"stream_usage": True, "use_responses_api": False, **options}
    return _served(model, url, options, api_key=key, timeout=timeout, retries=retries)


def _address(spec: str, name: str) -> tuple[str, str | None]:
    """MODEL and BASE_URL of `MODEL@BASE_URL`; a model's own name may begin with an @."""
    model, *urls = re.split(r"@(?=https?://)", name, maxsplit=1)
    if not model or "@" in model[1:]:
        raise ConfigError(
            f"{redact(spec)!r}: after the model's name give @ and an address that begins with "
            "http:// or https://"
        )
    return model, urls[0] if urls else None


def _served(
    model: str,
    url: str | None,
    options: dict[str, Any],
    *,
    api_key: str,
    timeout: float,
    retries: int,
) -> ChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise MissingExtra(f"the model {model!r}", "openai") from error
    fields = ChatOpenAI.model_fields
    allowed = fields.keys() | {field.alias for field in fields.values() if field.alias}
    for option in options.keys() - allowed:
        raise ConfigError(f"unknown model option {option!r}{nearest(option, allowed)}")
    if "stream_chunk_timeout" in fields:  # else an async stream waits longer than `timeout`
        options.setdefault("stream_chunk_timeout", timeout)
    known: dict[str, Any] = {"model": model, "base_url": url, "api_key": api_key}
    return cast(ChatModel, ChatOpenAI(**known, timeout=timeout, max_retries=retries, **options))


def _surrogate_factory(name: str) -> Callable[..., Any]:
    path = SURROGATES.get(name)
    if path is None:
        for entry in entry_points(group="agentmem.players", name=name):
            return cast(Callable[..., Any], entry.load())
        path = SURROGATE_FACTORY
    module, _, attribute = path.partition(":")
    return cast(Callable[..., Any], _dotted(f"surrogate:{name}", module, attribute))


def _dotted(spec: str, module: str, attribute: str) -> Any:
    """What `module:attribute` names; ConfigError if there is no such module or attribute."""
    try:
        if not all(part.isidentifier() for part in module.split(".")):
            raise ModuleNotFoundError(name=module)
        found = import_module(module)
    except ModuleNotFoundError as error:
        missing = getattr(error, "name", None) or module
        if module != missing and not module.startswith(f"{missing}."):
            raise  # the module exists: something that it imports does not
        hint = nearest(module, ("openai", "vllm", "surrogate", "package.module"))
        raise ConfigError(f"unknown model {redact(spec)!r}{hint}") from error
    try:
        return getattr(found, attribute)
    except AttributeError as error:
        names = [name for name in vars(found) if not name.startswith("_")]
        raise ConfigError(
            f"unknown model {spec!r}: no {attribute!r} in {module}{nearest(attribute, names)}"
        ) from error


def _made(spec: str, target: Any, *args: Any, **options: Any) -> ChatModel:
    """The model itself, or what its factory makes."""
    if isinstance(target, type) or not hasattr(target, "invoke"):
        if not callable(target):
            raise ConfigError(f"{spec!r} names neither a chat model nor a factory: {target!r}")
        target = target(*args, **options)
        options = {}
    return resolve(cast(ChatModel, target), **options)

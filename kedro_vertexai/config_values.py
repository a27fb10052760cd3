"""The values that `vertexai.yml` holds: what each kind of them may be written as."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

# Cores, or thousandths of one with "m", and bytes with a unit, as in the grammar at
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
# "K" is not in it, but kfp's set_memory_limit took it, so existing files have it.
# "m" is in it for memory too, where "400m" is less than a byte and always a slip for 400Mi.
_CPU = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)m?", re.ASCII)
_MEMORY = re.compile(
    r"(?P<number>\d+\.?\d*|\.\d+)(?:(?P<unit>[kKMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d\d?))?",
    re.ASCII,
)
# The name of an environment variable.
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_POWERS = {letter.upper(): power for power, letter in enumerate("kMGTPE", start=1)}
# Docker starts no container below this: "Minimum memory limit allowed is 6MB".
_LEAST_MEMORY = 6 * 1024**2
# kfp's set_retry: "Max allowed is 1 hour - higher value will be capped to this limit."
LONGEST_BACKOFF = 3600
# Seconds that a request to MLflow is tried again. MLflow tries a request at most ten times more,
# at most two minutes apart: mlflow.environment_variables, urllib3.Retry.DEFAULT_BACKOFF_MAX.
LONGEST_PATIENCE = 1000
# https://cloud.google.com/storage/docs/buckets#naming
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]+[a-z0-9](/.*)?", re.DOTALL)
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
_LABEL = re.compile(r"[\w-]{0,64}")
# https://cloud.google.com/kms/docs/resource-hierarchy#retrieve_resource_id
_ENCRYPTION_KEY = re.compile(
    r"projects/[^/\s]+/locations/[a-z0-9-]+/keyRings/[\w-]{1,63}/cryptoKeys/[\w-]{1,63}", re.ASCII
)
_HOST = re.compile(r"[\w.-]+", re.ASCII)
CLASS_PATH = re.compile(r"\w+(\.\w+)+")


def _text(value: object) -> str:
    """Accept a number too: YAML reads a project's number or a version as one."""
    if isinstance(value, (bool, float)):
        raise ValueError("expected text (put it in quotes)")
    if not isinstance(value, (str, int)):
        raise ValueError("expected text")
    return str(value)


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text that is not empty")
    return text.strip()


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and value >= 0 and value % 1 == 0):
        raise ValueError("expected a whole number, 0 or more")
    return int(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("expected a number")
    return value


def _moment(value: object) -> object:
    """YAML reads an unquoted date as one; the engine wants its text."""
    return value.isoformat() if isinstance(value, date) else value


def _cpu(value: object) -> str:
    text = "" if isinstance(value, bool) else str(value).strip()
    match = _CPU.fullmatch(text)
    if match is None or Decimal(match["number"]) == 0:
        raise ValueError("expected a number of cores such as 2, 0.5 or 500m")
    return text


def _memory(value: object) -> str:
    text = "" if isinstance(value, bool) else str(value).strip()
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError("expected an amount of memory such as 512Mi or 4Gi")
    unit = match["unit"] or ""
    size = Decimal(match["number"]).scaleb(int(match["exponent"] or 0))
    scaled = size * (1024 if unit.endswith("i") else 1000) ** _POWERS.get(unit[:1].upper(), 0)
    if scaled < _LEAST_MEMORY:
        raise ValueError(f"{scaled:f} bytes start no container, write a unit such as 4Gi")
    # One form for whoever reads it after us: no exponent, and Kubernetes's own "k".
    return f"{size:f}{'k' if unit == 'K' else unit}"


def _one_accelerator(selector: dict[str, str]) -> dict[str, str]:
    if len(set(selector.values())) > 1:
        raise ValueError(
            "one task has one type of accelerator, but this names "
            + " and ".join(sorted(set(selector.values())))
        )
    return selector


def _root(root: str) -> str:
    _, scheme, path = root.rpartition("://")
    if not path.strip("/") or not (scheme or _BUCKET.fullmatch(path)):
        raise ValueError(
            "expected bucket/prefix or a URL such as gs://bucket/prefix, the bucket's name in "
            "lowercase letters, digits, -, _ and ., at least 3 of them"
        )
    return root


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text) or text != text.lower():
        raise ValueError("expected at most 64 lowercase letters, digits, '_' and '-'")
    return text


def _ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("expected an IP address") from None


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("expected a host name")
    return text


def _flag(value: object) -> object:
    """Numbers are no flags here: where names belong, `count: 1` is a slip for something else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _encryption_key(text: str) -> str:
    if not _ENCRYPTION_KEY.fullmatch(text):
        raise ValueError(
            "expected the resource name of a Cloud KMS key, without a version, as "
            "projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY"
        )
    return text


def _class_path(text: str) -> str:
    if not CLASS_PATH.fullmatch(text):
        raise ValueError("expected the path of a class, as package.module.Class")
    return text


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[Text, AfterValidator(_name)]
ClassPath = Annotated[Name, AfterValidator(_class_path)]
Label = Annotated[Text, AfterValidator(_label)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0)]
Moment = Annotated[Text, BeforeValidator(_moment)]
Params = dict[Name, Any]
Cpu = Annotated[str, BeforeValidator(_cpu)]
Memory = Annotated[str, BeforeValidator(_memory)]
Root = Annotated[Name, AfterValidator(_root)]
Flag = Annotated[bool, BeforeValidator(_flag)]
EncryptionKey = Annotated[Name, AfterValidator(_encryption_key)]
IpAddress = Annotated[Name, AfterValidator(_ip)]
HostName = Annotated[Name, AfterValidator(_host)]
LabelKey = Annotated[Label, AfterValidator(_name)]
Accelerators = Annotated[dict[Name, Name], AfterValidator(_one_accelerator)]

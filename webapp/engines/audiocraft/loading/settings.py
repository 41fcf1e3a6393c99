"""Reads a checkpoint's settings as plain values.

They are OmegaConf's, whose interpolations may request anything from a resolver, including the process's
environment. Only the settings from which a model is built are read, and only references to other settings are
followed. Settings of the training, such as the folder of its experiments, are not read: published checkpoints
refer to the environment there.
"""

import re
from collections.abc import Mapping
from textwrap import shorten
from typing import Any, Final

from omegaconf import DictConfig, OmegaConf

# The sections that AudioCraft's builders and our own loader read.
SECTIONS: Final = (
    "lm_model", "transformer_lm", "codebooks_pattern", "classifier_free_guidance", "attribute_dropout",
    "fuser", "conditioners", "masking", "interleave_stereo_codebooks", "compression_model_n_q",
    "compression_model", "encodec", "seanet", "rvq", "no_quant",
)  # fmt: skip
SEGMENT: Final = "segment_duration"
"""The only setting that is read from the section `dataset`."""
MAX_VALUES: Final = 10_000
MAX_DEPTH: Final = 32
MAX_CHARACTERS: Final = 10_000
MAX_SHOWN: Final = 60
_EXPRESSION: Final = re.compile(r"\$\{([^${}]*)\}")
_REFERENCE: Final = re.compile(r"(?P<up>\.*)(?P<keys>[\w-]+(?:\.[\w-]+|\[[\w-]+\])*)")


class SettingRefused(ValueError):
    """A setting is not accepted; the text explains why."""


def plain_settings(raw: str | Mapping[str, Any] | DictConfig) -> DictConfig | None:
    """Return the settings from which a model is built, with every reference resolved.

    None if `raw` is not a mapping. Raises SettingRefused, and OmegaConf's own errors for malformed settings.
    """
    config = raw if isinstance(raw, DictConfig) else OmegaConf.create(raw)
    root = OmegaConf.to_container(config, resolve=False)
    if not isinstance(root, dict):
        return None
    reader = _Reader(root)
    plain: dict[str, object] = {name: reader.value(root[name], (name,)) for name in SECTIONS if name in root}
    dataset = root.get("dataset")
    if isinstance(dataset, dict) and SEGMENT in dataset:
        plain["dataset"] = {SEGMENT: reader.value(dataset[SEGMENT], ("dataset", SEGMENT))}
    return OmegaConf.create(plain)


class _Reader:
    """Resolves references within one configuration, up to a limit."""

    def __init__(self, root: Mapping[Any, Any]) -> None:
        self._root = root
        self._remaining = MAX_VALUES

    def value(self, node: object, path: tuple[str, ...], depth: int = 0) -> object:
        """Return a setting with its references resolved. Raises SettingRefused."""
        self._remaining -= 1
        if self._remaining < 0 or depth > MAX_DEPTH:
            raise SettingRefused("its settings are too many, too deep, or refer to themselves")
        if isinstance(node, dict):
            return {key: self.value(inner, (*path, str(key)), depth + 1) for key, inner in node.items()}
        if isinstance(node, list):
            return [self.value(inner, (*path, str(at)), depth + 1) for at, inner in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            return self._interpolated(node, path, depth)
        return node

    def _interpolated(self, text: str, path: tuple[str, ...], depth: int) -> object:
        whole = _EXPRESSION.fullmatch(text)
        if whole is not None:
            return self._resolved(whole[1], path, depth)
        if len(text) > MAX_CHARACTERS or "${" in _EXPRESSION.sub("", text) or "\\" in text:
            raise _refused(text, path)
        filled = _EXPRESSION.sub(lambda match: str(self._resolved(match[1], path, depth)), text)
        if len(filled) > MAX_CHARACTERS:
            raise _refused(text, path)
        return filled

    def _resolved(self, expression: str, path: tuple[str, ...], depth: int) -> object:
        match = _REFERENCE.fullmatch(expression.strip())
        if match is None or len(match["up"]) > len(path):
            raise _refused(f"${{{expression}}}", path)
        # A leading dot refers to the setting's siblings, each further dot to one level above.
        base = path[: len(path) - len(match["up"])] if match["up"] else ()
        target = (*base, *re.findall(r"[\w-]+", match["keys"]))
        node: object = self._root
        for key in target:
            node = _child(node, key)
        if node is _Missing:
            raise SettingRefused(
                f"its setting {'.'.join(path)} refers to {'.'.join(target)}, which does not exist"
            )
        return self.value(node, target, depth + 1)


class _Missing:
    """The value of a missing key."""


def _child(node: object, key: str) -> object:
    if isinstance(node, dict):
        number = int(key) if key.isdecimal() else None
        return node.get(key, node.get(number, _Missing))
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    return _Missing


def _refused(expression: str, path: tuple[str, ...]) -> SettingRefused:
    shown = shorten(expression, MAX_SHOWN, placeholder=" …")
    return SettingRefused(
        f"its setting {'.'.join(path)} is {shown}, and only references to other settings are followed"
    )

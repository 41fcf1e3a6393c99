"""A checkpoint's own settings as plain values.

They are OmegaConf's, whose interpolations may ask for anything that some resolver gives, the process's
environment included. Only what a model is built from is read, and in that only references to other settings
are followed. What belongs to training, such as the folder of its experiments, is left out unread: published
checkpoints ask for the environment there.
"""

import re
from collections.abc import Mapping
from textwrap import shorten
from typing import Any, Final

from omegaconf import DictConfig, OmegaConf

# Sections that AudioCraft's builders and our own loading read.
READ: Final = (
    "lm_model", "transformer_lm", "codebooks_pattern", "classifier_free_guidance", "attribute_dropout",
    "fuser", "conditioners", "masking", "interleave_stereo_codebooks", "compression_model_n_q",
    "compression_model", "encodec", "seanet", "rvq", "no_quant",
)  # fmt: skip
SEGMENT: Final = "segment_duration"
"""All that is read of the section `dataset`."""
MAX_VALUES: Final = 10_000
MAX_DEPTH: Final = 32
MAX_CHARACTERS: Final = 10_000
MAX_SHOWN: Final = 60
_EXPRESSION: Final = re.compile(r"\$\{([^${}]*)\}")
_REFERENCE: Final = re.compile(r"(?P<up>\.*)(?P<keys>[\w-]+(?:\.[\w-]+|\[[\w-]+\])*)")


class SettingRefused(ValueError):
    """A setting that is not read, with a reason for people."""


def plain_settings(raw: str | Mapping[str, Any] | DictConfig) -> DictConfig | None:
    """Those settings that a model is built from, every reference replaced by what it refers to.

    None where `raw` is no mapping. Raises SettingRefused, and OmegaConf's own errors for what cannot be read.
    """
    config = raw if isinstance(raw, DictConfig) else OmegaConf.create(raw)
    root = OmegaConf.to_container(config, resolve=False)
    if not isinstance(root, dict):
        return None
    reader = _Reader(root)
    plain: dict[str, object] = {name: reader.value(root[name], (name,)) for name in READ if name in root}
    dataset = root.get("dataset")
    if isinstance(dataset, dict) and SEGMENT in dataset:
        plain["dataset"] = {SEGMENT: reader.value(dataset[SEGMENT], ("dataset", SEGMENT))}
    return OmegaConf.create(plain)


class _Reader:
    """Follows references within one configuration, so far and no further."""

    def __init__(self, root: Mapping[Any, Any]) -> None:
        self._root = root
        self._left = MAX_VALUES

    def value(self, node: object, path: tuple[str, ...], depth: int = 0) -> object:
        """Return a setting with its references resolved. Raises SettingRefused."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise SettingRefused("its settings are too many, too deep, or refer to themselves")
        if isinstance(node, dict):
            return {key: self.value(inner, (*path, str(key)), depth + 1) for key, inner in node.items()}
        if isinstance(node, list):
            return [self.value(inner, (*path, str(at)), depth + 1) for at, inner in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            return self._filled(node, path, depth)
        return node

    def _filled(self, text: str, path: tuple[str, ...], depth: int) -> object:
        alone = _EXPRESSION.fullmatch(text)
        if alone is not None:
            return self._referred(alone[1], path, depth)
        if len(text) > MAX_CHARACTERS or "${" in _EXPRESSION.sub("", text) or "\\" in text:
            raise _refused(text, path)
        filled = _EXPRESSION.sub(lambda match: str(self._referred(match[1], path, depth)), text)
        if len(filled) > MAX_CHARACTERS:
            raise _refused(text, path)
        return filled

    def _referred(self, expression: str, path: tuple[str, ...], depth: int) -> object:
        match = _REFERENCE.fullmatch(expression.strip())
        if match is None or len(match["up"]) > len(path):
            raise _refused(f"${{{expression}}}", path)
        # A dot in front begins beside the setting itself, each further one a level above.
        base = path[: len(path) - len(match["up"])] if match["up"] else ()
        target = (*base, *re.findall(r"[\w-]+", match["keys"]))
        node: object = self._root
        for key in target:
            node = _inner(node, key)
        if node is _Nothing:
            raise SettingRefused(
                f"its setting {'.'.join(path)} refers to {'.'.join(target)}, which is not there"
            )
        return self.value(node, target, depth + 1)


class _Nothing:
    """The value of a missing key."""


def _inner(node: object, key: str) -> object:
    if isinstance(node, dict):
        number = int(key) if key.isdecimal() else None
        return node.get(key, node.get(number, _Nothing))
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    return _Nothing


def _refused(expression: str, path: tuple[str, ...]) -> SettingRefused:
    shown = shorten(expression, MAX_SHOWN, placeholder=" …")
    return SettingRefused(
        f"its setting {'.'.join(path)} is {shown}, and only references to other settings are followed"
    )

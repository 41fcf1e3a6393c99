"""Templates in the language in use: `_()` and `{% trans %}` of Jinja's extension for translation."""

from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from webapp.pages.frame import texts

MARKS: Final = frozenset({"_", "gettext"})


def marked_up(message: str, **values: object) -> Markup:
    """Translate a template's text, which may hold markup; values are escaped."""
    return Markup(texts.translated(message)) % values  # noqa: S704 - a text of ours


class _Translation(NodeTransformer):
    """Puts the translation in the place of each text without values."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja finds it by this name
        self.generic_visit(node)
        is_mark = isinstance(node.node, nodes.Name) and node.node.name in MARKS
        if is_mark and len(node.args) == 1 and isinstance(node.args[0], nodes.Const) and not node.kwargs:
            return nodes.Const(marked_up(node.args[0].value), lineno=node.lineno)
        return node


class TranslatingEnvironment(Environment):
    """Translates texts without values when a template is compiled, so that they cost nothing later."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, extensions=["jinja2.ext.i18n"])
        # Extensions add attributes at run time.
        extended: Any = self
        extended.newstyle_gettext = True
        self.policies["ext.i18n.trimmed"] = True
        self.globals.update(_=marked_up, gettext=marked_up)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        translated: nodes.Template = _Translation().visit(source)
        return super()._generate(translated, name, filename, defer_init)

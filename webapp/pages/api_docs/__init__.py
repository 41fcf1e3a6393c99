"""The page that shows integrators every endpoint, with code to copy."""

from webapp.pages.api_docs.page import API_DOCS_HANDLERS

__all__ = ["API_DOCS_HANDLERS"]

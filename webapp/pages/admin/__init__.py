"""The pages for admins."""

from typing import Final

from litestar.types import ControllerRouterHandler

from webapp.pages.admin.accounts import ACCOUNT_ADMIN_HANDLERS
from webapp.pages.admin.checklist import CHECKLIST_HANDLERS
from webapp.pages.admin.invitations import INVITATION_HANDLERS
from webapp.pages.admin.models import MODEL_ADMIN_HANDLERS
from webapp.pages.admin.server import SERVER_HANDLERS
from webapp.pages.admin.sounds import MODERATION_HANDLERS

ADMIN_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    *ACCOUNT_ADMIN_HANDLERS,
    *INVITATION_HANDLERS,
    *MODEL_ADMIN_HANDLERS,
    *MODERATION_HANDLERS,
    *SERVER_HANDLERS,
    *CHECKLIST_HANDLERS,
)

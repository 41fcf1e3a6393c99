"""The application, users and a worker by hand, as tests of the API have them."""

from tests.api.conftest import ann, app, hand, make_user  # noqa: F401 fixtures, found by their names here

"""What usernames, passwords and labels may be."""

import pytest

from webapp.errors import InvalidRequest
from webapp.policy.accounts.credentials import checked_label, checked_password, checked_username, username_key

BAD_NAME = "Username must be 3 to 32 letters, digits, dots, underscores or hyphens"
NOT_ALLOWED = "Password contains characters that are not allowed"
TOO_COMMON = "Password is too common; choose one that is harder to guess"


@pytest.mark.parametrize(
    ("username", "text"),
    [
        (None, "Username is required"),
        ("", "Username is required"),
        (7, "Username must be text"),
        (False, "Username must be text"),
        *(
            (name, BAD_NAME)
            for name in ("ab", "a" * 33, "a b c", " ada", "ada\n", "ada\0", "ada/..", "ad\ud800a")
        ),
        # Letters of other scripts that look like these.
        *((name, BAD_NAME) for name in ("ad\u00e4", "\u0430da", "\uff41da", "ada\u0301", "12\u0663")),
    ],
)
def test_what_cannot_be_a_username(username: object, text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        checked_username(username)
    assert (refusal.value.message, refusal.value.field) == (text, "username")


@pytest.mark.parametrize("username", ["abc", "a" * 32, "...", "a-b", "007", "Ada.L-1_"])
def test_what_can_be_a_username(username: str) -> None:
    assert checked_username(username) == username
    assert username_key(username) == username_key(username.upper())


@pytest.mark.parametrize(
    ("password", "text"),
    [
        (None, "Password is required"),
        ("", "Password is required"),
        (["correct horse"], "Password must be text"),
        ("nine char", "Password must be at least 10 characters"),
        ("e\u0301" * 9, "Password must be at least 10 characters"),
        ("1234567890", TOO_COMMON),
        ("PassWord123", TOO_COMMON),
        ("qwertyuiop", TOO_COMMON),
        ("correct\0horse", NOT_ALLOWED),
        ("correct\ud800horse", NOT_ALLOWED),
        ("x" * 1025, "Password is too long"),
        ("\N{HOT BEVERAGE}" * 342, "Password is too long"),
        ("\u0f73" * 32_000, "Password is too long"),
        ("\ud800" * 32_000, "Password is too long"),
        ("e\u0301" * 1_025, "Password is too long"),
    ],
)
def test_what_cannot_be_a_password(password: object, text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        checked_password(password, field="new_password")
    assert (refusal.value.message, refusal.value.field) == (text, "new_password")


@pytest.mark.parametrize(
    "password",
    [
        "ten chars.",
        "x" * 1024,
        "\N{HOT BEVERAGE}" * 341,
        "\u03b9\u0308\u0301" * 512,
        " " * 10,
        "tab\tand\nline",
    ],
)
def test_what_can_be_a_password(password: str) -> None:
    assert checked_password(password) == password


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (5, "Label must be text"),
        ("x" * 101, "Label must be at most 100 characters"),
        ("two\nlines", "Label contains characters that are not allowed"),
        ("\u202egnp.exe", "Label contains characters that are not allowed"),
        ("nul\0", "Label contains characters that are not allowed"),
        ("\ud800", "Label contains characters that are not allowed"),
    ],
)
def test_what_cannot_be_a_label(label: object, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        checked_label(label)


@pytest.mark.parametrize(
    ("given", "kept"), [(None, ""), ("", ""), (" my laptop ", "my laptop"), ("x" * 100, "x" * 100)]
)
def test_what_can_be_a_label(given: object, kept: str) -> None:
    assert checked_label(given) == kept

"""Cookies as browsers send them."""

from litestar.datastructures import Headers


def cookie_value(headers: Headers, name: str) -> str | None:
    """The value of a cookie as it stands in the header, the last one of that name; None where there is none.

    Nothing is unquoted: ours need it not, and Python's own way takes a time that grows with the square.
    """
    found = None
    for header in headers.getall("cookie", []):
        for cookie in header.split(";"):
            its_name, separator, value = cookie.partition("=")
            if separator and its_name.strip() == name:
                found = value.strip()
    return found

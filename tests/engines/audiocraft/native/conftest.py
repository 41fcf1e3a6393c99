"""The step compiled for this machine, into a folder of the tests' own."""

import pytest

from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable, Workshop
from webapp.engines.audiocraft.decoder.native.library import Library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    try:
        path = Workshop(tmp_path_factory.mktemp("native")).library()
    except NativeUnavailable as error:
        # That the decoder does without it is tested in test_compiler.py.
        pytest.skip(f"the step cannot be compiled here: {error}")
    return Library(path)

"""Binds eSpeak NG's C library. Only the speaker process uses it, where a crash costs one text.

The library keeps state between texts (its noise and its flutter continue where they stopped), so the same
text sounds a little different each time. Therefore each text is spoken by a fork of a process that has never
spoken; see `webapp.engines.speech.speaker_process`.
"""

import ctypes
from typing import Final

import espeakng_loader

SYNCHRONOUS: Final = 2
DO_NOT_EXIT: Final = 0x8000
POSITION_CHARACTER: Final = 1
# UTF-8 and nothing else: neither SSML nor phoneme notation is interpreted.
PLAIN_UTF8: Final = 1
RATE: Final = 1
WORDS_PER_MINUTE: Final = 175
SLOWEST, FASTEST = 80, 450

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _VoiceRecord(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class Espeak:
    """The loaded library. Raises OSError if it cannot be loaded."""

    def __init__(self) -> None:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate: int = library.espeak_Initialize(SYNCHRONOUS, 0, data, DO_NOT_EXIT)
        if self.sample_rate <= 0:
            raise OSError("eSpeak NG could not read its data")
        self._library = library
        self._spoken = bytearray()
        self._limit_bytes = 0
        # Kept alive: the library calls it while it speaks.
        self._callback = _Callback(self._take)
        library.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        text: bytes = self._library.espeak_Info(None)
        return text.decode()

    def voices(self) -> list[tuple[str, str, str]]:
        """List the voices: (name in words, language, the name for `speak`)."""
        records = self._library.espeak_ListVoices(None)
        found = []
        for index in range(10_000):
            if not records[index]:
                break
            record = records[index].contents
            # A byte of priority precedes the language.
            language = ctypes.string_at(record.languages + 1)
            found.append((record.name.decode().strip(), language.decode(), record.identifier.decode()))
        return found

    def speak(self, text: str, voice: str, speed: float, limit_bytes: int) -> bytes:
        """Speak a text as 16-bit mono samples, cut off once they exceed `limit_bytes`.

        Raises OSError if the library fails.
        """
        self._spoken, self._limit_bytes = bytearray(), limit_bytes
        data = text.encode()
        rate = min(max(round(WORDS_PER_MINUTE * speed), SLOWEST), FASTEST)
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise OSError(f"eSpeak NG knows no voice {voice!r}")
        if self._library.espeak_SetParameter(RATE, rate, 0) or self._library.espeak_Synth(
            data, len(data) + 1, 0, POSITION_CHARACTER, 0, PLAIN_UTF8, None, None
        ):
            raise OSError("eSpeak NG refused the text")
        self._library.espeak_Synchronize()
        return bytes(self._spoken)

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if count > 0:
            self._spoken += ctypes.string_at(samples, 2 * count)
        return 1 if len(self._spoken) > self._limit_bytes else 0
